/**
 * Writes DER (X.690): the few types that an X.509 certificate of our own making is made of, and bare elements around
 * whatever bytes. Nothing here reads.
 */

/** One DER element: tag, length and content together. */
export type Der = Uint8Array;

/** Writes one element with this identifier octet. */
export function element(tag: number, ...content: readonly Uint8Array[]): Der {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(body.length)]), body]);
}

/** SEQUENCE. */
export const sequence = (...content: readonly Der[]): Der => element(0x30, ...content);

/** SET of one element; DER's ordering of several is not needed here. */
export const setOfOne = (content: Der): Der => element(0x31, content);

/** Explicitly tagged, context-specific, constructed: `[number] EXPLICIT`. */
export const explicit = (number: number, content: Der): Der => element(0xa0 + number, content);

/** BOOLEAN TRUE; FALSE is always a default in certificates, so it is left out there. */
export const booleanTrue: Der = element(0x01, Buffer.from([0xff]));

/** INTEGER from unsigned big-endian bytes; leading zeros are cut to the one form DER allows. */
export function unsignedInteger(bytes: Uint8Array): Der {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.length === 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(start));
  const negative = (trimmed[0] ?? 0) >= 0x80;
  return element(0x02, negative ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second];
  for (const arc of rest) {
    const base128 = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) base128.unshift((left % 128) + 128);
    octets.push(...base128);
  }
  return element(0x06, Buffer.from(octets));
}

/** OCTET STRING. */
export const octetString = (content: Uint8Array): Der => element(0x04, content);

/** BIT STRING; `unusedBits` counts the bits of the last octet that do not belong to it. */
export const bitString = (content: Uint8Array, unusedBits = 0): Der =>
  element(0x03, Buffer.from([unusedBits]), content);

/** UTF8String. */
export const utf8String = (text: string): Der => element(0x0c, Buffer.from(text, 'utf8'));

/** Time as RFC 5280 §4.1.2.5 asks: UTCTime up to 2049, GeneralizedTime after; whole seconds. */
export function time(at: Date): Der {
  const digits = at.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  const early = at.getUTCFullYear() < 2050;
  return element(early ? 0x17 : 0x18, Buffer.from(`${early ? digits.slice(2) : digits}Z`, 'latin1'));
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256);
  return [0x80 + octets.length, ...octets];
}
