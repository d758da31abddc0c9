import type { ErrorCode } from '../codes/codes.ts';
import { matchName } from '../conditions/names.ts';
import { matchSigner } from '../conditions/signers.ts';
import type { CheckName, Claims, Proof, Reservation, Verdict } from '../model/finding.ts';
import type { Condition, Leaf } from '../model/requirement.ts';
import type { AskedName } from '../model/subject.ts';

/**
 * Whether a proof meets a leaf for one asked name, at one moment. Made on every decision and never stored: the same
 * proof is right for one name and wrong for another (MODEL.md §3.1).
 */
export function judge(leaf: Leaf, proof: Proof, asked: AskedName, now: number): Verdict {
  if (proof.kind === 'disproved')
    return { kind: 'refused', check: proof.failed, code: proof.code, message: proof.message };
  const untimely = judgeTime(proof, now);
  if (untimely !== undefined) return untimely;
  const signer = matchSigner(leaf.signer, proof.signer.identity);
  const isSignerLogged = leaf.proof.kind === 'notation' && leaf.proof.levels.authenticity === 'log';
  if (signer.kind === 'refused' && !isSignerLogged) return refused('signer', signer.code, signer.message);
  if (signer.kind === 'undecided') return undecided(signer.code, signer.message);

  if (leaf.about !== 'none')
    return undecided(
      'FEATURE_NOT_SUPPORTED',
      'the policy asks for signatures of the artifact itself, which this version does not look for',
    );

  const name = matchName(leaf.names, asked, proof.claims.name);
  if (name.kind === 'refused') return refused('names', name.code, name.message);
  for (const condition of leaf.conditions) {
    const verdict = judgeCondition(condition, proof.claims);
    if (verdict !== undefined) return verdict;
  }
  return {
    kind: 'accepted',
    warnings: [
      ...(signer.kind === 'refused' ? [signer.message] : []),
      ...proof.reservations.filter(({ holds }) => isNow(holds, now)).map(({ message }) => message),
      ...(name.warning === undefined ? [] : [name.warning]),
    ],
  };
}

/** Whether a reservation holds at a moment. A moment that is no number is no reason to be silent. */
function isNow(holds: Reservation['holds'], now: number): boolean {
  if (holds === 'always') return true;
  return 'before' in holds ? !(now >= holds.before) : !(now < holds.from);
}

/** Whether a proof holds at a moment; milliseconds. One that rests on no time always does, and so does a refusal. */
export function holdsAt(proof: Proof, now: number): boolean {
  return proof.kind === 'disproved' || judgeTime(proof, now) === undefined;
}

/** What stands against a proof at a moment. Written so that a moment that is no number is never within. */
function judgeTime(proof: Extract<Proof, { kind: 'proved' }>, now: number): Verdict | undefined {
  const { notBefore, notAfter, timedBy, signer } = proof;
  if (notBefore !== 'always' && !(now >= notBefore)) {
    const { code, says } = EARLY[timedBy.from];
    return refused('time', code, says(signer.display, dateOf(notBefore)));
  }
  if (notAfter !== 'forever' && !(now <= notAfter)) {
    const { code, says } = LATE[timedBy.until];
    return refused('time', code, says(signer.display, dateOf(notAfter)));
  }
  return undefined;
}

const EARLY = {
  certificate: {
    code: 'CERTIFICATE_NOT_YET_VALID',
    says: (_: string, date: string) => `the signer's certificate is valid from ${date}`,
  },
  key: { code: 'KEY_NOT_YET_VALID', says: (signer: string, date: string) => `${signer} is valid from ${date}` },
  signature: {
    code: 'SIGNATURE_NOT_YET_VALID',
    says: (signer: string, date: string) => `the signature by ${signer} is dated in the future: it counts from ${date}`,
  },
} as const;

const LATE = {
  certificate: {
    code: 'CERTIFICATE_EXPIRED',
    says: (_: string, date: string) => `the signer's certificate or its authority's expired at ${date}`,
  },
  key: { code: 'KEY_EXPIRED', says: (signer: string, date: string) => `${signer} expired at ${date}` },
  signature: {
    code: 'SIGNATURE_EXPIRED',
    says: (signer: string, date: string) => `the signature by ${signer} expired at ${date}`,
  },
} as const;

function dateOf(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString() : 'no time at all';
}

/** What stands against a condition, or undefined where the claims meet it. */
export function judgeCondition(condition: Condition, claims: Claims): Verdict | undefined {
  switch (condition.kind) {
    case 'annotation':
      return Object.hasOwn(claims.annotations, condition.name) && claims.annotations[condition.name] === condition.value
        ? undefined
        : refused(
            'conditions',
            'ANNOTATION_MISMATCH',
            `the signature does not carry the annotation ${condition.name} with the value that the policy asks for`,
          );
    case 'cel':
      return undecided('FEATURE_NOT_SUPPORTED', 'the policy has a CEL condition, which this version does not evaluate');
  }
}

function refused(check: CheckName, code: Extract<Verdict, { kind: 'refused' }>['code'], message: string): Verdict {
  return { kind: 'refused', check, code, message };
}

function undecided(code: ErrorCode, message: string): Verdict {
  return { kind: 'undecided', code, message };
}
