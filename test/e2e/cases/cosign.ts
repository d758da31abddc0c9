import { indexArtifact } from '../../../src/cli/demo/artifacts.ts';
import {
  bundleBytes,
  bundleReferrer,
  type Signer,
  signatureManifest,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../../src/cli/demo/signer.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { pushArtifact } from '../image.ts';
import { type Bench, byTag, type Case, goodLayer, layersCase, pushLayers, sigTag } from './case.ts';

const STRICT = 'unknown members, duplicate keys or a missing `optional` in a simple-signing payload';
const TYPE = 'a simple-signing payload of another `type`, or of none';
const ANOTHER = digestOf(Buffer.from('another'));

/** Signatures under the `.sig` tag, which both versions of cosign read. */
export const TAG_CASES: readonly Case[] = [
  { title: 'unsigned', verdict: 'refused', arrange: async (bench) => byTag(bench) },
  layersCase('signed', 'runs', (bench) => [goodLayer(bench)]),
  layersCase('signed with annotations', 'runs', (bench) => [says(bench, { env: 'prod', build: 7 })]),
  layersCase('by another key', 'refused', (bench) => [goodLayer(bench, bench.other)]),
  layersCase('by another key, then the right one', 'runs', (bench) => [
    goodLayer(bench, bench.other),
    goodLayer(bench),
  ]),
  layersCase('by the right key, then another', 'runs', (bench) => [goodLayer(bench), goodLayer(bench, bench.other)]),
  layersCase('for another digest', 'refused', ({ key, repository }) => [
    signedLayer(key, simpleSigningPayload(ANOTHER, repository)),
  ]),
  layersCase('for another digest, then the right one', 'runs', (bench) => [
    signedLayer(bench.key, simpleSigningPayload(ANOTHER, bench.repository)),
    goodLayer(bench),
  ]),
  layersCase('for a tag of the repository', 'runs', (bench) => [
    goodLayer(bench, bench.key, `${bench.repository}:other`),
  ]),
  layersCase(
    'for another repository',
    'runs',
    (bench) => [goodLayer(bench, bench.key, `${bench.host}/acme/elsewhere`)],
    'the name in a signature',
  ),
  layersCase('for no name', 'runs', (bench) => [goodLayer(bench, bench.key, '')], 'the name in a signature'),
  layersCase(
    'a member of critical that nobody knows',
    'runs',
    (bench) => [changed(bench, '{"critical":{', '{"critical":{"more":1,')],
    STRICT,
  ),
  layersCase(
    'a member beside critical that nobody knows',
    'runs',
    (bench) => [changed(bench, '{"critical"', '{"more":1,"critical"')],
    STRICT,
  ),
  layersCase(
    'a duplicate key',
    'runs',
    (bench) => [changed(bench, '"optional":null', '"optional":null,"optional":null')],
    STRICT,
  ),
  layersCase('optional is missing', 'runs', (bench) => [changed(bench, ',"optional":null', '')], STRICT),
  layersCase('optional is a string', 'refused', (bench) => [changed(bench, 'null', '"x"')]),
  layersCase(
    'a type of containers/image',
    'runs',
    (bench) => [changed(bench, 'cosign container image', 'atomic container')],
    TYPE,
  ),
  layersCase('no type', 'runs', (bench) => [changed(bench, 'cosign container image signature', '')], TYPE),
  layersCase('not JSON', 'refused', ({ key }) => [signedLayer(key, Buffer.from('hello'))]),
  layersCase('a payload that was changed', 'refused', (bench) => [
    { ...goodLayer(bench), bytes: Buffer.from(`${Buffer.from(goodLayer(bench).bytes).toString()} `) },
  ]),
  layersCase('no signature annotation', 'refused', (bench) => [{ ...goodLayer(bench), annotations: {} }]),
  layersCase(
    'a layer of another type',
    'runs',
    (bench) => [{ ...goodLayer(bench), mediaType: 'application/octet-stream' }],
    'a layer of another media type under the `.sig` tag',
  ),
  {
    title: 'a signed index',
    verdict: 'runs',
    arrange: async (bench) => {
      const index = await pushIndex(bench);
      const layer = signedLayer(bench.key, simpleSigningPayload(index.digest, bench.repository));
      await pushLayers(bench, [layer], index.digest);
      return { ...byTag(bench), image: `${bench.repository}:multi` };
    },
  },
  {
    title: 'an instance of a signed index',
    verdict: 'refused',
    arrange: async (bench) => {
      const index = await pushIndex(bench);
      const layer = signedLayer(bench.key, simpleSigningPayload(index.digest, bench.repository));
      await pushLayers(bench, [layer], index.digest);
      return { ...byTag(bench), image: `${bench.repository}@${bench.image.digest}` };
    },
  },
  {
    title: 'an index whose instance is signed',
    verdict: 'refused',
    differs: 'an index that is not signed itself, but every image in it is',
    arrange: async (bench) => {
      await pushIndex(bench);
      await pushLayers(bench, [goodLayer(bench)]);
      return { ...byTag(bench), image: `${bench.repository}:multi` };
    },
  },
  {
    title: 'a signature that was copied from another image',
    verdict: 'refused',
    arrange: async (bench) => {
      const layer = signedLayer(bench.key, simpleSigningPayload(ANOTHER, bench.repository));
      await pushArtifact(bench.repository, signatureManifest([layer]), sigTag(bench.image.digest));
      return byTag(bench);
    },
  },
];

/** Bundles, which only cosign v3 reads by itself; they carry no name, so the policy takes unnamed signatures. */
export const BUNDLE_CASES: readonly Case[] = [
  bundleCase('signed', 'runs', (bench) => [bundle(bench)]),
  bundleCase('by another key', 'refused', (bench) => [bundle(bench, bench.other)]),
  bundleCase('by another key, then the right one', 'runs', (bench) => [bundle(bench, bench.other), bundle(bench)]),
  bundleCase('for another digest', 'refused', (bench) => [bundleBytes(bench.key, signStatement(ANOTHER))]),
  bundleCase(
    'an SBOM by the right key',
    'runs',
    (bench) => [bundleBytes(bench.key, signStatement(bench.image.digest, 'https://spdx.dev/Document', {}))],
    'any DSSE bundle by the right key, such as an SBOM',
  ),
  bundleCase('a statement that was changed', 'refused', (bench) => [
    Buffer.from(
      Buffer.from(bundle(bench))
        .toString()
        .replace(/"payload":"[^"]+"/, `"payload":"${Buffer.from(signStatement(ANOTHER)).toString('base64')}"`),
    ),
  ]),
  bundleCase('garbage', 'refused', () => [Buffer.from('garbage')]),
  {
    title: 'a bundle by another key beside a good signature under the tag',
    verdict: 'refused',
    differs: 'a bundle exists',
    arrange: async (bench) => {
      await pushBundles(bench, [bundle(bench, bench.other)]);
      await pushLayers(bench, [goodLayer(bench)]);
      return byTag(bench);
    },
  },
];

function bundleCase(
  title: string,
  verdict: Case['verdict'],
  bundles: (bench: Bench) => readonly Uint8Array[],
  differs?: string,
): Case {
  return {
    title: `bundle: ${title}`,
    verdict,
    ...(differs === undefined ? {} : { differs }),
    arrange: async (bench) => {
      await pushBundles(bench, bundles(bench));
      const { policies, image } = byTag(bench);
      return { policies: policies.map((policy) => ({ ...policy, unnamed: true })), image };
    },
  };
}

async function pushBundles(bench: Bench, bundles: readonly Uint8Array[]): Promise<void> {
  for (const bytes of bundles) await pushArtifact(bench.repository, bundleReferrer(bench.image, bytes));
}

function bundle({ image, key }: Bench, signer: Signer = key): Uint8Array {
  return bundleBytes(signer, signStatement(image.digest));
}

/** A signed payload whose text was changed before it was signed. */
function changed({ key, image, repository }: Bench, from: string, to: string) {
  const text = Buffer.from(simpleSigningPayload(image.digest, repository)).toString();
  if (!text.includes(from)) throw new Error(`a payload does not hold ${from}`);
  return signedLayer(key, Buffer.from(text.replace(from, to)));
}

function says({ key, image, repository }: Bench, annotations: Readonly<Record<string, unknown>>) {
  return signedLayer(key, simpleSigningPayload(image.digest, repository, annotations));
}

async function pushIndex(bench: Bench) {
  const index = indexArtifact([{ image: bench.image, platform: { os: 'linux', architecture: 'amd64' } }]);
  await pushArtifact(bench.repository, index, 'multi');
  return index;
}
