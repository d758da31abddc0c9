import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../src/encoding/base64.ts';
import { createCertificateAuthority } from '../../src/encoding/certificate-writer.ts';
import { printable } from '../../src/encoding/escape.ts';
import { readPem, writePem } from '../../src/encoding/pem.ts';

describe('strict base64', () => {
  it('reads what was written, and nothing has two spellings', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const result = decodeBase64(Buffer.from(bytes).toString('base64'));
        expect(result.ok && Buffer.from(result.value).equals(Buffer.from(bytes))).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ABab01+/=-_ \n'.split('')), maxLength: 12 }), (text) => {
        const result = decodeBase64(text);
        if (result.ok) expect(Buffer.from(result.value).toString('base64')).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });

  it.each(['QQ', 'QQ=', 'QR==', 'QUJ=', 'Q-__', 'Q Q=', 'QUI=QUI=', '=', '====', 'QQ==\n'])('refuses %j', (text) => {
    expect(decodeBase64(text)).toMatchObject({ ok: false, failure: { code: 'RESPONSE_MALFORMED' } });
  });

  it('skips line ends only where asked', () => {
    expect(decodeBase64('QU\r\nJD\n', { newlines: 'ignored' })).toEqual({ ok: true, value: Buffer.from('ABC') });
    expect(decodeBase64('QU JD', { newlines: 'ignored' }).ok).toBe(false);
  });
});

describe('strict PEM', () => {
  const pem = createCertificateAuthority().certificatePem;
  const codeOf = (text: string, options: Parameters<typeof readPem>[1] = {}): string => {
    const result = readPem(text, options);
    return result.ok ? 'ok' : result.failure.code;
  };

  it('reads several blocks, with CRLF and blank lines', () => {
    const result = readPem(`\n${pem}\r\n${pem.replaceAll('\n', '\r\n')}`);
    expect(result.ok && result.value.map((block) => block.label)).toEqual(['CERTIFICATE', 'CERTIFICATE']);
    expect(result.ok && writePem('CERTIFICATE', result.value[1]?.der ?? Buffer.alloc(0))).toBe(pem);
  });

  it('refuses junk around blocks unless it is to be ignored', () => {
    expect(codeOf(`subject=x\n${pem}`)).toBe('RESPONSE_MALFORMED');
    expect(codeOf(`${pem}tail`)).toBe('RESPONSE_MALFORMED');
    expect(codeOf(`subject=x\n${pem}tail`, { junk: 'ignored' })).toBe('ok');
  });

  it.each([
    ['no block', 'hello', 'ignored'],
    ['nothing', '', 'refused'],
    ['a block cut short', pem.slice(0, 200), 'refused'],
    ['another end than its beginning', pem.replace('END CERTIFICATE', 'END KEY'), 'ignored'],
    [
      'headers, as an encrypted key has',
      '-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nQQ==\n-----END A-----',
      'refused',
    ],
    ['an empty block', '-----BEGIN A-----\n-----END A-----', 'refused'],
  ] as const)('refuses %s', (_, text, junk) => {
    expect(codeOf(text, { junk })).toBe('RESPONSE_MALFORMED');
  });

  it('bounds the number of blocks', () => {
    expect(codeOf(pem.repeat(3), { maxBlocks: 2 })).toBe('LIMIT_EXCEEDED');
  });
});

describe('text from outside', () => {
  it('cannot break a line, turn its direction or hide', () => {
    expect(printable('a\nb\u001b[31m\u202ec\u2066d\u2028e\u200ff\ud800g\u061c\ufeff', 500)).toBe(
      'a\\u000ab\\u001b[31m\\u202ec\\u2066d\\u2028e\\u200ff\\ud800g\\u061c\\ufeff',
    );
    expect(printable('\u{e0041}é漢😀')).toBe('\\u{e0041}é漢😀');
  });

  it('is cut to the length that was given', () => {
    expect(printable('abcdef', 3)).toBe('abc…');
    expect(printable('abc', 3)).toBe('abc');
    expect(printable('\n'.repeat(1000), 12)).toBe('\\u000a\\u000a…');
  });
});
