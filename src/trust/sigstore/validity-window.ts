import { asObject, type JsonObject, stringAt } from '../../encoding/strict-json.ts';
import { isSet } from './fields.ts';

/** When a root of trust holds, both ends included (protobuf-specs, TimeRange: a closed interval); milliseconds. */
export type ValidityWindow = { readonly start: number; readonly end: number };

/** The last moment that a Date can hold. */
const END_OF_TIME = 8_640_000_000_000_000;

/** Holds always: material that came without a window, as PEM does. */
export const ALWAYS: ValidityWindow = { start: 0, end: END_OF_TIME };

/** Whether the moment lies in the window. */
export function within(window: ValidityWindow, at: number): boolean {
  return window.start <= at && at <= window.end;
}

/**
 * Reads `validFor`. A start must be there (protobuf-specs, TrustedRoot): what has none would be trusted for times
 * at which nobody vouched for it. No end means that it still holds.
 */
export function readWindow(owner: JsonObject): ValidityWindow | undefined {
  const range = asObject(owner['validFor']);
  if (range === undefined) return undefined;
  const start = momentOf(stringAt(range, 'start'));
  const end = isSet(range, 'end') ? momentOf(stringAt(range, 'end')) : END_OF_TIME;
  return start === undefined || end === undefined || end < start ? undefined : { start, end };
}

/** A timestamp as RFC 3339 has it. */
function momentOf(text: string | undefined): number | undefined {
  const form = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
  if (text === undefined || !form.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
