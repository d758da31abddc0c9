import { describe, expect, it } from 'vitest';
import { bytesOf, compressed, literal, packet, TAG, uint } from '../../fixtures/openpgp/packets.ts';
import { createOpenPgpSigner, simpleSigningPayload } from '../../fixtures/openpgp/signer.ts';
import { DIGEST, PAYLOAD, say } from './fixture.ts';

const alice = createOpenPgpSigner();
const keyrings = [alice];

/** More attempts than this are not made for one image. */
const ATTEMPTS = 128;

/** A message with any payload and a signature over another, which names the policy's key as anybody can. */
function forged(payload: Uint8Array, signature: Uint8Array, type = 0): Uint8Array {
  return compressed(bytesOf(alice.announcement({ type }), literal(payload), signature));
}

/** A subpacket of a signature. */
const subpacket = (type: number, data: Uint8Array): Uint8Array =>
  bytesOf([0xff], uint(data.length + 1, 4), [type], data);

/** A signature by Ed25519 that names the policy's key, with these subpackets that are not signed. */
function naming(unsigned: Uint8Array): Uint8Array {
  const created = subpacket(2, uint(Date.UTC(2025, 0, 1) / 1000, 4));
  const all = bytesOf(subpacket(16, Buffer.from(alice.keyId, 'hex')), unsigned);
  const number = bytesOf(uint(8, 2), [0xff]);
  return bytesOf([4, 0, 22, 8], uint(created.length, 2), created, uint(all.length, 2), all, [0, 0], number, number);
}

describe('a flood of forged signatures that name the policy’s key [hostile]', () => {
  // Over text each line end of the payload is a piece of its own: a megabyte of them, which takes a kilobyte to send, took
  // more than a tenth of a second, and 128 of those all the time that a decision has.
  it('is not hashed line by line: a payload larger than any tool writes is not read', async () => {
    const lines = Buffer.alloc(512 * 1024, '\n');
    const message = forged(lines, alice.signatureOver('something else', { type: 1 }), 1);
    expect(message.length).toBeLessThan(2_000);
    expect(await say(message, keyrings)).toBe('unread LIMIT_EXCEEDED');
    expect(await say(alice.sign(Buffer.alloc(16 * 1024 + 1, ' '), { compression: 'none' }), keyrings)).toBe(
      'unread LIMIT_EXCEEDED',
    );
  });

  it('has room for whatever an honest signature says', async () => {
    const long = simpleSigningPayload({ digest: DIGEST, optional: { creator: 'x'.repeat(15_000) } });
    expect(await say(alice.sign(long), keyrings)).toBe('accepted');
    expect(await say(alice.sign(long, { type: 1, compression: 'none' }), keyrings)).toBe('accepted');
  });

  const empty = bytesOf([1, 100]);
  let nested = naming(Buffer.alloc(0));
  for (let next = nested; next.length < 8 * 1024; next = naming(subpacket(32, next))) nested = next;
  it.each([
    ['of line ends as payload', forged(Buffer.alloc(16 * 1024, '\n'), alice.signatureOver('other', { type: 1 }), 1)],
    [
      'of empty subpackets',
      bytesOf(packet(TAG.signature, naming(Buffer.alloc(8_000, empty))), literal(Buffer.from(PAYLOAD))),
    ],
    ['of signatures in signatures', bytesOf(packet(TAG.signature, nested), literal(Buffer.from(PAYLOAD)))],
  ])('leaves a decision its time: one %s', async (_, message) => {
    await say(message, keyrings);
    const before = process.cpuUsage();
    const said = await Promise.all(Array.from({ length: ATTEMPTS }, () => say(message, keyrings)));
    const { user } = process.cpuUsage(before);
    expect(new Set(said)).toEqual(new Set(['SIGNATURE_CORRUPT']));
    // Some 0.3 to 0.6 s where this was measured; microseconds here.
    expect(user).toBeLessThan(2_500_000);
  });

  it('is not taken apart where a signature is larger than any tool makes it', async () => {
    const signature = packet(TAG.signature, naming(Buffer.alloc(9_000, empty)));
    const message = bytesOf(signature, literal(Buffer.from(PAYLOAD)));
    expect(await say(message, keyrings)).toBe('unread LIMIT_EXCEEDED');
  });
});
