import { failed, ok, type Result } from '../codes/result.ts';

/** What differs between the two alphabets of RFC 4648: the digits for 62 and 63. */
type Alphabet = { readonly name: string; readonly for62: number; readonly for63: number };
const STANDARD: Alphabet = { name: 'standard', for62: 0x2b, for63: 0x2f };
const URL_SAFE: Alphabet = { name: 'URL-safe', for62: 0x2d, for63: 0x5f };

/**
 * Decodes standard base64 (RFC 4648 §4) that has one form only: padded, no other alphabet, no set bits behind the end.
 * @param text attacker-controlled
 * @param options `newlines: 'ignored'` skips CR and LF anywhere, as Go's StdEncoding does; all else stays refused
 * @returns RESPONSE_MALFORMED
 */
export function decodeBase64(
  text: string,
  options: { readonly newlines?: 'refused' | 'ignored' } = {},
): Result<Uint8Array> {
  const digits = options.newlines === 'ignored' ? text.replaceAll('\n', '').replaceAll('\r', '') : text;
  if (digits.length % 4 !== 0) return failed('RESPONSE_MALFORMED', 'the base64 is not padded to a multiple of four');

  const padding = digits.endsWith('==') ? 2 : digits.endsWith('=') ? 1 : 0;
  const problem = digitsProblem(digits, digits.length - padding, STANDARD);
  return problem === undefined ? ok(Buffer.from(digits, 'base64')) : failed('RESPONSE_MALFORMED', problem);
}

/**
 * Decodes base64url without padding (RFC 7515 §2) that has one form only: no padding, no line ends, no other alphabet, no
 * set bits behind the end.
 * @param text attacker-controlled
 * @returns RESPONSE_MALFORMED
 */
export function decodeBase64Url(text: string): Result<Uint8Array> {
  if (text.length % 4 === 1) return failed('RESPONSE_MALFORMED', 'the base64url is cut short');
  const problem = digitsProblem(text, text.length, URL_SAFE);
  return problem === undefined ? ok(Buffer.from(text, 'base64url')) : failed('RESPONSE_MALFORMED', problem);
}

/** What is wrong with so many digits; how many of the last one's bits count follows from their number. */
function digitsProblem(digits: string, end: number, alphabet: Alphabet): string | undefined {
  let last = 0;
  for (let i = 0; i < end; i++) {
    last = sextet(digits.charCodeAt(i), alphabet);
    if (last < 0) return `the base64 has a character outside the ${alphabet.name} alphabet`;
  }
  const unused = end % 4 === 2 ? 0b1111 : end % 4 === 3 ? 0b11 : 0;
  return (last & unused) === 0 ? undefined : 'the base64 has bits set behind its end';
}

function sextet(c: number, { for62, for63 }: Alphabet): number {
  if (c >= 0x41 && c <= 0x5a) return c - 0x41;
  if (c >= 0x61 && c <= 0x7a) return c - 0x61 + 26;
  if (c >= 0x30 && c <= 0x39) return c - 0x30 + 52;
  if (c === for62) return 62;
  if (c === for63) return 63;
  return -1;
}
