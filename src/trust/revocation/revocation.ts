import type { HttpClient } from '../../http/client.ts';
import type { Certificate } from '../x509/certificate.ts';
import { sameBytes } from '../x509/der.ts';
import { createAuthorityClient } from './fetch.ts';
import { createLists } from './lists.ts';
import { createOcsp } from './ocsp.ts';
import { revocationSources } from './sources.ts';
import {
  type AskContext,
  type OnRevocationRequest,
  REVOCATION_LIMITS,
  type RevocationLimits,
  type RevocationStatus,
  statusOf,
  unknown,
  untilRevoked,
} from './status.ts';

/** Says whether certificates are revoked, and keeps what authorities signed until it ends. Asked on every decision. */
export type Revocation = {
  /**
   * Asks about every certificate of a chain but its root, all at once.
   * @param chain leaf first and root last, each signed by the next. It should be one that is trusted: its certificates say
   *   where requests go, and whose lists take up memory
   * @param signedAt when the signature was made, where the signing authority vouches for it: a certificate that is revoked
   *   as of a later moment counts as good. Milliseconds; undefined where nobody vouches
   * @param signal ends the waiting, and what is not known by then is unknown; what was asked for is still finished in the
   *   background, so that the next one finds it
   * @returns `revoked` if one is revoked, otherwise `unknown` if that of one is not known. The message begins with which
   */
  readonly check: (
    chain: readonly Certificate[],
    signedAt: number | undefined,
    signal: AbortSignal,
    onRequest?: OnRevocationRequest,
  ) => Promise<RevocationStatus>;
};

/** Certificates from the leaf to the root. */
const MAXIMUM_LENGTH = 10;

/**
 * Makes what says whether certificates are revoked, by OCSP where a certificate names a responder, by lists where it names
 * none or the responder has no answer. A certificate that names neither cannot be revoked, and is good.
 * @param http must refuse addresses of this machine and link, save those that the configuration names for this purpose
 * @param options `clock` in milliseconds since the epoch
 * @see reference/notation-ratify.md §1.11
 */
export function createRevocation(
  http: HttpClient,
  options: { readonly clock: () => number; readonly limits?: Partial<RevocationLimits> },
): Revocation {
  const limits = { ...REVOCATION_LIMITS, ...options.limits };
  const client = createAuthorityClient(http, limits);
  const lists = createLists(client, options.clock, limits);

  /** Of a responder: by lists alone, or one responder would vouch for the other. */
  async function isRevoked(
    certificate: Certificate,
    issuer: Certificate,
    context: AskContext,
  ): Promise<RevocationStatus> {
    const sources = revocationSources(certificate);
    if (!sources.ok) return unknown(sources.message);
    if (sources.value.points === undefined) return { kind: 'good' };
    return lists.status(certificate, issuer, sources.value, undefined, context);
  }
  const ocsp = createOcsp(client, options.clock, limits, isRevoked);

  async function ask(
    certificate: Certificate,
    issuer: Certificate,
    signedAt: number | undefined,
    context: AskContext,
  ): Promise<RevocationStatus> {
    const read = revocationSources(certificate);
    if (!read.ok) return unknown(read.message);
    const { value: sources } = read;
    const { ocsp: urls, points } = sources;
    const said = urls === undefined ? undefined : await ocsp.status(certificate, issuer, urls, signedAt, context);
    if (said !== undefined && said.kind !== 'unknown') return said;
    if (points === undefined) return said ?? { kind: 'good' };
    const listed = await lists.status(certificate, issuer, sources, signedAt, context);
    return listed.kind === 'unknown' && said !== undefined ? unknown(`${said.message}; ${listed.message}`) : listed;
  }

  return {
    async check(chain, signedAt, signal, onRequest) {
      if (!isOrdered(chain)) return unknown('whether the certificates are revoked is not known: they are no chain');
      const context = { signal, onRequest };
      const statuses = await untilRevoked(
        chain.slice(0, -1).map(async (certificate, index) => {
          const issuer = chain[index + 1] ?? certificate;
          const status = await ask(certificate, issuer, signedAt, context);
          return statusOf(`certificate ${index + 1} of the chain`, status);
        }),
      );
      return (
        statuses.find(({ kind }) => kind === 'revoked') ??
        statuses.find(({ kind }) => kind === 'unknown') ?? { kind: 'good' }
      );
    },
  };
}

/** Names only: whoever asks has verified the signatures, and nobody may leave out the end by mistake. */
function isOrdered(chain: readonly Certificate[]): boolean {
  if (chain.length === 0 || chain.length > MAXIMUM_LENGTH) return false;
  return chain.every((certificate, index) => sameBytes(certificate.issuer, (chain[index + 1] ?? certificate).subject));
}
