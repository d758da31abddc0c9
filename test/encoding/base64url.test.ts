import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64Url } from '../../src/encoding/base64.ts';

const decoded = (text: string): string => {
  const result = decodeBase64Url(text);
  return result.ok ? Buffer.from(result.value).toString('latin1') : result.failure.code;
};

describe('base64url without padding', () => {
  it('reads what is written so, and only in that one form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64url');
        const result = decodeBase64Url(text);
        expect(result.ok && Buffer.compare(result.value, bytes)).toBe(0);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'AQgwZz09-_+/=\n é'.split('')), maxLength: 8 }), (text) => {
        const result = decodeBase64Url(text);
        if (result.ok) expect(Buffer.from(result.value).toString('base64url')).toBe(text);
        else expect(Buffer.from(text, 'base64url').toString('base64url')).not.toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['padding', 'QQ=='],
    ['a digit alone', 'QUJDR'],
    ['bits behind the end of one byte', 'QR'],
    ['bits behind the end of two bytes', 'QUJ'],
    ['the standard alphabet', '+/+/'],
    ['a line end', 'QUJD\n'],
    ['a letter beyond ASCII', 'QUJé'],
  ])('refuses %s', (_, text) => {
    expect(decoded(text)).toBe('RESPONSE_MALFORMED');
  });

  it('reads nothing from nothing, and its own two digits', () => {
    expect(decoded('')).toBe('');
    expect(decoded('-_-_')).toBe('\xfb\xff\xbf');
  });
});
