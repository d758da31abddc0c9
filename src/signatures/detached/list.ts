import { ok, type Result } from '../../codes/result.ts';
import { type Digest, digestOf } from '../../image/digest.ts';
import { type Repository, repositoryName } from '../../image/reference.ts';
import type { Location } from '../../model/finding.ts';
import type { DetachedSignatures, Registry, RequestContext, SignatureSearch } from '../../registry/registry.ts';
import { ANNOTATIONS, SIMPLE_SIGNING_TYPE } from '../cosign/formats.ts';
import { type Candidate, disproved, type Listing } from '../evidence.ts';
import { readDetachedBlob } from './blob.ts';

/** How OpenPGP messages are called in findings; none of them carries a media type. */
const OPENPGP_TYPE = 'application/pgp-encrypted';

/**
 * Looks for detached signatures of a digest. None is an empty listing; one whose format nobody knows is `unread`, since
 * it may be a server's page of regret in place of a signature (openshift-containers.md §3.2, §3.4).
 * @param maximum how many are read at most
 */
export async function listDetached(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  search: SignatureSearch,
  maximum: number,
  context: RequestContext,
): Promise<Result<Listing>> {
  const found = await registry.detached(repository, digest, search, maximum, {
    ...context,
    isSignature: (bytes) => readDetachedBlob(bytes).ok,
  });
  if (found.kind === 'failed') return { ok: false, failure: found.failure };
  const read: DetachedSignatures =
    found.kind === 'found' ? found.value : { location: repository, source: 'lookaside', place: '', signatures: [] };
  const place: Location = { store: 'lookaside', repository: repositoryName(read.location), reference: read.place };
  const parts = read.signatures.map(({ name, bytes }) =>
    candidateOf(bytes, { ...place, reference: name }, read.source),
  );
  return ok({
    place,
    candidates: parts.filter((part) => part !== 'other'),
    others: parts.filter((part) => part === 'other').length,
  });
}

/** What one detached signature is; `other` for an attachment that is no signature. */
function candidateOf(bytes: Uint8Array, location: Location, source: DetachedSignatures['source']): Candidate | 'other' {
  const digest = digestOf(bytes);
  // The registry's own interface says of each that it is simple signing; its bytes may be armored.
  const blob = source === 'extension' ? ok({ kind: 'openpgp', bytes } as const) : readDetachedBlob(bytes);
  if (!blob.ok) {
    const { code, message } = blob.failure;
    return {
      kind: 'unread',
      location,
      artifact: undefined,
      failure: { code, message: `${location.reference}: ${message}` },
    };
  }
  if (blob.value.kind === 'openpgp') {
    // A copy of its own, here and below: lists are kept, and a small Buffer keeps the pool that it is cut out of.
    const message = Uint8Array.from(blob.value.bytes);
    const artifact = { digest, mediaType: OPENPGP_TYPE };
    return { kind: 'openpgp', id: digest, location, artifact, blob: { bytes: message, size: message.length } };
  }
  const { mediaType, annotations } = blob.value;
  const payload = Uint8Array.from(blob.value.payload);
  if (mediaType !== SIMPLE_SIGNING_TYPE) return 'other';
  const artifact = { digest, mediaType };
  return (annotations[ANNOTATIONS.signature] ?? '') === ''
    ? {
        kind: 'malformed',
        id: digest,
        location,
        artifact,
        proof: disproved('format', 'SIGNATURE_MALFORMED', 'the signature is missing beside its payload'),
      }
    : { kind: 'layer', id: digest, location, artifact, blob: { bytes: payload, size: payload.length }, annotations };
}
