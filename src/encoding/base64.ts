import { failed, ok, type Result } from '../codes/result.ts';

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
  const end = digits.length - padding;
  let last = 0;
  for (let i = 0; i < end; i++) {
    last = sextet(digits.charCodeAt(i));
    if (last < 0) return failed('RESPONSE_MALFORMED', 'the base64 has a character outside the standard alphabet');
  }
  const unused = padding === 2 ? 0b1111 : padding === 1 ? 0b11 : 0;
  if ((last & unused) !== 0) return failed('RESPONSE_MALFORMED', 'the base64 has bits set behind its end');
  return ok(Buffer.from(digits, 'base64'));
}

function sextet(c: number): number {
  if (c >= 0x41 && c <= 0x5a) return c - 0x41;
  if (c >= 0x61 && c <= 0x7a) return c - 0x61 + 26;
  if (c >= 0x30 && c <= 0x39) return c - 0x30 + 52;
  if (c === 0x2b) return 62;
  if (c === 0x2f) return 63;
  return -1;
}
