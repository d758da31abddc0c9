import { hash } from 'node:crypto';
import { failure, type Lookup, type Result } from '../codes/result.ts';
import { type CredentialSource, inTurn, NO_CREDENTIALS } from '../config/credentials.ts';
import { mirrorRules, type RegistryHost } from '../config/registries.ts';
import type { RegistryRule } from '../config/registry-rules.ts';
import { createHttpClient, type HttpClient } from '../http/client.ts';
import { createGate } from '../http/gate.ts';
import type { ProxySettings } from '../http/proxy.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { repositoryName } from '../image/reference.ts';
import { storageFor } from '../image/signature-storage.ts';
import { askPlaces, type Question } from './ask-places.ts';
import { createDetached, type Detached } from './detached.ts';
import { createPlaces, type Endpoint, type Endpoints, type Places } from './endpoints.ts';
import type { Wire } from './exchange.ts';
import { type KnownHosts, knownHosts } from './hosts.ts';
import { readManifest, resolveTagAt } from './manifests.ts';
import { createReferrers, type Referrers } from './referrers.ts';
import type { NamedTag, Registry, RequestContext, SignatureSearch, StorageAtPlaces } from './registry.ts';
import { createSessions, type Session, type Sessions, statusFailure } from './session.ts';
import { type Clock, DEFAULT_LIMITS, type RegistryLimits, SYSTEM_CLOCK } from './settings.ts';

/** What a registry client is made from. */
export type RegistryOptions = {
  /** Configured hosts, by `host[:port]` as references write it; see `loadRegistries`. */
  readonly hosts?: ReadonlyMap<string, RegistryHost>;
  /**
   * Rules of configuration files, such as `registries.conf`: their hosts count as configured. Of equal prefixes the mirrors
   * of `hosts` go first, then these. The same array while nothing changed.
   */
  readonly configuredRules?: () => readonly RegistryRule[];
  /** Rules of others, such as the cluster's mirror sets; after all the above. The same array while nothing changed. */
  readonly rules?: () => readonly RegistryRule[];
  readonly credentials?: CredentialSource;
  /** PEM of a CA trusted for every host beside the public ones. */
  readonly extraCa?: string;
  readonly proxy?: ProxySettings;
  readonly limits?: Partial<RegistryLimits>;
  readonly clock?: Clock;
  /** Instead of a client of its own; it is closed with the registry. */
  readonly http?: HttpClient;
};

/** Makes the OCI distribution client (see {@link Registry} for what it promises). */
export function createRegistry(options: RegistryOptions = {}): Registry {
  const hosts = options.hosts ?? new Map<string, RegistryHost>();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const ownRules = mirrorRules(hosts);
  const configured = joined([() => ownRules, options.configuredRules ?? NO_RULES]);
  const rules = joined([configured, options.rules ?? NO_RULES]);
  const known = knownHosts(hosts, configured, rules);
  const http = options.http ?? createHttpClient(clientOptions(options, known, limits));
  const wire: Wire = {
    http,
    gate: createGate({ total: limits.concurrency, perKey: limits.concurrencyPerHost }),
    limits,
    clock: options.clock ?? SYSTEM_CLOCK,
    isPlain: known.isPlain,
  };
  const shared: Shared = {
    limits,
    places: createPlaces(hosts, rules),
    sessions: createSessions(wire),
    listReferrers: createReferrers(wire),
    readDetached: createDetached(wire),
  };
  return { ...viewOf(shared, options.credentials ?? NO_CREDENTIALS), close: () => http.close() };
}

/** What all views of one client share. */
type Shared = {
  readonly limits: RegistryLimits;
  readonly places: Places;
  readonly sessions: Sessions;
  readonly listReferrers: Referrers;
  readonly readDetached: Detached;
};

