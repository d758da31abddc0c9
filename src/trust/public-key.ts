import { createHash, createPublicKey, type KeyObject, verify as verifySignature } from 'node:crypto';
import { failed, ok, type Result } from '../codes/result.ts';
import { readPem } from '../encoding/pem.ts';
import type { HashRule } from '../model/requirement.ts';

/** A public key that countersign can verify with, parsed once and kept. */
export type PublicKey = {
  /** `sha256:` and the hexadecimal SHA-256 of the key's SubjectPublicKeyInfo: who the signer is (MODEL.md M11). */
  readonly fingerprint: string;
  /** DER of its SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly algorithm:
    | { readonly kind: 'ecdsa'; readonly curve: 'P-256' | 'P-384' | 'P-521' }
    | { readonly kind: 'rsa'; readonly bits: number }
    | { readonly kind: 'ed25519' };
  /**
   * Whether the key's holder signed the bytes: ECDSA in DER, RSA as PKCS #1 v1.5, Ed25519 over the bytes themselves.
   * Runs outside the event loop; never rejects. Ed25519 takes no hash rule: its prehashed variant has no verifier here.
   */
  readonly verifies: (data: Uint8Array, signature: Uint8Array, hash: HashRule) => Promise<boolean>;
};

/** Node's names for the curves that cosign and OpenShift keys use. */
const CURVES = {
  prime256v1: { curve: 'P-256', hash: 'sha256' },
  secp384r1: { curve: 'P-384', hash: 'sha384' },
  secp521r1: { curve: 'P-521', hash: 'sha512' },
} as const;

const RSA_MINIMUM_BITS = 2048;
const RSA_MAXIMUM_BITS = 4096;

/**
 * Reads exactly one `PUBLIC KEY` block (SubjectPublicKeyInfo): ECDSA P-256, P-384 or P-521, RSA of 2048 to 4096 bits,
 * or Ed25519. Anything else is refused by name; RSA-PSS keys are refused because cosign never makes them.
 */
export function parsePublicKey(pem: string): Result<PublicKey> {
  const blocks = readPem(pem, { junk: 'refused', maxBlocks: 1 });
  if (!blocks.ok)
    return failed(
      'TRUST_MATERIAL_UNAVAILABLE',
      `the public key is not one well-formed PEM block: ${blocks.failure.message}`,
    );
  const [block] = blocks.value;
  if (block.label !== 'PUBLIC KEY') return failed('TRUST_MATERIAL_UNAVAILABLE', 'the PEM block is not a PUBLIC KEY');
  return publicKeyOf(block.der);
}

/**
 * The key that a SubjectPublicKeyInfo holds, under the same limits.
 * @param spki DER; attacker-controlled where it comes from a certificate
 * @returns TRUST_MATERIAL_UNAVAILABLE
 */
export function publicKeyOf(spki: Uint8Array): Result<PublicKey> {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch (cause) {
    return failed('TRUST_MATERIAL_UNAVAILABLE', 'there is no readable public key', cause);
  }
  const algorithm = algorithmOf(key);
  if (!algorithm.ok) return algorithm;

  const der = key.export({ format: 'der', type: 'spki' });
  return ok({
    fingerprint: `sha256:${createHash('sha256').update(der).digest('hex')}`,
    spki: der,
    algorithm: algorithm.value,
    verifies: async (data, signature, hash) => {
      for (const digest of digestsFor(algorithm.value, hash)) {
        if (await verifies(key, digest, data, signature)) return true;
      }
      return false;
    },
  });
}

function algorithmOf(key: KeyObject): Result<PublicKey['algorithm']> {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'ed25519') return ok({ kind: 'ed25519' });
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits < RSA_MINIMUM_BITS || bits > RSA_MAXIMUM_BITS)
      return failed(
        'TRUST_MATERIAL_UNAVAILABLE',
        `an RSA key of ${bits} bits is not accepted: use ${RSA_MINIMUM_BITS} to ${RSA_MAXIMUM_BITS}`,
      );
    return ok({ kind: 'rsa', bits });
  }
  if (key.asymmetricKeyType === 'ec') {
    const name = details?.namedCurve;
    if (name === 'prime256v1' || name === 'secp384r1' || name === 'secp521r1')
      return ok({ kind: 'ecdsa', curve: CURVES[name].curve });
    return failed(
      'TRUST_MATERIAL_UNAVAILABLE',
      `the curve ${name ?? 'of the key'} is not accepted: use P-256, P-384 or P-521`,
    );
  }
  return failed('TRUST_MATERIAL_UNAVAILABLE', `keys of type ${key.asymmetricKeyType ?? 'unknown'} are not accepted`);
}

type DigestName = 'sha256' | 'sha384' | 'sha512';

/** The hashes to try, in this order; Ed25519 hashes by itself. */
function digestsFor(algorithm: PublicKey['algorithm'], hash: HashRule): readonly (DigestName | null)[] {
  if (algorithm.kind === 'ed25519') return [null];
  if (hash === 'by-curve') return [curveDigest(algorithm)];
  if (hash !== 'usual') return [hash];
  return [...new Set(['sha256' as const, algorithm.kind === 'rsa' ? ('sha512' as const) : curveDigest(algorithm)])];
}

function curveDigest(algorithm: Exclude<PublicKey['algorithm'], { kind: 'ed25519' }>): DigestName {
  if (algorithm.kind === 'rsa' || algorithm.curve === 'P-256') return 'sha256';
  return algorithm.curve === 'P-384' ? 'sha384' : 'sha512';
}

/** A signature that OpenSSL cannot even parse does not verify; that is an answer, not trouble. */
function verifies(key: KeyObject, digest: string | null, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    verifySignature(digest, data, key, signature, (error, valid) => resolve(error === null && valid));
  });
}
