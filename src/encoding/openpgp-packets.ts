import { failed, ok, type Result } from '../codes/result.ts';

/** One packet of OpenPGP: its tag, and its body without header. */
export type OpenPgpPacket = { readonly tag: number; readonly body: Uint8Array };

/** Tags of packets (RFC 9580 §5). */
export const PACKET_TAGS = {
  encryptedSessionKey: 1,
  signature: 2,
  symmetricSessionKey: 3,
  onePassSignature: 4,
  secretKey: 5,
  publicKey: 6,
  secretSubkey: 7,
  compressed: 8,
  encrypted: 9,
  marker: 10,
  literal: 11,
  trust: 12,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
  protectedData: 18,
  encryptedAead: 20,
} as const;

/** Bodies of unknown length when their header is written; all others say how long they are. */
const STREAMED: ReadonlySet<number> = new Set([PACKET_TAGS.compressed, PACKET_TAGS.literal]);

/** The first part of a body in parts has at least so many bytes (RFC 9580 §4.2.1.4). */
const FIRST_PART = 512;

/** Parts of one body. Honest ones are of eight kilobytes, and a message in parts of a byte is none. */
const MAXIMUM_PARTS = 4096;

/** What a header says of the bytes behind it. */
type Header = {
  readonly tag: number;
  /** Where the body begins. */
  readonly start: number;
  readonly length: number | 'partial' | 'indeterminate';
};

/**
 * Splits bytes into packets, whose bodies are not looked at.
 *
 * Bodies in parts are joined where the format allows them; a body without a length, as gpg writes around what it
 * compresses, reaches to the end.
 * @param bytes attacker-controlled; their size is bounded by whoever read them
 * @returns RESPONSE_MALFORMED where a packet does not end within them; LIMIT_EXCEEDED for more packets, or parts, than are read
 * @see RFC 9580 §4.2, RFC 4880 §4.2
 */
export function splitPackets(bytes: Uint8Array, maximumPackets: number): Result<readonly OpenPgpPacket[]> {
  const packets: OpenPgpPacket[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (packets.length >= maximumPackets)
      return failed('LIMIT_EXCEEDED', `it holds more than ${maximumPackets} packets`);
    const header = readHeader(bytes, at);
    if (header === undefined) return malformed('a packet has no header');
    const body = readBody(bytes, header);
    if (!body.ok) return body;
    packets.push({ tag: header.tag, body: body.value.body });
    at = body.value.end;
  }
  return ok(packets);
}

/** Writes one packet, with a header of the new format. */
export function writePacket({ tag, body }: OpenPgpPacket): Uint8Array {
  const header = Buffer.alloc(6);
  header[0] = 0xc0 | tag;
  header[1] = 0xff;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/**
 * Reads a number of any size: its bits in two bytes, and its bytes.
 * @returns undefined where it does not end within the bytes
 */
export function readMpi(
  bytes: Uint8Array,
  at: number,
): { readonly value: Uint8Array; readonly end: number } | undefined {
  if (at + 2 > bytes.length) return undefined;
  const end = at + 2 + Math.ceil(uintAt(bytes, at, 2) / 8);
  return end > bytes.length ? undefined : { value: bytes.subarray(at + 2, end), end };
}

/** A whole number of at most six bytes, the highest first; the bytes are there. */
export function uintAt(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = at; i < at + size; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

function readHeader(bytes: Uint8Array, at: number): Header | undefined {
  const first = bytes[at] ?? 0;
  if ((first & 0x80) === 0) return undefined;
  const isNew = (first & 0x40) !== 0;
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
  if (tag === 0) return undefined;
  if (isNew) {
    const length = readLength(bytes, at + 1);
    return length === undefined ? undefined : { tag, start: length.end, length: length.value };
  }
  const size = [1, 2, 4, 0][first & 0x03] ?? 0;
  if (size === 0) return { tag, start: at + 1, length: 'indeterminate' };
  const start = at + 1 + size;
  return start > bytes.length ? undefined : { tag, start, length: uintAt(bytes, at + 1, size) };
}

/** A length of the new format: of a body, or of one part of it. */
function readLength(
  bytes: Uint8Array,
  at: number,
): { readonly value: number | 'partial'; readonly end: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 192) return { value: first, end: at + 1 };
  if (first >= 224 && first < 255) return { value: 'partial', end: at };
  const end = at + (first === 255 ? 5 : 2);
  if (end > bytes.length) return undefined;
  const value = first === 255 ? uintAt(bytes, at + 1, 4) : ((first - 192) << 8) + uintAt(bytes, at + 1, 1) + 192;
  return { value, end };
}

type Body = { readonly body: Uint8Array; readonly end: number };

function readBody(bytes: Uint8Array, { tag, start, length }: Header): Result<Body> {
  if (length === 'indeterminate')
    return tag === PACKET_TAGS.compressed
      ? ok({ body: bytes.subarray(start), end: bytes.length })
      : malformed('a packet does not say how long it is');
  if (length === 'partial')
    return STREAMED.has(tag) ? readParts(bytes, start) : malformed('a packet is in parts that may not be');
  const end = start + length;
  return end > bytes.length ? malformed(TOO_LONG) : ok({ body: bytes.subarray(start, end), end });
}

const TOO_LONG = 'a packet is longer than what is there';

function readParts(bytes: Uint8Array, start: number): Result<Body> {
  const parts: Uint8Array[] = [];
  for (let at = start; ; ) {
    if (parts.length >= MAXIMUM_PARTS)
      return failed('LIMIT_EXCEEDED', `a packet is in more than ${MAXIMUM_PARTS} parts`);
    const length = readLength(bytes, at);
    if (length === undefined) return malformed(TOO_LONG);
    const isLast = length.value !== 'partial';
    const from = isLast ? length.end : at + 1;
    const size = length.value === 'partial' ? 2 ** ((bytes[at] ?? 0) & 0x1f) : length.value;
    const end = from + size;
    if (end > bytes.length) return malformed(TOO_LONG);
    if (parts.length === 0 && size < FIRST_PART) return malformed('the first part of a packet is too short');
    parts.push(bytes.subarray(from, end));
    if (isLast) return ok({ body: Buffer.concat(parts), end });
    at = end;
  }
}

function malformed(why: string): Result<never> {
  return failed('RESPONSE_MALFORMED', why);
}
