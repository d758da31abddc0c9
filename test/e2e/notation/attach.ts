import { type Digest, digestOf, hexOf } from '../../../src/image/digest.ts';
import { pushArtifact } from '../image.ts';
import type { Format, Place } from './case.ts';

/** A signature's manifest of our own making; what is left out is as notation writes it. */
export type Manifest = {
  readonly layers: readonly Layer[];
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly configType?: string;
  /** The image of the place, unless something else is said. */
  readonly subject?: Described | 'none';
  /** What the list of referrers says of it, in a registry without the API; `nothing` where it does not say. */
  readonly listedAs?: string;
  /** Members beside those that notation writes. */
  readonly more?: Readonly<Record<string, unknown>>;
};

/** A layer: its media type and bytes, or what the manifest says although they are something else. */
export type Layer = { readonly mediaType: string; readonly bytes: Uint8Array; readonly size?: number };

/** How something is named by what refers to it. */
export type Described = { readonly mediaType: string; readonly digest: Digest; readonly size: number };

/** What notation calls its signatures. */
export const NOTATION_TYPE = 'application/vnd.cncf.notary.signature';
/** Media types of the two forms of envelopes. */
export const ENVELOPE_TYPE = {
  jws: 'application/jose+json',
  cose: 'application/cose',
} as const satisfies Record<Format, string>;

const EMPTY_CONFIG = Buffer.from('{}');
const EMPTY_CONFIG_TYPE = 'application/vnd.oci.empty.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** One envelope in a manifest as notation writes it. */
export function envelopeIn(format: Format, bytes: Uint8Array): Manifest {
  return { layers: [{ mediaType: ENVELOPE_TYPE[format], bytes }], artifactType: NOTATION_TYPE };
}

/** Pushes manifests that refer to the image, and lists them under the tag of referrers where the registry has no API. */
export async function attach(place: Place, ...manifests: readonly Manifest[]): Promise<void> {
  const { repository, image, on } = place;
  const entries: object[] = [];
  for (const manifest of manifests) entries.push(await push(place, manifest));
  if (on === 'referrers') return;
  const tag = `sha256-${hexOf(image.digest)}`;
  const before = await listedUnder(repository, tag);
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [...before, ...entries] }));
  await pushArtifact(repository, { manifest: index, mediaType: INDEX, digest: digestOf(index), blobs: [] }, tag);
}

async function push({ repository, image, on }: Place, manifest: Manifest): Promise<object> {
  const { layers, artifactType, mediaType = MANIFEST, subject, more } = manifest;
  // The registry with the API knows only the config's type, and answers with it.
  const configType = manifest.configType ?? (on === 'referrers' ? artifactType : undefined) ?? EMPTY_CONFIG_TYPE;
  const described = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      ...(artifactType === undefined ? {} : { artifactType }),
      config: { mediaType: configType, digest: digestOf(EMPTY_CONFIG), size: EMPTY_CONFIG.length },
      layers: layers.map((layer) => ({
        mediaType: layer.mediaType,
        digest: digestOf(layer.bytes),
        size: layer.size ?? layer.bytes.length,
      })),
      ...(subject === 'none' ? {} : { subject: subject ?? described }),
      ...more,
    }),
  );
  const digest = digestOf(bytes);
  const blobs = [EMPTY_CONFIG, ...layers.map((layer) => layer.bytes)];
  await pushArtifact(repository, { manifest: bytes, mediaType, digest, blobs });
  const type = manifest.listedAs ?? artifactType ?? configType;
  return { mediaType, digest, size: bytes.length, ...(type === 'nothing' ? {} : { artifactType: type }) };
}

/** What the index under the tag lists already. */
async function listedUnder(repository: string, tag: string): Promise<readonly unknown[]> {
  const url = `${apiOf(repository)}/manifests/${tag}`;
  const response = await fetch(url, { headers: { accept: INDEX } });
  if (response.status === 404) return [];
  const index: unknown = await response.json();
  if (typeof index !== 'object' || index === null || !('manifests' in index) || !Array.isArray(index.manifests))
    throw new Error(`${url} is no index`);
  return index.manifests;
}

/** Takes a blob out of the registry with the API again, which leaves what names it. */
export async function removeBlob({ repository }: Place, bytes: Uint8Array): Promise<void> {
  const url = `${apiOf(repository)}/blobs/${digestOf(bytes)}`;
  const response = await fetch(url, { method: 'DELETE' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}

function apiOf(repository: string): string {
  const slash = repository.indexOf('/');
  return `http://${repository.slice(0, slash)}/v2/${repository.slice(slash + 1)}`;
}
