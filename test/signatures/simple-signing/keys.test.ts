import { createMessage, generateKey, sign } from 'openpgp';
import { describe, expect, it } from 'vitest';
import { splitPackets, writePacket } from '../../../src/encoding/openpgp-packets.ts';
import { proveSimpleSigning } from '../../../src/signatures/simple-signing/prove.ts';
import type { OpenPgpMaterial } from '../../../src/trust/proof-material.ts';
import { armored, bytesOf, packet, TAG } from '../../fixtures/openpgp/packets.ts';
import {
  createOpenPgpSigner,
  FLAGS,
  MADE,
  type OpenPgpSigner,
  type SignerSettings,
  type SignOptions,
} from '../../fixtures/openpgp/signer.ts';
import { type Asked, DIGEST, judged, materialOf, NOW, PAYLOAD, prove, refusal, say } from './fixture.ts';

const DAY = 24 * 60 * 60 * 1000;
const SUMMER = Date.UTC(2025, 6, 1);
const alice = createOpenPgpSigner();

describe('keys that sign [openshift-containers 57]', () => {
  type Row = readonly [string, SignerSettings, SignOptions, string, Asked?];
  const rows: readonly Row[] = [
    ['Ed25519', {}, {}, 'accepted'],
    ['ECDSA on P-256', { kind: 'P-256' }, {}, 'accepted'],
    ['RSA of 2048 bits', { kind: 'RSA-2048' }, {}, 'accepted'],
    ['RSA of 3072 bits', { kind: 'RSA-3072' }, { hash: 'sha512' }, 'accepted'],
    ['RSA of 1024 bits', { kind: 'RSA-1024' }, {}, 'ALGORITHM_WEAK'],
    ['RSA of 1024 bits, where weak ones count', { kind: 'RSA-1024' }, {}, 'accepted', { weakAlgorithms: 'accept' }],
    ['DSA', { kind: 'DSA-2048' }, {}, 'ALGORITHM_WEAK'],
    ['DSA, where weak ones count', { kind: 'DSA-2048' }, {}, 'accepted', { weakAlgorithms: 'accept' }],
    [
      'a subkey below a weak primary key',
      { kind: 'RSA-1024', subkey: { kind: 'Ed25519' } },
      { by: 'subkey' },
      'ALGORITHM_WEAK',
    ],
    ['SHA-1', {}, { hash: 'sha1' }, 'ALGORITHM_WEAK'],
    ['SHA-1, where weak ones count', { kind: 'RSA-2048' }, { hash: 'sha1' }, 'accepted', { weakAlgorithms: 'accept' }],
    ['RIPEMD-160', {}, { hash: 'ripemd160' }, 'ALGORITHM_WEAK'],
    [
      'RIPEMD-160, where weak ones count',
      { kind: 'RSA-2048' },
      { hash: 'ripemd160' },
      'accepted',
      { weakAlgorithms: 'accept' },
    ],
    [
      'SHA-1 by Ed25519, which no hash of that length may be signed with',
      {},
      { hash: 'sha1' },
      'ALGORITHM_WEAK',
      { weakAlgorithms: 'accept' },
    ],
    ['SHA-224', { kind: 'P-256' }, { hash: 'sha224' }, 'accepted'],
    ['SHA-224 by Ed25519', {}, { hash: 'sha224' }, 'ALGORITHM_WEAK'],
    ['MD5', {}, { hash: 'md5' }, 'ALGORITHM_WEAK'],
    [
      'MD5, which gpg refuses too, where weak ones count',
      {},
      { hash: 'md5' },
      'ALGORITHM_WEAK',
      { weakAlgorithms: 'accept' },
    ],
    ['SHA-1 in what the key says of itself alone', { kind: 'RSA-2048', selfHash: 'sha1' }, {}, 'accepted'],
    ['a subkey', { subkey: {} }, { by: 'subkey' }, 'accepted'],
    ['the primary key beside a subkey', { subkey: {} }, {}, 'accepted'],
    [
      'a subkey where the primary key only certifies',
      { flags: FLAGS.certify, subkey: {} },
      { by: 'subkey' },
      'accepted',
    ],
    ['a primary key that only certifies', { flags: FLAGS.certify, subkey: {} }, {}, 'KEY_UNFIT'],
    ['a subkey for encryption', { subkey: { flags: FLAGS.encrypt } }, { by: 'subkey' }, 'KEY_UNFIT'],
    [
      'a subkey that does not say whose it is',
      { subkey: { withoutBackSignature: true } },
      { by: 'subkey' },
      'KEY_UNFIT',
    ],
    ['a subkey whose binding does not hold', { subkey: { forged: true } }, { by: 'subkey' }, 'KEY_UNFIT'],
    ['a key whose name was not signed by it', { forged: true }, {}, 'KEY_UNFIT'],
    ['a revoked key', { revoked: SUMMER }, {}, 'KEY_REVOKED'],
    ['a revoked key, where weak ones count', { revoked: SUMMER }, {}, 'KEY_REVOKED', { weakAlgorithms: 'accept' }],
    ['a subkey of a revoked key', { revoked: SUMMER, subkey: {} }, { by: 'subkey' }, 'KEY_REVOKED'],
    ['a revoked subkey', { subkey: { revoked: SUMMER } }, { by: 'subkey' }, 'KEY_REVOKED'],
    ['the primary key beside a revoked subkey', { subkey: { revoked: SUMMER } }, {}, 'accepted'],
    ['a key that is revoked at a time to come', { revoked: NOW + DAY }, {}, 'KEY_REVOKED'],
    ['a key that has expired since', { expires: SUMMER }, {}, 'KEY_EXPIRED'],
    ['a key that had expired before', { expires: SUMMER }, { created: SUMMER + DAY }, 'KEY_EXPIRED'],
    ['a key that is still in date', { expires: NOW + DAY }, {}, 'accepted'],
    ['a key whose owner extended it after it signed', { certified: SUMMER, expires: NOW + DAY }, {}, 'accepted'],
    ['an expired subkey', { subkey: { expires: SUMMER } }, { by: 'subkey' }, 'KEY_EXPIRED'],
    ['a subkey of an expired key', { expires: SUMMER, subkey: {} }, { by: 'subkey' }, 'KEY_EXPIRED'],
    ['the primary key beside an expired subkey', { subkey: { expires: SUMMER } }, {}, 'accepted'],
    ['a key made at a time to come', { created: NOW + DAY }, { created: NOW + DAY }, 'KEY_NOT_YET_VALID'],
    ['a key that is newer than its signature', { created: SUMMER }, {}, 'KEY_UNFIT'],
    ['a subkey that is newer than its signature', { subkey: { created: SUMMER } }, { by: 'subkey' }, 'KEY_UNFIT'],
    ['a signature that names its key by the id alone', {}, { withFingerprint: false }, 'accepted'],
  ];
  for (const [what, settings, options, said, asked = {}] of rows) {
    it(what, async () => {
      const signer = createOpenPgpSigner(settings);
      expect(await say(signer.sign(PAYLOAD, options), [signer], asked)).toBe(said);
    });
  }

  it('count for their primary key when a subkey signed', async () => {
    const signer = createOpenPgpSigner({ subkey: { kind: 'P-256' } });
    expect(await prove(signer.sign(PAYLOAD, { by: 'subkey' }), [signer])).toMatchObject({
      kind: 'proved',
      signer: {
        display: `OpenPGP key ${signer.fingerprint.toUpperCase()}`,
        ids: [`openpgp:${signer.fingerprint}`],
        identity: 'none',
      },
      timedBy: { until: 'key' },
    });
  });

  it('are named where the policy does not have them, beside those that it has', async () => {
    const bob = createOpenPgpSigner();
    const others = Array.from({ length: 4 }, () => createOpenPgpSigner());
    const { code, message } = refusal(await prove(bob.sign(PAYLOAD), [alice]));
    expect(code).toBe('SIGNATURE_MISMATCH');
    expect(message).toBe(
      `the signature is by OpenPGP key id ${bob.keyId}, and the policy has only the key ${alice.fingerprint.toUpperCase()}`,
    );
    expect(refusal(await prove(bob.sign(PAYLOAD), [alice, ...others])).message).toMatch(/ and 2 more$/);
  });

  it('are each tried where several bear the same id, whichever of them stands first', async () => {
    // Nobody makes two keys of one id in the time of a test: the other's is said to be the same.
    const [mine] = materialOf([alice]).certificates;
    const [other] = materialOf([createOpenPgpSigner()]).certificates;
    const alike = { ...other, keys: [{ ...other.keys[0], keyId: mine.keys[0].keyId }] } as const;
    const ask = (certificates: OpenPgpMaterial['certificates']) =>
      proveSimpleSigning(alice.sign(PAYLOAD), { kind: 'openpgp', certificates, weakAlgorithms: 'refuse' }, DIGEST);
    expect(await ask([alike, mine])).toMatchObject({ value: { kind: 'proved' } });
    expect(await ask([mine, alike])).toMatchObject({ value: { kind: 'proved' } });
    expect(await ask([alike])).toMatchObject({ value: { code: 'SIGNATURE_CORRUPT' } });
  });

  it('are not believed where a signature only claims them', async () => {
    const mallory = createOpenPgpSigner();
    const claimed = mallory.sign(PAYLOAD, {
      claimedKeyId: Buffer.from(alice.keyId, 'hex'),
      withFingerprint: false,
    });
    expect(refusal(await prove(claimed, [alice]))).toMatchObject({ code: 'SIGNATURE_CORRUPT', failed: 'signature' });
    expect(refusal(await prove(claimed, [mallory]))).toMatchObject({ code: 'SIGNATURE_MISMATCH' });
  });

  it('are not taken from the message: only those of the policy count', async () => {
    const mallory = createOpenPgpSigner();
    const within = bytesOf(mallory.publicKeyBinary, mallory.sign(PAYLOAD));
    expect(await say(within, [alice])).toBe('SIGNATURE_MALFORMED');
  });
});

