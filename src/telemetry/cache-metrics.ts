import { Counter, Gauge, type Registry } from 'prom-client';

/** What a cache counts about itself since it was made, and what it holds now. */
export type CacheStatistics = {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly entries: number;
  /** Bytes held; 0 for a cache that is bounded by entries alone. */
  readonly bytes: number;
};

/**
 * Registers the metrics of caches. They are read when scraped: a cache counts in plain numbers, so a hit costs no more.
 * @returns names a cache and says how to read it; a name given twice replaces the earlier one
 */
export function registerCacheMetrics(registry: Registry): (cache: string, read: () => CacheStatistics) => void {
  const caches = new Map<string, () => CacheStatistics>();
  const registers = [registry];
  const labelNames = ['cache'] as const;

  const counter = (name: string, help: string, value: (statistics: CacheStatistics) => number) =>
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [cache, read] of caches) this.inc({ cache }, value(read()));
      },
    });
  const gauge = (name: string, help: string, value: (statistics: CacheStatistics) => number) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const [cache, read] of caches) this.set({ cache }, value(read()));
      },
    });

  counter('countersign_cache_hits_total', 'Look-ups that a cache answered.', ({ hits }) => hits);
  counter('countersign_cache_misses_total', 'Look-ups that a cache could not answer.', ({ misses }) => misses);
  counter('countersign_cache_evictions_total', 'Entries that made room for others.', ({ evictions }) => evictions);
  gauge('countersign_cache_entries', 'Entries held.', ({ entries }) => entries);
  gauge('countersign_cache_bytes', 'Bytes held.', ({ bytes }) => bytes);

  return (cache, read) => {
    caches.set(cache, read);
  };
}
