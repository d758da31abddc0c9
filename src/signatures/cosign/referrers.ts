import { failure, type Result } from '../../codes/result.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { Digest } from '../../image/digest.ts';
import type { ImageManifest } from '../../image/manifest.ts';
import { type Repository, repositoryName } from '../../image/reference.ts';
import type { Location } from '../../model/finding.ts';
import type { FetchedManifest, ReferrersList, Registry, RequestContext } from '../../registry/registry.ts';
import type { Candidate, Listing } from '../evidence.ts';
import {
  BUNDLE_PREDICATE_ANNOTATION,
  BUNDLE_TYPE_PREFIX,
  COSIGN_REFERRER_TYPE,
  COSIGN_SIGN_PREDICATE,
  EMPTY_TYPE,
  MAXIMUM_REFERRER_BYTES,
} from './formats.ts';
import { type LayerCandidates, layerCandidates } from './layers.ts';
import { parseSignatureManifest } from './manifest.ts';

/** Manifests fetched at once for one image. */
const PARALLEL = 8;

const NOTHING: LayerCandidates = { candidates: [], others: 0 };
const OTHER: LayerCandidates = { candidates: [], others: 1 };

/**
 * Looks for signatures that refer to a digest: sigstore bundles and cosign's OCI 1.1 form. One request for the list
 * (two where the registry has no referrers API) and one for each referrer that may be a signature.
 *
 * A referrer that cannot be read is a candidate of its own and hides no other.
 * @param attempts how many referrers are fetched at most; the rest is one `unread` candidate
 * @see reference/sigstore-policy-controller.md §2.3
 */
export async function listReferrers(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  attempts: number,
  context: RequestContext,
): Promise<Result<Listing>> {
  const found = await registry.referrers(repository, digest, context);
  if (found.kind === 'failed') return { ok: false, failure: found.failure };
  const list: ReferrersList =
    found.kind === 'absent' ? { descriptors: [], source: 'api', location: repository } : found.value;

  const place: Location = {
    store: 'sigstore-bundle',
    repository: repositoryName(list.location),
    reference: 'referrers',
  };
  const promising = list.descriptors.filter(mayBeSignature);
  const tried = promising.slice(0, attempts);
  const parts: LayerCandidates[] = [];
  for (let start = 0; start < tried.length; start += PARALLEL) {
    const batch = tried.slice(start, start + PARALLEL);
    parts.push(
      ...(await Promise.all(batch.map((referrer) => readReferrer(registry, repository, digest, referrer, context)))),
    );
  }
  const candidates = parts.flatMap((part) => part.candidates);
  const others = parts.reduce((sum, part) => sum + part.others, list.descriptors.length - promising.length);
  if (promising.length > attempts) {
    candidates.push({
      kind: 'unread',
      location: place,
      artifact: undefined,
      failure: failure(
        'LIMIT_EXCEEDED',
        `${promising.length} signature artifacts refer to the image; the first ${attempts} were read`,
      ),
    });
  }
  return { ok: true, value: { place, candidates, others } };
}

/**
 * Whether a descriptor in the list may be a signature. Clients write fallback indexes with the empty type or none at
 * all, and some registries report the config's type instead, so those are looked at as well.
 */
function mayBeSignature(descriptor: Descriptor): boolean {
  const type = descriptor.artifactType ?? '';
  return type === '' || type === EMPTY_TYPE || type === COSIGN_REFERRER_TYPE || type.startsWith(BUNDLE_TYPE_PREFIX);
}

async function readReferrer(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  referrer: Descriptor,
  context: RequestContext,
): Promise<LayerCandidates> {
  const location: Location = {
    store: 'sigstore-bundle',
    repository: repositoryName(repository),
    reference: referrer.digest,
  };
  const artifact = { digest: referrer.digest, mediaType: referrer.mediaType };
  const unread = (why: Extract<Candidate, { kind: 'unread' }>['failure']): LayerCandidates => ({
    candidates: [{ kind: 'unread', location, artifact, failure: why }],
    others: 0,
  });

  const tooLarge = failure(
    'RESPONSE_TOO_LARGE',
    `the manifest of a referrer is larger than ${MAXIMUM_REFERRER_BYTES} bytes`,
  );
  if (referrer.size > MAXIMUM_REFERRER_BYTES) return unread(tooLarge);
  const bounded = { ...context, maxManifestBytes: MAXIMUM_REFERRER_BYTES };
  const fetched = await registry.manifest(repository, referrer.digest, bounded);
  if (fetched.kind === 'failed') return unread(fetched.failure);
  // The list named it and it is gone: it was removed in between, or the registry contradicts itself. Either way unread.
  if (fetched.kind === 'absent') return unread(failure('RESPONSE_MALFORMED', 'a listed referrer is not there'));
  if (fetched.value.bytes.length !== referrer.size)
    return unread(failure('DIGEST_MISMATCH', 'a referrer is not of the size that the list says'));
  const manifest = parseSignatureManifest(fetched.value);
  if (!manifest.ok) return looksLikeSignature(referrer) ? unread(manifest.failure) : OTHER;
  if (manifest.value.subject?.digest !== digest) return OTHER;
  return referrerCandidates(manifest.value, fetched.value, {
    ...location,
    repository: repositoryName(fetched.value.location),
  });
}

function looksLikeSignature(referrer: Descriptor): boolean {
  const type = referrer.artifactType ?? '';
  return type === COSIGN_REFERRER_TYPE || type.startsWith(BUNDLE_TYPE_PREFIX);
}

/** The manifest's own word counts, not the list's: whoever wrote the list may have written a wrong type. */
function referrerCandidates(manifest: ImageManifest, fetched: FetchedManifest, location: Location): LayerCandidates {
  const type = manifest.artifactType ?? '';
  if (type === COSIGN_REFERRER_TYPE)
    return layerCandidates(manifest, fetched.descriptor.digest, { ...location, store: 'cosign-referrer' });

  const bundles = manifest.layers.filter((layer) => layer.mediaType.startsWith(BUNDLE_TYPE_PREFIX));
  const [bundle, ...more] = bundles;
  if (bundle === undefined) return type.startsWith(BUNDLE_TYPE_PREFIX) || manifest.layers.length > 0 ? OTHER : NOTHING;
  if (more.length > 0) return OTHER;
  // An attestation says so itself; reading its blob, which may be a large SBOM, could not make it a signature.
  const predicate = manifest.annotations[BUNDLE_PREDICATE_ANNOTATION];
  if (predicate !== undefined && predicate !== COSIGN_SIGN_PREDICATE) return OTHER;
  const artifact = { digest: fetched.descriptor.digest, mediaType: bundle.mediaType };
  return {
    candidates: [
      { kind: 'bundle', id: bundle.digest, location, artifact, blob: { digest: bundle.digest, size: bundle.size } },
    ],
    others: 0,
  };
}
