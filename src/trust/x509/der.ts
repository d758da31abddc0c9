/**
 * Reads DER (X.690 §10) strictly: definite lengths in their shortest form, low tag numbers, nothing behind the end. Bytes
 * that two readers could understand differently are refused, since one of them would be the issuer and the other us.
 * Every input here is attacker-controlled. Nothing throws: what is not DER is `undefined`.
 */

/** One element: its identifier octet, its content, and all of its bytes. */
export type DerElement = { readonly tag: number; readonly content: Uint8Array; readonly bytes: Uint8Array };

/** Identifier octets of the types that certificates are made of. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** No list in a certificate is longer; each costs memory before anything is verified. */
const MAXIMUM_ELEMENTS = 1024;

/** The element that the bytes consist of; undefined where more or less is there. */
function readElement(bytes: Uint8Array): DerElement | undefined {
  const element = elementAt(bytes, 0);
  return element !== undefined && element.bytes.length === bytes.length ? element : undefined;
}

/** The content of the one element that the bytes consist of, where it has this tag. */
export function contentOf(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const element = readElement(bytes);
  return element?.tag === tag ? element.content : undefined;
}

/** The elements that the bytes consist of, one after the other. */
export function readElements(bytes: Uint8Array): readonly DerElement[] | undefined {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const element = elementAt(bytes, at);
    if (element === undefined || elements.length >= MAXIMUM_ELEMENTS) return undefined;
    elements.push(element);
    at += element.bytes.length;
  }
  return elements;
}

/** The elements within the one SEQUENCE that the bytes consist of. */
export function readSequence(bytes: Uint8Array): readonly DerElement[] | undefined {
  const content = contentOf(bytes, TAG.sequence);
  return content === undefined ? undefined : readElements(content);
}

/**
 * How many elements the bytes hold at every depth, as far as a reader gets that looks into constructed elements and octet
 * strings alike: what it costs him to read them.
 * @param limit counting stops behind it
 * @returns undefined where the bytes, or a constructed element in them, are not DER
 */
export function countElements(bytes: Uint8Array, limit: number): number | undefined {
  let count = 0;
  for (let at = 0; at < bytes.length && count <= limit; ) {
    const element = elementAt(bytes, at);
    if (element === undefined) return undefined;
    at += element.bytes.length;
    count++;
    const isConstructed = (element.tag & 0x20) !== 0;
    if (!isConstructed && element.tag !== TAG.octetString) continue;
    const within = countElements(element.content, limit - count);
    if (within === undefined && isConstructed) return undefined;
    // What an octet string holds need not be DER; its reader may have come as far as its length allows.
    count += within ?? element.content.length / 2;
  }
  return count;
}

/** The element that begins at a place, whatever follows it: for lists too long to be read as a whole. */
export function elementAt(bytes: Uint8Array, at: number): DerElement | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  // Tag numbers above 30 take more octets; nothing in a certificate has one.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const octets = first - 0x80;
    if (octets === 0 || octets > 3) return undefined;
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (bytes[start + i] ?? 0);
    // The shortest form only: 128 and more take a long form, and that without a leading zero.
    if (length < 0x80 || length < 256 ** (octets - 1)) return undefined;
    start += octets;
  }
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { tag, content: bytes.subarray(start, end), bytes: bytes.subarray(at, end) };
}

/** An object identifier in its dotted form. */
export function oidText(content: Uint8Array): string | undefined {
  const arcs: number[] = [];
  let arc = 0;
  let isFirstOctet = true;
  for (const octet of content) {
    if (isFirstOctet && octet === 0x80) return undefined;
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) return undefined;
    isFirstOctet = octet < 0x80;
    if (!isFirstOctet) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [head, ...rest] = arcs;
  if (head === undefined || !isFirstOctet || arcs.length > 64) return undefined;
  const root = Math.min(2, Math.floor(head / 40));
  return [root, head - root * 40, ...rest].join('.');
}

/** A BOOLEAN; DER knows 0x00 and 0xff. */
export function booleanValue(content: Uint8Array): boolean | undefined {
  if (content.length !== 1) return undefined;
  return content[0] === 0xff ? true : content[0] === 0 ? false : undefined;
}

/** A small INTEGER that is not negative. */
export function smallInteger(content: Uint8Array): number | undefined {
  if (!isInteger(content) || content.length > 4 || (content[0] ?? 0x80) >= 0x80) return undefined;
  return content.reduce((value, octet) => value * 256 + octet, 0);
}

/** Whether this is the content of an INTEGER in its shortest form. */
export function isInteger(content: Uint8Array): boolean {
  const [first, second] = content;
  if (first === undefined) return false;
  return second === undefined || !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
}

/** The octets of a BIT STRING without unused bits. */
export function wholeBits(content: Uint8Array): Uint8Array | undefined {
  return content[0] === 0 ? content.subarray(1) : undefined;
}

/** Which bits of a BIT STRING of flags are set, by their numbers. */
export function namedBits(content: Uint8Array): ReadonlySet<number> | undefined {
  const unused = content[0];
  if (unused === undefined || unused > 7 || content.length > 5 || (content.length === 1 && unused > 0))
    return undefined;
  const last = content.at(-1) ?? 0;
  if (content.length > 1 && (last & ((1 << unused) - 1)) !== 0) return undefined;
  const bits = new Set<number>();
  for (const [index, octet] of content.subarray(1).entries()) {
    for (let bit = 0; bit < 8; bit++) if ((octet & (0x80 >> bit)) !== 0) bits.add(index * 8 + bit);
  }
  return bits;
}

/** A UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 allows them, in milliseconds since the epoch. */
export function timeValue({ tag, content }: DerElement): number | undefined {
  const text = asciiText(content);
  if (text === undefined) return undefined;
  if (tag === TAG.utcTime && /^[0-9]{12}Z$/.test(text)) {
    return timeOf(`${Number(text.slice(0, 2)) >= 50 ? '19' : '20'}${text}`);
  }
  return tag === TAG.generalizedTime && /^[0-9]{14}Z$/.test(text) ? timeOf(text) : undefined;
}

function timeOf(text: string): number | undefined {
  const part = (from: number, to: number) => text.slice(from, to);
  const iso = `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}T${part(8, 10)}:${part(10, 12)}:${part(12, 14)}.000Z`;
  const at = Date.parse(iso);
  // Date.parse carries the 31st of June over into July; such a date was never meant.
  return Number.isNaN(at) || new Date(at).toISOString() !== iso ? undefined : at;
}

/** Text of 7-bit characters, as an IA5String holds it; control characters, NUL before all, are never part of a name. */
export function asciiText(content: Uint8Array): string | undefined {
  return content.every((octet) => octet >= 0x20 && octet < 0x7f) ? Buffer.from(content).toString('latin1') : undefined;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of valid UTF-8 without control characters. */
export function utf8Text(content: Uint8Array): string | undefined {
  try {
    const text = UTF8.decode(content);
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Whether two runs of bytes are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
