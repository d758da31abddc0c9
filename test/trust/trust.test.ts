import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createSigner, type KeyKind } from '../../src/cli/demo/signer.ts';
import type { TrustRef } from '../../src/model/requirement.ts';
import { parsePublicKey } from '../../src/trust/public-key.ts';
import { createTrustStore } from '../../src/trust/trust-store.ts';

const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' });
const inline = (pem: string): TrustRef => ({ kind: 'inline', text: pem });
const alice = createSigner();
const bob = createSigner('RSA-2048');

describe('a public key', () => {
  const kinds: readonly KeyKind[] = ['P-256', 'P-384', 'P-521', 'RSA-2048', 'RSA-4096', 'Ed25519'];
  it.each(kinds)(
    'of kind %s is known by the SHA-256 of its SubjectPublicKeyInfo, whatever its PEM looks like',
    (kind) => {
      const { publicKeyPem } = createSigner(kind);
      const der = createPublicKey(publicKeyPem).export({ format: 'der', type: 'spki' });
      const fingerprint = `sha256:${createHash('sha256').update(der).digest('hex')}`;
      for (const pem of [publicKeyPem, publicKeyPem.replaceAll('\n', '\r\n'), `\n${publicKeyPem}\n\n`]) {
        expect(parsePublicKey(pem)).toMatchObject({ ok: true, value: { fingerprint } });
      }
    },
  );

  const refused: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['text', 'not a key'],
    ['a block with junk before it', `junk\n${alice.publicKeyPem}`],
    ['a block with junk behind it', `${alice.publicKeyPem}junk`],
    ['two keys', alice.publicKeyPem + bob.publicKeyPem],
    ['a block under another label', alice.publicKeyPem.replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY')],
    ['a certificate label around a key', alice.publicKeyPem.replaceAll('PUBLIC KEY', 'CERTIFICATE')],
    ['a block whose ends do not match', alice.publicKeyPem.replace('END PUBLIC', 'END PRIVATE')],
    ['a block with broken base64', alice.publicKeyPem.replace('MFkw', 'MF*w')],
    ['a block cut short', alice.publicKeyPem.replace(/.{8}\n-----END/, '\n-----END')],
    ['a block of other DER', '-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n'],
    ['RSA of 1024 bits', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)],
    ['RSA of 2047 bits', pemOf(generateKeyPairSync('rsa', { modulusLength: 2047 }).publicKey)],
    ['RSA-PSS', pemOf(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey)],
    ['P-224', pemOf(generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).publicKey)],
    ['secp256k1', pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)],
    ['DSA', pemOf(generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).publicKey)],
    ['Ed448', pemOf(generateKeyPairSync('ed448').publicKey)],
    ['X25519', pemOf(generateKeyPairSync('x25519').publicKey)],
  ];
  it.each(refused)('is not read from %s', (_what, pem) => {
    expect(parsePublicKey(pem)).toMatchObject({ ok: false, failure: { code: 'TRUST_MATERIAL_UNAVAILABLE' } });
  });

  it('answers false and never throws for signatures that are none', async () => {
    for (const kind of kinds) {
      const key = parsePublicKey(createSigner(kind).publicKeyPem);
      if (!key.ok) return expect.fail(kind);
      const data = Buffer.from('data');
      for (const signature of [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(64), Buffer.alloc(10_000, 0x30)])
        expect(await key.value.verifies(data, signature, 'sha256')).toBe(false);
    }
  });

  it('takes ECDSA in DER only, and each signature for its own hash only', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = parsePublicKey(pemOf(publicKey));
    if (!key.ok) return expect.fail('a sound key');
    const data = Buffer.from('data');
    expect(await key.value.verifies(data, sign('sha256', data, privateKey), 'sha256')).toBe(true);
    expect(await key.value.verifies(data, sign('sha256', data, privateKey), 'sha512')).toBe(false);
    expect(await key.value.verifies(data, sign('sha512', data, privateKey), 'sha256')).toBe(false);
    const raw = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    expect(await key.value.verifies(data, raw, 'sha256')).toBe(false);
    const trailing = Buffer.concat([sign('sha256', data, privateKey), Buffer.from([0])]);
    expect(await key.value.verifies(data, trailing, 'sha256')).toBe(false);
  });

  it('takes RSA as PKCS #1 v1.5 only: a PSS signature by the same key does not verify', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = parsePublicKey(pemOf(publicKey));
    if (!key.ok) return expect.fail('a sound key');
    const data = Buffer.from('data');
    const pss = sign('sha256', data, { key: privateKey, padding: 6, saltLength: 32 });
    expect(await key.value.verifies(data, sign('sha256', data, privateKey), 'sha256')).toBe(true);
    expect(await key.value.verifies(data, pss, 'sha256')).toBe(false);
  });
});

describe('a list of keys', () => {
  const store = createTrustStore();

  it('fails as a whole where one of it does not load, wherever that one stands [openshift 63]', () => {
    for (const list of [
      [inline('no key'), inline(alice.publicKeyPem)],
      [inline(alice.publicKeyPem), inline('no key')],
    ] as const)
      expect(store.keys(list)).toMatchObject({ ok: false, failure: { code: 'TRUST_MATERIAL_UNAVAILABLE' } });
  });

  it('is refused by name where it could not be read, or lies in a secret, which this version does not read', () => {
    const failure = { code: 'TRUST_MATERIAL_UNAVAILABLE' };
    const why = 'the file cannot be read';
    expect(store.keys([{ kind: 'unavailable', why }])).toMatchObject({ ok: false, failure });
    expect(store.keys([{ kind: 'secret', namespace: 'a', name: 'b', key: 'c' }])).toMatchObject({ ok: false, failure });
    const both = [inline(alice.publicKeyPem), { kind: 'unavailable', why }] as const;
    expect(store.keys(both)).toMatchObject({ ok: false, failure });
  });

  it('has a hash of its own for every other key, so that no proof outlives its key [MODEL M2]', () => {
    const hash = (...pems: readonly [string, ...string[]]) => {
      const [first, ...rest] = pems;
      const set = store.keys([inline(first), ...rest.map(inline)]);
      return set.ok ? set.value.hash : expect.fail('sound keys');
    };
    const hashes = [hash(alice.publicKeyPem), hash(bob.publicKeyPem), hash(alice.publicKeyPem, bob.publicKeyPem)];
    expect(new Set(hashes).size).toBe(3);
    expect(hash(alice.publicKeyPem)).toBe(hashes[0]);
    expect(hash(alice.publicKeyPem.replaceAll('\n', '\r\n'))).toBe(hashes[0]);
  });
});
