import { failed, ok, type Result } from '../codes/result.ts';

/** Lets a bounded number of tasks run at once, in all and for each key; the rest wait in line until their signal aborts. */
export type Gate = {
  /** @returns what the task returned, or REGISTRY_DEADLINE where the signal aborted while it still waited */
  readonly run: <T>(key: string, signal: AbortSignal, task: () => Promise<T>) => Promise<Result<T>>;
};

type Waiting = { readonly key: string; readonly start: () => void };

/** Makes a gate. A key whose own limit is reached does not hold up those behind it. */
export function createGate(limits: { readonly total: number; readonly perKey: number }): Gate {
  const running = new Map<string, number>();
  const line = new Set<Waiting>();
  let total = 0;

  const mayStart = (key: string): boolean => total < limits.total && (running.get(key) ?? 0) < limits.perKey;

  function take(key: string): void {
    total++;
    running.set(key, (running.get(key) ?? 0) + 1);
  }

  function give(key: string): void {
    total--;
    const left = (running.get(key) ?? 1) - 1;
    if (left === 0) running.delete(key);
    else running.set(key, left);
    for (const waiting of line) {
      if (total >= limits.total) return;
      if (!mayStart(waiting.key)) continue;
      line.delete(waiting);
      take(waiting.key);
      waiting.start();
    }
  }

  function enter(key: string, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (mayStart(key)) {
      take(key);
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const onAbort = () => {
        line.delete(waiting);
        resolve(false);
      };
      const waiting: Waiting = {
        key,
        start: () => {
          signal.removeEventListener('abort', onAbort);
          resolve(true);
        },
      };
      line.add(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  return {
    async run(key, signal, task) {
      if (!(await enter(key, signal)))
        return failed('REGISTRY_DEADLINE', `requests to ${key} waited too long for their turn`);
      try {
        return ok(await task());
      } finally {
        give(key);
      }
    },
  };
}
