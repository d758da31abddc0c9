import { failed, type Result } from '../../codes/result.ts';
import { MANIFEST_TYPES } from '../../image/descriptor.ts';
import { type ImageManifest, parseImageManifest } from '../../image/manifest.ts';
import type { FetchedManifest } from '../../registry/registry.ts';

/**
 * Reads a manifest that carries signatures. Only OCI image manifests do, as containers/image has it
 * (openshift-containers.md §4).
 * @returns MEDIA_TYPE_UNSUPPORTED, RESPONSE_MALFORMED, LIMIT_EXCEEDED (nesting)
 */
export function parseSignatureManifest(manifest: FetchedManifest): Result<ImageManifest> {
  if (manifest.descriptor.mediaType !== MANIFEST_TYPES.ociManifest) {
    return failed('MEDIA_TYPE_UNSUPPORTED', 'the signature manifest is not an OCI image manifest');
  }
  const parsed = parseImageManifest(manifest.bytes, manifest.descriptor.mediaType);
  return parsed.ok
    ? parsed
    : failed(parsed.failure.code, `the signature manifest is malformed: ${parsed.failure.message}`);
}
