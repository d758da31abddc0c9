import { type ArtifactLayer, indexArtifact } from '../../../src/cli/demo/artifacts.ts';
import {
  type Signer,
  signatureManifest,
  signatureReferrer,
  signedLayer,
  simpleSigningPayload,
} from '../../../src/cli/demo/signer.ts';
import { MANIFEST_TYPES } from '../../../src/image/descriptor.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { ANNOTATIONS, SIMPLE_SIGNING_TYPE } from '../../../src/signatures/cosign/formats.ts';
import { pushArtifact } from '../image.ts';
import type { Verdict } from '../judges.ts';
import { type Bench, byTag, type Case, goodLayer, layersCase, pushLayers, sigTag } from './case.ts';

/** What becomes of the text of a good signature in its annotation. */
const SIGNATURES: readonly (readonly [string, Verdict, (base64: string) => string | undefined, differs?: string])[] = [
  ['missing', 'refused', () => undefined],
  ['empty', 'refused', () => ''],
  ['in lines', 'runs', (text) => text.replaceAll(/.{40}/g, '$&\n')],
  ['in lines of the other kind', 'runs', (text) => text.replaceAll(/.{40}/g, '$&\r\n')],
  ['with a line end behind', 'runs', (text) => `${text}\n`],
  ['with a space', 'refused', (text) => `${text.slice(0, 8)} ${text.slice(8)}`],
  ['without padding', 'refused', (text) => text.replaceAll('=', '')],
  ['with padding too many', 'refused', (text) => `${text}=`],
  ['in the alphabet of URLs', 'refused', (text) => text.replaceAll('+', '-').replaceAll('/', '_')],
  ['twice', 'refused', (text) => text + text],
  ['in hexadecimal', 'refused', (text) => Buffer.from(text, 'base64').toString('hex')],
  ['with one bit flipped', 'refused', (text) => flipped(text)],
  ['cut off', 'refused', (text) => text.slice(0, 40)],
  ['with bits set behind its end', 'runs', trailingBits, 'base64 with bits set behind its end'],
];

/** The other annotations of a layer, which a policy with a key alone does not ask for. */
const EXTRAS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['nothing else', {}],
  ['a Rekor bundle that is garbage', { [ANNOTATIONS.rekorBundle]: 'garbage' }],
  ['a certificate that is garbage', { [ANNOTATIONS.certificate]: 'garbage' }],
  ['a chain that is garbage', { [ANNOTATIONS.chain]: 'garbage' }],
  ['a time stamp that is garbage', { [ANNOTATIONS.timestamp]: 'garbage' }],
  ['annotations that nobody knows', { 'example.com/a': 'b', '': '' }],
];

const MEDIA_TYPES: readonly (readonly [string, Verdict])[] = [
  [SIMPLE_SIGNING_TYPE, 'runs'],
  [`${SIMPLE_SIGNING_TYPE}; charset=utf-8`, 'refused'],
  [SIMPLE_SIGNING_TYPE.toUpperCase(), 'refused'],
  ['application/vnd.dev.cosign.simplesigning.v2+json', 'refused'],
  ['application/vnd.dsse.envelope.v1+json', 'refused'],
  ['application/octet-stream', 'refused'],
  ['text/plain', 'refused'],
];

