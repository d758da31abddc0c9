import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Certificate } from '../../../../src/trust/x509/certificate.ts';
import { berOf, derOf, type Tree, treeOf } from '../../../fixtures/ber.ts';
import { accuracy } from '../../../fixtures/notation/timestamps.ts';
import { describeVectors } from '../../../fixtures/vectors.ts';
import { MUTATIONS, MUTATIONS_TIMEOUT, mutations, quickly, SEED } from '../../../signatures/mutation-count.ts';
import { bytewise, changeDer, pick, type Random, randomness } from '../../../signatures/mutators.ts';
import { parsed, read, root, token, verified } from './ask.ts';

/**
 * Expects that changed tokens are refused, or say the same by the same certificate: not all of a token is signed, and an
 * authority above may be found in the policy instead. Some must have been refused: else nothing was tried.
 */
async function tryAll(
  original: Buffer,
  roots: readonly Certificate[],
  change: (random: Random) => Buffer,
): Promise<void> {
  const good = await verified(original, { roots });
  if (!good.ok) return expect.fail(good.message);
  const random = randomness(SEED);
  let refusals = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const mutant = change(random);
    if (mutant.equals(original)) continue;
    const what = mutant.toString('base64');
    const result = await quickly(what, () => verified(mutant, { roots }));
    if (!result.ok) {
      expect(result.code, what).toBe('TIMESTAMP_INVALID');
      refusals++;
      continue;
    }
    expect(result.value.window, what).toEqual(good.value.window);
    expect(result.value.chain.certificates[0].fingerprint, what).toBe(good.value.chain.certificates[0].fingerprint);
    expect(result.value.chain.certificates.at(-1)?.fingerprint, what).toBe(
      good.value.chain.certificates.at(-1)?.fingerprint,
    );
  }
  expect(refusals).toBeGreaterThan(MUTATIONS / 4);
}

/** One change of structure with every length around it put right: a part left out, doubled, or put in another's place. */
function rebuilt(der: Uint8Array, random: Random): Buffer {
  const whole = treeOf(der);
  const all = partsOf(whole);
  const place = pick(all, random);
  const other = pick(all, random);
  const { tag } = place;
  const flipped = { ...place, tag: tag ^ (1 << random(8)) };
  const instead = [[], [place, place], [other], [other, place], [place, other], [flipped]][random(6)] ?? [];
  const change = (tree: Tree): readonly Tree[] => {
    if (tree === place) return instead;
    return 'children' in tree ? [{ tag: tree.tag, children: tree.children.flatMap(change) }] : [tree];
  };
  return Buffer.concat(change(whole).map(derOf));
}

const partsOf = (tree: Tree): readonly Tree[] =>
  'children' in tree ? [tree, ...tree.children.flatMap(partsOf)] : [tree];

function declare(tokens: () => { readonly original: Buffer; readonly roots: readonly Certificate[] }): void {
  const many = (title: string, change: (original: Buffer, random: Random) => Buffer) =>
    it(
      mutations(title),
      () => {
        const { original, roots } = tokens();
        return tryAll(original, roots, (random) => change(original, random));
      },
      MUTATIONS_TIMEOUT,
    );

  many('in one byte', bytewise);
  many('in their structure, with lengths left as they are', changeDer);
  many('in their structure, with lengths put right', rebuilt);
  many('in one byte of BER', (original, random) => bytewise(berOf(treeOf(original), random), random));
}

describe('timestamps that are not as they were signed say nothing new, throw nothing, and take no long time', () => {
  const good = token({ accuracy: accuracy(1), signers: [{ signature: () => Buffer.alloc(70) }, {}] });
  declare(() => ({ original: good, roots: [parsed(root)] }));

  it(
    mutations('any bytes at all'),
    async () => {
      const random = randomness(SEED);
      for (let i = 0; i < MUTATIONS; i++) {
        const bytes = Buffer.from(Array.from({ length: random(200) }, () => random(256)));
        expect((await quickly(bytes.toString('hex'), () => verified(bytes))).ok).toBe(false);
      }
    },
    MUTATIONS_TIMEOUT,
  );
});

describeVectors('tspclient-go/testdata', "nor do GlobalSign's", (folder) => {
  declare(() => {
    const original = readFileSync(join(folder, 'TimeStampToken.p7s'));
    // Its own root, so that what is changed is never missed for being trusted anyway.
    return { original, roots: read(original).certificates.slice(-1) };
  });
});
