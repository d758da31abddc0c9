import { LRUCache } from 'lru-cache';

/** Counts of one cache, read by metrics. */
export type CacheStatistics = {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly entries: number;
  readonly bytes: number;
};

/** A cache bounded by entries and by bytes; what is evicted is looked up again, never taken for absent. */
export type BoundedCache<T> = {
  readonly get: (key: string) => T | undefined;
  /** Keeps a value; `bytes` is its weight beside the key's. Of a value heavier than the whole cache nothing is kept. */
  readonly set: (key: string, value: T, bytes: number) => void;
  readonly delete: (key: string) => void;
  readonly statistics: () => CacheStatistics;
};

/**
 * What a cache may hold. `lives` is milliseconds after which a value is never handed out, or `forever`; its memory is
 * given back at the next use of the cache once as much time again has passed.
 */
export type CacheBounds = { readonly entries: number; readonly bytes: number; readonly lives: number | 'forever' };

/** Weight of an entry beside its value and key: the map's and the list's own cells. */
const OVERHEAD = 160;

/** Makes a cache. The clock is handed in so that tests need not wait. */
export function createBoundedCache<T extends object>(
  bounds: CacheBounds,
  now: () => number = Date.now,
): BoundedCache<T> {
  let hits = 0;
  let misses = 0;
  let evictions = 0;
  const kept = new LRUCache<string, { readonly value: T; readonly until: number }>({
    max: bounds.entries,
    maxSize: bounds.bytes,
    dispose: (_entry, _key, reason) => {
      if (reason === 'evict') evictions++;
    },
  });

  const lives = bounds.lives === 'forever' ? Number.POSITIVE_INFINITY : bounds.lives;
  let sweepAt = now() + lives;

  /** Lets go of what has expired without being asked for. Once a life, so that it costs each entry two looks at most. */
  const sweep = (at: number) => {
    if (at < sweepAt) return;
    sweepAt = at + lives;
    const expired = [...kept.entries()].filter(([, { until }]) => until <= at);
    for (const [key] of expired) kept.delete(key);
  };

  return {
    get: (key) => {
      const at = now();
      sweep(at);
      const entry = kept.get(key);
      if (entry === undefined || entry.until <= at) {
        if (entry !== undefined) kept.delete(key);
        misses++;
        return undefined;
      }
      hits++;
      return entry.value;
    },
    set: (key, value, bytes) => {
      const at = now();
      sweep(at);
      const size = bytes + key.length + OVERHEAD;
      if (size <= bounds.bytes) kept.set(key, { value, until: at + lives }, { size });
      // What it would have replaced is no longer so.
      else kept.delete(key);
    },
    delete: (key) => {
      kept.delete(key);
    },
    statistics: () => {
      sweep(now());
      return { hits, misses, evictions, entries: kept.size, bytes: kept.calculatedSize };
    },
  };
}