/** Several layers, by what each is. */
const SEQUENCES: readonly (readonly [readonly Kind[], Verdict, differs?: string])[] = [
  [['good'], 'runs'],
  [['good', 'good'], 'runs'],
  [['other key'], 'refused'],
  [['good', 'other key'], 'runs'],
  [['other key', 'good'], 'runs'],
  [['other digest', 'good'], 'runs'],
  [['good', 'other digest'], 'runs'],
  [['other digest'], 'refused'],
  [['other name', 'good'], 'runs'],
  [['good', 'other name'], 'runs'],
  [['other key', 'other digest', 'other name'], 'refused'],
  [['unsigned', 'good'], 'runs'],
  [['good', 'unsigned'], 'runs'],
  [['not JSON', 'good'], 'runs'],
  [['good', 'not JSON'], 'runs'],
  [['attachment', 'good'], 'runs'],
  [['good', 'attachment'], 'runs'],
  [['attachment'], 'refused'],
  [['attachment', 'attachment'], 'refused'],
  [[], 'refused'],
  [[...many(63), 'good'], 'runs'],
  [['good', ...many(100)], 'runs', 'signatures in one manifest'],
  [[...many(100), 'good'], 'runs', 'signatures in one manifest'],
];
type Kind = 'good' | 'other key' | 'other digest' | 'other name' | 'unsigned' | 'not JSON' | 'attachment';

const BROKEN: readonly Case[] = [
  {
    title: 'nobody signed it',
    verdict: 'refused',
    arrange: async (bench) => byTag(bench),
  },
  damaged('the signature is not in the registry any more', 'refused', undefined, ['good']),
  damaged('the signature in the registry is another now', 'refused', 'x', ['good']),
  damaged('a second signature is not in the registry any more', 'refused', undefined, ['other key', 'good']),
  {
    title: 'the signature manifest is of Docker’s type',
    verdict: 'refused',
    arrange: async (bench) => {
      const { blobs, manifest } = signatureManifest([goodLayer(bench)]);
      const mediaType = MANIFEST_TYPES.dockerManifest;
      const text = manifest.toString().replace(MANIFEST_TYPES.ociManifest, mediaType);
      const bytes = Buffer.from(text);
      const artifact = { manifest: bytes, mediaType, digest: digestOf(bytes), blobs };
      await pushArtifact(bench.repository, artifact, sigTag(bench.image.digest));
      return byTag(bench);
    },
  },
  {
    title: 'an index stands where the signature manifest belongs',
    verdict: 'refused',
    arrange: async (bench) => {
      const signatures = signatureManifest([goodLayer(bench)]);
      await pushArtifact(bench.repository, signatures);
      await pushArtifact(bench.repository, indexArtifact([{ image: signatures }]), sigTag(bench.image.digest));
      return byTag(bench);
    },
  },
  {
    title: 'the image itself stands where the signature manifest belongs',
    verdict: 'refused',
    arrange: async (bench) => {
      await pushArtifact(bench.repository, bench.image, sigTag(bench.image.digest));
      return byTag(bench);
    },
  },
  {
    title: 'the signature manifest names its subject too',
    verdict: 'runs',
    arrange: async (bench) => {
      const artifact = signatureReferrer(bench.image, [goodLayer(bench)]);
      await pushArtifact(bench.repository, artifact, sigTag(bench.image.digest));
      return byTag(bench);
    },
  },
  {
    title: 'the signature is in another repository',
    verdict: 'refused',
    arrange: async (bench) => {
      const elsewhere = { ...bench, repository: `${bench.repository}-signatures` };
      await pushLayers(elsewhere, [goodLayer(bench)]);
      return byTag(bench);
    },
  },
  {
    title: 'the tag moved to an image that nobody signed',
    verdict: 'refused',
    arrange: async (bench) => {
      await pushLayers(bench, [goodLayer(bench)]);
      const moved = { ...bench.image, manifest: Buffer.from(`${bench.image.manifest.toString()}\n`) };
      await pushArtifact(bench.repository, { ...moved, digest: digestOf(moved.manifest) }, '1');
      return byTag(bench);
    },
  },
  {
    title: 'the image is asked for without tag and digest',
    verdict: 'runs',
    arrange: async (bench) => {
      await pushArtifact(bench.repository, bench.image, 'latest');
      await pushLayers(bench, [goodLayer(bench, bench.key, `${bench.repository}:latest`)]);
      const { policies } = byTag(bench);
      const exact = policies.map((policy) => ({
        ...policy,
        names: { matchPolicy: 'MatchRepoDigestOrExact' } as const,
      }));
      return { policies: exact, image: bench.repository };
    },
  },
];

