import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asArray, asObject, asStringMap, parseStrictJson, stringAt } from '../../src/encoding/strict-json.ts';

const codeOf = (input: string | Uint8Array, maxDepth?: number): string => {
  const result = parseStrictJson(input, maxDepth === undefined ? {} : { maxDepth });
  return result.ok ? 'ok' : result.failure.code;
};
const valueOf = (input: string | Uint8Array): unknown => {
  const result = parseStrictJson(input);
  return result.ok ? result.value : result.failure;
};

describe('strict JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), (text) => {
        expect(valueOf(text)).toEqual(JSON.parse(text));
        expect(valueOf(Buffer.from(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0eE+-.123truefalsn \n\t'.split('')) }), (text) => {
        let accepted = true;
        try {
          JSON.parse(text);
        } catch (error) {
          accepted = !(error instanceof SyntaxError);
        }
        if (!accepted) expect(codeOf(text)).toBe('RESPONSE_MALFORMED');
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['a key written twice', '{"a":1,"a":2}'],
    ['a key written twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['a key written twice deep inside', '[{"x":{"k":1,"k":1}}]'],
    ['trailing data', '{} {}'],
    ['a trailing comma', '[1,]'],
    ['a byte order mark', '\ufeff{}'],
    ['half a surrogate pair', '"\\ud800"'],
    ['a number out of range', '1e999'],
    ['a leading zero', '01'],
    ['a control character', '"\u0001"'],
    ['nothing', ''],
    ['a word cut short', 'tru'],
    ['an escape cut short', '"\\u12'],
  ])('refuses %s', (_, text) => {
    expect(codeOf(text)).toBe('RESPONSE_MALFORMED');
  });

  it('refuses bytes that are not UTF-8, and a byte order mark in bytes', () => {
    expect(codeOf(Buffer.from([0x22, 0xff, 0x22]))).toBe('RESPONSE_MALFORMED');
    expect(codeOf(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBe('RESPONSE_MALFORMED');
  });

  it('calls depth beyond the bound a limit, and survives a million brackets', () => {
    expect(codeOf('['.repeat(64) + ']'.repeat(64))).toBe('ok');
    expect(codeOf('['.repeat(65) + ']'.repeat(65))).toBe('LIMIT_EXCEEDED');
    expect(codeOf('['.repeat(1_000_000))).toBe('LIMIT_EXCEEDED');
    expect(codeOf('{"a":{"b":1}}', 1)).toBe('LIMIT_EXCEEDED');
  });

  it('calls more values than are read a limit, however short they are', () => {
    expect(codeOf(`[${'{},'.repeat(1_000_000)}{}]`)).toBe('LIMIT_EXCEEDED');
    expect(parseStrictJson('[1,2]', { maxValues: 2 })).toMatchObject({ failure: { code: 'LIMIT_EXCEEDED' } });
    expect(parseStrictJson('[1,2]', { maxValues: 3 }).ok).toBe(true);
  });

  it('gives objects that inherit nothing, whatever their keys are', () => {
    const value = asObject(parsed('{"__proto__":{"polluted":true},"constructor":1}'));
    expect(value && Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(value?.['toString']).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('takes time in proportion to the input', () => {
    const escapes = `"${'\\u0061'.repeat(300_000)}"`;
    const keys = `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join()}}`;
    const started = performance.now();
    expect(codeOf(escapes)).toBe('ok');
    expect(codeOf(keys)).toBe('ok');
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('has readers that give undefined for anything of another shape', () => {
    expect(asObject(parsed('[]'))).toBeUndefined();
    expect(asObject(parsed('null'))).toBeUndefined();
    expect(asArray(parsed('{}'))).toBeUndefined();
    expect(asArray(parsed('[1]'))).toEqual([1]);
    expect(asStringMap(parsed('{"a":"b"}'))).toEqual({ a: 'b' });
    expect(asStringMap(parsed('{"a":1}'))).toBeUndefined();
    expect(stringAt({ a: 1, b: 'c' }, 'a')).toBeUndefined();
    expect(stringAt({ a: 1, b: 'c' }, 'b')).toBe('c');
  });
});

function parsed(text: string) {
  const result = parseStrictJson(text);
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}
