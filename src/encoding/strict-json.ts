import { isUtf8 } from 'node:buffer';
import { failed, ok, type Result } from '../codes/result.ts';

/** What strict JSON reads into. Objects have no prototype, so a key such as `constructor` is there only if it was written. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object; each key was written exactly once. */
export type JsonObject = { readonly [key: string]: JsonValue };

/** How deep arrays and objects may nest unless a caller says otherwise. */
const DEFAULT_JSON_DEPTH = 64;

/**
 * How many values one text may hold unless a caller says otherwise. Four MiB of `{},` would take over a second to read,
 * in which nothing else is decided; this many take at most a quarter of that.
 */
const DEFAULT_JSON_VALUES = 300_000;

type Cursor = {
  readonly text: string;
  readonly maxDepth: number;
  valuesLeft: number;
  at: number;
  /** Set once, by whoever first finds something wrong. */
  problem: { readonly limit: boolean; readonly what: string } | undefined;
};

/**
 * Reads JSON that is signed or that decides (DESIGN.md §4.10), in one pass.
 *
 * Refused beyond what RFC 8259 refuses: duplicate keys (compared after unescaping), a byte order mark, invalid UTF-8,
 * lone surrogates (RFC 7493 §2.1) and numbers beyond a double's range.
 * @param input attacker-controlled; its size is bounded by whoever read it
 * @returns RESPONSE_MALFORMED; LIMIT_EXCEEDED where it nests deeper than `maxDepth` or holds more than `maxValues`
 */
export function parseStrictJson(
  input: string | Uint8Array,
  options: { readonly maxDepth?: number; readonly maxValues?: number } = {},
): Result<JsonValue> {
  if (typeof input !== 'string' && !isUtf8(input)) return failed('RESPONSE_MALFORMED', 'the JSON is not valid UTF-8');
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('utf8');
  const cursor: Cursor = {
    text,
    maxDepth: options.maxDepth ?? DEFAULT_JSON_DEPTH,
    valuesLeft: options.maxValues ?? DEFAULT_JSON_VALUES,
    at: 0,
    problem: undefined,
  };

  const value = readValue(cursor, 0);
  if (value === undefined) return refused(cursor);
  skipWhitespace(cursor);
  if (cursor.at < text.length) {
    wrong(cursor, 'more follows after the value');
    return refused(cursor);
  }
  return ok(value);
}

/** The value as an object, or undefined where it is something else. */
export function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !isArray(value) ? value : undefined;
}

/** The value as an array, or undefined where it is something else. */
export function asArray(value: JsonValue | undefined): readonly JsonValue[] | undefined {
  return typeof value === 'object' && value !== null && isArray(value) ? value : undefined;
}

/** The string under a key, or undefined where there is none or something else. */
export function stringAt(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' ? value : undefined;
}

/** The value as a map of strings, as annotations are; undefined where it is no object or holds anything but strings. */
export function asStringMap(value: JsonValue | undefined): Readonly<Record<string, string>> | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  const map: Record<string, string> = Object.create(null);
  for (const [key, entry] of Object.entries(object)) {
    if (typeof entry !== 'string') return undefined;
    map[key] = entry;
  }
  return map;
}

// Array.isArray alone does not narrow a union with a read-only array.
const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);

function refused(cursor: Cursor): Result<never> {
  const { limit, what } = cursor.problem ?? { limit: false, what: 'it is not JSON' };
  return failed(limit ? 'LIMIT_EXCEEDED' : 'RESPONSE_MALFORMED', `at character ${cursor.at} of the JSON, ${what}`);
}

function wrong(cursor: Cursor, what: string): undefined {
  cursor.problem ??= { limit: false, what };
  return undefined;
}

function skipWhitespace(cursor: Cursor): void {
  for (; cursor.at < cursor.text.length; cursor.at++) {
    const c = cursor.text.charCodeAt(cursor.at);
    if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
  }
}

/** Takes the character if it comes next, after whitespace. */
function take(cursor: Cursor, character: string): boolean {
  skipWhitespace(cursor);
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at++;
  return true;
}

/** One value; undefined says that the cursor holds a problem. */
function readValue(cursor: Cursor, depth: number): JsonValue | undefined {
  if (cursor.valuesLeft-- <= 0) {
    cursor.problem ??= { limit: true, what: 'it holds more values than are read' };
    return undefined;
  }
  skipWhitespace(cursor);
  switch (cursor.text.charAt(cursor.at)) {
    case '{':
      return enter(cursor, depth) ? readObject(cursor, depth + 1) : undefined;
    case '[':
      return enter(cursor, depth) ? readArray(cursor, depth + 1) : undefined;
    case '"':
      return readString(cursor);
    case 't':
      return readWord(cursor, 'true', true);
    case 'f':
      return readWord(cursor, 'false', false);
    case 'n':
      return readWord(cursor, 'null', null);
    default:
      return readNumber(cursor);
  }
}

