import type { Clock } from '../../src/kubernetes/clock.ts';

/** A clock that stands still until it is told to go. */
export type TestClock = Clock & {
  /** Goes on by so many milliseconds and runs what falls due, in its order. */
  readonly pass: (milliseconds: number) => void;
  /** Goes on to the next thing that falls due within so many milliseconds. @returns by how far it went */
  readonly passToNext: (within: number) => number | undefined;
  /** Sets the wall clock without time going by. */
  readonly setWall: (milliseconds: number) => void;
  readonly due: () => readonly number[];
};

/** Makes a clock that stands at a round moment. */
export function createTestClock(start = Date.UTC(2026, 10, 22)): TestClock {
  let elapsed = 0;
  let offset = start;
  let timers: { at: number; run: () => void }[] = [];

  const pass = (milliseconds: number) => {
    const until = elapsed + milliseconds;
    for (;;) {
      const next = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      timers = timers.filter((timer) => timer !== next);
      elapsed = Math.max(elapsed, next.at);
      next.run();
    }
    elapsed = until;
  };
  return {
    now: () => offset + elapsed,
    elapsed: () => elapsed,
    after: (milliseconds, run) => {
      const timer = { at: elapsed + milliseconds, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    pass,
    passToNext: (within) => {
      const [first] = timers.map(({ at }) => at - elapsed).sort((a, b) => a - b);
      if (first === undefined || first > within) return undefined;
      pass(first);
      return first;
    },
    setWall: (milliseconds) => {
      offset = milliseconds - elapsed;
    },
    due: () => timers.map(({ at }) => at - elapsed).sort((a, b) => a - b),
  };
}