/** The client of somebody who has certain credentials. */
function viewOf(shared: Shared, credentials: CredentialSource): Registry {
  const { limits, places, listReferrers, readDetached } = shared;
  const session = shared.sessions(credentials);

  return {
    access(repository) {
      return { id: places.accessId(repository, credentials) };
    },
    resolveTag: (repository, tag, context) =>
      askPlaces(places.endpoints(repository), 'tag', context, (endpoint) =>
        resolveTagAt(session, endpoint, tag, limits.manifestBytes, context),
      ),
    manifest: (repository, which, context) =>
      askPlaces(places.endpoints(repository), questionOf(which), context, (endpoint) =>
        readManifest(session, endpoint, which, limits.manifestBytes, context),
      ),
    blob(repository, descriptor, maxBytes, context) {
      if (descriptor.size > maxBytes) {
        const message = `the blob ${descriptor.digest} is ${descriptor.size} bytes long, of which ${maxBytes} are read`;
        return Promise.resolve({ kind: 'failed', failure: failure('RESPONSE_TOO_LARGE', message) });
      }
      return askPlaces(places.endpoints(repository), 'content', context, (endpoint) =>
        readBlob(session, endpoint, descriptor, context),
      );
    },
    // A mirror rarely copies signatures: that it lists none does not say that the source has none.
    referrers: (repository, digest, context) =>
      askPlaces(
        places.endpoints(repository),
        'signatures',
        context,
        (endpoint) => listReferrers(session, endpoint, digest, context),
        (list) => list.descriptors.length > 0,
      ),
    storage: (repository, search) => storageAt(places.endpoints(repository), search),
    // It has a plan of its own for each place, whatever is wanted of places for other signatures.
    detached(repository, digest, search, maximum, context) {
      const { isWanted: _, ...everywhere } = context;
      return askPlaces(
        places.endpoints(repository),
        'signatures',
        everywhere,
        (endpoint) => readDetached(session, endpoint, digest, search, maximum, everywhere),
        ({ signatures }) => signatures.length > 0,
      );
    },
    with: (further) => viewOf(shared, inTurn([further, credentials])),
    close: () => Promise.resolve(),
  };
}

/** What `registries.d` says of each endpoint. */
function storageAt(places: Result<Endpoints>, { storage, asked }: SignatureSearch): StorageAtPlaces {
  const plans = new Map(
    (places.ok ? places.value.endpoints : []).map(({ location }) => [
      repositoryName(location),
      storageFor(storage, location, asked),
    ]),
  );
  const said = [...plans].map(([name, { lookaside, attachments }]) => [name, lookaside, attachments]);
  return {
    // A lookaside may hold a password.
    id: hash('sha256', JSON.stringify(said)),
    hasAttachments: (location) => plans.get(repositoryName(location))?.attachments === true,
    attachments: [...plans.values()].some(({ attachments }) => attachments) ? 'somewhere' : 'nowhere',
  };
}

async function readBlob(
  session: Session,
  endpoint: Endpoint,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  context: RequestContext,
): Promise<Lookup<Uint8Array>> {
  const path = `/v2/${endpoint.location.path}/blobs/${digest}`;
  const answer = await session.read(endpoint, { method: 'GET', path, maxBytes: size, purpose: 'blob' }, context);
  if (!answer.ok) return { kind: 'failed', failure: answer.failure };
  const { status, body, url } = answer.value;
  if (status === 404) return { kind: 'absent' };
  if (status !== 200) return { kind: 'failed', failure: statusFailure(answer.value) };
  const actual = digestOf(body);
  if (actual !== digest) {
    return { kind: 'failed', failure: failure('DIGEST_MISMATCH', `${url.host} sent ${actual} instead of ${digest}`) };
  }
  if (body.length !== size) {
    const message = `the blob ${digest} is ${body.length} bytes long, not ${size} as its descriptor says`;
    return { kind: 'failed', failure: failure('RESPONSE_MALFORMED', message) };
  }
  return { kind: 'found', value: body };
}

/** What a manifest is asked for. */
function questionOf(which: Digest | NamedTag): Question {
  if (typeof which === 'string') return 'content';
  return which.about === undefined ? 'tag' : 'signatures';
}

function clientOptions(options: RegistryOptions, { isConfigured, caByHost }: KnownHosts, limits: RegistryLimits) {
  return {
    isConfigured,
    caByHost,
    connectionsPerOrigin: limits.concurrencyPerHost,
    ...(options.extraCa === undefined ? {} : { extraCa: options.extraCa }),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
  };
}

const NO_RULES = (): readonly RegistryRule[] => NONE;
const NONE: readonly RegistryRule[] = [];

/** Several lists as one, which is the same array while each of them is. */
function joined(lists: readonly (() => readonly RegistryRule[])[]): () => readonly RegistryRule[] {
  let last: { readonly parts: readonly (readonly RegistryRule[])[]; readonly all: readonly RegistryRule[] } | undefined;
  return () => {
    const parts = lists.map((list) => list());
    if (last === undefined || parts.some((part, index) => part !== last?.parts[index])) {
      last = { parts, all: parts.flat() };
    }
    return last.all;
  };
}