function enter(cursor: Cursor, depth: number): boolean {
  if (depth >= cursor.maxDepth) {
    cursor.problem ??= { limit: true, what: `it nests deeper than ${cursor.maxDepth}` };
    return false;
  }
  cursor.at++;
  return true;
}

function readObject(cursor: Cursor, depth: number): JsonObject | undefined {
  const object: Record<string, JsonValue> = Object.create(null);
  if (take(cursor, '}')) return object;
  do {
    skipWhitespace(cursor);
    if (cursor.text[cursor.at] !== '"') return wrong(cursor, 'a key is missing');
    const key = readString(cursor);
    if (key === undefined) return undefined;
    if (Object.hasOwn(object, key)) return wrong(cursor, 'a key is written twice');
    if (!take(cursor, ':')) return wrong(cursor, 'a colon is missing');
    const value = readValue(cursor, depth);
    if (value === undefined) return undefined;
    object[key] = value;
  } while (take(cursor, ','));
  return take(cursor, '}') ? object : wrong(cursor, 'an object does not end');
}

function readArray(cursor: Cursor, depth: number): readonly JsonValue[] | undefined {
  const array: JsonValue[] = [];
  if (take(cursor, ']')) return array;
  do {
    const value = readValue(cursor, depth);
    if (value === undefined) return undefined;
    array.push(value);
  } while (take(cursor, ','));
  return take(cursor, ']') ? array : wrong(cursor, 'an array does not end');
}

function readWord(cursor: Cursor, word: string, value: JsonValue): JsonValue | undefined {
  if (!cursor.text.startsWith(word, cursor.at)) return wrong(cursor, 'there is no value');
  cursor.at += word.length;
  return value;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

function readString(cursor: Cursor): string | undefined {
  const { text } = cursor;
  const parts: string[] = [];
  let start = ++cursor.at;
  for (; cursor.at < text.length; cursor.at++) {
    const c = text.charCodeAt(cursor.at);
    if (c === 0x22) {
      parts.push(text.slice(start, cursor.at++));
      const value = parts.join('');
      return value.isWellFormed() ? value : wrong(cursor, 'a string holds half a surrogate pair');
    }
    if (c < 0x20) return wrong(cursor, 'a string holds a control character');
    if (c !== 0x5c) continue;
    parts.push(text.slice(start, cursor.at++));
    const unescaped = readEscape(cursor);
    if (unescaped === undefined) return wrong(cursor, 'a string holds an unknown escape');
    parts.push(unescaped);
    start = cursor.at + 1;
  }
  return wrong(cursor, 'a string does not end');
}

/** Reads what follows a backslash and leaves the cursor on its last character. */
function readEscape(cursor: Cursor): string | undefined {
  const letter = cursor.text.charAt(cursor.at);
  if (letter !== 'u') return ESCAPES.get(letter);
  const digits = cursor.text.slice(cursor.at + 1, cursor.at + 5);
  if (digits.length !== 4 || !/^[0-9a-fA-F]{4}$/.test(digits)) return undefined;
  cursor.at += 4;
  return String.fromCharCode(Number.parseInt(digits, 16));
}

function readNumber(cursor: Cursor): number | undefined {
  const start = cursor.at;
  if (cursor.text[cursor.at] === '-') cursor.at++;
  const first = cursor.text[cursor.at];
  const whole = skipDigits(cursor);
  if (whole === 0) return wrong(cursor, 'there is no value');
  if (first === '0' && whole > 1) return wrong(cursor, 'a number starts with zero');
  if (cursor.text[cursor.at] === '.') {
    cursor.at++;
    if (skipDigits(cursor) === 0) return wrong(cursor, 'a number has no digit after the point');
  }
  if (cursor.text[cursor.at] === 'e' || cursor.text[cursor.at] === 'E') {
    cursor.at++;
    if (cursor.text[cursor.at] === '+' || cursor.text[cursor.at] === '-') cursor.at++;
    if (skipDigits(cursor) === 0) return wrong(cursor, 'a number has no exponent');
  }
  const value = Number(cursor.text.slice(start, cursor.at));
  return Number.isFinite(value) ? value : wrong(cursor, 'a number is too large');
}

function skipDigits(cursor: Cursor): number {
  const start = cursor.at;
  for (; cursor.at < cursor.text.length; cursor.at++) {
    const c = cursor.text.charCodeAt(cursor.at);
    if (c < 0x30 || c > 0x39) break;
  }
  return cursor.at - start;
}