describe('revocations that the library passes over', () => {
  const signer = createOpenPgpSigner({ kind: 'RSA-2048', subkey: {} });
  const revoked = createOpenPgpSigner({ revoked: SUMMER });

  /** The first signature of a certificate: where it is revoked, that it is. */
  const revocationOf = ({ publicKeyBinary }: OpenPgpSigner): Uint8Array => {
    const packets = splitPackets(publicKeyBinary, 10);
    return packets.ok ? (packets.value[1]?.body ?? expect.fail()) : expect.fail();
  };

  /** A certificate with a signature packet behind the primary key's. */
  const withSignature = ({ publicKeyBinary }: OpenPgpSigner, body: Uint8Array): Uint8Array => {
    const packets = splitPackets(publicKeyBinary, 10);
    const [key, ...rest] = packets.ok ? packets.value.map(writePacket) : expect.fail();
    return bytesOf(key ?? expect.fail(), packet(TAG.signature, body), ...rest);
  };
  const old = (keyId: string, type: number): Uint8Array =>
    bytesOf([3, 5, type, 0x67, 0, 0, 0], Buffer.from(keyId, 'hex'), [1, 8, 0, 0, 0, 1, 1]);

  it('count: one of version 3, which says that it is the owner’s', async () => {
    expect(await say(signer.sign(PAYLOAD), [withSignature(signer, old(signer.keyId, 0x20))])).toBe('KEY_REVOKED');
  });

  it('count: one of a version or algorithm that nobody knows', async () => {
    expect(await say(signer.sign(PAYLOAD), [withSignature(signer, Buffer.from([9, 0x20, 1, 8, 0, 0]))])).toBe(
      'KEY_REVOKED',
    );
  });

  it('count: one by somebody whom the owner lets revoke the key', async () => {
    const other = createOpenPgpSigner({ revoked: SUMMER });
    const delegating = createOpenPgpSigner({ revoker: other.fingerprint });
    expect(await say(delegating.sign(PAYLOAD), [delegating])).toBe('accepted');
    expect(await say(delegating.sign(PAYLOAD), [withSignature(delegating, revocationOf(other))])).toBe('KEY_REVOKED');
    const stranger = createOpenPgpSigner({ revoked: SUMMER });
    expect(await say(delegating.sign(PAYLOAD), [withSignature(delegating, revocationOf(stranger))])).toBe('accepted');
  });

  it('do not count where they are somebody else’s, or do not hold', async () => {
    const message = signer.sign(PAYLOAD);
    expect(await say(message, [withSignature(signer, old('0123456789abcdef', 0x20))])).toBe('accepted');
    expect(await say(message, [withSignature(signer, old(signer.keyId, 0x10))])).toBe('accepted');
    expect(await say(message, [withSignature(signer, revocationOf(revoked))])).toBe('accepted');

    const own = revocationOf(createOpenPgpSigner({ kind: 'RSA-2048', revoked: SUMMER }));
    const claimed = Buffer.from(own);
    const at = claimed.indexOf(Buffer.from([9, 16]));
    expect(at).toBeGreaterThan(0);
    Buffer.from(signer.keyId, 'hex').copy(claimed, at + 2);
    expect(await say(message, [withSignature(signer, claimed)])).toBe('accepted');
  });
});

