import type { Lookup } from '../codes/result.ts';
import type { Digest } from '../image/digest.ts';
import { storageFor } from '../image/signature-storage.ts';
import type { Endpoint } from './endpoints.ts';
import type { Wire } from './exchange.ts';
import { createSignatureExtension } from './extension.ts';
import { readLookaside } from './lookaside.ts';
import type { DetachedSignatures, RequestContext, SignatureSearch } from './registry.ts';
import type { Session } from './session.ts';

/** Reads the detached signatures of a digest at one endpoint, as whoever the session is for. */
export type Detached = (
  session: Session,
  endpoint: Endpoint,
  digest: Digest,
  search: SignatureSearch,
  maximum: number,
  context: RequestContext,
) => Promise<Lookup<DetachedSignatures>>;

/**
 * Makes the reader of detached signatures: what the registry serves itself, or else what lies in the lookaside of the
 * place where the image is read, which is looked up by its physical name.
 * @see reference/openshift-containers.md §3.4, §3.5
 */
export function createDetached(wire: Wire): Detached {
  const extension = createSignatureExtension(wire);
  return async (session, endpoint, digest, { storage, asked }, maximum, context) => {
    const served = await extension.isServed(endpoint, context);
    if (!served.ok) return { kind: 'failed', failure: served.failure };
    if (served.value) return extension.list(session, endpoint, digest, maximum, context);
    const { lookaside } = storageFor(storage, endpoint.location, asked);
    return readLookaside(wire, lookaside, endpoint.location, digest, maximum, context);
  };
}
