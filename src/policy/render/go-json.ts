/** A JSON document without numbers, with the order of its fields: a map keeps it, whatever the keys are. */
export type JsonTree = string | boolean | readonly JsonTree[] | ReadonlyMap<string, JsonTree>;

/**
 * Writes a document as Go's `json.MarshalIndent(value, "", "  ")` does, to the byte: two spaces, no newline at the end, and
 * `<`, `>`, `&` escaped in texts, since that package writes JSON that may stand inside of HTML.
 */
export function goJson(tree: JsonTree, indent = ''): string {
  if (typeof tree === 'boolean') return String(tree);
  if (typeof tree === 'string') return quoted(tree);
  const inner = `${indent}  `;
  const [open, close, items] = isMap(tree)
    ? ['{', '}', [...tree].map(([key, value]) => `${quoted(key)}: ${goJson(value, inner)}`)]
    : ['[', ']', tree.map((item) => goJson(item, inner))];
  if (items.length === 0) return open + close;
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`;
}

/** Compares texts by their bytes in UTF-8, as Go sorts the keys of a map. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The entries of a map in the order in which Go writes them. */
export function inByteOrder<T>(entries: Iterable<readonly [string, T]>): readonly (readonly [string, T])[] {
  return [...entries].toSorted(([a], [b]) => byBytes(a, b));
}

function isMap(tree: readonly JsonTree[] | ReadonlyMap<string, JsonTree>): tree is ReadonlyMap<string, JsonTree> {
  return tree instanceof Map;
}

/** As JSON.stringify writes it, which escapes what Go does but for these, and half of a surrogate pair, which Go has not. */
function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
