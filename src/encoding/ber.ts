import { element } from './der-writer.ts';

/** What a reader of BER does at most, since nesting and tiny elements cost more than their bytes. */
const MAXIMUM_DEPTH = 32;
const MAXIMUM_ELEMENTS = 4096;

const OCTET_STRING = 0x04;
const CONSTRUCTED = 0x20;
const CONSTRUCTED_OCTET_STRING = OCTET_STRING | CONSTRUCTED;
const SEQUENCE = 0x30;
const SET = 0x31;
const INDEFINITE = 0x80;

/** Longer forms of a length have no use here, and Go's reader of timestamps takes no more either. */
const MAXIMUM_LENGTH_OCTETS = 4;

/**
 * Rewrites one BER element (X.690 §8) as DER does it: every length in its shortest definite form, octet strings in one
 * piece. Contents stay as they are, so that what is DER already comes out as it went in and signatures in it hold.
 *
 * It says nothing of the values, nor of the order of sets: what comes out is for a strict reader, which refuses the rest.
 * @param bytes attacker-controlled; its caller bounds their number. What comes out is never longer
 * @returns undefined where the bytes are not one whole element, have tag numbers above 30, or are nested or cut up beyond
 *   all use
 */
export function derFromBer(bytes: Uint8Array): Uint8Array | undefined {
  const part = readPart(bytes, MAXIMUM_DEPTH, { elements: MAXIMUM_ELEMENTS });
  return part?.size === bytes.length ? derOf(part) : undefined;
}

/** One element: its identifier octet and content as DER has them, and how many bytes it took in BER. */
type Part = { readonly tag: number; readonly content: Uint8Array; readonly size: number };

type Budget = { elements: number };

const derOf = ({ tag, content }: Part): Uint8Array => element(tag, content);

/** The element with which the bytes begin. */
function readPart(bytes: Uint8Array, depth: number, budget: Budget): Part | undefined {
  const [tag] = bytes;
  const header = readLength(bytes);
  budget.elements--;
  if (tag === undefined || header === undefined || depth === 0 || budget.elements < 0) return undefined;
  const { start, length } = header;
  const isConstructed = (tag & CONSTRUCTED) !== 0;
  if (!isSound(tag) || (length === 'indefinite' && !isConstructed)) return undefined;
  const rest = length === 'indefinite' ? bytes.subarray(start) : bytes.subarray(start, start + length);
  if (!isConstructed) return { tag, content: rest, size: start + rest.length };

  const inner = readParts(rest, length === 'indefinite', depth - 1, budget);
  if (inner === undefined) return undefined;
  const size = start + inner.size;
  if (tag !== CONSTRUCTED_OCTET_STRING) return { tag, content: Buffer.concat(inner.parts.map(derOf)), size };
  // Pieces of an octet string are octet strings, each perhaps in pieces again (X.690 §8.7.3).
  if (inner.parts.some((piece) => piece.tag !== OCTET_STRING)) return undefined;
  return { tag: OCTET_STRING, content: Buffer.concat(inner.parts.map(({ content }) => content)), size };
}

/** Elements up to the end of the bytes, or up to the two zero octets that end an indefinite length. */
function readParts(
  bytes: Uint8Array,
  isIndefinite: boolean,
  depth: number,
  budget: Budget,
): { readonly parts: readonly Part[]; readonly size: number } | undefined {
  const parts: Part[] = [];
  let size = 0;
  while (size < bytes.length) {
    if (isIndefinite && bytes[size] === 0 && bytes[size + 1] === 0) return { parts, size: size + 2 };
    const part = readPart(bytes.subarray(size), depth, budget);
    if (part === undefined) return undefined;
    parts.push(part);
    size += part.size;
  }
  return isIndefinite ? undefined : { parts, size };
}

/**
 * Whether an element may have this identifier octet: no tag number above 30, no end where nothing ends, and the universal
 * types in the form that they have in DER, save octet strings.
 */
function isSound(tag: number): boolean {
  if ((tag & 0x1f) === 0x1f || tag === 0) return false;
  if (tag >= 0x40) return true;
  const isList = (tag | CONSTRUCTED) === SEQUENCE || (tag | CONSTRUCTED) === SET;
  const isConstructed = (tag & CONSTRUCTED) !== 0;
  return isList === isConstructed || tag === CONSTRUCTED_OCTET_STRING;
}

/** The length that follows an identifier octet, and where the content starts. */
function readLength(bytes: Uint8Array): { readonly start: number; readonly length: number | 'indefinite' } | undefined {
  const first = bytes[1];
  if (first === undefined) return undefined;
  if (first === INDEFINITE) return { start: 2, length: 'indefinite' };
  const octets = first < 0x80 ? 0 : first - 0x80;
  const start = 2 + octets;
  if (octets > MAXIMUM_LENGTH_OCTETS || start > bytes.length) return undefined;
  const length = octets === 0 ? first : bytes.subarray(2, start).reduce((sum, octet) => sum * 256 + octet, 0);
  return start + length > bytes.length ? undefined : { start, length };
}
