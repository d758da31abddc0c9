import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  compressed,
  compressedBody,
  literal,
  packet,
  partialPacket,
  TAG,
} from '../../fixtures/openpgp/packets.ts';
import { createOpenPgpSigner, simpleSigningPayload } from '../../fixtures/openpgp/signer.ts';
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from '../mutation-count.ts';
import { bytewise, pick, type Random, randomness } from '../mutators.ts';
import { DIGEST, NOW, PAYLOAD, prove, say } from './fixture.ts';

const alice = createOpenPgpSigner();
const bob = createOpenPgpSigner({ kind: 'RSA-2048', subkey: { kind: 'P-256' } });
const keyrings = [alice, bob];

const REFUSED =
  /^(?:SIGNATURE_(?:MALFORMED|CORRUPT|MISMATCH)|KEY_(?:UNFIT|EXPIRED|NOT_YET_VALID)|ALGORITHM_WEAK|PAYLOAD_\w+|unread LIMIT_EXCEEDED)$/;

describe('changed messages [hostile]', () => {
  const forms: readonly (readonly [string, Uint8Array])[] = [
    ['of Ed25519, not compressed', alice.sign(PAYLOAD, { compression: 'none' })],
    ['of Ed25519, compressed', alice.sign(PAYLOAD)],
    ['of RSA in the old form', bob.sign(PAYLOAD, { shape: 'signature-first', compression: 'none' })],
    ['of a subkey by ECDSA, in ZLIB', bob.sign(PAYLOAD, { by: 'subkey', compression: 'zlib' })],
    ['of version 3', bob.sign(PAYLOAD, { version: 3, compression: 'none' })],
  ];
  it.each(forms)(
    mutations('are never accepted with another meaning, and nothing is thrown: %s'),
    async (_form, message) => {
      const random = randomness(SEED);
      expect(await say(message, keyrings)).toBe('accepted');
      for (let i = 0; i < MUTATIONS; i++) {
        const changed = bytewise(message, random);
        if (changed.equals(message)) continue;
        const said = await quickly(`mutation ${i}`, () => say(changed, keyrings));
        if (said === 'accepted') await expectSameClaims(message, changed, i);
        else expect(said, `mutation ${i}`).toMatch(REFUSED);
      }
    },
    MUTATIONS_TIMEOUT,
  );

  /**
   * What may change without anybody having signed it: headers, the key id that the announcement names, the name and the date
   * of the literal, what stands in the signature beside what it is over. What it says never does.
   */
  async function expectSameClaims(message: Uint8Array, changed: Buffer, mutation: number): Promise<void> {
    const [before, after] = [await prove(message, keyrings), await prove(changed, keyrings)];
    expect(after, `mutation ${mutation}`).toEqual(before);
  }

  it(
    mutations('are never accepted about another image, whatever was changed'),
    async () => {
      const other = simpleSigningPayload({ digest: `sha256:${'0'.repeat(64)}` });
      const message = alice.sign(other, { compression: 'none' });
      const random = randomness(SEED);
      for (let i = 0; i < MUTATIONS; i++) expect(await say(bytewise(message, random), keyrings)).not.toBe('accepted');
    },
    MUTATIONS_TIMEOUT,
  );

  it('that are cut short are refused wherever they end', async () => {
    for (const message of [alice.sign(PAYLOAD), alice.sign(PAYLOAD, { compression: 'none' })]) {
      for (let length = 0; length < message.length; length++)
        expect(await say(message.subarray(0, length), keyrings), `${length} bytes`).toMatch(REFUSED);
    }
  });

  it(
    mutations('that are put together of parts of others are never accepted'),
    async () => {
      const random = randomness(SEED);
      for (let i = 0; i < MUTATIONS; i++) {
        const said = await quickly(`message ${i}`, () => say(puzzle(random), keyrings));
        expect(said, `message ${i}`).toMatch(REFUSED);
      }
    },
    MUTATIONS_TIMEOUT,
  );
});

const evil = Buffer.from(simpleSigningPayload({ digest: DIGEST, reference: 'registry.example/acme/evil:1' }));
const [good, announced, byAlice] = [literal(Buffer.from(PAYLOAD)), alice.announcement(), alice.signatureOver(PAYLOAD)];
const [old, announcedSubkey, bySubkey] = [
  bob.signatureOver(PAYLOAD, { version: 3 }),
  bob.announcement({ by: 'subkey' }),
  bob.signatureOver(PAYLOAD, { by: 'subkey' }),
];
const [whole, plain] = [alice.sign(PAYLOAD), alice.sign(PAYLOAD, { compression: 'none' })];

/** What is put together as it should be; a message that was compressed must not be again. */
const SOUND: readonly (readonly Uint8Array[])[] = [
  [announced, good, byAlice],
  [announcedSubkey, good, bySubkey],
  [byAlice, good],
  [old, good],
  [bySubkey, good],
  [plain],
  [whole],
];
const PIECES: readonly Uint8Array[] = [
  ...[good, announced, byAlice, old, announcedSubkey, bySubkey, whole, plain],
  literal(evil),
  alice.publicKeyBinary,
  packet(TAG.marker, Buffer.from('PGP')),
  packet(TAG.protectedData, Buffer.alloc(40)),
  partialPacket(TAG.literal, Buffer.alloc(700), 9),
];

