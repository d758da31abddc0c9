import type { ArtifactLayer } from '../../../src/cli/demo/artifacts.ts';

/** A layer of the `.sig` tag as skopeo writes it into a folder (openshift-containers.md §3.2). */
export function asDetached({ bytes, mediaType, annotations = {} }: ArtifactLayer): Uint8Array {
  const json = JSON.stringify({ mimeType: mediaType, payload: Buffer.from(bytes).toString('base64'), annotations });
  return Buffer.from(`\0sigstore-json\n${json}`);
}
