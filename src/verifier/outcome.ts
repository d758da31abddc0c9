import { type RefusalCode, wordOf } from '../codes/codes.ts';
import { failure } from '../codes/result.ts';
import { CHECKS, type Finding, type Verdict } from '../model/finding.ts';
import type { Origin, Outcome } from '../model/outcome.ts';
import type { AcceptedFinding, NodeValue, Seen } from './node-value.ts';

/** Turns the value of a policy's requirement into the outcome of the policy. */
export function outcomeOf(value: NodeValue, policy: Origin): Outcome {
  switch (value.kind) {
    case 'pass': {
      // Where trust in the signer is only reported, a pass says nothing of who signed (MODEL.md M5).
      const [first, ...rest] = value.accepted.filter(isAuthentic).map((accepted) => accepted.finding);
      const others = value.seen.findings.filter(
        (finding) => finding.kind === 'unread' || finding.verdict.kind !== 'accepted',
      );
      return first === undefined
        ? { kind: 'accepted', by: policy, findings: value.seen.findings }
        : { kind: 'verified', findings: [first, ...rest, ...others] };
    }
    case 'error':
      return { kind: 'error', failure: value.failure, findings: value.seen.findings };
    case 'fail':
      return refusalOf(value.said, value.seen);
  }
}

function isAuthentic({ leaf: { proof } }: AcceptedFinding): boolean {
  return proof.kind !== 'notation' || proof.levels.authenticity === 'enforce';
}

type Refused = Extract<Verdict, { kind: 'refused' }>;

function refusalOf(said: { readonly code: RefusalCode; readonly message: string } | undefined, seen: Seen): Outcome {
  const best = furthest(seen.findings);
  const { code, message } = said ?? best ?? { code: 'UNSIGNED' as const, message: '' };
  const word = wordOf(code);
  if (word !== 'unsigned') return { kind: word, findings: seen.findings, code, message };
  const [place, ...places] = seen.lookedIn;
  if (place === undefined)
    return {
      kind: 'error',
      failure: failure('INTERNAL_ERROR', 'nothing was looked at, so nothing can be called unsigned'),
      findings: seen.findings,
    };
  return { kind: 'unsigned', lookedIn: [place, ...places], code: 'UNSIGNED', others: seen.others };
}

/**
 * The refusal that got furthest in the order of checks: junk that somebody pushed beside it cannot repaint the expired
 * signature of a trusted key as something else (MODEL.md M5). Ties go to the graver word.
 */
function furthest(findings: readonly Finding[]): Refused | undefined {
  let best: Refused | undefined;
  for (const finding of findings) {
    if (finding.kind !== 'judged' || finding.verdict.kind !== 'refused') continue;
    if (best === undefined || rank(finding.verdict) > rank(best)) best = finding.verdict;
  }
  return best;
}

const WORDS = ['unsigned', 'untrusted', 'invalid', 'rejected'];

function rank(verdict: Refused): number {
  return CHECKS.indexOf(verdict.check) * WORDS.length + WORDS.indexOf(wordOf(verdict.code));
}
