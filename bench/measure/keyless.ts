import { resolve } from 'node:path';
import type { Form } from '../../test/fixtures/sigstore/signatures.ts';
import { KEYLESS_FORMS } from '../content/keyless.ts';
import { startChild } from '../processes/child.ts';
import type { KeylessAsk, KeylessRound } from '../processes/keyless.ts';
import { median, ratios, type Spread } from '../statistics.ts';
import type { Context } from './context.ts';

/** What verifying one keyless signature costs that was never seen, with the trusted root parsed; CPU time. */
export type KeylessResult = {
  readonly form: Form;
  /** Signatures that OpenSSL verifies in it. */
  readonly calls: number;
  readonly overCryptography: Spread;
  readonly overBare: Spread;
  /** Median, in microseconds of CPU. */
  readonly microseconds: number;
};

/** All forms, and what one image with several bundles costs the registry. */
export type KeylessResults = {
  readonly forms: readonly KeylessResult[];
  readonly several: { readonly bundles: number; readonly requests: number; readonly bound: number };
};

/** Bundles on one image. */
const BUNDLES = 5;

/** Measures keyless verification form by form, in rounds that alternate with what it is compared to. */
export async function measureKeyless({ quick, progress }: Context): Promise<KeylessResults> {
  const [rounds, count] = quick ? [3, 20] : [9, 60];
  progress(`keyless verification: ${rounds} rounds of ${count} signatures of each form`);
  const child = startChild<KeylessAsk>([resolve(import.meta.dirname, '../processes/keyless.ts')]);
  const results: KeylessResult[] = [];
  for (const form of KEYLESS_FORMS) {
    const measured: KeylessRound[] = [];
    // The first rounds are for the compiler.
    for (let round = -3; round < rounds; round++) {
      const one = await child.ask<KeylessRound>({ kind: 'round', form, round, count });
      if (round >= 0) measured.push(one);
    }
    const column = (of: keyof KeylessRound) => measured.map((round) => round[of]);
    results.push({
      form,
      calls: Math.max(...column('calls')),
      overCryptography: ratios(column('verification'), column('cryptography')),
      overBare: ratios(column('verification'), column('bare')),
      microseconds: median(column('verification')),
    });
  }
  const requests = await child.ask<number>({ kind: 'bundles', count: BUNDLES });
  await child.stop();
  // Image, `.sig` look-up and referrers, then a manifest and a blob for each bundle.
  const bound = 3 + 2 * BUNDLES;
  if (requests > bound) throw new Error(`${BUNDLES} bundles on one image took ${requests} requests, over ${bound}`);
  return { forms: results, several: { bundles: BUNDLES, requests, bound } };
}
