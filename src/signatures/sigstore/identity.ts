import { printable } from '../../encoding/escape.ts';
import type { Signer } from '../../model/finding.ts';
import { type RefusedBundle, refused } from './result.ts';

/** One identity, letter for letter: the OIDC issuer, and the name that it vouches for. */
export type ExactIdentity = { readonly issuer: string; readonly subject: string };

/**
 * What stands against a signer having an identity: the issuer must be the same text, and so must one of the certificate's
 * names, of whatever kind (cosign's rule). Nothing here is a pattern, and an empty text matches nobody.
 * @returns the refusal, or undefined where he has it
 */
export function identityProblem({ identity, display }: Signer, wanted: ExactIdentity): RefusedBundle | undefined {
  if (wanted.issuer === '' || wanted.subject === '')
    return refused('signer', 'POLICY_BROKEN', 'an identity needs an issuer and a name, neither of them empty');
  const has =
    identity !== 'none' &&
    identity.issuer === wanted.issuer &&
    identity.names.some((name) => 'text' in name && name.kind !== 'ip' && name.text === wanted.subject);
  if (has) return undefined;
  return refused(
    'signer',
    'IDENTITY_MISMATCH',
    `the signer is ${printable(display)}, not ${printable(wanted.subject)} (${printable(wanted.issuer)})`,
  );
}
