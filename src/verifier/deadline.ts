/** When an answer must be there. The timer and signal are made only once something has to wait. */
export type Deadline = {
  readonly signal: () => AbortSignal;
  /** Stops the timer. */
  readonly clear: () => void;
};

/** A deadline at a moment in milliseconds since the epoch. */
export function createDeadline(at: number, now: () => number): Deadline {
  let controller: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: () => {
      if (controller !== undefined) return controller.signal;
      const made = new AbortController();
      controller = made;
      const left = at - now();
      if (left <= 0) made.abort();
      else timer = setTimeout(() => made.abort(), left);
      return made.signal;
    },
    clear: () => clearTimeout(timer),
  };
}
