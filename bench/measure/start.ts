import { resolve } from 'node:path';
import { byDigest } from '../content/images.ts';
import { requestWriter } from '../content/review.ts';
import { openConnection } from '../processes/connection.ts';
import { type MeasuredServer, startBare, startCountersign } from '../servers.ts';
import { median, ratios, type Spread } from '../statistics.ts';
import type { Context } from './context.ts';

/** From the start of a process to its first answer: in milliseconds, and relative to the bare server's. */
export type StartResult = { readonly name: string; readonly milliseconds: number; readonly overBare: Spread };

const SOURCES = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** Measures starts in alternating rounds; the first decision is a cold one. */
export async function measureStart(context: Context, lineBytes: number): Promise<readonly StartResult[]> {
  const { workplace, registry, program, quick } = context;
  const rounds = quick ? 2 : 5;
  context.progress(`start to first decision: ${rounds} rounds`);
  const output = '/dev/null';
  const programs = [...new Set([program, SOURCES])];
  const took = new Map<string, number[]>();

  const time = async (name: string, path: string, start: () => Promise<MeasuredServer>) => {
    const { bytes } = requestWriter(path)(byDigest(registry.host, { form: 'legacy', number: context.fresh(1) }), 0);
    const begun = performance.now();
    const server = await start();
    const connection = await openConnection(server.port, workplace.caPem);
    const answer = await connection.send(bytes);
    took.set(name, [...(took.get(name) ?? []), performance.now() - begun]);
    connection.close();
    await server.child.stop();
    if (!answer.includes('"allowed":true')) throw new Error(`the first answer of ${name} was ${answer}`);
  };
  for (let round = 0; round < rounds; round++) {
    await time('bare', '/line', () => startBare(workplace, output, lineBytes));
    for (const each of programs)
      await time(each, '/validate', () => startCountersign({ program: each, workplace, registry, output }));
  }
  const bare = took.get('bare') ?? [];
  return programs.map((name) => {
    const times = took.get(name) ?? [];
    return { name, milliseconds: median(times), overBare: ratios(times, bare) };
  });
}
