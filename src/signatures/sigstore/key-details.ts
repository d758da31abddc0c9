import type { PublicKey } from '../../trust/public-key.ts';

/**
 * The names that logs have for a kind of key: ECDSA with each hash that its curve is used with, RSA as PKCS #1 v1.5 by its
 * size, Ed25519 with and without a hash of its own before it. None for an RSA key of another size.
 * @see protobuf-specs, sigstore_common.proto, PublicKeyDetails; sigstore/sigstore, pkg/signature, algorithm registry
 */
export function keyDetailsOf(algorithm: PublicKey['algorithm']): readonly string[] {
  switch (algorithm.kind) {
    case 'ecdsa':
      return ECDSA[algorithm.curve];
    case 'rsa':
      return RSA.get(Math.ceil(algorithm.bits / 8)) ?? [];
    case 'ed25519':
      return ['PKIX_ED25519', 'PKIX_ED25519_PH'];
  }
}

const ECDSA = {
  'P-256': ['PKIX_ECDSA_P256_SHA_256'],
  // SHA-256 is what cosign signs with, whatever the curve.
  'P-384': ['PKIX_ECDSA_P384_SHA_384', 'PKIX_ECDSA_P384_SHA_256'],
  'P-521': ['PKIX_ECDSA_P521_SHA_512', 'PKIX_ECDSA_P521_SHA_256'],
} as const;

/** By the size of the modulus in bytes, as the registry counts. */
const RSA: ReadonlyMap<number, readonly string[]> = new Map(
  [2048, 3072, 4096].map((bits) => [bits / 8, [`PKIX_RSA_PKCS1V15_${bits}_SHA256`]]),
);
