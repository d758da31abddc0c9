import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksArmored, readArmor } from '../../src/encoding/openpgp-armor.ts';
import { armored } from '../fixtures/openpgp/packets.ts';

const bytes = Buffer.from('the bytes of a message, long enough that they take more than one line of base64 in armor');
const good = armored('MESSAGE', bytes);
const read = (text: string) => {
  const blocks = readArmor(text, 3);
  return blocks.ok
    ? blocks.value.map(({ label, bytes }) => `${label}: ${Buffer.from(bytes).toString()}`)
    : blocks.failure.code;
};
const whole = [`MESSAGE: ${bytes.toString()}`];

describe('OpenPGP armor', () => {
  it.each([
    ['as it is written', good],
    ['with Windows line ends', good.replaceAll('\n', '\r\n')],
    ['with headers', good.replace('\n\n', '\nVersion: GnuPG v2\nComment: x\n\n')],
    ['without a checksum', good.replace(/\n=.*/, '')],
    ['with text around it', `A key:\n\n${good}\nand more\n`],
    ['with spaces behind its lines', good.replaceAll('\n', ' \t\n')],
    ['with an empty line before its checksum', good.replace('\n=', '\n\n=')],
  ])('is read %s', (_what, text) => {
    expect(looksArmored(text)).toBe(true);
    expect(read(text)).toEqual(whole);
  });

  it('is read block by block', () => {
    expect(read(`${good}between\n${armored('PUBLIC KEY BLOCK', Buffer.from('k'))}`)).toEqual([
      ...whole,
      'PUBLIC KEY BLOCK: k',
    ]);
    expect(read(good.repeat(4))).toBe('LIMIT_EXCEEDED');
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['PEM', '-----BEGIN CERTIFICATE-----\n\nAAAA\n-----END CERTIFICATE-----\n'],
    ['a block that does not end', good.replace(/-----END.*/, '')],
    ['a block that ends as another', good.replace('END PGP MESSAGE', 'END PGP SIGNATURE')],
    ['a block within a block', good.replace('\n\n', `\n\n${good}`)],
    ['a block without an empty line', good.replace('\n\n', '\n')],
    ['an empty block', armored('MESSAGE', Buffer.alloc(0))],
    ['a character that is no base64', good.replace('dGhl', 'dG*l')],
    ['a line that is missing', good.replace(/\n[^\n]{64}\n/, '\n')],
    ['a checksum of something else', good.replace(/\n=.*/, '\n=AAAA')],
    ['a checksum that is no base64', good.replace(/\n=.*/, '\n=A*AA')],
    ['a second checksum', good.replace(/(\n=.*)/, '$1$1')],
  ])('is refused: %s', (_what, text) => {
    expect(read(text)).toBe('RESPONSE_MALFORMED');
  });

  it('never makes the reader throw', () => {
    const line = fc.constantFrom(
      '-----BEGIN PGP MESSAGE-----',
      '-----END PGP MESSAGE-----',
      '',
      'AAAA',
      '=AAAA',
      '-----',
      'x: y',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        readArmor(lines.join('\n'), 2);
      }),
      { numRuns: 2000 },
    );
  });
});
