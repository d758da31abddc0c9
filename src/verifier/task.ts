import type { RequestPurpose } from '../registry/registry.ts';
import { createDeadline, type Deadline } from './deadline.ts';

/** What deciding one request may take, and what it took so far. */
export type Task = {
  readonly deadline: Deadline;
  /** One clock value for the whole decision, in milliseconds since the epoch. */
  readonly now: number;
  readonly meter: Meter;
  /** Deny mode sees moved tags: it never takes a tag's descriptor from the cache. */
  readonly freshTags: boolean;
};

/** Counts of one decision. */
export type Meter = {
  requests: number;
  hits: number;
  misses: number;
};

/** Starts a task. */
export function createTask(deadlineAt: number, clock: () => number, freshTags: boolean): Task {
  return {
    deadline: createDeadline(deadlineAt, clock),
    now: clock(),
    meter: { requests: 0, hits: 0, misses: 0 },
    freshTags,
  };
}

/** Counts a request that a task caused. */
export function counting(meter: Meter): (request: { readonly host: string; readonly purpose: RequestPurpose }) => void {
  return () => {
    meter.requests++;
  };
}
