import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CborValue, parseCbor, writeCborBytes } from '../../src/encoding/cbor.ts';
import * as cbor from '../fixtures/notation/cbor-writer.ts';

const read = (hex: string) => parseCbor(Buffer.from(hex, 'hex'));
const codeOf = (hex: string): string => {
  const result = read(hex);
  return result.ok ? 'read' : result.failure.code;
};
/** A value in short: what was written, told again in JavaScript. */
function plain(value: CborValue): unknown {
  switch (value.kind) {
    case 'integer':
      return value.value;
    case 'bytes':
      return Buffer.from(value.bytes).toString('hex');
    case 'text':
      return { text: value.text };
    case 'array':
      return value.items.map(plain);
    case 'map':
      return new Map([...value.entries].map(([label, entry]) => [label, plain(entry)]));
    case 'tag':
      return { tag: value.number, content: plain(value.content) };
    case 'simple':
      return { simple: value.number };
    case 'float':
      return 'float';
  }
}
const plainOf = (hex: string): unknown => {
  const result = read(hex);
  return result.ok ? plain(result.value) : result.failure;
};

describe('strict CBOR', () => {
  it.each([
    ['00', 0n],
    ['17', 23n],
    ['1818', 24n],
    ['190100', 256n],
    ['1a000f4240', 1_000_000n],
    ['1bffffffffffffffff', 18_446_744_073_709_551_615n],
    ['20', -1n],
    ['3903e7', -1000n],
    ['3bffffffffffffffff', -18_446_744_073_709_551_616n],
    ['f4', { simple: 20 }],
    ['f6', { simple: 22 }],
    ['f8ff', { simple: 255 }],
    ['f93c00', 'float'],
    ['fa47c35000', 'float'],
    ['fb7e37e43c8800759c', 'float'],
    ['c11a514b67b0', { tag: 1n, content: 1_363_896_240n }],
    ['d818456449455446', { tag: 24n, content: '6449455446' }],
    ['40', ''],
    ['4401020304', '01020304'],
    ['60', { text: '' }],
    ['62225c', { text: '"\\' }],
    ['64f0908591', { text: '\u{10151}' }],
    ['80', []],
    ['8301820203820405', [1n, [2n, 3n], [4n, 5n]]],
    ['a0', new Map()],
    [
      'a201020304',
      new Map([
        [1n, 2n],
        [3n, 4n],
      ]),
    ],
    [
      'a26161016162820203',
      new Map<string, unknown>([
        ['a', 1n],
        ['b', [2n, 3n]],
      ]),
    ],
  ])('reads %s, of RFC 8949, appendix A', (hex, value) => {
    expect(plainOf(hex)).toEqual(value);
  });

  it.each([
    ['nothing', ''],
    ['more behind the value', '0000'],
    ['a number cut short', '19ff'],
    ['bytes cut short', '4301ff'],
    ['a text cut short', '62ff'],
    ['an array cut short', '8201'],
    ['a map cut short', 'a101'],
    ['a tag of nothing', 'c1'],
    ['reserved lengths', '1c'],
    ['bytes of indefinite length', '5f42010243030405ff'],
    ['a text of indefinite length', '7f61616161ff'],
    ['an array of indefinite length', '9f01ff'],
    ['a map of indefinite length', 'bf0101ff'],
    ['a break alone', 'ff'],
    ['a number longer than it needs to be', '1817'],
    ['a negative number longer than it needs to be', '390001'],
    ['a length longer than it needs to be', '580100'],
    ['a count longer than it needs to be', '980100'],
    ['a tag longer than it needs to be', 'd80101'],
    ['a number in eight bytes that has four', '1b00000000ffffffff'],
    ['a simple value longer than it needs to be', 'f814'],
    ['a reserved simple value', 'f81f'],
    ['a text that is not UTF-8', '61ff'],
    ['half a surrogate pair', '63eda080'],
    ['a label twice', 'a201000100'],
    ['a text as label twice', 'a2616100616100'],
    ['bytes as label', 'a1410000'],
    ['an array as label', 'a18000'],
    ['a tag as label', 'a1c10000'],
    ['a length of all memory', '5bffffffffffffffff'],
    ['a count of all memory', '9bffffffffffffffff'],
    ['a map of all memory', 'bbffffffffffffffff'],
    ['a length of 32 MiB', '5a02000000'],
  ])('refuses %s', (_, hex) => {
    expect(codeOf(hex)).toBe('RESPONSE_MALFORMED');
  });

  it('takes a number and a text of the same look for two labels', () => {
    expect(codeOf('a20100613100')).toBe('read');
  });

  it('calls depth and numbers of values beyond the bound a limit', () => {
    expect(codeOf(`${'81'.repeat(16)}00`)).toBe('read');
    expect(codeOf(`${'81'.repeat(17)}00`)).toBe('LIMIT_EXCEEDED');
    expect(codeOf(`${'c1'.repeat(17)}00`)).toBe('LIMIT_EXCEEDED');
    expect(codeOf('a100'.repeat(100_000))).toBe('LIMIT_EXCEEDED');
    const zeros = (count: number): string =>
      cbor.array(...Array.from({ length: count }, () => cbor.integer(0))).toString('hex');
    expect(codeOf(zeros(9_999))).toBe('read');
    expect(codeOf(zeros(10_000))).toBe('LIMIT_EXCEEDED');
  });

  it('reads what is written, and nothing in another form', () => {
    const leaf = fc.oneof(
      fc.integer().map((value) => cbor.integer(value)),
      fc.uint8Array({ maxLength: 300 }).map((content) => cbor.bytes(content)),
      fc.string({ unit: 'grapheme' }).map((content) => cbor.text(content)),
    );
    const tree = fc.letrec<{ value: Buffer }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', maxDepth: 8 },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }).map((items) => cbor.array(...items)),
        fc
          .uniqueArray(fc.tuple(fc.integer(), tie('value')), { selector: ([label]) => label, maxLength: 4 })
          .map((entries) => cbor.map(...entries.map(([label, value]) => [cbor.integer(label), value] as const))),
        fc.tuple(fc.nat(), tie('value')).map(([number, content]) => cbor.tag(number, content)),
      ),
    }));
    fc.assert(
      fc.property(tree.value, (bytes) => {
        const result = parseCbor(bytes);
        expect(result.ok && written(result.value).equals(bytes)).toBe(true);
        expect(parseCbor(bytes.subarray(0, -1)).ok).toBe(false);
        expect(parseCbor(Buffer.concat([bytes, bytes])).ok).toBe(false);
      }),
    );
  });

  it('never throws, whatever the bytes are, and tells them again as they were where it reads them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const result = parseCbor(bytes);
        if (result.ok && !hasFloat(result.value)) expect(Buffer.compare(written(result.value), bytes)).toBe(0);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([0, 23, 24, 255, 256, 65_535, 65_536])('writes %i bytes as they are signed', (length) => {
    const content = Buffer.alloc(length, 7);
    expect(Buffer.compare(writeCborBytes(content), cbor.bytes(content))).toBe(0);
  });
});

