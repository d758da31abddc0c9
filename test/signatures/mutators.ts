import type { Json } from './sigstore/instance.ts';

/** A whole number from 0, below a limit. */
export type Random = (below: number) => number;

/** Numbers that look random and are the same in every run (mulberry32). */
export function randomness(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** One of a list. */
export const pick = <T>(list: readonly T[], random: Random): T => list[random(list.length)]!;

/** One change of one byte: flipped, replaced, put in, taken out, or doubled; or the rest cut off. */
export function bytewise(bytes: Uint8Array, random: Random): Buffer {
  const at = random(bytes.length);
  const [byte = 0] = bytes.subarray(at, at + 1);
  const kind = random(6);
  if (kind === 5) return Buffer.from(bytes.subarray(0, at));
  const middle = [[byte ^ (1 << random(8))], [random(256)], [random(256), byte], [], [byte, byte]][kind] ?? [];
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(middle), bytes.subarray(at + 1)]);
}

/** One change of DER, of a byte or of its structure. */
export function changeDer(der: Uint8Array, random: Random): Buffer {
  return random(2) === 0 ? bytewise(der, random) : structural(der, random);
}

/** One change of structure: an element overwritten with another, or two of them exchanged, lengths left as they are. */
function structural(der: Uint8Array, random: Random): Buffer {
  const all = elements(der);
  if (all.length === 0) return bytewise(der, random);
  const a = pick(all, random);
  const b = pick(all, random);
  const [first, second] = a[0] <= b[0] ? [a, b] : [b, a];
  const piece = (of: readonly [number, number]) => der.subarray(of[0], of[1]);
  if (second[0] < first[1]) return Buffer.concat([der.subarray(0, first[0]), piece(second), der.subarray(first[1])]);
  const between = der.subarray(first[1], second[0]);
  return Buffer.concat([der.subarray(0, first[0]), piece(second), between, piece(first), der.subarray(second[1])]);
}

/** The start and end of each DER element, found without believing in its tag; those in octet strings too, where they fit. */
function elements(der: Uint8Array, from = 0, to = der.length): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  for (let at = from; at + 1 < to; ) {
    const first = der[at + 1] ?? 0;
    const octets = first < 0x80 ? 0 : first - 0x80;
    let length = first < 0x80 ? first : 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (der[at + 2 + i] ?? 0);
    const start = at + 2 + octets;
    if (start + length > to) return found;
    found.push([at, start + length]);
    const tag = der[at] ?? 0;
    if ((tag & 0x20) !== 0 || tag === 0x04) found.push(...elements(der, start, start + length));
    at = start + length;
  }
  return found;
}

/** One change of the bytes that a text in base64 stands for. */
export function inBase64(owner: Json, key: string | number, random: Random, change = bytewise): void {
  owner[key] = change(Buffer.from(owner[key], 'base64'), random).toString('base64');
}

/** What may stand anywhere in place of anything. */
const REPLACEMENTS: readonly unknown[] = [
  null,
  [],
  {},
  '',
  0,
  -1,
  1e300,
  true,
  'AAAA',
  '9'.repeat(400),
  { length: 1e9 },
  [[[]]],
  '\u2014 '.repeat(2000),
  Buffer.alloc(20_000, 0x30).toString('base64'),
  Buffer.alloc(20_000, 0xa0).toString('base64'),
  Buffer.alloc(20_000, Buffer.from([4, 1, 0x30])).toString('base64'),
];

/** One change of a JSON value's structure, or of the bytes that one of its texts stands for. */
export function changeJson(json: Json, random: Random): void {
  const { owner, key } = pick(places(json), random);
  const kind = random(7);
  if (kind <= 1 && typeof owner[key] === 'string') inBase64(owner, key, random);
  else if (kind <= 2) delete owner[key];
  else if (kind === 3 && Array.isArray(owner))
    owner.push(...Array.from({ length: pick([1, 3, 500], random) }, () => owner[Number(key)]));
  else if (kind <= 5) {
    const other = pick(places(json), random);
    owner[key] = JSON.parse(JSON.stringify(other.owner[other.key] ?? null));
  } else owner[key] = pick(REPLACEMENTS, random);
}

/** Every place in a JSON value: who holds it, and under which key. */
function places(value: Json, found: { owner: Json; key: string }[] = []): { owner: Json; key: string }[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push({ owner: value, key });
    places(value[key], found);
  }
  return found;
}
