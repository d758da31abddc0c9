import { hash } from 'node:crypto';
import { type Failure, failure, failureClass, type Lookup, type Result } from '../codes/result.ts';
import { type CredentialSource, inTurn, NO_CREDENTIALS } from '../config/credentials.ts';
import type { RegistryHost } from '../config/registries.ts';
import { createHttpClient, type HttpClient } from '../http/client.ts';
import { createGate } from '../http/gate.ts';
import type { ProxySettings } from '../http/proxy.ts';
import type { Descriptor } from '../image/descriptor.ts';
import { digestOf } from '../image/digest.ts';
import { type Repository, repositoryName } from '../image/reference.ts';
import { storageFor } from '../image/signature-storage.ts';
import { baseOf, createPlaces, type Endpoint, httpHosts, type Places } from './endpoints.ts';
import type { Wire } from './exchange.ts';
import { readManifest, resolveTagAt } from './manifests.ts';
import { createReferrers, type Referrers } from './referrers.ts';
import type { Registry, RequestContext, SignatureSearch, StorageAtPlaces } from './registry.ts';
import { createSessions, type Session, type Sessions, statusFailure } from './session.ts';
import { type Clock, DEFAULT_LIMITS, type RegistryLimits, SYSTEM_CLOCK } from './settings.ts';

/** What a registry client is made from. */
export type RegistryOptions = {
  /** Configured hosts, by `host[:port]` as references write it; see `loadRegistries`. */
  readonly hosts?: ReadonlyMap<string, RegistryHost>;
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
  const http = options.http ?? createHttpClient(clientOptions(options, hosts, limits));
  const wire: Wire = {
    http,
    gate: createGate({ total: limits.concurrency, perKey: limits.concurrencyPerHost }),
    limits,
    clock: options.clock ?? SYSTEM_CLOCK,
    plainHosts: plainHostsOf(hosts),
  };
  const shared: Shared = {
    limits,
    places: createPlaces(hosts),
    sessions: createSessions(wire),
    listReferrers: createReferrers(wire),
  };
  return { ...viewOf(shared, options.credentials ?? NO_CREDENTIALS), close: () => http.close() };
}

/** What all views of one client share. */
type Shared = {
  readonly limits: RegistryLimits;
  readonly places: Places;
  readonly sessions: Sessions;
  readonly listReferrers: Referrers;
};

/** The client of somebody who has certain credentials. */
function viewOf(shared: Shared, credentials: CredentialSource): Registry {
  const { limits, places, listReferrers } = shared;
  const session = shared.sessions(credentials);

  /** Asks each place in turn: an answer ends it, trouble is remembered, and only agreement on nothing is `absent`. */
  async function each<T>(
    repository: Repository,
    context: RequestContext,
    ask: (endpoint: Endpoint) => Promise<Lookup<T>>,
    isAnswer: (value: T) => boolean = () => true,
  ): Promise<Lookup<T>> {
    const endpoints = places.endpoints(repository);
    if (!endpoints.ok) return { kind: 'failed', failure: endpoints.failure };
    const troubles: Failure[] = [];
    let empty: Lookup<T> = { kind: 'absent' };
    for (const endpoint of endpoints.value) {
      if (context.isWanted?.(endpoint.location) === false) continue;
      const lookup = await ask(endpoint);
      if (lookup.kind === 'found' && isAnswer(lookup.value)) return lookup;
      if (lookup.kind === 'found') empty = lookup;
      if (lookup.kind === 'failed') troubles.push(inPlace(endpoint, lookup.failure));
    }
    const worst = gravest(troubles);
    return worst === undefined ? empty : { kind: 'failed', failure: worst };
  }

  return {
    access(repository) {
      return { id: places.accessId(repository, credentials) };
    },
    resolveTag: (repository, tag, context) =>
      each(repository, context, (endpoint) => resolveTagAt(session, endpoint, tag, limits.manifestBytes, context)),
    manifest: (repository, which, context) =>
      each(repository, context, (endpoint) => readManifest(session, endpoint, which, limits.manifestBytes, context)),
    blob(repository, descriptor, maxBytes, context) {
      if (descriptor.size > maxBytes) {
        const message = `the blob ${descriptor.digest} is ${descriptor.size} bytes long, of which ${maxBytes} are read`;
        return Promise.resolve({ kind: 'failed', failure: failure('RESPONSE_TOO_LARGE', message) });
      }
      return each(repository, context, (endpoint) => readBlob(session, endpoint, descriptor, context));
    },
    // A mirror rarely copies signatures: that it lists none does not say that the source has none.
    referrers: (repository, digest, context) =>
      each(
        repository,
        context,
        (endpoint) => listReferrers(session, endpoint, digest, context),
        (list) => list.descriptors.length > 0,
      ),
    storage: (repository, search) => storageAt(places.endpoints(repository), search),
    detached: () =>
      Promise.resolve({
        kind: 'failed',
        failure: failure('FEATURE_NOT_SUPPORTED', 'this version does not read detached signatures'),
      }),
    with: (further) => viewOf(shared, inTurn([further, credentials])),
    close: () => Promise.resolve(),
  };
}

/** What `registries.d` says of each endpoint. */
function storageAt(endpoints: Result<readonly Endpoint[]>, { storage, asked }: SignatureSearch): StorageAtPlaces {
  const plans = new Map(
    (endpoints.ok ? endpoints.value : []).map(({ location }) => [
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

function inPlace(endpoint: Endpoint, beneath: Failure): Failure {
  return failure(beneath.code, `${repositoryName(endpoint.location)}: ${beneath.message}`, beneath.cause);
}

/** The failure that `onError` loosens least, so that an unreachable mirror hides nothing; the last of equals. */
function gravest(troubles: readonly Failure[]): Failure | undefined {
  return troubles.findLast((trouble) => failureClass(trouble) !== 'unavailable') ?? troubles.at(-1);
}

function clientOptions(options: RegistryOptions, hosts: ReadonlyMap<string, RegistryHost>, limits: RegistryLimits) {
  return {
    ...httpHosts(hosts),
    connectionsPerOrigin: limits.concurrencyPerHost,
    ...(options.extraCa === undefined ? {} : { extraCa: options.extraCa }),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
  };
}

function plainHostsOf(hosts: ReadonlyMap<string, RegistryHost>): ReadonlySet<string> {
  const plain = new Set<string>();
  for (const [host, { plainHttp }] of hosts) {
    const base = plainHttp ? baseOf(host, true) : undefined;
    if (base !== undefined) plain.add(base.host);
  }
  return plain;
}
