import { isUtf8 } from 'node:buffer';
import { failed, ok, type Result } from '../codes/result.ts';

/** What strict CBOR reads into. */
export type CborValue =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly CborValue[] }
  | { readonly kind: 'map'; readonly entries: CborMap }
  | { readonly kind: 'tag'; readonly number: bigint; readonly content: CborValue }
  /** False, true, null and undefined are 20 to 23. */
  | { readonly kind: 'simple'; readonly number: number }
  /** Nothing here reads a fraction, so it is not decoded. */
  | { readonly kind: 'float' };

/** A map by its labels, integers or texts as COSE has them; each was written exactly once. */
export type CborMap = ReadonlyMap<bigint | string, CborValue>;

/** How deep arrays, maps and tags may nest. */
const MAXIMUM_DEPTH = 16;

/** How many values one input may hold; a signature has fewer than a hundred. */
const MAXIMUM_VALUES = 10_000;

/** Major types (RFC 8949 §3.1). */
const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const;

type Cursor = {
  readonly bytes: Uint8Array;
  at: number;
  valuesLeft: number;
  /** Set once, by whoever first finds something wrong. */
  problem: { readonly limit: boolean; readonly what: string } | undefined;
};

/**
 * Reads CBOR that is signed or that decides (RFC 8949), in one pass and into no more memory than the input has bytes for.
 *
 * Refused beyond what is not well-formed: indefinite lengths, lengths and integers that are not in their shortest form,
 * labels that are neither integer nor text, labels written twice, invalid UTF-8, and anything behind the value.
 * @param bytes attacker-controlled; their number is bounded by whoever read them
 * @returns RESPONSE_MALFORMED; LIMIT_EXCEEDED where it nests deeper or holds more values than are read
 */
export function parseCbor(bytes: Uint8Array): Result<CborValue> {
  const cursor: Cursor = { bytes, at: 0, valuesLeft: MAXIMUM_VALUES, problem: undefined };
  const value = readValue(cursor, 0);
  if (value !== undefined && cursor.at < bytes.length) wrong(cursor, 'more follows after the value');
  if (value !== undefined && cursor.problem === undefined) return ok(value);
  const { limit, what } = cursor.problem ?? { limit: false, what: 'it is not CBOR' };
  return failed(limit ? 'LIMIT_EXCEEDED' : 'RESPONSE_MALFORMED', `at byte ${cursor.at} of the CBOR, ${what}`);
}

/** Writes a byte string, in the one form that is signed (RFC 9052 §9). */
export function writeCborBytes(content: Uint8Array): Uint8Array {
  return Buffer.concat([lengthHead(content.length), content]);
}

function lengthHead(length: number): Buffer {
  if (length < 24) return Buffer.from([0x40 + length]);
  if (length < 0x100) return Buffer.from([0x58, length]);
  if (length < 0x10000) return Buffer.from([0x59, length >> 8, length & 0xff]);
  const head = Buffer.alloc(5, 0x5a);
  head.writeUInt32BE(length, 1);
  return head;
}

function wrong(cursor: Cursor, what: string): undefined {
  cursor.problem ??= { limit: false, what };
  return undefined;
}

/** One value; undefined says that the cursor holds a problem. */
function readValue(cursor: Cursor, depth: number): CborValue | undefined {
  if (cursor.valuesLeft-- <= 0 || depth > MAXIMUM_DEPTH) {
    cursor.problem ??= { limit: true, what: 'it nests deeper, or holds more values, than is read' };
    return undefined;
  }
  const first = cursor.bytes[cursor.at++];
  if (first === undefined) return wrong(cursor, 'a value is missing');
  const major = first >> 5;
  const argument = readArgument(cursor, first & 0x1f);
  if (argument === undefined) return undefined;
  switch (major) {
    case MAJOR.unsigned:
      return shortest(cursor, argument) && { kind: 'integer', value: argument.value };
    case MAJOR.negative:
      return shortest(cursor, argument) && { kind: 'integer', value: -1n - argument.value };
    case MAJOR.bytes: {
      const bytes = take(cursor, argument);
      return bytes === undefined ? undefined : { kind: 'bytes', bytes };
    }
    case MAJOR.text:
      return readText(cursor, argument);
    case MAJOR.array:
      return readArray(cursor, argument, depth + 1);
    case MAJOR.map:
      return readMap(cursor, argument, depth + 1);
    case MAJOR.tag: {
      const content = shortest(cursor, argument) && readValue(cursor, depth + 1);
      return content && { kind: 'tag', number: argument.value, content };
    }
    default:
      return simple(cursor, argument);
  }
}

