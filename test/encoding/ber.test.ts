import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derFromBer } from '../../src/encoding/ber.ts';
import { element } from '../../src/encoding/der-writer.ts';
import { berOf, derOf, indefinite, longLength, type Tree } from '../fixtures/ber.ts';
import { issueIntermediate, issueRoot } from '../fixtures/certificates.ts';

const primitive = fc.record({
  tag: fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x17, 0x18, 0x80, 0x81, 0x9e),
  content: fc.uint8Array({ maxLength: 300 }),
});
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    primitive,
    fc.record({ tag: fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), children: fc.array(tie('tree'), { maxLength: 5 }) }),
  ),
}));

const rewritten = (...bytes: readonly (Uint8Array | number)[]): string | undefined => {
  const der = derFromBer(Buffer.concat(bytes.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))));
  return der === undefined ? undefined : Buffer.from(der).toString('hex');
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const octets = (text: string): Uint8Array => element(0x04, Buffer.from(text));
const NULL = element(0x05);

describe('BER is rewritten as DER', () => {
  it('byte for byte the same where it is DER, or signatures in it would break', () => {
    const root = issueRoot();
    for (const { der } of [root, issueIntermediate(root)]) expect(rewritten(der)).toBe(hex(der));
    fc.assert(
      fc.property(tree, (any) => {
        expect(rewritten(derOf(any))).toBe(hex(derOf(any)));
      }),
    );
  });

  it('whatever forms it chose', () => {
    fc.assert(
      fc.property(tree, fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 200 }), (any, chosen) => {
        let at = 0;
        const ber = berOf(any, (below) => (chosen[at++ % chosen.length] ?? 0) % below);
        expect(rewritten(ber)).toBe(hex(derOf(any)));
      }),
    );
  });

  it.each<readonly [string, Uint8Array, Uint8Array]>([
    ['an indefinite length', indefinite(0x30, NULL), element(0x30, NULL)],
    ['one within another', indefinite(0xa0, indefinite(0x31, NULL), NULL), element(0xa0, element(0x31, NULL), NULL)],
    ['nothing in it', indefinite(0x30), element(0x30)],
    ['a length longer than it need be', longLength(0x02, Buffer.of(1), 4), element(0x02, Buffer.of(1))],
    ['zeros in a content, which end nothing', indefinite(0x30, octets('\0\0\0')), element(0x30, octets('\0\0\0'))],
    ['an octet string in pieces', element(0x24, octets('ab'), octets(''), octets('c')), octets('abc')],
    ['pieces in pieces', indefinite(0x24, octets('a'), indefinite(0x24, octets('b'), octets('c'))), octets('abc')],
    ['no piece at all', element(0x24), octets('')],
  ])('with %s', (_, ber, der) => {
    expect(rewritten(ber)).toBe(hex(der));
  });

  it.each<readonly [string, readonly (Uint8Array | number)[]]>([
    ['nothing', []],
    ['a tag alone', [0x30]],
    ['a length cut short', [0x30, 0x82, 1]],
    ['a content cut short', [0x04, 5, 1, 2]],
    ['an enormous length', [0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 1]],
    ['a length of five octets', [longLength(0x04, Buffer.of(1), 5)]],
    ['a length that BER reserves', [0x04, 0xff, 0]],
    ['an indefinite length of what has no parts', [0x04, 0x80, 0, 0]],
    ['an indefinite length that never ends', [0x30, 0x80, NULL]],
    ['half of an end', [0x30, 0x80, NULL, 0]],
    ['an end where none is due', [element(0x30, Buffer.of(0, 0))]],
    ['an end by itself', [0, 0]],
    ['more behind it', [NULL, 0]],
    ['a second element', [NULL, NULL]],
    ['a part that is longer than the whole', [0x30, 3, 0x04, 5, 1, 2, 3, 4, 5]],
    ['a tag number above 30', [element(0x30, Buffer.of(0x1f, 0x81, 0x00, 0))]],
    ['a tag number above 30 of its own class', [Buffer.of(0xbf, 0x20, 0)]],
    ['a list that is not constructed', [Buffer.of(0x10, 0)]],
    ['a set that is not constructed', [Buffer.of(0x11, 0)]],
    ['an INTEGER in pieces', [element(0x22, element(0x02, Buffer.of(1)))]],
    ['a BIT STRING in pieces, whose spare bits could be anywhere', [element(0x23, element(0x03, Buffer.of(0, 1)))]],
    ['text in pieces', [element(0x2c, element(0x0c, Buffer.of(0x41)))]],
    ['an octet string of pieces of another type', [element(0x24, element(0x0c, Buffer.of(0x41)))]],
  ])('not where there is %s', (_, parts) => {
    expect(rewritten(...parts)).toBeUndefined();
  });

  it('not when it is nested or cut up beyond all use', () => {
    const nested = (depth: number): Uint8Array => (depth === 0 ? NULL : element(0x30, nested(depth - 1)));
    expect(rewritten(nested(31))).toBe(hex(nested(31)));
    expect(rewritten(nested(32))).toBeUndefined();
    const list = (length: number) => element(0x30, Buffer.concat(Array.from({ length }, () => NULL)));
    expect(rewritten(list(4095))).toBe(hex(list(4095)));
    expect(rewritten(list(4096))).toBeUndefined();
    const pieces = (length: number) => indefinite(0x24, ...Array.from({ length }, () => octets('a')));
    expect(rewritten(pieces(4096))).toBeUndefined();
  });

  it('or not, and never throws: what comes out is DER and no longer than what went in', () => {
    const some = fc.constantFrom(0x30, 0x80, 0x24, 0x04, 0x00, 0x01, 0x02, 0x81, 0x84, 0xa0, 0xff);
    const bytes = fc.array(fc.oneof(some, fc.nat({ max: 255 })), { maxLength: 60 });
    let accepted = 0;
    fc.assert(
      fc.property(bytes, (any) => {
        const input = Buffer.from(any);
        const der = derFromBer(input);
        if (der === undefined) return;
        accepted++;
        expect(der.length).toBeLessThanOrEqual(input.length);
        expect(rewritten(der)).toBe(hex(der));
      }),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it.each<readonly [string, Buffer]>([
    ['lists within lists', Buffer.alloc(65_536, Buffer.of(0x30, 0x80))],
    ['octet strings within octet strings', Buffer.alloc(65_536, Buffer.of(0x24, 0x80))],
    [
      'nothing but empty elements',
      Buffer.concat([Buffer.of(0x30, 0x80), Buffer.alloc(65_532, Buffer.of(5, 0)), Buffer.of(0, 0)]),
    ],
    ['nothing but ends', Buffer.concat([Buffer.of(0x30, 0x80), Buffer.alloc(65_534)])],
  ])('not slowly from 64 KiB of %s', (_, bomb) => {
    const before = process.threadCpuUsage();
    expect(derFromBer(bomb)).toBeUndefined();
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(100);
  });
});
