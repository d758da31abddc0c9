import { failed, ok, type Result } from '../codes/result.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { parseImageIndex } from '../image/manifest.ts';

/** Instances that are looked at in one index and in those that it lists; more is LIMIT_EXCEEDED. */
export const MAXIMUM_INSTANCES = 64;

/**
 * The instances of an index or manifest list: what a node could run.
 *
 * An entry is left out only when os and architecture are both `unknown`, as build tools mark attestations. An
 * annotation proves nothing: whoever writes one could hide a runnable image behind it (MODEL.md M9). An entry without
 * a platform counts.
 * @param bytes of the index, checked against its digest
 * @returns RESPONSE_MALFORMED, LIMIT_EXCEEDED
 */
export function instancesOf(bytes: Uint8Array, mediaType: string): Result<readonly Descriptor[]> {
  const index = parseImageIndex(bytes, mediaType);
  if (!index.ok) return index;
  const instances = index.value.manifests.filter(
    ({ platform }) => platform?.os !== 'unknown' || platform.architecture !== 'unknown',
  );
  if (instances.length > MAXIMUM_INSTANCES) {
    return failed('LIMIT_EXCEEDED', `the image index lists more than ${MAXIMUM_INSTANCES} instances`);
  }
  return ok(instances);
}
