import { expect } from 'vitest';

/** Mutations of each kind: 500 unless `COUNTERSIGN_MUTATIONS` says how many. */
export const MUTATIONS = countIn(process.env['COUNTERSIGN_MUTATIONS']);

/** Where the numbers of all mutations start; the same in every run, so that a failure can be had again. */
export const SEED = 20_260_601;

/** How a test of one kind is called. */
export const mutations = (of: string): string => `${of} (${MUTATIONS} mutations, seed ${SEED})`;

/** As long as a test of that many mutations may take; milliseconds, far beyond what it does. */
export const MUTATIONS_TIMEOUT = 20_000 + MUTATIONS * 30;

/** What no input may take of the event loop; milliseconds of CPU. */
const MAXIMUM_MS = 50;

/**
 * Runs something and expects that it does not hold up its thread: signatures that are verified outside of it do not count.
 * Collecting garbage and compiling do, so what took too long may try again: what is slow by its input is slow each time.
 */
export async function quickly<T>(what: string, run: () => Promise<T>): Promise<T> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let attempt = 1; ; attempt++) {
    const before = process.threadCpuUsage();
    const value = await run();
    const { user, system } = process.threadCpuUsage(before);
    fastest = Math.min(fastest, (user + system) / 1000);
    if (fastest < MAXIMUM_MS) return value;
    if (attempt === 4) expect(fastest, what).toBeLessThan(MAXIMUM_MS);
  }
}

function countIn(text: string | undefined): number {
  if (text === undefined) return 500;
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw new Error('COUNTERSIGN_MUTATIONS is no number of mutations');
  return Number(text);
}
