import { mkdtemp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writePolicies } from '../content/policies.ts';
import { startChild } from '../processes/child.ts';
import type { ColdAsk, ColdRound } from '../processes/cold.ts';
import type { PreparedReads } from '../processes/registry.ts';
import { median, ratios, type Spread } from '../statistics.ts';
import type { Context } from './context.ts';

/** What a cold verification costs beside what is in it; CPU time and time by the clock, above 1 is dearer. */
export type ColdResult = {
  readonly form: 'legacy' | 'bundle';
  readonly requests: number;
  readonly overCryptography: Spread;
  readonly overRequests: Spread;
  readonly overRequestsWall: Spread;
  /** Medians, in microseconds of CPU. */
  readonly microseconds: { readonly decision: number; readonly requests: number; readonly cryptography: number };
};

/** Measures cold verification one image at a time, in rounds that alternate with what it is compared to. */
export async function measureCold(context: Context): Promise<readonly ColdResult[]> {
  const { registry, workplace, quick } = context;
  const [rounds, images] = quick ? [3, 100] : [9, 150];
  context.progress(`cold verification: ${rounds} rounds of ${images} images of each form`);
  const folder = await mkdtemp(join(workplace.folder, 'cold-'));
  await writePolicies(folder, registry.host, registry.publicKeyPem, 1);
  const child = startChild<ColdAsk>([resolve(import.meta.dirname, '../processes/cold.ts')]);
  await child.ask({ kind: 'start', host: registry.host, policies: join(folder, 'policies.yaml') });

  const results: ColdResult[] = [];
  for (const form of ['legacy', 'bundle'] as const) {
    const measured: ColdRound[] = [];
    let requests = 0;
    // The first three rounds are for the compiler.
    for (let round = -3; round < rounds; round++) {
      const from = context.fresh(images);
      const reads = await registry.child.ask<readonly PreparedReads[]>({ kind: 'prepare', form, from, count: images });
      requests = reads[0]?.flat().length ?? 0;
      const one = await child.ask<ColdRound>({ kind: 'round', form, from, reads });
      if (round >= 0) measured.push(one);
    }
    const cpu = (of: 'decision' | 'requests' | 'cryptography') => measured.map((round) => round[of].cpu);
    results.push({
      form,
      requests,
      overCryptography: ratios(cpu('decision'), cpu('cryptography')),
      overRequests: ratios(cpu('decision'), cpu('requests')),
      overRequestsWall: ratios(
        measured.map(({ decision }) => decision.wall),
        measured.map(({ requests }) => requests.wall),
      ),
      microseconds: {
        decision: median(cpu('decision')),
        requests: median(cpu('requests')),
        cryptography: median(cpu('cryptography')),
      },
    });
  }
  await child.stop();
  return results;
}
