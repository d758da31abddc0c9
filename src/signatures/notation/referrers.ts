import { failure, type Result } from '../../codes/result.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { Digest } from '../../image/digest.ts';
import { type Repository, repositoryName } from '../../image/reference.ts';
import type { Location } from '../../model/finding.ts';
import type { Registry, RequestContext } from '../../registry/registry.ts';
import { parseSignatureManifest } from '../cosign/manifest.ts';
import { type Candidate, disproved, type Listing } from '../evidence.ts';
import { ENVELOPE_TYPES, MAXIMUM_NOTATION_MANIFEST_BYTES, NOTATION_TYPE } from './formats.ts';

/** Manifests fetched at once for one image. */
const PARALLEL = 8;

/**
 * Looks for notation's signatures that refer to a digest: one request for the list (two where the registry has no referrers
 * API) and one for each manifest that says it is one. What says that it is something else does not count against the limit.
 *
 * One that cannot be read is a candidate of its own and hides no other, in which notation itself gives up.
 * @param attempts how many are fetched at most; the rest is one `unread` candidate
 * @see reference/notation-ratify.md §1.1, §1.2, §1.12
 */
export async function listNotationSignatures(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  attempts: number,
  context: RequestContext,
): Promise<Result<Listing>> {
  const found = await registry.referrers(repository, digest, context);
  if (found.kind === 'failed') return { ok: false, failure: found.failure };
  const descriptors = found.kind === 'found' ? found.value.descriptors : [];
  const location = found.kind === 'found' ? found.value.location : repository;
  const place: Location = { store: 'notation', repository: repositoryName(location), reference: 'referrers' };

  const signatures = descriptors.filter(({ artifactType }) => artifactType === NOTATION_TYPE);
  const tried = signatures.slice(0, attempts);
  const candidates: (Candidate | 'other')[] = [];
  for (let start = 0; start < tried.length; start += PARALLEL) {
    const batch = tried.slice(start, start + PARALLEL);
    candidates.push(
      ...(await Promise.all(batch.map((referrer) => readReferrer(registry, repository, digest, referrer, context)))),
    );
  }
  if (signatures.length > attempts) {
    const message = `${signatures.length} notation signatures refer to the image; the first ${attempts} were read`;
    candidates.push({
      kind: 'unread',
      location: place,
      artifact: undefined,
      failure: failure('LIMIT_EXCEEDED', message),
    });
  }
  const wanted = candidates.filter((candidate) => candidate !== 'other');
  const others = descriptors.length - signatures.length + candidates.length - wanted.length;
  return { ok: true, value: { place, candidates: wanted, others } };
}

/** What one listed manifest is; `other` where it refers to something else than the list says. */
async function readReferrer(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  referrer: Descriptor,
  context: RequestContext,
): Promise<Candidate | 'other'> {
  const location: Location = { store: 'notation', repository: repositoryName(repository), reference: referrer.digest };
  const artifact = { digest: referrer.digest, mediaType: NOTATION_TYPE };
  const unread = (why: Extract<Candidate, { kind: 'unread' }>['failure']): Candidate => {
    return { kind: 'unread', location, artifact, failure: why };
  };
  const malformed = (why: string): Candidate => ({
    kind: 'malformed',
    id: referrer.digest,
    location,
    artifact,
    proof: disproved('format', 'SIGNATURE_MALFORMED', `the manifest of a notation signature is malformed: ${why}`),
  });

  if (referrer.size > MAXIMUM_NOTATION_MANIFEST_BYTES) {
    const message = `the manifest of a notation signature is larger than ${MAXIMUM_NOTATION_MANIFEST_BYTES} bytes`;
    return unread(failure('RESPONSE_TOO_LARGE', message));
  }
  const bounded = { ...context, maxManifestBytes: MAXIMUM_NOTATION_MANIFEST_BYTES };
  const fetched = await registry.manifest(repository, referrer.digest, bounded);
  if (fetched.kind === 'failed') return unread(fetched.failure);
  if (fetched.kind === 'absent') return unread(failure('RESPONSE_MALFORMED', 'a listed referrer is not there'));
  const manifest = parseSignatureManifest(fetched.value);
  if (!manifest.ok) return unread(manifest.failure);
  // The manifest's own word counts: a list that clients wrote may name whatever they like.
  const { subject, artifactType, configMediaType, layers } = manifest.value;
  if (subject?.digest !== digest || (artifactType ?? configMediaType) !== NOTATION_TYPE) return 'other';

  const [layer, ...more] = layers;
  if (layer === undefined || more.length > 0) return malformed('it does not consist of one layer');
  const envelope = ENVELOPE_TYPES.get(layer.mediaType);
  if (envelope === undefined) return malformed('its layer is neither a JWS nor a COSE envelope');
  return {
    kind: 'notation',
    // Another manifest may name the same bytes as an envelope of the other kind, and lie: what it proves is not proved here.
    id: `${envelope} ${layer.digest}`,
    location: { ...location, repository: repositoryName(fetched.value.location) },
    artifact,
    blob: { digest: layer.digest, size: layer.size },
    envelope,
  };
}
