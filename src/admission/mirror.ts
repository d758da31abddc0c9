import { field, isFields } from './json.ts';
import type { AdmissionRequest } from './review.ts';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/**
 * Whether this is the mirror of a static pod. The kubelet runs static pods from its own files, whatever admission says;
 * refusing the mirror would only hide a pod that runs. So mirrors are judged and recorded, never denied.
 *
 * Anybody can write the annotation: it counts only from a node, and only where the API server's NodeRestriction already
 * keeps nodes from creating anything but mirrors.
 */
export function isMirrorPod(request: AdmissionRequest): boolean {
  if (request.kind.group !== '' || request.kind.kind !== 'Pod' || request.object === undefined) return false;
  if (!request.user.name.startsWith('system:node:') || !request.user.groups.includes('system:nodes')) return false;
  const metadata = field(request.object, 'metadata');
  const annotations = isFields(metadata) ? field(metadata, 'annotations') : undefined;
  return isFields(annotations) && typeof field(annotations, MIRROR_ANNOTATION) === 'string';
}
