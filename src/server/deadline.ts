import { parseDuration } from '../config/duration.ts';

/** The longest timeout that Kubernetes lets a webhook have, in milliseconds. */
const LONGEST_MS = 30_000;

/** What is kept back for the answer to be written, sent and read, so that the caller sees our reason and not its own timeout. */
const MARGIN_MS = 400;

/**
 * When a review must be answered, in milliseconds since the epoch.
 * The API server says how long it waits by `?timeout=10s`; we answer 400 ms earlier, or at half time where that is
 * less. Without a usable timeout the configured one holds.
 * @param timeout the query's text, from outside
 * @param configured milliseconds
 * @see reference/ecosystem.md §4.1
 */
export function deadlineOf(timeout: unknown, arrivedAt: number, configured: number): number {
  const asked = typeof timeout === 'string' ? parseDuration(timeout) : undefined;
  if (asked === undefined || asked <= 0) return arrivedAt + configured;
  const waits = Math.min(asked, LONGEST_MS);
  return arrivedAt + Math.max(waits - MARGIN_MS, waits / 2);
}
