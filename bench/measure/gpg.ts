import { resolve } from 'node:path';
import { startChild } from '../processes/child.ts';
import type { GpgAsk, GpgRequests, GpgRound } from '../processes/gpg.ts';
import { ratios, type Spread } from '../statistics.ts';
import type { Context } from './context.ts';

/** What verifying one GPG signature costs that was never seen, with the keyring parsed; CPU time. And its requests. */
export type GpgResult = {
  readonly overCryptography: Spread;
  readonly overBare: Spread;
  readonly requests: GpgRequests;
  /** What a cold decision may make: the manifest, the question whether the registry serves signatures, a signature, a 404. */
  readonly bound: number;
};

const BOUND = 4;

/** Measures GPG verification in rounds that alternate with what it is compared to, and counts requests. */
export async function measureGpg({ quick, progress }: Context): Promise<GpgResult> {
  const [rounds, count] = quick ? [3, 20] : [9, 100];
  progress(`GPG verification: ${rounds} rounds of ${count} signatures`);
  const child = startChild<GpgAsk>([resolve(import.meta.dirname, '../processes/gpg.ts')]);
  const measured: GpgRound[] = [];
  // The first rounds are for the compiler, and for the library, which is loaded with the first signature.
  for (let round = -3; round < rounds; round++) {
    const one = await child.ask<GpgRound>({ kind: 'round', count });
    if (round >= 0) measured.push(one);
  }
  const requests = await child.ask<GpgRequests>({ kind: 'requests' });
  await child.stop();
  const { cold, repeat, tagRepeat } = requests;
  if (cold > BOUND) throw new Error(`a cold GPG decision made ${cold} requests, over ${BOUND}`);
  if (repeat !== 0) throw new Error(`a repeat GPG decision made ${repeat} requests`);
  if (tagRepeat !== 1) throw new Error(`a repeat GPG decision by tag made ${tagRepeat} requests`);
  const column = (of: keyof GpgRound) => measured.map((round) => round[of]);
  return {
    overCryptography: ratios(column('verification'), column('cryptography')),
    overBare: ratios(column('verification'), column('bare')),
    requests,
    bound: BOUND,
  };
}