describe('the time of a signature', () => {
  const at = (created: number, expires?: number) =>
    alice.sign(PAYLOAD, { created, ...(expires !== undefined && { expires }) });

  it('is judged on every decision, and not once for all', async () => {
    const signer = createOpenPgpSigner({ expires: SUMMER });
    const proof = await prove(signer.sign(PAYLOAD), [signer]);
    expect(proof).toMatchObject({ kind: 'proved', notBefore: MADE, notAfter: SUMMER - 1 });
    expect(judged(proof, SUMMER - 1)).toBe('accepted');
    expect(judged(proof, SUMMER)).toBe('KEY_EXPIRED');
  });

  it('may be some minutes ahead of our clock, and no more', async () => {
    const minutes = 60 * 1000;
    expect(await say(at(NOW + 5 * minutes), [alice])).toBe('accepted');
    const later = await prove(at(NOW + 6 * minutes), [alice]);
    expect(judged(later, NOW)).toMatch(/_NOT_YET_VALID$/);
    expect(judged(later, NOW + 6 * minutes)).toBe('accepted');
  });

  it('ends with the signature itself, where that says so', async () => {
    const proof = await prove(at(MADE, SUMMER), [alice]);
    expect(judged(proof, SUMMER - 1)).toBe('accepted');
    expect(judged(proof, SUMMER)).toMatch(/_EXPIRED$/);
  });
});

