import { printable } from '../encoding/escape.ts';
import type { Digest } from '../image/digest.ts';
import type { Cost, Decision, PolicyOutcome, SubjectDecision } from '../model/decision.ts';
import { effectiveMode, type Mode, stricter } from '../model/mode.ts';
import { admits, type OnError, type Origin, type Outcome, type Unmatched } from '../model/outcome.ts';
import { codeOf, explain } from './explain.ts';
import type { RequestedImage } from './request.ts';

/** What turns outcomes into an answer. */
export type Judgement = {
  readonly mode: { readonly server: Mode; readonly namespace: Mode | undefined };
  readonly settings: { readonly onError: OnError; readonly unmatched: Unmatched };
};

/** One policy's word, with its effective mode and its sentence. */
export function policyOutcome(
  policy: Origin,
  scope: string,
  mode: Mode | undefined,
  outcome: Outcome,
  digest: Digest | undefined,
  judgement: Judgement,
): PolicyOutcome {
  const { onError, unmatched } = judgement.settings;
  return {
    policy,
    scope,
    mode: effectiveMode(mode, judgement.mode.server, judgement.mode.namespace),
    outcome,
    admission: admits(outcome, onError, unmatched),
    code: codeOf(outcome),
    reason: explain(outcome, digest),
  };
}

/** From the worst to the mildest (MODEL.md M15). */
const HEADLINES: readonly Outcome['kind'][] = [
  'rejected',
  'invalid',
  'untrusted',
  'unsigned',
  'error',
  'verified',
  'accepted',
  'exempt',
  'unmatched',
];

/** What one image came to under all its policies. */
export function subjectDecision(
  image: RequestedImage,
  digest: Digest | undefined,
  policies: readonly PolicyOutcome[],
  advice: readonly string[] = [],
): SubjectDecision {
  return {
    image: printable(image.image, 512),
    path: image.path,
    digest,
    policies,
    advice,
    headline: headlineOf(policies),
    wouldDeny: policies.some((policy) => policy.admission === 'refuse'),
  };
}

function headlineOf(policies: readonly PolicyOutcome[]): Outcome['kind'] {
  const enforced = policies.filter((policy) => policy.mode === 'deny');
  const counted = enforced.length > 0 ? enforced : policies;
  const kinds = new Set(counted.map((policy) => policy.outcome.kind));
  return HEADLINES.find((kind) => kinds.has(kind)) ?? 'unmatched';
}

/**
 * The answer: refused if any policy that is effectively deny refuses, whatever the others say. Nothing is
 * short-circuited, so warnings are sent beside a denial too (MODEL.md M15).
 */
export function decisionOf(subjects: readonly SubjectDecision[], judgement: Judgement, cost: Cost): Decision {
  return {
    allowed: subjects.every((subject) =>
      subject.policies.every((policy) => policy.mode !== 'deny' || policy.admission !== 'refuse'),
    ),
    mode:
      judgement.mode.namespace === undefined
        ? judgement.mode.server
        : stricter(judgement.mode.server, judgement.mode.namespace),
    subjects,
    warnings: subjects.flatMap((subject) => [
      ...subject.policies.flatMap((policy) => warningsOf(subject, policy)),
      ...subject.advice.map((advice) => `image "${subject.image}": ${advice}`),
    ]),
    cost,
  };
}

function warningsOf(subject: SubjectDecision, policy: PolicyOutcome): readonly string[] {
  if (policy.mode === 'audit') return [];
  const who = `image "${subject.image}"`;
  // The code stands before the sentence: a warning is cut at 256 characters (ecosystem.md §4.1).
  const said = `${policy.outcome.kind} [${policy.code ?? policy.outcome.kind}] under ${policy.policy.kind} "${policy.policy.name}": ${policy.reason}`;
  if (policy.admission === 'warn' || (policy.mode === 'warn' && policy.admission === 'refuse'))
    return [`${who}: ${said}`];
  if (policy.outcome.kind === 'error' && policy.admission === 'admit') return [`${who}: admitted unverified: ${said}`];
  if (policy.outcome.kind !== 'verified' && policy.outcome.kind !== 'accepted') return [];
  const notes = policy.outcome.findings.flatMap((finding) =>
    finding.kind === 'judged' && finding.verdict.kind === 'accepted' ? finding.verdict.warnings : [],
  );
  return [...new Set(notes)].map((note) => `${who}: ${note}`);
}
