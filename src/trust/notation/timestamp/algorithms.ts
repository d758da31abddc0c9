import { constants, createPublicKey, verify } from 'node:crypto';
import type { PublicKey } from '../../public-key.ts';
import type { DerElement } from '../../x509/der.ts';
import { oidOf, sequenceOf } from './parts.ts';

/** A hash that timestamps may be made with. */
export type DigestName = 'sha256' | 'sha384' | 'sha512';

/** SHA-1 is not among them (reference/notation-ratify.md §1.10). */
const DIGESTS: ReadonlyMap<string, DigestName> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** How a timestamp is signed. */
export type SignatureRule = { readonly scheme: 'pkcs1' | 'pss' | 'ecdsa'; readonly hash: DigestName };

/** Those that name no hash leave it to the signer's digest algorithm. */
const SIGNATURES: ReadonlyMap<string, { readonly scheme: SignatureRule['scheme']; readonly hash?: DigestName }> =
  new Map([
    ['1.2.840.113549.1.1.1', { scheme: 'pkcs1' }],
    ['1.2.840.113549.1.1.10', { scheme: 'pss' }],
    ['1.2.840.113549.1.1.11', { scheme: 'pkcs1', hash: 'sha256' }],
    ['1.2.840.113549.1.1.12', { scheme: 'pkcs1', hash: 'sha384' }],
    ['1.2.840.113549.1.1.13', { scheme: 'pkcs1', hash: 'sha512' }],
    ['1.2.840.10045.4.3.2', { scheme: 'ecdsa', hash: 'sha256' }],
    ['1.2.840.10045.4.3.3', { scheme: 'ecdsa', hash: 'sha384' }],
    ['1.2.840.10045.4.3.4', { scheme: 'ecdsa', hash: 'sha512' }],
  ]);

/**
 * The object identifier of an AlgorithmIdentifier. Parameters are passed over, as tspclient-go does: nothing is taken from
 * them, so what they say cannot weaken a check.
 */
export function algorithmOf(element: DerElement | undefined): string | undefined {
  const [id, _parameters, ...more] = sequenceOf(element) ?? [];
  return more.length > 0 ? undefined : oidOf(id);
}

/** The hash by its object identifier, if it is one that counts. */
export function digestNamed(oid: string): DigestName | undefined {
  return DIGESTS.get(oid);
}

/**
 * How a signer signed, by the object identifiers of its digest and signature algorithms, if that counts.
 * @see tspclient-go internal/oid/algorithm.go
 */
export function signatureRule(digest: string, signature: string): SignatureRule | undefined {
  const rule = SIGNATURES.get(signature);
  const hash = rule?.hash ?? digestNamed(digest);
  return rule === undefined || hash === undefined ? undefined : { scheme: rule.scheme, hash };
}

/** Whether a key's holder signed the bytes in this way; never rejects. RSA-PSS has a salt as long as the hash. */
export async function isSignedWith(
  { scheme, hash }: SignatureRule,
  key: PublicKey,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (key.algorithm.kind !== (scheme === 'ecdsa' ? 'ecdsa' : 'rsa')) return false;
  if (scheme !== 'pss') return key.verifies(data, signature, hash);
  const options = {
    key: createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' }),
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
  return new Promise((resolve) => {
    verify(hash, data, options, signature, (error, valid) => resolve(error === null && valid));
  });
}