/** What follows the first byte: a number, and in how many bytes it is written (0: in the first one). */
type Argument = { readonly value: bigint; readonly size: 0 | 1 | 2 | 4 | 8 };

const SIZES = [1, 2, 4, 8] as const;

function readArgument(cursor: Cursor, low: number): Argument | undefined {
  if (low < 24) return { value: BigInt(low), size: 0 };
  const size = SIZES[low - 24];
  if (size === undefined) return wrong(cursor, 'a length is indefinite or reserved');
  if (cursor.at + size > cursor.bytes.length) return wrong(cursor, 'a value is cut short');
  let value = 0n;
  for (let i = 0; i < size; i++) value = value * 256n + BigInt(cursor.bytes[cursor.at++] ?? 0);
  return { value, size };
}

/** From which number on an argument takes so many bytes. */
const SMALLEST: Readonly<Record<Argument['size'], bigint>> = { 0: 0n, 1: 24n, 2: 0x100n, 4: 0x10000n, 8: 0x100000000n };

/** Two spellings of one number would be two signatures to whoever compares bytes. */
function shortest(cursor: Cursor, { value, size }: Argument): true | undefined {
  return value >= SMALLEST[size] ? true : wrong(cursor, 'a number is longer than it needs to be');
}

/** How many things follow; each takes at least a byte, so that a promise of more than there is costs nothing. */
function countOf(cursor: Cursor, argument: Argument): number | undefined {
  if (shortest(cursor, argument) === undefined) return undefined;
  if (argument.value > BigInt(cursor.bytes.length - cursor.at)) return wrong(cursor, 'a value is cut short');
  return Number(argument.value);
}

function take(cursor: Cursor, argument: Argument): Uint8Array | undefined {
  const length = countOf(cursor, argument);
  if (length === undefined) return undefined;
  cursor.at += length;
  return cursor.bytes.subarray(cursor.at - length, cursor.at);
}

function readText(cursor: Cursor, argument: Argument): CborValue | undefined {
  const bytes = take(cursor, argument);
  if (bytes === undefined) return undefined;
  if (!isUtf8(bytes)) return wrong(cursor, 'a text is not valid UTF-8');
  return { kind: 'text', text: Buffer.from(bytes).toString('utf8') };
}

function readArray(cursor: Cursor, argument: Argument, depth: number): CborValue | undefined {
  const count = countOf(cursor, argument);
  if (count === undefined) return undefined;
  const items: CborValue[] = [];
  for (let i = 0; i < count; i++) {
    const item = readValue(cursor, depth);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return { kind: 'array', items };
}

function readMap(cursor: Cursor, argument: Argument, depth: number): CborValue | undefined {
  const count = countOf(cursor, argument);
  if (count === undefined) return undefined;
  const entries = new Map<bigint | string, CborValue>();
  for (let i = 0; i < count; i++) {
    const key = readValue(cursor, depth);
    if (key === undefined) return undefined;
    const label = key.kind === 'integer' ? key.value : key.kind === 'text' ? key.text : undefined;
    if (label === undefined) return wrong(cursor, 'a label is neither an integer nor a text');
    if (entries.has(label)) return wrong(cursor, 'a label is written twice');
    const value = readValue(cursor, depth);
    if (value === undefined) return undefined;
    entries.set(label, value);
  }
  return { kind: 'map', entries };
}

/** Simple values below 32 have one form, in the first byte; two, four and eight bytes are fractions. */
function simple(cursor: Cursor, { value, size }: Argument): CborValue | undefined {
  if (size > 1) return { kind: 'float' };
  if (size === 1 && value < 32n) return wrong(cursor, 'a simple value is longer than it needs to be');
  return { kind: 'simple', number: Number(value) };
}