/** Some packets in some order, some of them compressed; never a message as a signer writes it. */
function puzzle(random: Random): Uint8Array {
  for (;;) {
    const pieces = Array.from({ length: 1 + random(5) }, () => pick(PIECES, random));
    const isSound = SOUND.some(
      (each) => each.length === pieces.length && each.every((piece, at) => piece === pieces[at]),
    );
    if (isSound) continue;
    const bytes = bytesOf(...pieces);
    return random(2) === 0 ? bytes : compressed(bytes, pick(['zip', 'zlib'], random));
  }
}

describe('messages that are made to cost [hostile]', () => {
  const nested = (depth: number): Uint8Array => {
    let message: Uint8Array = alice.sign(PAYLOAD, { compression: 'none' });
    for (let i = 0; i < depth; i++) message = compressed(message);
    return message;
  };
  /** A signature of version 4 with so many bytes of subpackets that nobody signed. */
  const unsigned = (subpackets: Uint8Array): Uint8Array => {
    const body = Buffer.from(alice.signatureOver(PAYLOAD, { withFingerprint: false })).subarray(2);
    const hashed = 6 + body.readUInt16BE(4);
    const rest = body.subarray(hashed + 2 + body.readUInt16BE(hashed));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(subpackets.length);
    return packet(TAG.signature, bytesOf(body.subarray(0, hashed), length, subpackets, rest));
  };
  const embedded = (depth: number): Uint8Array => {
    let inner: Uint8Array = Buffer.from([4, 0, 22, 8, 0, 6, 5, 2, 0, 0, 0, 1, 0, 0, 0, 0]);
    for (let i = 0; i < depth; i++) {
      const size = [255, 0, 0, (inner.length + 1) >> 8, (inner.length + 1) & 255];
      const around = bytesOf(size, [32], inner);
      const length = [around.length >> 8, around.length & 255];
      inner = bytesOf([4, 0, 22, 8, 0, 6, 5, 2, 0, 0, 0, 1], length, around);
    }
    const around = bytesOf([255, 0, 0, (inner.length + 1) >> 8, (inner.length + 1) & 255], [32], inner);
    return unsigned(around);
  };
  const data = literal(Buffer.from(PAYLOAD));
  const enormous = Buffer.from([0xc2, 0xff, 0xff, 0xff, 0xff, 0xff]);

  const costly: readonly (readonly [string, Uint8Array, string])[] = [
    ['that decompresses to a gigabyte', compressed(Buffer.alloc(64 * 1024 * 1024), 'zip'), 'unread LIMIT_EXCEEDED'],
    [
      'that decompresses to one byte too many, in ZLIB',
      compressed(Buffer.alloc(32 * 1024 + 1), 'zlib'),
      'unread LIMIT_EXCEEDED',
    ],
    ['that is compressed twice', nested(2), 'SIGNATURE_MALFORMED'],
    ['that is compressed a thousand times', nested(1000), 'SIGNATURE_MALFORMED'],
    [
      'of a thousand packets',
      Buffer.concat(Array<Uint8Array>(1000).fill(alice.announcement())),
      'unread LIMIT_EXCEEDED',
    ],
    [
      'of a thousand packets, compressed',
      compressed(Buffer.concat(Array<Uint8Array>(1000).fill(data))),
      'unread LIMIT_EXCEEDED',
    ],
    ['that says it is four gigabytes long', enormous, 'SIGNATURE_MALFORMED'],
    [
      'whose payload says so',
      bytesOf(
        alice.announcement(),
        [0xcb, 0xff, 0xff, 0xff, 0xff, 0xff],
        PAYLOAD.split('').map((c) => c.charCodeAt(0)),
      ),
      'SIGNATURE_MALFORMED',
    ],
    [
      'whose parts never end',
      bytesOf([0xcb, 0xe9], Buffer.alloc(512), Buffer.alloc(200_000, Buffer.from([0xe0, 1]))),
      'unread LIMIT_EXCEEDED',
    ],
    [
      'with a signature of a megabyte',
      bytesOf(packet(TAG.signature, Buffer.alloc(1_000_000, 4)), data),
      'unread LIMIT_EXCEEDED',
    ],
    [
      'with a thousand empty subpackets',
      bytesOf(unsigned(Buffer.alloc(2000, Buffer.from([1, 60]))), data),
      'SIGNATURE_MISMATCH',
    ],
    ['with signatures within signatures', bytesOf(embedded(400), data), 'SIGNATURE_MALFORMED'],
    [
      'whose subpackets reach beyond it',
      bytesOf(unsigned(Buffer.from([255, 255, 255, 255, 255, 16])), data),
      'SIGNATURE_MALFORMED',
    ],
    [
      'whose compressed data is all there is of it',
      packet(TAG.compressed, compressedBody(Buffer.alloc(0), 'zip')),
      'SIGNATURE_MALFORMED',
    ],
    [
      'of armor without an end',
      Buffer.from(`-----BEGIN PGP MESSAGE-----\n\n${'AAAA\n'.repeat(150_000)}`),
      'SIGNATURE_MALFORMED',
    ],
    ['of dashes', Buffer.from(`-----BEGIN PGP MESSAGE-----${'-'.repeat(500_000)}`), 'SIGNATURE_MALFORMED'],
  ];
  it.each(costly)('are refused before they do: one %s', async (what, message, said) => {
    await say(alice.sign(PAYLOAD), keyrings);
    expect(await quickly(what, () => say(message, keyrings, { now: NOW }))).toBe(said);
  });
});
