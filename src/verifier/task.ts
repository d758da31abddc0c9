import type { Registry, RequestContext } from '../registry/registry.ts';
import { createDeadline, type Deadline } from './deadline.ts';

/** Told of each request as it is sent. */
export type OnRequest = NonNullable<RequestContext['onRequest']>;

/** What deciding one request may take, and what it took so far. */
export type Task = {
  /** What the decision reads through: it has the credentials of whoever asks, and its access is part of every key. */
  readonly registry: Registry;
  readonly deadline: Deadline;
  /** One clock value for the whole decision, in milliseconds since the epoch. */
  readonly now: number;
  readonly meter: Meter;
  /** Deny mode sees moved tags: it never takes a tag's descriptor from the cache. */
  readonly freshTags: boolean;
  /** Counts a request that this task caused, here and wherever requests are counted. */
  readonly onRequest: OnRequest;
};

/** Counts of one decision. */
export type Meter = {
  requests: number;
  hits: number;
  misses: number;
};

/** Starts a task. */
export function createTask(
  registry: Registry,
  deadlineAt: number,
  clock: () => number,
  freshTags: boolean,
  onRequest: OnRequest,
): Task {
  const meter: Meter = { requests: 0, hits: 0, misses: 0 };
  return {
    registry,
    deadline: createDeadline(deadlineAt, clock),
    now: clock(),
    meter,
    freshTags,
    onRequest: (request) => {
      meter.requests++;
      onRequest(request);
    },
  };
}
