import type { ErrorCode } from '../codes/codes.ts';
import { matchName } from '../conditions/names.ts';
import type { ImageReference } from '../image/reference.ts';
import type { CheckName, Claims, Proof, Verdict } from '../model/finding.ts';
import type { Condition, Leaf } from '../model/requirement.ts';

/**
 * Whether a proof meets a leaf for one asked name, at one moment. Made on every decision and never stored: the same
 * proof is right for one name and wrong for another (MODEL.md §3.1).
 */
export function judge(leaf: Leaf, proof: Proof, asked: ImageReference, now: number): Verdict {
  if (proof.kind === 'disproved')
    return { kind: 'refused', check: proof.failed, code: proof.code, message: proof.message };
  if (proof.notAfter !== 'forever' && now > proof.notAfter)
    return undecided('TRUST_MATERIAL_UNAVAILABLE', 'what the signature rests on has expired');
  // A key names its holder by itself; identities belong to certificates, which gather.ts refuses before there is a proof.
  if (leaf.signer !== 'any')
    return undecided(
      'FEATURE_NOT_SUPPORTED',
      'the policy names a signer by identity, which this version does not verify',
    );

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
  return { kind: 'accepted', warnings: name.warning === undefined ? [] : [name.warning] };
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
