/**
 * A copy that shares no memory with what it was read from. V8 keeps a whole document alive for the sake of one short
 * text that was cut out of it, so a cache that kept what a parser returned would hold megabytes that it does not count.
 * @param value plain data
 */
export function ownCopy<T>(value: T): T {
  return structuredClone(value);
}

/** An object's own cells beside its texts; bytes. */
const OVERHEAD = 300;

/** Facts about one image as honest tools write them take less text than this. */
const USUAL = 4096;

/** Memory per character of JSON where somebody wrote a great many short members. */
const WORST = 6;

/**
 * Bytes that plain data weighs in a cache: the memory of byte arrays, its text, and for what is far from usual the worst
 * that as much text can be made to take. Fixed weights would let somebody fill the memory with long media types and annotations.
 */
export function weightOf(value: object): number {
  let bytes = 0;
  const { length } = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key, member: unknown) {
    // As it stands in its object: a Buffer has already written itself as a list of numbers.
    const own = this[key];
    if (!(own instanceof Uint8Array)) return member;
    // All of the memory that it keeps alive, which is more than it shows of it.
    bytes += own.buffer.byteLength;
    return '';
  });
  return bytes + (length <= USUAL ? OVERHEAD + length : WORST * length);
}
