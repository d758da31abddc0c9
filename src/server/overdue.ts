/** Said instead of a value that did not come in time. */
export const LATE = Symbol('late');

/** How often it is looked who is late, in milliseconds; so much later than asked for it may be noticed. */
const LOOK_EVERY_MS = 20;

/**
 * Waits for values until a time of their own. One timer serves all who wait: nearly every value comes in time, and two
 * timers a review cost more than recording it.
 */
export type Overdue = {
  /** The value, or LATE from `at` on (milliseconds since the epoch). Rejects as `pending` does. */
  readonly before: <T>(at: number, pending: Promise<T>) => Promise<T | typeof LATE>;
};

/** Makes a waiting room. Its timer runs only while somebody waits. */
export function createOverdue(now: () => number = Date.now): Overdue {
  const waiting = new Set<{ readonly at: number; readonly late: () => void }>();
  let timer: NodeJS.Timeout | undefined;

  const look = () => {
    const time = now();
    for (const entry of waiting) {
      if (entry.at > time) continue;
      waiting.delete(entry);
      entry.late();
    }
    if (waiting.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    before: (at, pending) =>
      new Promise((resolve, reject) => {
        const entry = { at, late: () => resolve(LATE) };
        waiting.add(entry);
        timer ??= setInterval(look, LOOK_EVERY_MS);
        pending.then(
          (value) => {
            waiting.delete(entry);
            resolve(value);
          },
          (error: unknown) => {
            waiting.delete(entry);
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      }),
  };
}
