import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitPackets } from '../../../src/encoding/openpgp-packets.ts';
import type { TrustRef } from '../../../src/model/requirement.ts';
import { parseKeyring } from '../../../src/trust/openpgp/keyring.ts';
import { createMaterialLoader } from '../../../src/trust/proof-material.ts';
import { createTrustStore } from '../../../src/trust/trust-store.ts';
import { armored, bytesOf, oldPacket, packet, TAG } from '../../fixtures/openpgp/packets.ts';
import { createOpenPgpSigner } from '../../fixtures/openpgp/signer.ts';
import { describeVectors } from '../../fixtures/vectors.ts';

const alice = createOpenPgpSigner({ subkey: {} });
const bob = createOpenPgpSigner({ kind: 'RSA-2048' });
const carol = createOpenPgpSigner({ kind: 'P-256', subkey: {} });

const read = (bytes: Uint8Array | string): readonly string[] | string => {
  const keyring = parseKeyring(Buffer.from(bytes));
  return keyring.ok
    ? keyring.value.map(({ fingerprint }) => fingerprint)
    : `${keyring.failure.code}: ${keyring.failure.message}`;
};
const all = [alice.fingerprint, bob.fingerprint, carol.fingerprint];

/** A key packet of a version that nobody reads any more. */
const versioned = (version: number) =>
  bytesOf(
    packet(TAG.publicKey, Buffer.from([version, 0, 0, 0, 0, 0, 0, 1, 0, 8, 255])),
    packet(TAG.userId, Buffer.from('x')),
  );

