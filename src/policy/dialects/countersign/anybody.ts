import { printable } from '../../../encoding/escape.ts';
import { leavesOf } from '../../../model/leaves.ts';
import type { Requirement, TextRule } from '../../../model/requirement.ts';

/** Patterns that every text matches, as they are usually written. */
const EVERYBODY: readonly string[] = ['.*', '.+', '^.*$', '^.+$'];

/**
 * What is odd about whom a requirement trusts: a pattern that every name matches trusts whoever has an account with the
 * issuer, and one that every issuer matches, whoever runs an issuer. The public-good instance knows millions.
 */
export function trustsAnybody(require: Requirement): readonly string[] {
  return leavesOf(require).flatMap(({ name, signer }) => {
    if (signer === 'any' || signer.kind !== 'identities') return [];
    return signer.anyOf.flatMap(({ issuer, subject }) => [
      ...(issuer !== 'any' && isEverybody(issuer) ? [warning(name, 'of any issuer')] : []),
      ...(subject !== 'any' && isEverybody(subject.text) ? [warning(name, 'whatever their name')] : []),
    ]);
  });
}

function warning(name: string, whom: string): string {
  return `the signature ${printable(name)} may be made by signers ${whom}`;
}

function isEverybody(text: TextRule): boolean {
  return text.kind === 'pattern' && EVERYBODY.includes(text.pattern);
}
