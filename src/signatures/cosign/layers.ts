import type { Digest } from '../../image/digest.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import type { Location } from '../../model/finding.ts';
import { type Candidate, disproved } from '../evidence.ts';
import { ANNOTATIONS, MAXIMUM_LAYERS, SIMPLE_SIGNING_TYPE } from './formats.ts';

/** What the layers of one signature manifest are: signatures, and attachments of other kinds. */
export type LayerCandidates = { readonly candidates: readonly Candidate[]; readonly others: number };

/**
 * Takes each layer of a signature manifest for what it says it is. Layers of other media types are attachments and not
 * signatures (openshift-containers.md §4). A signature annotation that is missing or empty refuses that layer alone.
 */
export function layerCandidates(manifest: ImageManifest, manifestDigest: Digest, location: Location): LayerCandidates {
  const candidates: Candidate[] = [];
  let others = 0;
  for (const [index, layer] of manifest.layers.entries()) {
    if (layer.mediaType !== SIMPLE_SIGNING_TYPE) {
      others++;
      continue;
    }
    const artifact = { digest: layer.digest, mediaType: layer.mediaType };
    if (candidates.length >= MAXIMUM_LAYERS) {
      const failure = {
        code: 'LIMIT_EXCEEDED',
        message: `more than ${MAXIMUM_LAYERS} signatures in one manifest`,
      } as const;
      candidates.push({ kind: 'unread', location, artifact, failure });
      break;
    }
    // The signature is in the manifest, not in the blob: two layers with one payload are two candidates.
    const id = `${manifestDigest}#${index}`;
    const signature = layer.annotations[ANNOTATIONS.signature] ?? '';
    if (signature === '')
      candidates.push({
        kind: 'malformed',
        id,
        location,
        artifact,
        proof: disproved('format', 'SIGNATURE_MALFORMED', 'the layer carries no signature'),
      });
    else
      candidates.push({
        kind: 'layer',
        id,
        location,
        artifact,
        blob: { digest: layer.digest, size: layer.size },
        annotations: layer.annotations,
      });
  }
  return { candidates, others };
}
