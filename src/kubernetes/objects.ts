import { failed, ok, type Result } from '../codes/result.ts';
import type { JsonObject, JsonValue } from '../encoding/strict-json.ts';

/** What every object has, by which it is told from others and from its former self. */
export type ObjectHeader = {
  /** `namespace/name`, or the name alone. */
  readonly key: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Another one under the same name is another object. */
  readonly uid: string;
  readonly resourceVersion: string;
};

/** An object of a list or of an event. */
export type ReadObject = {
  readonly header: ObjectHeader;
  /** Without managedFields; LIMIT_EXCEEDED where it is more than is looked at. */
  readonly object: Result<JsonObject>;
  /** What it weighs in memory, roughly, in bytes. */
  readonly weight: number;
};

const MAX_DEPTH = 100;
/** More values than any honest policy, ConfigMap or Secret has. */
const MAX_VALUES = 200_000;
/** A cell of an object or array, beside the text in it. */
const CELL = 24;

/**
 * Reads JSON of a list or a watch. Not by the strict reader: that stops at the first object that is too much, and one
 * object that somebody wrote must not hide all others. What the API server sends it encoded itself, from objects that it
 * decoded, so no key stands in it twice; what is no JSON at all is refused here as there.
 * @returns CLUSTER_ANSWER_UNUSABLE
 */
export function parseAnswer(input: Uint8Array): Result<unknown> {
  try {
    const value: unknown = JSON.parse(UTF8.decode(input));
    return ok(value);
  } catch {
    // V8 quotes the text in its message, and the text may be a secret.
    return failed('CLUSTER_ANSWER_UNUSABLE', 'the API server answered something that is not JSON');
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A member of what {@link parseAnswer} gave; undefined where it has none of its own. */
export function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const member: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return member;
}

/** A text in what {@link parseAnswer} gave. */
export function textOf(value: unknown, key: string): string | undefined {
  const member = memberOf(value, key);
  return typeof member === 'string' ? member : undefined;
}

/**
 * Reads one object. Members of lists of the core group do not say their kind; what the list says is put there.
 * @param value as {@link parseAnswer} gave it
 * @returns undefined where it has no name, UID or resource version: the API server sends no such thing
 */
export function readObject(value: unknown, of: { apiVersion?: string; kind?: string } = {}): ReadObject | undefined {
  const metadata = memberOf(value, 'metadata');
  const name = textOf(metadata, 'name');
  const uid = textOf(metadata, 'uid');
  const resourceVersion = textOf(metadata, 'resourceVersion');
  if (!name || !uid || !resourceVersion) return undefined;

  const namespace = textOf(metadata, 'namespace') || undefined;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  const budget = { values: MAX_VALUES, weight: 0 };
  const plain = plainObject({ ...membersOf(value), metadata: withoutManagedFields(metadata) }, 0, budget);
  const header = { key, namespace, name, uid, resourceVersion };
  if (plain === undefined) {
    const object = failed('LIMIT_EXCEEDED', 'the object nests deeper or holds more values than countersign reads');
    return { header, object, weight: CELL };
  }
  const object: JsonObject = Object.assign(Object.create(null), of, plain);
  return { header, object: ok(object), weight: budget.weight };
}

type Budget = { values: number; weight: number };

/** A copy of parsed JSON whose objects have no prototype; undefined where the budget or the depth does not do. */
function plainValue(value: unknown, depth: number, budget: Budget): JsonValue | undefined {
  budget.weight += CELL;
  if (budget.values-- <= 0 || depth > MAX_DEPTH) return undefined;
  if (typeof value === 'string') {
    budget.weight += value.length;
    return value;
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) {
    const array: JsonValue[] = [];
    for (const each of value) {
      const plain = plainValue(each, depth + 1, budget);
      if (plain === undefined) return undefined;
      array.push(plain);
    }
    return array;
  }
  return typeof value === 'object' ? plainObject(value, depth, budget) : undefined;
}

function plainObject(value: object, depth: number, budget: Budget): JsonObject | undefined {
  const object: Record<string, JsonValue> = Object.create(null);
  for (const [key, member] of Object.entries(value)) {
    budget.weight += key.length;
    const plain = plainValue(member, depth + 1, budget);
    if (plain === undefined) return undefined;
    object[key] = plain;
  }
  return object;
}

/** Who owns which field is a third of most objects, and of no use here. */
function withoutManagedFields(metadata: unknown): object {
  return Object.fromEntries(Object.entries(membersOf(metadata)).filter(([key]) => key !== 'managedFields'));
}

const membersOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});
