import { constants, createPublicKey, type VerifyKeyObjectInput, verify } from 'node:crypto';
import type { PublicKey } from '../../trust/public-key.ts';

/** The six algorithms of notation. */
export type NotationAlgorithm = 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512';

type HashName = 'sha256' | 'sha384' | 'sha512';

/** What each hashes with, and its number in COSE (RFC 8152 §8.1, RFC 8230 §2). */
const ALGORITHMS: Readonly<Record<NotationAlgorithm, { readonly hash: HashName; readonly cose: bigint }>> = {
  PS256: { hash: 'sha256', cose: -37n },
  PS384: { hash: 'sha384', cose: -38n },
  PS512: { hash: 'sha512', cose: -39n },
  ES256: { hash: 'sha256', cose: -7n },
  ES384: { hash: 'sha384', cose: -35n },
  ES512: { hash: 'sha512', cose: -36n },
};

const NAMES: readonly NotationAlgorithm[] = ['PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];

/** The algorithm of this name; undefined for `none` and all others. */
export function algorithmNamed(name: string): NotationAlgorithm | undefined {
  return NAMES.find((known) => known === name);
}

/** The algorithm of this number in COSE. */
export function algorithmNumbered(number: bigint): NotationAlgorithm | undefined {
  return NAMES.find((known) => ALGORITHMS[known].cose === number);
}

/**
 * The one algorithm that a key signs with; undefined for keys that notation does not know.
 * @see notation-ratify.md §1.6
 */
export function algorithmOfKey({ algorithm }: PublicKey): NotationAlgorithm | undefined {
  if (algorithm.kind === 'ecdsa') return BY_CURVE[algorithm.curve];
  return algorithm.kind === 'rsa' ? BY_BITS.get(algorithm.bits) : undefined;
}

const BY_CURVE = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' } as const;
const BY_BITS: ReadonlyMap<number, NotationAlgorithm> = new Map([
  [2048, 'PS256'],
  [3072, 'PS384'],
  [4096, 'PS512'],
]);

/**
 * Whether the key's holder signed the bytes with this algorithm. RSA-PSS salts are as long as the hash (RFC 7518 §3.5;
 * notation's own JWS reader takes any), ECDSA signatures are the two numbers in their full width (§3.4).
 * Runs outside the event loop; never rejects: what OpenSSL cannot even parse does not verify.
 */
export function verifiesWith(
  algorithm: NotationAlgorithm,
  key: PublicKey,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const spki = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
  const input: VerifyKeyObjectInput =
    key.algorithm.kind === 'rsa'
      ? { key: spki, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { key: spki, dsaEncoding: 'ieee-p1363' };
  return new Promise((resolve) => {
    verify(ALGORITHMS[algorithm].hash, data, input, signature, (error, valid) => resolve(error === null && valid));
  });
}
