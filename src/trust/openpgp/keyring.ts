import { failed, type Result } from '../../codes/result.ts';
import type { NonEmpty } from '../../model/requirement.ts';

/** One OpenPGP certificate of a keyring: a primary key with everything that belongs to it. */
export type OpenPgpCertificate = {
  /** Of the primary key, in lower-case hexadecimal. */
  readonly fingerprint: string;
  /** The certificate's packets, without armor. */
  readonly bytes: Uint8Array;
};

/**
 * Reads a keyring: armored or binary, with one certificate or several, in one block or several.
 * @returns TRUST_MATERIAL_UNAVAILABLE where it holds no key, or something else
 */
export function parseKeyring(_bytes: Uint8Array): Result<NonEmpty<OpenPgpCertificate>> {
  return failed('TRUST_MATERIAL_UNAVAILABLE', 'this version does not read OpenPGP keyrings');
}