describe('keys and messages that the library makes', () => {
  type Options = Parameters<typeof generateKey>[0];
  type Kind = Pick<Options, 'type' | 'curve'> & { readonly v6?: boolean };
  const kinds: readonly (readonly [string, Kind])[] = [
    ['P-384', { type: 'ecc', curve: 'nistP384' }],
    ['P-521', { type: 'ecc', curve: 'nistP521' }],
    ['Ed25519 as RFC 9580 has it', { type: 'curve25519' }],
    ['Ed448', { type: 'curve448' }],
    ['version 6', { type: 'curve25519', v6: true }],
  ];
  it.each(kinds)('are taken: %s', async (_what, { v6 = false, ...kind }) => {
    const date = new Date(MADE);
    const config = { v6Keys: v6 };
    const { privateKey, publicKey } = await generateKey({
      ...kind,
      userIDs: [{ name: 'Signer' }],
      date,
      format: 'object',
      config,
    });
    const message = await createMessage({ binary: Buffer.from(PAYLOAD) });
    const signed = await sign({ message, signingKeys: privateKey, date, format: 'binary', config });
    const ring = publicKey.write();
    expect(await say(signed, [ring])).toBe('accepted');
    expect(await say(signed, [privateKey.write()])).toBe('accepted');
    expect(await prove(signed, [ring])).toMatchObject({ signer: { ids: [`openpgp:${publicKey.getFingerprint()}`] } });
    const broken = Buffer.from(signed);
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    expect(await say(broken, [ring])).toBe('SIGNATURE_CORRUPT');
  });
});

