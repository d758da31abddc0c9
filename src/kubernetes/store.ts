import { failed, type Result } from '../codes/result.ts';
import type { JsonObject } from '../encoding/strict-json.ts';
import type { ObjectHeader, ReadObject } from './objects.ts';

/** One object as it was last seen. */
export type Watched<T> = ObjectHeader & {
  /** What the parser made of it. One that does not parse keeps its place: what becomes of it, the reader decides. */
  readonly object: Result<T>;
  /** What the same object, by its UID, was when it last parsed. */
  readonly lastGood: T | undefined;
};

/** The objects of one resource as they were last seen. */
export type Store<T> = {
  /** Takes a full list: what is not in it is gone. @returns whether anything changed */
  readonly replace: (objects: readonly ReadObject[]) => boolean;
  /** @returns whether anything changed */
  readonly put: (object: ReadObject) => boolean;
  /** @returns whether anything changed */
  readonly remove: (key: string) => boolean;
  /** A copy, so that whoever holds it sees one moment. */
  readonly all: () => ReadonlyMap<string, Watched<T>>;
  readonly statistics: () => { readonly objects: number; readonly broken: number; readonly bytes: number };
};

type Entry<T> = { readonly watched: Watched<T>; readonly weight: number };

/**
 * Makes an empty store.
 * @param parse may throw, which makes the object a broken one
 * @param onThrow told of what it threw
 */
export function createStore<T>(
  parse: (object: JsonObject) => Result<T>,
  onThrow: (error: unknown, header: ObjectHeader) => void,
): Store<T> {
  let entries = new Map<string, Entry<T>>();

  function entryOf(read: ReadObject): Entry<T> {
    const before = entries.get(read.header.key)?.watched;
    const object = read.object.ok ? parsed(read.object.value, read.header) : read.object;
    const known = before?.uid === read.header.uid ? before.lastGood : undefined;
    const lastGood = object.ok ? object.value : known;
    return { watched: { ...read.header, object, lastGood }, weight: read.weight };
  }

  function parsed(object: JsonObject, header: ObjectHeader): Result<T> {
    try {
      return parse(object);
    } catch (error) {
      onThrow(error, header);
      return failed('INTERNAL_ERROR', 'the object could not be read', error);
    }
  }

  const isKnown = ({ header }: ReadObject): boolean => {
    const known = entries.get(header.key)?.watched;
    return known?.uid === header.uid && known.resourceVersion === header.resourceVersion;
  };

  return {
    replace(objects) {
      const next = new Map<string, Entry<T>>();
      let changed = false;
      for (const read of objects) {
        const known = isKnown(read) ? entries.get(read.header.key) : undefined;
        changed ||= known === undefined;
        next.set(read.header.key, known ?? entryOf(read));
      }
      changed ||= next.size !== entries.size;
      entries = next;
      return changed;
    },
    put(read) {
      if (isKnown(read)) return false;
      entries.set(read.header.key, entryOf(read));
      return true;
    },
    remove: (key) => entries.delete(key),
    all: () => new Map([...entries].map(([key, { watched }]) => [key, watched])),
    statistics() {
      let broken = 0;
      let bytes = 0;
      for (const { watched, weight } of entries.values()) {
        if (!watched.object.ok) broken++;
        bytes += weight;
      }
      return { objects: entries.size, broken, bytes };
    },
  };
}
