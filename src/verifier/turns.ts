import { setImmediate } from 'node:timers/promises';

/** Waits until it is somebody's turn. @param whose what stands for one decision */
export type Turns = (whose: object) => Promise<void>;

/**
 * Lets work that keeps the process busy take turns: between two pieces of one decision's, everything else that is ready
 * goes on, the deadline and other decisions among it. Verifying is such work, and whoever pushes says how much of it there is.
 */
export function createTurns(): Turns {
  const last = new WeakMap<object, Promise<void>>();
  return (whose) => {
    const turn = (last.get(whose) ?? Promise.resolve()).then(() => setImmediate());
    last.set(whose, turn);
    return turn;
  };
}
