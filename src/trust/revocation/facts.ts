import { createBoundedCache } from '../../cache/bounded-cache.ts';
import { createSingleFlight } from '../../cache/single-flight.ts';
import { type Read, unreadable } from './read.ts';
import type { AskContext, OnRevocationRequest } from './status.ts';

/** Something that an authority signed, and until when it says that it holds; milliseconds. */
export type SignedFact = { readonly issuedAt: number; readonly until: number; readonly bytes: number };

/** Verified facts that are kept until they end. */
export type Facts<T extends SignedFact> = {
  /**
   * The fact that is held, or that `load` brings. What is held is handed out at once, and refreshed in the background
   * where it has been held for a while.
   * @param load fetches and verifies; it runs on when nobody waits any more, so that the next one finds the fact here
   */
  readonly get: (
    key: string,
    context: AskContext,
    load: (onRequest: OnRevocationRequest | undefined) => Promise<Read<T>>,
  ) => Promise<Read<T>>;
};

/** A fact is refreshed after this, or after half of its life if that is shorter: what is revoked since then must be seen. */
const REFRESH_AFTER_MS = 3_600_000;

/** A failure is handed out for so long, so that a responder that hangs does not hold up every container of a pod in turn. */
const FAILURE_LIVES_MS = 3_000;

type Held<T> = { readonly fact: T; readonly refreshAt: number };

/** Aborted by nobody: what was begun is finished, inside its own limits. */
const PATIENT = new AbortController().signal;

/** Makes a place for facts. */
export function createFacts<T extends SignedFact>(
  bounds: { readonly entries: number; readonly bytes: number },
  clock: () => number,
): Facts<T> {
  const kept = createBoundedCache<Held<T>>({ ...bounds, lives: 'forever' }, clock);
  const failures = createBoundedCache<Extract<Read<T>, { ok: false }>>(
    { entries: 1_024, bytes: 512 * 1024, lives: FAILURE_LIVES_MS },
    clock,
  );
  const flights = createSingleFlight<Read<T>>();

  /** The held fact while it holds. */
  function current(key: string): Held<T> | undefined {
    const held = kept.get(key);
    return held !== undefined && clock() <= held.fact.until ? held : undefined;
  }

  async function take(key: string, load: () => Promise<Read<T>>): Promise<Read<T>> {
    const loaded = await load().catch(() => unreadable('an error of countersign itself'));
    const held = current(key);
    // An older answer that still holds can be played back by whoever stands in the way; the newer one is not given up for it.
    const read =
      loaded.ok && held !== undefined && loaded.value.issuedAt < held.fact.issuedAt
        ? unreadable('the authority gave an older answer than before')
        : loaded;
    if (!read.ok) {
      failures.set(key, read, read.message.length * 2);
      return read;
    }
    const now = clock();
    const refreshAt = now + Math.min(REFRESH_AFTER_MS, (read.value.until - now) / 2);
    kept.set(key, { fact: read.value, refreshAt }, read.value.bytes);
    failures.delete(key);
    return read;
  }

  return {
    get(key, { signal, onRequest }, load) {
      const held = current(key);
      const failed = failures.get(key);
      if (held !== undefined) {
        if (clock() >= held.refreshAt && failed === undefined)
          void flights.run(key, PATIENT, () => take(key, () => load(undefined)), gaveUp);
        return Promise.resolve({ ok: true, value: held.fact });
      }
      if (failed !== undefined) return Promise.resolve(failed);
      if (signal.aborted) return Promise.resolve(gaveUp());
      void flights.run(key, PATIENT, () => take(key, () => load(onRequest)), gaveUp);
      return flights.run(key, signal, () => Promise.resolve(gaveUp()), gaveUp);
    },
  };
}

function gaveUp(): Extract<Read<never>, { ok: false }> {
  return { ok: false, message: 'no answer came before the deadline' };
}
