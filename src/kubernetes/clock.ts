/** Time as this folder sees it. Handed in, so that tests pass through hours without waiting. */
export type Clock = {
  /** Milliseconds since the epoch, for what is written down or shown. */
  readonly now: () => number;
  /** Milliseconds that only ever grow, for durations: somebody who sets the wall clock must not lengthen a lease. */
  readonly elapsed: () => number;
  /** Runs something once after so many milliseconds. @returns what calls it off */
  readonly after: (milliseconds: number, run: () => void) => () => void;
};

/** The time of this machine. */
export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Waits for so many milliseconds, or until the signal aborts; which of the two, the signal tells. */
export function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      callOff();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const callOff = clock.after(milliseconds, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