function hasFloat(value: CborValue): boolean {
  if (value.kind === 'array') return value.items.some(hasFloat);
  if (value.kind === 'map') return [...value.entries.values()].some(hasFloat);
  return value.kind === 'tag' ? hasFloat(value.content) : value.kind === 'float';
}

/** Writes a value again, in its one form. */
function written(value: CborValue): Buffer {
  switch (value.kind) {
    case 'integer':
      return integer(value.value);
    case 'bytes':
      return cbor.bytes(value.bytes);
    case 'text':
      return cbor.text(value.text);
    case 'array':
      return cbor.array(...value.items.map(written));
    case 'map':
      return cbor.map(
        ...[...value.entries].map(
          ([label, entry]) => [typeof label === 'string' ? cbor.text(label) : integer(label), written(entry)] as const,
        ),
      );
    case 'tag':
      return Buffer.concat([major(6, value.number), written(value.content)]);
    case 'simple':
      return value.number < 24 ? Buffer.from([0xe0 + value.number]) : Buffer.from([0xf8, value.number]);
    case 'float':
      return Buffer.alloc(0);
  }
}

const integer = (value: bigint): Buffer => (value < 0n ? major(1, -1n - value) : major(0, value));

/** As the fixture writes it, for numbers beyond those that are exact in JavaScript too. */
function major(type: number, value: bigint): Buffer {
  if (value < 2n ** 32n) return cbor.head(type, Number(value));
  const number = Buffer.alloc(9, (type << 5) | 27);
  number.writeBigUInt64BE(value, 1);
  return number;
}
