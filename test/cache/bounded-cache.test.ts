import { describe, expect, it } from 'vitest';
import { type CacheBounds, createBoundedCache } from '../../src/cache/bounded-cache.ts';
import { ownCopy } from '../../src/cache/own-copy.ts';

type Fact = { readonly n: number };

function cacheAt(bounds: Partial<CacheBounds> = {}) {
  let now = 1_000_000;
  const cache = createBoundedCache<Fact>({ entries: 100, bytes: 1_000_000, lives: 1_000, ...bounds }, () => now);
  const move = (ms: number) => {
    now += ms;
  };
  const keep = (count: number, bytes = 10) => {
    for (let n = 0; n < count; n++) cache.set(`key-${n}`, { n }, bytes);
  };
  const held = (count: number) => Array.from({ length: count }, (_, n) => cache.get(`key-${n}`)?.n);
  return { cache, move, keep, held };
}

describe('a bounded cache', () => {
  it('gives back all of N distinct keys as long as they are within its bounds [peers 70]', () => {
    const { keep, held } = cacheAt();
    keep(100);
    expect(held(100)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('holds its bound of entries, and gives back exactly the newest [peers 70]', () => {
    const { cache, keep, held } = cacheAt({ entries: 60 });
    keep(100);
    expect(held(100)).toEqual(Array.from({ length: 100 }, (_, n) => (n < 40 ? undefined : n)));
    expect(cache.statistics()).toMatchObject({ entries: 60, evictions: 40, hits: 60, misses: 40 });
  });

  it('holds its bound of bytes, keys and overhead counted, however few the entries [peers 70]', () => {
    const { cache, keep, held } = cacheAt({ bytes: 10_000 });
    keep(50, 1_000);
    const { entries, bytes, evictions } = cache.statistics();
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(entries).toBe(8);
    expect(evictions).toBe(42);
    expect(held(50).filter((n) => n !== undefined)).toHaveLength(8);
  });

  it('is not filled up by keys whose values weigh nothing [peers 70, hostile]', () => {
    const { cache } = cacheAt({ entries: 1_000_000, bytes: 100_000 });
    for (let n = 0; n < 1_000; n++) cache.set('k'.repeat(1_000) + n, { n }, 0);
    expect(cache.statistics().entries).toBeLessThan(100);
  });

  it('keeps nothing that is heavier than the whole cache, nor what it would have replaced', () => {
    const { cache } = cacheAt({ bytes: 1_000 });
    cache.set('a', { n: 1 }, 100);
    cache.set('b', { n: 2 }, 100);
    cache.set('a', { n: 3 }, 1_001);
    expect(cache.get('a')).toBeUndefined();
    expect(cache.get('b')).toEqual({ n: 2 });
  });

  it('gives nothing back at the end of its life, and everything just before', () => {
    const { keep, held, move } = cacheAt();
    keep(3);
    move(999);
    expect(held(3)).toEqual([0, 1, 2]);
    move(1);
    expect(held(3)).toEqual([undefined, undefined, undefined]);
  });

  it('does not prolong a life by asking', () => {
    const { cache, keep, move } = cacheAt();
    keep(1);
    for (let step = 0; step < 9; step++) {
      move(100);
      expect(cache.get('key-0')).toEqual({ n: 0 });
    }
    move(100);
    expect(cache.get('key-0')).toBeUndefined();
  });

  it('lets go of what has expired although nobody asks for it again [peers 70]', () => {
    const { cache, keep, move } = cacheAt();
    keep(50);
    move(2_000);
    cache.set('another', { n: 0 }, 10);
    expect(cache.statistics()).toMatchObject({ entries: 1, evictions: 0 });
  });

  it('reports no bytes of what has expired, even where nothing else happens [peers 70]', () => {
    const { cache, keep, move } = cacheAt();
    keep(50);
    move(2_000);
    expect(cache.statistics()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('keeps what lives for ever, whatever the clock says', () => {
    const { keep, held, move } = cacheAt({ lives: 'forever' });
    keep(3);
    move(1e15);
    expect(held(3)).toEqual([0, 1, 2]);
  });

  it('counts a look at something expired as a miss', () => {
    const { cache, keep, move } = cacheAt();
    keep(1);
    move(1_000);
    cache.get('key-0');
    cache.get('never-there');
    expect(cache.statistics()).toMatchObject({ hits: 0, misses: 2, evictions: 0 });
  });

  it('forgets what it is told to forget', () => {
    const { cache, keep, held } = cacheAt();
    keep(2);
    cache.delete('key-0');
    expect(held(2)).toEqual([undefined, 1]);
  });
});

describe('a copy of its own', () => {
  it('is equal and shares nothing', () => {
    const value = { a: ['text', undefined, { b: 1 }], c: undefined };
    const copy = ownCopy(value);
    expect(copy).toStrictEqual(value);
    expect(copy.a).not.toBe(value.a);
  });
});