describe('keys on curves that the library does not verify on', () => {
  it('are refused by their name: secp256k1, Brainpool', async () => {
    const signer = createOpenPgpSigner({ kind: 'P-256' });
    const message = signer.sign(PAYLOAD);
    const p256 = Buffer.from([8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    for (const [oid, name] of [
      [[5, 0x2b, 0x81, 0x04, 0x00, 0x0a], 'secp256k1'],
      [[9, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], 'brainpoolP256r1'],
    ] as const) {
      const packets = splitPackets(signer.publicKeyBinary, 10);
      const [key, ...rest] = packets.ok ? packets.value : expect.fail();
      const body = key?.body ?? expect.fail();
      const at = Buffer.from(body).indexOf(p256);
      const other = bytesOf(body.subarray(0, at), oid, body.subarray(at + p256.length));
      const ring = bytesOf(packet(TAG.publicKey, other), ...rest.map(writePacket));
      const id = materialOf([ring]).certificates[0].keys[0].keyId;
      const claimed = signer.sign(PAYLOAD, { claimedKeyId: Buffer.from(id, 'hex'), withFingerprint: false });
      expect(refusal(await prove(claimed, [ring]))).toMatchObject({
        code: 'ALGORITHM_UNSUPPORTED',
        message: expect.stringContaining(name),
      });
    }
    expect(await say(message, [signer])).toBe('accepted');
  });
});

describe('signatures of version 3', () => {
  const signer = createOpenPgpSigner({ kind: 'RSA-2048', subkey: {} });
  const rows: readonly (readonly [string, SignOptions, string, Asked?])[] = [
    ['by RSA', {}, 'accepted'],
    ['in the old form of message', { shape: 'signature-first', compression: 'none' }, 'accepted'],
    ['by a subkey', { by: 'subkey' }, 'accepted'],
    ['with SHA-512', { hash: 'sha512' }, 'accepted'],
    ['with SHA-1', { hash: 'sha1' }, 'ALGORITHM_WEAK'],
    ['with SHA-1, where weak ones count', { hash: 'sha1' }, 'accepted', { weakAlgorithms: 'accept' }],
    ['with MD5, where weak ones count', { hash: 'md5' }, 'ALGORITHM_WEAK', { weakAlgorithms: 'accept' }],
    ['over text', { type: 1 }, 'SIGNATURE_MALFORMED'],
    ['that claim another key', { claimedKeyId: Buffer.alloc(8, 1) }, 'SIGNATURE_MISMATCH'],
    ['older than their key', { created: MADE - DAY }, 'KEY_UNFIT'],
  ];
  for (const [what, options, said, asked = {}] of rows) {
    it(what, async () => {
      expect(await say(signer.sign(PAYLOAD, { ...options, version: 3 }), [signer], asked)).toBe(said);
    });
  }

  it('may not be dated in the future', async () => {
    const proof = await prove(signer.sign(PAYLOAD, { created: NOW + DAY, version: 3 }), [signer]);
    expect(judged(proof, NOW)).toMatch(/_NOT_YET_VALID$/);
    expect(judged(proof, NOW + DAY)).toBe('accepted');
  });

  it('are refused by another algorithm than RSA', async () => {
    expect(refusal(await prove(alice.sign(PAYLOAD, { version: 3 }), [alice])).message).toContain(
      'of version 3 and not by RSA',
    );
  });

  it('follow what is said of their key', async () => {
    for (const [settings, said] of [
      [{ revoked: SUMMER }, 'KEY_REVOKED'],
      [{ expires: SUMMER }, 'KEY_EXPIRED'],
      [{ flags: FLAGS.certify }, 'KEY_UNFIT'],
    ] as const) {
      const other = createOpenPgpSigner({ kind: 'RSA-2048', ...settings });
      expect(await say(other.sign(PAYLOAD, { version: 3 }), [other])).toBe(said);
    }
  });

  it('do not hold over another payload', async () => {
    const [other] = [signer.signatureOver('other', { version: 3 })];
    const bytes = bytesOf(
      signer.announcement({ version: 3 }),
      packet(TAG.literal, bytesOf([0x62, 0, 0, 0, 0, 0], Buffer.from(PAYLOAD))),
      other,
    );
    expect(await say(bytes, [signer])).toBe('SIGNATURE_CORRUPT');
  });
});

describe('an exported secret key', () => {
  it('verifies as its public one does, and keeps no secret', async () => {
    for (const settings of [{}, { kind: 'P-256', subkey: {} }] as const) {
      const signer = createOpenPgpSigner(settings);
      const by = 'subkey' in settings ? 'subkey' : 'primary';
      expect(await say(signer.sign(PAYLOAD, { by }), [signer.secretKeyBinary])).toBe('accepted');
      const text = Buffer.from(armored('PRIVATE KEY BLOCK', signer.secretKeyBinary));
      expect(await say(signer.sign(PAYLOAD, { by }), [text], { image: DIGEST })).toBe('accepted');
    }
  });
});
