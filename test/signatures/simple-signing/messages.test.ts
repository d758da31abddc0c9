import { randomBytes } from 'node:crypto';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  armored,
  bytesOf,
  compressed,
  compressedBody,
  literal,
  literalBody,
  oldPacket,
  packet,
  partialPacket,
  TAG,
} from '../../fixtures/openpgp/packets.ts';
import { createOpenPgpSigner, simpleSigningPayload } from '../../fixtures/openpgp/signer.ts';
import { DIGEST, PAYLOAD, prove, refusal, say } from './fixture.ts';

const alice = createOpenPgpSigner();
const bob = createOpenPgpSigner();
const payload = Buffer.from(PAYLOAD);
const data = literal(payload);
const signature = alice.signatureOver(PAYLOAD);
const announcement = alice.announcement();
const message = bytesOf(announcement, data, signature);

/** A payload that takes several parts. */
const long = Buffer.from(simpleSigningPayload({ digest: DIGEST, optional: { creator: 'x'.repeat(3000) } }));

/** A message that compression hardly makes smaller. */
const noise = Buffer.from(
  simpleSigningPayload({ digest: DIGEST, optional: { noise: randomBytes(3000).toString('hex') } }),
);
const incompressible = bytesOf(announcement, literal(noise), alice.signatureOver(noise));

describe('the shapes of messages [openshift-containers 57]', () => {
  const taken: readonly (readonly [string, Uint8Array])[] = [
    ['compressed with ZIP, as gpg writes it', compressed(message, 'zip')],
    ['compressed with ZLIB', compressed(message, 'zlib')],
    ['not compressed', message],
    ['in the old form, the signature first', bytesOf(signature, data)],
    ['in the old form and compressed', compressed(bytesOf(signature, data))],
    [
      'compressed in a packet that does not say its length',
      oldPacket(TAG.compressed, compressedBody(message, 'zip'), 'indeterminate'),
    ],
    [
      'with headers of the old format',
      bytesOf(
        oldPacket(TAG.onePass, announcement.subarray(2), 1),
        oldPacket(TAG.literal, literalBody(payload), 4),
        oldPacket(TAG.signature, signature.subarray(2), 2),
      ),
    ],
    [
      'with a payload in parts',
      bytesOf(announcement, partialPacket(TAG.literal, literalBody(long), 9), alice.signatureOver(long)),
    ],
    ['with its compressed data in parts', partialPacket(TAG.compressed, compressedBody(incompressible, 'zip'), 9)],
    [
      'with a payload that calls itself text',
      bytesOf(announcement, packet(TAG.literal, literalBody(payload, 'u', 'a name')), signature),
    ],
    ['signed as text', alice.sign(PAYLOAD, { type: 1 })],
    ['armored, as a registry itself may give it', Buffer.from(armored('MESSAGE', message))],
  ];
  it.each(taken)('are taken: %s', async (_what, bytes) => {
    expect(await say(bytes, [alice])).toBe('accepted');
  });

  const encrypted = bytesOf(
    packet(TAG.encryptedSessionKey, Buffer.alloc(90, 3)),
    packet(TAG.protectedData, Buffer.alloc(200, 1)),
  );
  const refused: readonly (readonly [string, Uint8Array, string])[] = [
    ['nothing', Buffer.alloc(0), 'it is no OpenPGP message'],
    ['text', Buffer.from('hello'), 'it is no OpenPGP message'],
    ['a detached signature', signature, 'it is a detached signature, without its payload'],
    ['a payload alone', data, 'Unexpected GPG signature count 0'],
    ['a payload alone, compressed', compressed(data), 'Unexpected GPG signature count 0'],
    ['an encrypted message', encrypted, 'it is encrypted'],
    ['an encrypted message within a compressed one', compressed(encrypted), 'it is encrypted'],
    [
      'a clear-signed text',
      Buffer.from(`-----BEGIN PGP SIGNED MESSAGE-----\n\n${PAYLOAD}\n${armored('SIGNATURE', signature)}`),
      'it is clear-signed',
    ],
    ['an armored signature', Buffer.from(armored('SIGNATURE', signature)), 'it is a PGP SIGNATURE'],
    ['an armored key', Buffer.from(alice.publicKeyArmored), 'it is a PGP PUBLIC KEY BLOCK'],
    [
      'armor that is damaged',
      Buffer.from(armored('MESSAGE', message).replace('\n=', '\n=A')),
      'the armor cannot be read',
    ],
    [
      'two signers',
      bytesOf(alice.announcement(), bob.announcement(), data, bob.signatureOver(PAYLOAD), signature),
      'Unexpected GPG signature count 2',
    ],
    [
      'two signatures in the old form',
      bytesOf(signature, bob.signatureOver(PAYLOAD), data),
      'Unexpected GPG signature count 2',
    ],
    ['a signature on either side', bytesOf(signature, data, signature), 'Unexpected GPG signature count 2'],
    ['another payload behind', bytesOf(message, data), 'it carries more than one payload'],
    ['another payload behind the compressed message', bytesOf(compressed(message), data), 'more follows after'],
    ['bytes behind the message', bytesOf(compressed(message), Buffer.from('xyz')), 'a packet has no header'],
    [
      'bytes behind the compressed data',
      packet(TAG.compressed, bytesOf(compressedBody(message, 'zip'), [0])),
      'more follows after',
    ],
    ['a marker before', bytesOf(packet(TAG.marker, Buffer.from('PGP')), message), 'not those of a signed message'],
    ['a marker behind', bytesOf(message, packet(TAG.marker, Buffer.from('PGP'))), 'not those of a signed message'],
    ['the signature behind the payload, unannounced', bytesOf(data, signature), 'not those of a signed message'],
    ['compressed twice', compressed(compressed(message)), 'it is compressed twice'],
    ['compressed with BZIP2', compressed(message, 'bzip2'), 'another way than ZIP and ZLIB'],
    ['compressed with nothing', compressed(message, 'none'), 'another way than ZIP and ZLIB'],
    [
      'compressed with what is no deflate',
      packet(TAG.compressed, bytesOf([1], brotliCompressSync(message))),
      'its compressed data is broken',
    ],
    [
      'a payload without a length',
      bytesOf(signature, oldPacket(TAG.literal, literalBody(payload), 'indeterminate')),
      'does not say how long it is',
    ],
    [
      'a payload of a format that nobody knows',
      bytesOf(announcement, packet(TAG.literal, literalBody(payload, 'm')), signature),
      'its payload cannot be read',
    ],
    [
      'a payload shorter than its name',
      bytesOf(announcement, packet(TAG.literal, Buffer.from([0x62, 200, 0x61])), signature),
      'its payload cannot be read',
    ],
    [
      'an announcement of another hash',
      bytesOf(alice.announcement({ hash: 'sha512' }), data, signature),
      'it announces another signature',
    ],
    [
      'an announcement of another type',
      bytesOf(alice.announcement({ type: 1 }), data, signature),
      'it announces another signature',
    ],
    [
      'an announcement that more follow',
      bytesOf(announcement.subarray(0, -1), [0], data, signature),
      'it announces another signature',
    ],
  ];
  it.each(refused)('are refused: %s', async (_what, bytes, why) => {
    const { code, failed, message: text } = refusal(await prove(bytes, [alice, bob]));
    expect({ code, failed }).toEqual({ code: 'SIGNATURE_MALFORMED', failed: 'format' });
    expect(text).toContain(why);
  });
});