describe('keyrings [openshift-containers 57]', () => {
  it.each<readonly [string, Uint8Array | string]>([
    ['binary, one key behind the other', bytesOf(alice.publicKeyBinary, bob.publicKeyBinary, carol.publicKeyBinary)],
    ['armored, each in its block', alice.publicKeyArmored + bob.publicKeyArmored + carol.publicKeyArmored],
    [
      'armored, all in one block',
      armored('PUBLIC KEY BLOCK', bytesOf(alice.publicKeyBinary, bob.publicKeyBinary, carol.publicKeyBinary)),
    ],
    [
      'armored, with text around',
      `pub  alice\n\n${alice.publicKeyArmored}\nand\n${bob.publicKeyArmored}${carol.publicKeyArmored}end\n`,
    ],
    [
      'with a key of version 3 among them, as gpg has it',
      bytesOf(alice.publicKeyBinary, versioned(3), bob.publicKeyBinary, carol.publicKeyBinary),
    ],
    ['as exported secret keys', bytesOf(alice.secretKeyBinary, bob.publicKeyBinary, carol.secretKeyBinary)],
    [
      'as armored secret keys',
      armored('PRIVATE KEY BLOCK', bytesOf(alice.secretKeyBinary, bob.publicKeyBinary, carol.secretKeyBinary)),
    ],
    [
      'with what gpg keeps for itself',
      bytesOf(
        alice.publicKeyBinary,
        oldPacket(TAG.trust, Buffer.from([0, 3]), 1),
        bob.publicKeyBinary,
        packet(63, Buffer.from('x')),
        carol.publicKeyBinary,
      ),
    ],
  ])('are read: %s', (_what, bytes) => {
    expect(read(bytes)).toEqual(all);
  });

  it.each<readonly [string, Uint8Array | string, string]>([
    ['nothing', '', 'it is empty'],
    ['text', 'not a key', 'it is no OpenPGP keyring'],
    [
      'a keybox',
      bytesOf([0, 0, 0, 32, 1, 1, 0, 2], Buffer.from('KBXf'), Buffer.alloc(20)),
      'it is a keybox of GnuPG (.kbx)',
    ],
    [
      'a public key in PEM',
      '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n',
      'it is a public key in PEM form',
    ],
    [
      'a certificate in PEM',
      '-----BEGIN CERTIFICATE-----\nMFkw\n-----END CERTIFICATE-----\n',
      'it is an X.509 certificate',
    ],
    ['a key of SSH', 'ssh-ed25519 AAAAC3Nz me', 'it is a key of SSH'],
    ['a page', '\n <html>', 'it is a page of HTML or XML'],
    ['an armored message', armored('MESSAGE', alice.sign('x')), 'it holds a PGP MESSAGE'],
    [
      'a key and an armored signature',
      alice.publicKeyArmored + armored('SIGNATURE', alice.signatureOver('x')),
      'it holds a PGP SIGNATURE',
    ],
    ['armor that is damaged', alice.publicKeyArmored.replace('\n=', '\n=A'), 'the armor cannot be read'],
    ['a message', alice.sign('x', { compression: 'none' }), 'it holds something that is no key'],
    ['a signature', alice.signatureOver('x'), 'it does not begin with a key'],
    ['a key and a message', bytesOf(alice.publicKeyBinary, alice.sign('x')), 'it holds something that is no key'],
    [
      'a user id before its key',
      bytesOf(packet(TAG.userId, Buffer.from('x')), alice.publicKeyBinary),
      'it does not begin with a key',
    ],
    ['a key cut short', alice.publicKeyBinary.subarray(0, -1), 'a packet is longer than what is there'],
    ['a key of version 3', versioned(3), 'it holds only keys of version 3'],
    ['keys of versions 2 and 5', bytesOf(versioned(2), versioned(5)), 'it holds only keys of version 2, 5'],
    ['an empty key packet', packet(TAG.publicKey, Buffer.alloc(0)), 'it holds only keys of version 0'],
    ['a key without anything', packet(TAG.publicKey, Buffer.from([4, 0, 0])), 'broken or of an unknown algorithm'],
    [
      'a secret key of an algorithm that nobody knows',
      packet(TAG.secretKey, Buffer.from([4, 0, 0, 0, 0, 99, 1])),
      'a secret key in it is broken',
    ],
    [
      'a secret key cut short',
      packet(TAG.secretKey, Buffer.from([4, 0, 0, 0, 0, 1, 8, 0, 1])),
      'a secret key in it is broken',
    ],
    [
      'more keys than are read',
      Buffer.concat(Array<Uint8Array>(1001).fill(packet(TAG.publicKey, Buffer.from([4, 0, 0, 0, 0, 1])))),
      'more than 1000 keys',
    ],
    ['more bytes than are read', Buffer.alloc(1024 * 1024 + 1, 0x99), 'it is larger than'],
  ])('are refused: %s', (_what, bytes, why) => {
    const said = read(bytes);
    expect(said).toMatch(/^TRUST_MATERIAL_UNAVAILABLE: No public keys imported: /);
    expect(said).toContain(why);
  });

  it('know subkeys by their ids, and nothing of their secrets', () => {
    const keyring = parseKeyring(alice.secretKeyBinary);
    if (!keyring.ok) return expect.fail(keyring.failure.message);
    const [certificate] = keyring.value;
    expect(certificate.keys.map(({ keyId }) => keyId.toUpperCase())).toEqual([alice.keyId, alice.subkeyId]);
    // Ed25519 signs the same with the same bytes, so that the public keyring is the same to the last of them.
    expect(packetsIn(certificate.bytes)).toEqual(packetsIn(alice.publicKeyBinary));
  });

  it('are read or refused, and never make the reader throw, whatever is changed in them', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), fc.boolean(), (at, byte, isSecret) => {
        const bytes = Buffer.from(isSecret ? carol.secretKeyBinary : carol.publicKeyBinary);
        bytes[at % bytes.length] = byte;
        parseKeyring(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

/** The tags and bodies of packets, whatever their headers are like. */
function packetsIn(bytes: Uint8Array): readonly string[] {
  const packets = splitPackets(bytes, 100);
  if (!packets.ok) return expect.fail(packets.failure.message);
  return packets.value.map(({ tag, body }) => `${tag} ${Buffer.from(body).toString('hex')}`);
}

describe('keyrings of a policy', () => {
  const text = (bytes: string): TrustRef => ({ kind: 'inline', text: bytes });
  const binary = (bytes: Uint8Array): TrustRef => ({ kind: 'binary', base64: Buffer.from(bytes).toString('base64') });

  it('are all read or none, in the order in which they are named', () => {
    const store = createTrustStore();
    const loaded = store.keyrings([text(bob.publicKeyArmored), binary(alice.publicKeyBinary)]);
    expect(loaded.ok && loaded.value.certificates.map(({ fingerprint }) => fingerprint)).toEqual([
      bob.fingerprint,
      alice.fingerprint,
    ]);
    expect(store.keyrings([text(bob.publicKeyArmored), text('')])).toMatchObject({
      ok: false,
      failure: { code: 'TRUST_MATERIAL_UNAVAILABLE' },
    });
  });

  it('stay the same objects for the same bytes, so that a certificate is read once', () => {
    const store = createTrustStore();
    const [first, second] = [
      store.keyrings([binary(alice.publicKeyBinary)]),
      store.keyrings([binary(alice.publicKeyBinary)]),
    ];
    expect(first.ok && second.ok && first.value.certificates[0] === second.value.certificates[0]).toBe(true);
  });

  it('are other material where a key is revoked or extended, or where weak algorithms count', () => {
    const material = createMaterialLoader(createTrustStore());
    const hash = (keyring: Uint8Array, weakAlgorithms: 'refuse' | 'accept' = 'refuse') => {
      const loaded = material({ kind: 'openpgp', keyrings: [binary(keyring)], weakAlgorithms });
      return loaded.ok ? loaded.value.hash : expect.fail(loaded.failure.message);
    };
    const hashes = [
      hash(bob.publicKeyBinary),
      hash(bob.publicKeyBinary, 'accept'),
      hash(bytesOf(bob.publicKeyBinary, packet(TAG.userId, Buffer.from('other')))),
    ];
    expect(new Set(hashes).size).toBe(3);
    expect(hash(bob.publicKeyBinary)).toBe(hashes[0]);
  });
});

describeVectors('containers-image/fixtures', 'the keyrings of containers/image', (fixtures) => {
  it.each([
    ['public-key.gpg', ['08cd26e446e2e95249b7a405e932f44b23e8dd43']],
    ['public-key-1.gpg', ['08cd26e446e2e95249b7a405e932f44b23e8dd43']],
    ['public-key-2.gpg', ['f2b501009f78b0b340221a12a3cd242da6028093']],
    ['public-key-with-subkey.gpg', ['b9f4cdb9fd8c475bfa340ac38d54a947ee396f36']],
    ['public-key-with-revoked-subkey.gpg', ['6d88c5a1993648a17b2bb0dc6b8499af63388d63']],
    [
      'pubring.gpg',
      [
        'f2b501009f78b0b340221a12a3cd242da6028093',
        '08cd26e446e2e95249b7a405e932f44b23e8dd43',
        'b9f4cdb9fd8c475bfa340ac38d54a947ee396f36',
        '6d88c5a1993648a17b2bb0dc6b8499af63388d63',
      ],
    ],
  ])('hold the keys that they are said to hold: %s', (file, fingerprints) => {
    expect(read(readFileSync(join(fixtures, file)))).toEqual(fingerprints);
  });

  it('of other formats are refused', () => {
    expect(read(readFileSync(join(fixtures, 'cosign.pub')))).toContain('in PEM form');
    expect(read(readFileSync(join(fixtures, 'policy.json')))).toContain('it is no OpenPGP keyring');
    expect(read(readFileSync(join(fixtures, 'image.signature')))).toContain('something that is no key');
  });
});
