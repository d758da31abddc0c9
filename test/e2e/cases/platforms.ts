import { type Artifact, imageArtifact, indexArtifact } from '../../../src/cli/demo/artifacts.ts';
import { type Signer, signedLayer, simpleSigningPayload } from '../../../src/cli/demo/signer.ts';
import { pushArtifact } from '../image.ts';
import type { Verdict } from '../judges.ts';
import { type Bench, byTag, type Case, policyFor, pushLayers } from './case.ts';

type Part = 'index' | 'amd64' | 'arm64' | 'attestation';
const PLATFORMS = 'multi-platform images';

/** containers/image is asked as a node of linux/amd64. */
const SIGNED: readonly (readonly [
  string,
  Verdict,
  signedBy: Partial<Record<Part, 'key' | 'other'>>,
  differs?: string,
])[] = [
  ['nothing', 'refused', {}],
  ['the index alone', 'refused', { index: 'key' }, PLATFORMS],
  ['every instance alone', 'runs', { amd64: 'key', arm64: 'key' }],
  ['the index and every instance', 'runs', { index: 'key', amd64: 'key', arm64: 'key' }],
  ['the instance of the node alone', 'runs', { amd64: 'key' }, PLATFORMS],
  ['the instance of another node alone', 'refused', { arm64: 'key' }],
  ['the index by another key, every instance by the right one', 'runs', { index: 'other', amd64: 'key', arm64: 'key' }],
  ['the index, every instance by another key', 'refused', { index: 'key', amd64: 'other', arm64: 'other' }, PLATFORMS],
  ['the index by another key', 'refused', { index: 'other' }],
  ['every instance by another key', 'refused', { amd64: 'other', arm64: 'other' }],
  ['the attestation alone', 'refused', { attestation: 'key' }],
];

/** Indexes: who signed which part, with the index asked for by tag and by digest; and instances asked for by themselves. */
export const PLATFORM_CASES: readonly Case[] = [
  ...SIGNED.flatMap(([title, verdict, signedBy, differs]) =>
    (['tag', 'digest'] as const).map(
      (by): Case => ({
        title: `index by ${by}, signed: ${title}`,
        verdict,
        ...(differs === undefined ? {} : { differs }),
        arrange: async (bench) => {
          const parts = await pushParts(bench, signedBy);
          const image = by === 'tag' ? `${bench.repository}:multi` : `${bench.repository}@${parts.index.digest}`;
          return { policies: [policyFor(bench)], image };
        },
      }),
    ),
  ),
  instance('an instance by digest, signed itself', 'runs', { amd64: 'key' }),
  instance('an instance by digest, of a signed index', 'refused', { index: 'key' }),
  {
    title: 'an index by tag, its instances signed for that tag',
    verdict: 'runs',
    arrange: async (bench) => {
      await pushParts(bench, { amd64: 'key', arm64: 'key' }, `${bench.repository}:multi`);
      return exact(bench, 'multi');
    },
  },
  {
    title: 'an index by tag, its instances signed for another tag',
    verdict: 'refused',
    arrange: async (bench) => {
      await pushParts(bench, { amd64: 'key', arm64: 'key' }, `${bench.repository}:amd64`);
      return exact(bench, 'multi');
    },
  },
  {
    title: 'an index of another repository by the same name is no help',
    verdict: 'refused',
    arrange: async (bench) => {
      await pushParts(bench, { index: 'key', amd64: 'key', arm64: 'key' });
      return byTag(bench);
    },
  },
];

function instance(title: string, verdict: Verdict, signedBy: Partial<Record<Part, 'key'>>): Case {
  return {
    title,
    verdict,
    arrange: async (bench) => {
      const { amd64 } = await pushParts(bench, signedBy);
      return { policies: [policyFor(bench)], image: `${bench.repository}@${amd64.digest}` };
    },
  };
}

function exact(bench: Bench, tag: string) {
  const names = { matchPolicy: 'MatchRepoDigestOrExact' } as const;
  return { policies: [{ ...policyFor(bench), names }], image: `${bench.repository}:${tag}` };
}

/** Pushes an index of two images and of what BuildKit adds, under the tag `multi`, with the signatures. */
async function pushParts(
  bench: Bench,
  signedBy: Partial<Record<Part, 'key' | 'other'>>,
  name = bench.repository,
): Promise<Record<Part, Artifact>> {
  const amd64 = imageArtifact(`${bench.repository} amd64`);
  const arm64 = imageArtifact(`${bench.repository} arm64`, { os: 'linux', architecture: 'arm64' });
  const attestation = imageArtifact(`${bench.repository} attestation`, { os: 'unknown', architecture: 'unknown' });
  const index = indexArtifact([
    { image: amd64, platform: { os: 'linux', architecture: 'amd64' } },
    { image: arm64, platform: { os: 'linux', architecture: 'arm64' } },
    {
      image: attestation,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': amd64.digest,
      },
    },
  ]);
  for (const image of [amd64, arm64, attestation]) await pushArtifact(bench.repository, image);
  await pushArtifact(bench.repository, index, 'multi');

  const parts = { index, amd64, arm64, attestation };
  for (const [part, signer] of Object.entries(signedBy)) {
    const { digest } = parts[part as Part];
    const by: Signer = bench[signer];
    await pushLayers(bench, [signedLayer(by, simpleSigningPayload(digest, name))], digest);
  }
  return parts;
}
