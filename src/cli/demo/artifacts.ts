import { MANIFEST_TYPES } from '../../image/descriptor.ts';
import { type Digest, digestOf } from '../../image/digest.ts';

/** Something that can be pushed: a manifest and the blobs that it names. */
export type Artifact = {
  readonly manifest: Uint8Array;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly blobs: readonly Uint8Array[];
};

/** A layer of an artifact. */
export type ArtifactLayer = {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

const EMPTY_CONFIG = Buffer.from('{}');
const EMPTY_CONFIG_TYPE = 'application/vnd.oci.empty.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';

/** A small image whose one layer is the text, so that another text is another digest. */
export function imageArtifact(text: string, platform = { os: 'linux', architecture: 'amd64' }): Artifact {
  const layer = Buffer.from(text);
  const config = Buffer.from(
    JSON.stringify({ ...platform, config: {}, rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }),
  );
  return manifestArtifact({ bytes: config, mediaType: CONFIG_TYPE }, [{ bytes: layer, mediaType: LAYER_TYPE }], {});
}

/** One entry of an index. */
export type Instance = {
  readonly image: Artifact;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
};

/** An index over images. */
export function indexArtifact(instances: readonly Instance[]): Artifact {
  const manifests = instances.map(({ image, ...entry }) => ({
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.manifest.length,
    ...entry,
  }));
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPES.ociIndex, manifests }));
  return { manifest, mediaType: MANIFEST_TYPES.ociIndex, digest: digestOf(manifest), blobs: [] };
}

/** What an artifact says beside its layers. */
export type ArtifactFields = {
  readonly artifactType?: string;
  readonly subject?: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly annotations?: Readonly<Record<string, string>>;
};

/** An artifact without a config of its own: signatures, bundles. */
export function emptyConfigArtifact(layers: readonly ArtifactLayer[], fields: ArtifactFields): Artifact {
  return manifestArtifact({ bytes: EMPTY_CONFIG, mediaType: EMPTY_CONFIG_TYPE }, layers, fields);
}

function manifestArtifact(config: ArtifactLayer, layers: readonly ArtifactLayer[], fields: ArtifactFields): Artifact {
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPES.ociManifest,
      ...fields,
      config: descriptorOf(config),
      layers: layers.map(descriptorOf),
    }),
  );
  const blobs = [config.bytes, ...layers.map((layer) => layer.bytes)];
  return { manifest, mediaType: MANIFEST_TYPES.ociManifest, digest: digestOf(manifest), blobs };
}

function descriptorOf({ bytes, mediaType, annotations }: ArtifactLayer) {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  return annotations === undefined ? descriptor : { ...descriptor, annotations };
}
