import { type Artifact, imageArtifact, indexArtifact } from '../../../src/cli/demo/artifacts.ts';
import { pushArtifact } from '../image.ts';
import {
  agreed,
  butHere,
  byTag,
  type Case,
  message,
  type Place,
  payload,
  signaturePath,
  type Verdict,
} from './case.ts';
import type { KeyName } from './gpg.ts';

type Part = 'index' | 'amd64' | 'arm64';
const PLATFORMS = 'multi-platform images';

/** skopeo pulls as a node of linux/amd64; what `copy --all --sign-by` signs is the index and every instance. */
const SIGNED: readonly (readonly [
  string,
  Exclude<Verdict, 'unreadable'>,
  signedBy: Partial<Record<Part, KeyName>>,
  differs?: string,
])[] = [
  ['nothing', 'refused', {}],
  ['the index alone', 'refused', { index: 'one' }, PLATFORMS],
  ['every instance alone', 'runs', { amd64: 'one', arm64: 'one' }],
  ['the index and every instance', 'runs', { index: 'one', amd64: 'one', arm64: 'one' }],
  ['the instance of the node alone', 'runs', { amd64: 'one' }, PLATFORMS],
  ['the instance of another node alone', 'refused', { arm64: 'one' }],
  [
    'the index by another key, every instance by the right one',
    'runs',
    { index: 'stranger', amd64: 'one', arm64: 'one' },
  ],
  [
    'the index, every instance by another key',
    'refused',
    { index: 'one', amd64: 'stranger', arm64: 'stranger' },
    PLATFORMS,
  ],
  ['everything by another key', 'refused', { index: 'stranger', amd64: 'stranger', arm64: 'stranger' }],
];

/** Indexes: who signed which part (openshift-containers.md §4). */
export const PLATFORM_CASES: readonly Case[] = [
  ...SIGNED.flatMap(([title, verdict, signedBy, differs]) =>
    (['tag', 'digest'] as const).map((by) => {
      const arrange: Case['arrange'] = async (place) => {
        const { index } = await pushParts(place, signedBy);
        return {
          ...byTag(place),
          image: by === 'tag' ? `${place.repository}:multi` : `${place.repository}@${index.digest}`,
        };
      };
      const words = `index by ${by}, signed: ${title}`;
      return differs === undefined
        ? agreed(words, verdict, arrange)
        : butHere(verdict === 'runs' ? 'refused' : 'runs', differs, agreed(words, verdict, arrange));
    }),
  ),
  instance('an instance by digest, signed itself', 'runs', { amd64: 'one' }),
  instance('an instance by digest, of a signed index', 'refused', { index: 'one' }),
  agreed('an index, its instances signed for another tag', 'refused', async (place) => {
    await pushParts(place, { index: 'one', amd64: 'one', arm64: 'one' }, `${place.repository}:amd64`);
    return { ...byTag(place), image: `${place.repository}:multi` };
  }),
];

function instance(title: string, verdict: 'runs' | 'refused', signedBy: Partial<Record<Part, KeyName>>): Case {
  return agreed(title, verdict, async (place) => {
    const { amd64 } = await pushParts(place, signedBy);
    return { ...byTag(place), image: `${place.repository}@${amd64.digest}` };
  });
}

async function pushParts(
  place: Place,
  signedBy: Partial<Record<Part, KeyName>>,
  name = `${place.repository}:multi`,
): Promise<Readonly<Record<Part, Artifact>>> {
  const amd64 = imageArtifact(`${place.repository} amd64`);
  const arm64 = imageArtifact(`${place.repository} arm64`, { os: 'linux', architecture: 'arm64' });
  const index = indexArtifact([
    { image: amd64, platform: { os: 'linux', architecture: 'amd64' } },
    { image: arm64, platform: { os: 'linux', architecture: 'arm64' } },
  ]);
  await pushArtifact(place.repository, amd64);
  await pushArtifact(place.repository, arm64);
  await pushArtifact(place.repository, index, 'multi');
  const parts = { index, amd64, arm64 };
  for (const part of ['index', 'amd64', 'arm64'] as const) {
    const by = signedBy[part];
    if (by === undefined) continue;
    const { digest } = parts[part];
    place.store.put(signaturePath(place, 1, digest), await message(place, payload(place, name, digest), by));
  }
  return parts;
}
