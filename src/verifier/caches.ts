import { type BoundedCache, type CacheStatistics, createBoundedCache } from '../cache/bounded-cache.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Proof } from '../model/finding.ts';
import type { Listing } from '../signatures/evidence.ts';

/** A resolved manifest: what it is and, for an index, what it lists. */
export type ResolvedManifest = {
  readonly descriptor: Descriptor;
  /** Children of an index that count as instances; undefined for a single image. */
  readonly children: readonly Descriptor[] | undefined;
};

/** The caches of MODEL.md M2. They hold facts and never verdicts. */
export type Caches = {
  readonly tags: BoundedCache<Descriptor>;
  readonly descriptors: BoundedCache<ResolvedManifest>;
  readonly lists: BoundedCache<{ readonly listing: Listing; readonly at: number }>;
  readonly bytes: BoundedCache<Uint8Array>;
  readonly proofs: BoundedCache<Proof>;
};

/** Sizes of the caches: entries and bytes of each, and the life of lists and descriptors in milliseconds. */
export type CacheOptions = { readonly entries: number; readonly bytes: number; readonly lives: number };

/** A list older than this never refuses and never feeds a node that needs it complete (MODEL.md M2); milliseconds. */
export const FRESH = 10_000;

/** How long a tag's descriptor is believed where nothing is denied; milliseconds. */
const TAG_LIFE = 5_000;

/** Makes the caches; the byte bound is shared out, most of it to signatures and proofs. */
export function createCaches(options: CacheOptions, now: () => number): Caches {
  const share = (part: number, lives: number | 'forever') => ({
    entries: options.entries,
    bytes: Math.max(1, Math.floor(options.bytes * part)),
    lives,
  });
  return {
    tags: createBoundedCache(share(0.05, TAG_LIFE), now),
    descriptors: createBoundedCache(share(0.2, options.lives), now),
    lists: createBoundedCache(share(0.3, options.lives), now),
    bytes: createBoundedCache(share(0.2, 'forever'), now),
    proofs: createBoundedCache(share(0.25, 'forever'), now),
  };
}

/** Counts of each cache by its name. */
export function cacheStatistics(caches: Caches): Readonly<Record<keyof Caches, CacheStatistics>> {
  return {
    tags: caches.tags.statistics(),
    descriptors: caches.descriptors.statistics(),
    lists: caches.lists.statistics(),
    bytes: caches.bytes.statistics(),
    proofs: caches.proofs.statistics(),
  };
}
