/** A JSON object as `JSON.parse` gives it. Only {@link field} reads it, so that nothing is read off its prototype. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a parsed JSON value is an object (and no array). */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value under a key; `null` reads as absent, as Kubernetes' own decoder has it. */
export function field(of: Fields, key: string): unknown {
  return Object.hasOwn(of, key) ? (of[key] ?? undefined) : undefined;
}

/** A copy of the value as a map of strings, without a prototype; undefined where it is anything else. */
export function stringMap(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isFields(value)) return undefined;
  const map: Record<string, string> = Object.create(null);
  for (const [key, each] of Object.entries(value)) {
    if (typeof each !== 'string') return undefined;
    map[key] = each;
  }
  return map;
}
