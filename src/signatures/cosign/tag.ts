import type { Result } from '../../codes/result.ts';
import { type Digest, hexOf } from '../../image/digest.ts';
import type { Repository } from '../../image/reference.ts';
import { repositoryName } from '../../image/reference.ts';
import type { Location } from '../../model/finding.ts';
import type { Registry, RequestContext } from '../../registry/registry.ts';
import { emptyListing, type Listing } from '../evidence.ts';
import { layerCandidates } from './layers.ts';
import { parseSignatureManifest } from './manifest.ts';

/** The tag under which cosign stores the signatures of a digest, such as `sha256-4f1c….sig`. */
export function signatureTag(digest: Digest, prefix: string): string {
  return `${prefix}sha256-${hexOf(digest)}.sig`;
}

/**
 * Looks for simple-signing layers under the `.sig` tag: one request. No such tag is an empty listing; any other
 * trouble, a manifest of another type included, is a failure and never "unsigned".
 * @see reference/sigstore-policy-controller.md §2.1
 */
export async function listSignatureTag(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  prefix: string,
  context: RequestContext,
): Promise<Result<Listing>> {
  const tag = signatureTag(digest, prefix);
  const found = await registry.manifest(repository, { tag, about: digest }, context);
  if (found.kind === 'failed') return { ok: false, failure: found.failure };
  if (found.kind === 'absent')
    return {
      ok: true,
      value: emptyListing({ store: 'cosign-tag', repository: repositoryName(repository), reference: tag }),
    };

  const place: Location = { store: 'cosign-tag', repository: repositoryName(found.value.location), reference: tag };
  const manifest = parseSignatureManifest(found.value);
  if (!manifest.ok) return manifest;
  return { ok: true, value: { place, ...layerCandidates(manifest.value, found.value.descriptor.digest, place) } };
}
