import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMpi, splitPackets, writePacket } from '../../src/encoding/openpgp-packets.ts';
import { bytesOf, oldPacket, packet, partialPacket, TAG } from '../fixtures/openpgp/packets.ts';

const body = (length: number) => Buffer.alloc(length, 7);
const split = (bytes: Uint8Array) => {
  const packets = splitPackets(bytes, 8);
  return packets.ok
    ? packets.value.map(({ tag, body }) => [tag, body.length])
    : `${packets.failure.code}: ${packets.failure.message}`;
};
const MALFORMED = /^RESPONSE_MALFORMED: /;

describe('OpenPGP packets', () => {
  it.each([0, 1, 191, 192, 255, 256, 8383, 8384, 65_535, 65_536, 100_000])(
    'are split whatever form their length of %d has',
    (length) => {
      const next = packet(TAG.userId, body(3));
      const forms = [packet(TAG.signature, body(length)), oldPacket(TAG.signature, body(length), 4)];
      if (length < 256) forms.push(oldPacket(TAG.signature, body(length), 1));
      if (length < 65_536) forms.push(oldPacket(TAG.signature, body(length), 2));
      forms.push(Buffer.from(writePacket({ tag: TAG.signature, body: body(length) })));
      for (const form of forms) {
        expect(split(bytesOf(form, next))).toEqual([
          [TAG.signature, length],
          [TAG.userId, 3],
        ]);
      }
    },
  );

  it('are joined of their parts where they may be in parts', () => {
    const content = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 251));
    for (const power of [9, 10, 12]) {
      const packets = splitPackets(bytesOf(partialPacket(TAG.literal, content, power), packet(2, body(1))), 8);
      if (!packets.ok) return expect.fail(packets.failure.message);
      expect(packets.value.map(({ tag }) => tag)).toEqual([TAG.literal, 2]);
      expect(Buffer.from(packets.value[0]?.body ?? []).equals(content)).toBe(true);
    }
    expect(split(partialPacket(TAG.signature, content, 9))).toMatch(MALFORMED);
    expect(split(partialPacket(TAG.literal, content, 8))).toMatch(MALFORMED);
  });

  it('reach to the end without a length where they hold what is compressed, and nowhere else', () => {
    expect(split(oldPacket(TAG.compressed, body(5), 'indeterminate'))).toEqual([[TAG.compressed, 5]]);
    for (const tag of [TAG.literal, TAG.signature, TAG.publicKey])
      expect(split(oldPacket(tag, body(5), 'indeterminate'))).toMatch(MALFORMED);
  });

  it.each<readonly [string, readonly number[]]>([
    ['text', [0x41]],
    ['the tag 0', [0xc0, 0]],
    ['the tag 0 of the old format', [0x80, 0]],
    ['a header alone', [0xc2]],
    ['a length cut short', [0xc2, 0xff, 0, 0]],
    ['a length of two bytes cut short', [0xc2, 0xc0]],
    ['an old length cut short', [0x89, 1]],
    ['a body cut short', [0xc2, 5, 1, 2]],
    ['an enormous length', [0xc2, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
    ['an enormous old length', [0x8a, 0xff, 0xff, 0xff, 0xff, 1]],
    ['an enormous part', [0xcb, 0xfe, 1, 2, 3]],
    ['a part without a next', [0xcb, 0xe9, ...Array<number>(512).fill(1)]],
  ])('are refused: %s', (_what, bytes) => {
    expect(split(Buffer.from(bytes))).toMatch(MALFORMED);
  });

  it('are bounded in number, and so are their parts', () => {
    const one = packet(TAG.marker, body(0));
    expect(split(Buffer.concat(Array<Buffer>(8).fill(one)))).toHaveLength(8);
    expect(split(Buffer.concat(Array<Buffer>(9).fill(one)))).toMatch(/^LIMIT_EXCEEDED/);
    const tiny = Buffer.alloc(2 * 5000, Buffer.from([0xe0, 1]));
    expect(split(bytesOf([0xcb, 0xe9], body(512), tiny, [0]))).toMatch(/^LIMIT_EXCEEDED/);
  });

  it('never make the reader throw, and never hold more than there was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const packets = splitPackets(bytes, 8);
        const held = packets.ok ? packets.value.reduce((sum, { body }) => sum + body.length, 0) : 0;
        expect(held).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('come back as they were written', () => {
    const anyPacket = fc.record({ tag: fc.integer({ min: 1, max: 63 }), body: fc.uint8Array({ maxLength: 400 }) });
    fc.assert(
      fc.property(fc.array(anyPacket, { maxLength: 8 }), (packets) => {
        const read = splitPackets(bytesOf(...packets.map(writePacket)), 8);
        expect(read.ok && read.value.map(({ tag, body }) => [tag, ...body])).toEqual(
          packets.map(({ tag, body }) => [tag, ...body]),
        );
      }),
    );
  });
});

describe('numbers of any size', () => {
  it('end where their bits say, or are none', () => {
    expect(readMpi(Buffer.from([0, 9, 1, 0xff, 7]), 0)).toEqual({ value: Buffer.from([1, 0xff]), end: 4 });
    expect(readMpi(Buffer.from([9, 0, 1, 1]), 1)).toEqual({ value: Buffer.from([1]), end: 4 });
    expect(readMpi(Buffer.from([0, 0]), 0)).toEqual({ value: Buffer.from([]), end: 2 });
    for (const short of [[], [0], [0, 9, 1], [0xff, 0xff, 1]]) expect(readMpi(Buffer.from(short), 0)).toBeUndefined();
  });
});
