import { failed, type Result } from '../../../codes/result.ts';
import { decodeBase64 } from '../../../encoding/base64.ts';
import { printable } from '../../../encoding/escape.ts';
import { asArray, asObject, type JsonObject, type JsonValue } from '../../../encoding/strict-json.ts';

/** An object of the document whose keys are all known, and where it stands, as messages name it. */
export type Fields = { readonly object: JsonObject; readonly path: string };

/** What is wrong with a document, and where. Text of the document must be escaped by whoever writes the sentence. */
export function wrong(path: string, what: string): Result<never> {
  return failed('POLICY_BROKEN', `${path}: ${what}`);
}

/** A value as messages show it. */
export function shown(value: JsonValue): string {
  return printable(JSON.stringify(value));
}

/** The path of an entry of a map whose keys are anybody's: `docker["example.com"]`. */
export function entryOf(path: string, key: string): string {
  return `${path}[${printable(JSON.stringify(key))}]`;
}

/**
 * Reads an object that has no other keys than these. Keys tell case apart, unlike in Go's own JSON: containers/image
 * takes care that `Type` is no `type`.
 * @param path empty for the document itself
 * @returns POLICY_BROKEN
 */
export function readFields(value: JsonValue, path: string, keys: readonly string[]): Result<Fields> {
  const object = asObject(value);
  if (object === undefined) return wrong(path, `it must be an object, not ${kindOf(value)}`);
  const unknown = Object.keys(object).find((key) => !keys.includes(key));
  if (unknown === undefined) return { ok: true, value: { object, path } };
  const meant = keys.find((key) => key.toLowerCase() === unknown.toLowerCase());
  const hint = meant === undefined ? `known are ${keys.join(', ')}` : `write ${meant}`;
  return wrong(within(path, unknown), `the key is not known; ${hint}`);
}

/** The path of one field. */
export function fieldPath({ path }: Fields, key: string): string {
  return within(path, key);
}

/** The value under a key; undefined where the key is not written. */
export function valueAt({ object }: Fields, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A text that must be there and say something. */
export function textAt(fields: Fields, key: string): Result<string> {
  const text = optionalTextAt(fields, key);
  if (!text.ok) return text;
  return text.value === undefined ? wrong(fieldPath(fields, key), 'it is missing') : { ok: true, value: text.value };
}

/**
 * A text that may be missing; where it is written, it must say something. containers/image takes some empty texts and
 * nulls for missing, which lets a slip of the pen drop a rule.
 */
export function optionalTextAt(fields: Fields, key: string): Result<string | undefined> {
  const value = valueAt(fields, key);
  if (value === undefined) return { ok: true, value: undefined };
  const path = fieldPath(fields, key);
  const text = readText(value, path);
  if (!text.ok) return text;
  return text.value === '' ? wrong(path, 'it is empty') : text;
}

/** A text, which may be empty. */
export function readText(value: JsonValue, path: string): Result<string> {
  if (typeof value !== 'string') return wrong(path, `it must be a string, not ${kindOf(value)}`);
  return { ok: true, value };
}

/** Bytes in standard base64 with padding; newlines in it are passed over, as by Go. */
export function readBytes(value: JsonValue, path: string): Result<Uint8Array> {
  const text = readText(value, path);
  if (!text.ok) return text;
  const bytes = decodeBase64(text.value, { newlines: 'ignored' });
  return bytes.ok ? bytes : wrong(path, bytes.failure.message);
}

/** The items of a list. */
export function readList(value: JsonValue, path: string): Result<readonly JsonValue[]> {
  const items = asArray(value);
  return items === undefined ? wrong(path, `it must be an array, not ${kindOf(value)}`) : { ok: true, value: items };
}

/** Every value, or what is wrong with the first that is. */
export function all<T>(results: Iterable<Result<T>>): Result<readonly T[]> {
  const values: T[] = [];
  for (const result of results) {
    if (!result.ok) return result;
    values.push(result.value);
  }
  return { ok: true, value: values };
}

function within(path: string, key: string): string {
  // What is no plain word was not written by us: it may be anything.
  if (!/^[A-Za-z]{1,40}$/.test(key)) return entryOf(path, key);
  return path === '' ? key : `${path}.${key}`;
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a ${typeof value}`;
  return asArray(value) === undefined ? 'an object' : 'an array';
}