/** What a signature manifest and its layers may be. */
export const LAYER_CASES: readonly Case[] = [
  ...SIGNATURES.map(([title, verdict, change, differs]) =>
    layersCase(`signature annotation: ${title}`, verdict, (bench) => [changed(bench, change)], differs),
  ),
  ...EXTRAS.map(([title, extra]) =>
    layersCase(`annotations: ${title}`, 'runs', (bench) => [withAnnotations(goodLayer(bench), extra)]),
  ),
  ...MEDIA_TYPES.map(([mediaType, verdict]) =>
    layersCase(`layer of type ${mediaType}`, verdict, (bench) => [{ ...goodLayer(bench), mediaType }]),
  ),
  ...SEQUENCES.map(([kinds, verdict, differs]) =>
    layersCase(
      `layers: ${described(kinds)}`,
      verdict,
      (bench) => kinds.map((kind, at) => layer(bench, kind, at)),
      differs,
    ),
  ),
  ...BROKEN,
];

function layer(bench: Bench, kind: Kind, at: number): ArtifactLayer {
  const { key, other, image, repository, host } = bench;
  const sign = (signer: Signer, digest = image.digest, name = repository) =>
    signedLayer(signer, simpleSigningPayload(digest, name, { at }));
  switch (kind) {
    case 'good':
      return sign(key);
    case 'other key':
      return sign(other);
    case 'other digest':
      return sign(key, digestOf(Buffer.from('another')));
    case 'other name':
      return sign(key, image.digest, `${host}/acme/elsewhere`);
    case 'unsigned':
      return { ...sign(key), annotations: {} };
    case 'not JSON':
      return signedLayer(key, Buffer.from(`hello ${at}`));
    case 'attachment':
      return { ...sign(key), mediaType: 'application/vnd.dsse.envelope.v1+json' };
  }
}

function damaged(title: string, verdict: Verdict, content: string | undefined, kinds: readonly Kind[]): Case {
  return {
    title,
    verdict,
    arrange: async (bench) => {
      const layers = kinds.map((kind, at) => layer(bench, kind, at));
      await pushLayers(bench, layers);
      bench.damage(digestOf(layers[0]?.bytes ?? Buffer.alloc(0)), content);
      return byTag(bench);
    },
  };
}

function changed(bench: Bench, change: (base64: string) => string | undefined): ArtifactLayer {
  // Until the text has what the cases change: both odd letters, and padding.
  for (;;) {
    const good = goodLayer(bench);
    const text = good.annotations?.[ANNOTATIONS.signature] ?? '';
    if (!text.includes('+') || !text.includes('/') || !text.endsWith('=')) continue;
    const signature = change(text);
    return { ...good, annotations: signature === undefined ? {} : { [ANNOTATIONS.signature]: signature } };
  }
}

function withAnnotations(good: ArtifactLayer, extra: Readonly<Record<string, string>>): ArtifactLayer {
  const signature = good.annotations?.[ANNOTATIONS.signature] ?? '';
  return { ...good, annotations: { [ANNOTATIONS.signature]: signature, ...extra } };
}

function flipped(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return bytes.toString('base64');
}

/** The last letter before the padding carries bits that no byte takes. */
function trailingBits(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const at = text.indexOf('=') - 1;
  return `${text.slice(0, at)}${alphabet[alphabet.indexOf(text[at] ?? '') + 1]}${text.slice(at + 1)}`;
}

function many(count: number): readonly Kind[] {
  return Array.from({ length: count }, () => 'other key' as const);
}

function described(kinds: readonly Kind[]): string {
  if (kinds.length === 0) return 'none';
  if (kinds.length < 10) return kinds.join(', ');
  return `${kinds.length}, the good one at ${kinds.indexOf('good') + 1}`;
}
