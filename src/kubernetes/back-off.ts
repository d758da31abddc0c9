/** Pauses between attempts that grow, up to a cap, and are spread so that replicas do not come back all at once. */
export type BackOff = {
  /**
   * The next pause in milliseconds.
   * @param retryAfterMs what the other side asked for; it is never undercut, up to ten minutes
   */
  readonly next: (retryAfterMs?: number) => number;
  /** Begins with short pauses again. */
  readonly reset: () => void;
};

/** A proxy that asks for a day is not believed: the cluster would be unwatched for as long. */
const LONGEST_RETRY_AFTER_MS = 600_000;

/**
 * Makes a back-off: half of `firstMs`, twice that…, and as much again at random.
 * @param random gives numbers from 0 up to and without 1, as `Math.random` does
 */
export function createBackOff(firstMs: number, capMs: number, random: () => number): BackOff {
  let ceiling = firstMs;
  return {
    next: (retryAfterMs = 0) => {
      const own = ceiling * (0.5 + random() / 2);
      ceiling = Math.min(capMs, ceiling * 2);
      const asked = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
      // Spread what was asked for too: a server that sheds load says the same to everybody.
      return Math.max(own, asked * (1 + random() / 10));
    },
    reset: () => {
      ceiling = firstMs;
    },
  };
}