describe('one text shown and another verified [CVE-2025-47934, hostile]', () => {
  const evil = simpleSigningPayload({ digest: DIGEST, reference: 'registry.example/acme/evil:1.0' });
  const good = alice.signatureOver(PAYLOAD);
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['the signature of another payload', bytesOf(announcement, literal(Buffer.from(evil)), good)],
    ['the signature of another payload, in the old form', bytesOf(good, literal(Buffer.from(evil)))],
    ['two payloads, the signed one first', bytesOf(announcement, data, literal(Buffer.from(evil)), good)],
    ['two payloads, the signed one last', bytesOf(announcement, literal(Buffer.from(evil)), data, good)],
    ['a whole message behind an unsigned payload', bytesOf(literal(Buffer.from(evil)), message)],
    ['a whole message before an unsigned payload', bytesOf(message, literal(Buffer.from(evil)))],
    ['a detached signature before an unsigned message', bytesOf(good, compressed(literal(Buffer.from(evil))))],
    ['a signed message within the payload of another', bytesOf(announcement, literal(message), good)],
    ['a compressed message beside an unsigned payload', bytesOf(compressed(message), literal(Buffer.from(evil)))],
    ['a signature over nothing', bytesOf(announcement, literal(Buffer.from(evil)), alice.signatureOver(''))],
  ];
  it.each(cases)('is refused: %s', async (_what, bytes) => {
    expect(await say(bytes, [alice])).toMatch(/^SIGNATURE_(?:CORRUPT|MALFORMED)$/);
  });

  it('is not brought about by what the header of a payload says, which nobody signs', async () => {
    for (const name of ['', 'a', '{"critical":{}}', 'x'.repeat(255)]) {
      const bytes = bytesOf(announcement, packet(TAG.literal, literalBody(payload, 'b', name)), signature);
      const proof = await prove(bytes, [alice]);
      expect(proof).toMatchObject({ kind: 'proved', claims: { digest: DIGEST } });
    }
  });

  it('is not brought about by a clear-signed text whose header hides another [GHSA-qwqc-28w3-fww6]', async () => {
    const hidden = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n${evil}\n\n${PAYLOAD}\n${armored('SIGNATURE', alice.signatureOver(PAYLOAD, { type: 1 }))}`;
    expect(await say(Buffer.from(hidden), [alice])).toBe('SIGNATURE_MALFORMED');
    expect(await say(Buffer.from(`${armored('MESSAGE', data)}${hidden}`), [alice])).toBe('SIGNATURE_MALFORMED');
  });
});
