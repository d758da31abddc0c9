import { type Artifact, imageArtifact } from '../../src/cli/demo/artifacts.ts';
import {
  bundleBytes,
  bundleReferrer,
  type Signer,
  signatureManifest,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../src/cli/demo/signer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf, hexOf } from '../../src/image/digest.ts';
import { signatureTag } from '../../src/signatures/cosign/tag.ts';

/** How an image of the bench is signed. */
export type Form = 'legacy' | 'bundle' | 'both' | 'unsigned';

/** The only tag that images of the bench have. */
const TAG = 'v1';

/** One image of the bench: form and number say everything about its content, so nobody has to remember it. */
export type BenchImage = { readonly form: Form; readonly number: number };

/** What a registry answers at a path below `/v2/REPOSITORY/`. */
export type Stored = { readonly type: string; readonly bytes: Uint8Array; readonly digest: string };

/** Each image has a repository of its own: the worst case for whatever is kept by repository. */
export function repositoryOf({ form, number }: BenchImage): string {
  return `${form}/${number}`;
}

/** The image's manifest; the same whenever and wherever it is made. */
function artifactOf(image: BenchImage): Artifact {
  return imageArtifact(repositoryOf(image));
}

/** The image by digest, as a pod names it. */
export function byDigest(host: string, image: BenchImage): string {
  return `${host}/${repositoryOf(image)}@${artifactOf(image).digest}`;
}

/** The image by tag, as a pod names it. */
export function byTag(host: string, image: BenchImage): string {
  return `${host}/${repositoryOf(image)}:${TAG}`;
}

/** Everything that a registry holds for an image, signed now, by path below its repository. */
export function contentsOf(
  host: string,
  image: BenchImage,
  signer: Signer,
  referrers: 'api' | 'none',
): ReadonlyMap<string, Stored> {
  const artifact = artifactOf(image);
  const contents = new Map<string, Stored>();
  const add = (path: string, type: string, bytes: Uint8Array, digest: string) =>
    contents.set(path, { type, bytes, digest });
  const addManifest = (name: string, { mediaType, manifest, digest }: Artifact) =>
    add(`manifests/${name}`, mediaType, manifest, digest);
  // The layer alone: nobody reads the empty config.
  const addLayer = ({ blobs: [, layer] }: Artifact) => {
    if (layer !== undefined) add(`blobs/${digestOf(layer)}`, 'application/octet-stream', layer, digestOf(layer));
  };

  addManifest(artifact.digest, artifact);
  addManifest(TAG, artifact);
  if (image.form === 'legacy' || image.form === 'both') {
    const layer = signedLayer(signer, simpleSigningPayload(artifact.digest, `${host}/${repositoryOf(image)}`));
    const signature = signatureManifest([layer]);
    addManifest(signatureTag(artifact.digest, ''), signature);
    addLayer(signature);
  }
  const bundles =
    image.form === 'bundle' || image.form === 'both'
      ? [bundleReferrer(artifact, bundleBytes(signer, signStatement(artifact.digest)))]
      : [];
  for (const bundle of bundles) {
    addManifest(bundle.digest, bundle);
    addLayer(bundle);
  }
  const index = referrersIndex(bundles);
  if (referrers === 'api') add(`referrers/${artifact.digest}`, MANIFEST_TYPES.ociIndex, index, '');
  else if (bundles.length > 0) add(`manifests/sha256-${hexOf(artifact.digest)}`, MANIFEST_TYPES.ociIndex, index, '');
  return contents;
}

function referrersIndex(referrers: readonly Artifact[]): Uint8Array {
  const manifests = referrers.map(({ manifest, mediaType, digest }) => {
    const { artifactType, annotations } = JSON.parse(Buffer.from(manifest).toString()) as Record<string, unknown>;
    return { mediaType, digest, size: manifest.length, artifactType, annotations };
  });
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPES.ociIndex, manifests }));
}

/** The paths that a cold verification reads, in its order: what stands together is asked for at once. */
export function readsOf(image: BenchImage, contents: ReadonlyMap<string, Stored>): readonly (readonly string[])[] {
  const { digest } = artifactOf(image);
  const manifest = `manifests/${digest}`;
  const paths = [...contents.keys()];
  const bundles = paths.filter((path) => path.startsWith('manifests/sha256:') && path !== manifest);
  const layers = paths.filter((path) => path.startsWith('blobs/'));
  const reads = [[manifest], [`referrers/${digest}`, `manifests/${signatureTag(digest, '')}`], bundles, layers];
  return reads.filter((together) => together.length > 0);
}
