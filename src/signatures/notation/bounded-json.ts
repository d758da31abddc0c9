import { failed, type Result } from '../../codes/result.ts';
import { type JsonObject, type JsonValue, parseStrictJson } from '../../encoding/strict-json.ts';

/** Escapes are what makes a text slow to read. Base64 with each `/` and `+` escaped has half as many in a MiB. */
const MAXIMUM_ESCAPES = 65_536;

const MAXIMUM_DEPTH = 16;
const MAXIMUM_VALUES = 10_000;
const BACKSLASH = 0x5c;

/**
 * Reads strict JSON of an envelope, or signed in one, as much of it as can be read without holding up other decisions.
 * @param bytes attacker-controlled; at most as many as an envelope has
 * @returns RESPONSE_MALFORMED, LIMIT_EXCEEDED
 */
export function parseBoundedJson(bytes: Uint8Array): Result<JsonValue> {
  let escapes = 0;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === BACKSLASH) escapes++;
  if (escapes > MAXIMUM_ESCAPES) return failed('LIMIT_EXCEEDED', 'the JSON holds more escapes than are read');
  return parseStrictJson(bytes, { maxDepth: MAXIMUM_DEPTH, maxValues: MAXIMUM_VALUES });
}

/** Whether an object has these members and no others. */
export function hasExactly(object: JsonObject, members: readonly string[]): boolean {
  const written = Object.keys(object);
  return written.length === members.length && members.every((member) => written.includes(member));
}
