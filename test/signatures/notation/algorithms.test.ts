import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Issued } from '../../fixtures/certificates.ts';
import type { Algorithm } from '../../fixtures/notation/signer.ts';
import { envelope, signerWith, wordFor } from './envelopes.ts';

const rsa = (modulusLength: number): Issued['keys'] => generateKeyPairSync('rsa', { modulusLength });
const ec = (namedCurve: string): Issued['keys'] => generateKeyPairSync('ec', { namedCurve });

/** How keys of each kind are made. */
const KEYS: Readonly<Record<Algorithm, () => Issued['keys']>> = {
  PS256: () => rsa(2048),
  PS384: () => rsa(3072),
  PS512: () => rsa(4096),
  ES256: () => ec('P-256'),
  ES384: () => ec('P-384'),
  ES512: () => ec('P-521'),
};
const BY: readonly (readonly [Algorithm, Issued])[] = [
  ['PS256', signerWith(KEYS.PS256())],
  ['PS384', signerWith(KEYS.PS384())],
  ['PS512', signerWith(KEYS.PS512())],
  ['ES256', signerWith(KEYS.ES256())],
  ['ES384', signerWith(KEYS.ES384())],
  ['ES512', signerWith(KEYS.ES512())],
];
const KINDS = ['jws', 'cose'] as const;

describe('the algorithms of notation', () => {
  it.each(BY)('%s verifies in both formats with the key that it belongs to, and with no other', async (own, signer) => {
    for (const kind of KINDS) {
      expect(await wordFor(kind, envelope(kind, {}, signer))).toBe('verified');
      const others = BY.map(([algorithm]) => algorithm).filter((algorithm) => algorithm !== own);
      for (const headerAlgorithm of others)
        expect(await wordFor(kind, envelope(kind, { headerAlgorithm }, signer))).toBe('ALGORITHM_UNSUPPORTED');
    }
  });

  it.each(BY)('%s by another key of the same kind does not verify', async (own, signer) => {
    const { privateKey: key } = KEYS[own]();
    for (const kind of KINDS) expect(await wordFor(kind, envelope(kind, { key }, signer))).toBe('SIGNATURE_CORRUPT');
  });

  it.each([
    ['RSA of 1024 bits', rsa(1024)],
    ['RSA of 2304 bits', rsa(2304)],
    ['P-224', ec('secp224r1')],
    ['secp256k1', ec('secp256k1')],
  ])('%s is refused, whatever the header says [notation-ratify 49]', async (_, keys) => {
    const algorithm = keys.privateKey.asymmetricKeyType === 'rsa' ? 'PS256' : 'ES256';
    for (const kind of KINDS)
      expect(await wordFor(kind, envelope(kind, { algorithm }, signerWith(keys)))).toBe('ALGORITHM_UNSUPPORTED');
  });
});
