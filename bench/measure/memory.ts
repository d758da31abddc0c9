import { setTimeout as delay } from 'node:timers/promises';
import type { LoadResult } from '../processes/load.ts';
import { startCountersign, targetOf } from '../servers.ts';
import type { Context } from './context.ts';

/** Resident memory of the server process, in MiB. */
export type MemoryResult = {
  readonly images: number;
  /** Started, listening, nothing asked yet. */
  readonly idle: number;
  /** The highest value seen while the images were decided for the first time. */
  readonly peak: number;
  readonly after: number;
  /** How many were decided once more, and the memory after that. */
  readonly again: number;
  readonly afterAgain: number;
};

const CONNECTIONS = 8;
const CHUNK = 1_000;
/** One image in so many is unsigned and must be refused. */
const UNSIGNED_EVERY = 100;
const AGAIN_AT_MOST = 20_000;

/** Measures a server with its default caches: all images are different, each in a repository of its own. */
export async function measureMemory(context: Context, images: number): Promise<MemoryResult> {
  const { registry, workplace, load, program } = context;
  context.progress(`memory with ${images} distinct images`);
  const server = await startCountersign({ program, workplace, registry, output: '/dev/null' });
  const rss = async () => (await server.child.usage()).rss / (1024 * 1024);
  await delay(1_000);
  const idle = await rss();

  const from = context.fresh(images);
  let peak = idle;
  const decide = async (count: number): Promise<number> => {
    for (let done = 0; done < count; done += CHUNK) {
      const target = targetOf(server, workplace, CONNECTIONS);
      const chunk = Math.min(CHUNK, count - done);
      const { host } = registry;
      const unsignedEvery = UNSIGNED_EVERY;
      await load.ask<LoadResult>({ kind: 'range', target, host, from: from + done, count: chunk, unsignedEvery });
      peak = Math.max(peak, await rss());
    }
    return rss();
  };
  const after = await decide(images);
  const firstPeak = peak;
  const again = Math.min(images, AGAIN_AT_MOST);
  const afterAgain = await decide(again);
  await server.child.stop();
  return { images, idle, peak: firstPeak, after, again, afterAgain };
}
