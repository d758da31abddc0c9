import { decodeBase64 } from '../../encoding/base64.ts';
import { asArray, asObject, type JsonObject, type JsonValue, stringAt } from '../../encoding/strict-json.ts';

/**
 * Fields of protobuf messages written as JSON, read strictly: sigstore's libraries take lists, objects and lax base64 for
 * bytes, and any text for a number. `null` stands for "not there", as protobuf's own JSON mapping has it.
 */

/** The object under a key. */
export function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  return object === undefined ? undefined : asObject(object[key]);
}

/** The list under a key; empty where there is none, undefined where something else stands there. */
export function listAt(object: JsonObject | undefined, key: string): readonly JsonValue[] | undefined {
  const value = object?.[key] ?? null;
  return value === null ? [] : asArray(value);
}

/** Whether something stands under a key. */
export function isSet(object: JsonObject | undefined, key: string): boolean {
  return (object?.[key] ?? null) !== null;
}

/** Bytes under a key, in standard base64 and not empty. */
export function bytesAt(object: JsonObject | undefined, key: string): Uint8Array | undefined {
  const text = object === undefined ? undefined : stringAt(object, key);
  return text === undefined ? undefined : bytesOf(text);
}

/** Bytes in standard base64, not empty. */
export function bytesOf(text: JsonValue): Uint8Array | undefined {
  const decoded = typeof text === 'string' ? decodeBase64(text) : undefined;
  return decoded?.ok === true && decoded.value.length > 0 ? decoded.value : undefined;
}

/** A whole number under a key, 0 to 2^53 - 1, written as JSON number or as decimal text without leading zeros. */
export function wholeNumberAt(object: JsonObject | undefined, key: string): number | undefined {
  const value = object?.[key];
  if (typeof value === 'string') return wholeNumber(value);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A whole number in decimal digits, without sign or leading zeros, as far as a double holds it exactly. */
export function wholeNumber(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : undefined;
}
