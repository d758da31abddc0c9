import { hash } from 'node:crypto';
import { createBoundedCache } from '../cache/bounded-cache.ts';
import { failed, ok, type Result } from '../codes/result.ts';
import type { CredentialSource } from '../config/credentials.ts';
import type { RegistryHost } from '../config/registries.ts';
import type { MirrorPlace, RegistryRule } from '../config/registry-rules.ts';
import { printable } from '../encoding/escape.ts';
import { type Repository, repositoryName } from '../image/reference.ts';
import { baseOf } from './hosts.ts';
import { createRoutes, type Place, type Routes } from './rules.ts';

/** One physical place where a repository is read. */
export type Endpoint = {
  /** The repository there: host as it is configured, and path. */
  readonly location: Repository;
  /** Where requests go: scheme and authority. */
  readonly base: URL;
  readonly plainHttp: boolean;
  readonly serves: MirrorPlace['serves'];
};

/** All places where a repository is read, in turn: its mirrors, then itself. */
export type Endpoints = {
  readonly endpoints: readonly Endpoint[];
  /** The prefix of the rule for whose sake a place was left out. */
  readonly blockedBy: string | undefined;
};

/** Where repositories are read, and under which name that is cached; both are asked for several times a decision. */
export type Places = {
  /** @returns REFERENCE_INVALID where a host can stand in no URL, or a path would leave its place in one */
  readonly endpoints: (repository: Repository) => Result<Endpoints>;
  /** Names who reads a repository where, without revealing a secret. */
  readonly accessId: (repository: Repository, credentials: CredentialSource) => string;
};

const REMEMBERED = { entries: 10_000, bytes: 16 * 1024 * 1024, lives: 'forever' } as const;

/** What follows from one state of the rules; forgotten with it. */
type State = {
  readonly rules: readonly RegistryRule[];
  readonly routes: Routes;
  readonly known: ReturnType<typeof createBoundedCache<Result<Endpoints>>>;
};

/**
 * Makes the places of a configuration, each worked out once for as long as the rules stay.
 * @param rules in order of precedence among equal prefixes; the same array while nothing changed
 */
export function createPlaces(
  hosts: ReadonlyMap<string, RegistryHost>,
  rules: () => readonly RegistryRule[] = () => [],
): Places {
  const stateOf = (current: readonly RegistryRule[]): State => ({
    rules: current,
    routes: createRoutes(current),
    known: createBoundedCache<Result<Endpoints>>(REMEMBERED),
  });
  let last: State | undefined;
  const ids = createBoundedCache<{ readonly id: string }>(REMEMBERED);

  const endpoints = (repository: Repository): Result<Endpoints> => {
    const current = rules();
    const state = last?.rules === current ? last : stateOf(current);
    last = state;
    const name = repositoryName(repository);
    const before = state.known.get(name);
    if (before !== undefined) return before;
    const found = endpointsOf(repository, hosts, state.routes);
    state.known.set(name, found, 1_000);
    return found;
  };

  return {
    endpoints,
    accessId: (repository, credentials) => {
      const found = endpoints(repository);
      // Whose credential opens a place may change from one moment to the next, so that is asked for each time.
      let reads = repositoryName(repository);
      if (found.ok && found.value.blockedBy !== undefined) reads += '\nblocked';
      for (const { location, base, serves } of found.ok ? found.value.endpoints : []) {
        reads += `\n${base.origin} ${repositoryName(location)} ${serves} ${credentials.id(location)}`;
      }
      const before = ids.get(reads);
      if (before !== undefined) return before.id;
      const id = hash('sha256', reads);
      ids.set(reads, { id }, 64);
      return id;
    },
  };
}

function endpointsOf(
  repository: Repository,
  hosts: ReadonlyMap<string, RegistryHost>,
  routes: Routes,
): Result<Endpoints> {
  const route = routes(repository);
  if (!route.ok) return route;
  const endpoints: Endpoint[] = [];
  for (const place of route.value.places) {
    const endpoint = endpointAt(place, hosts);
    if (!endpoint.ok) return endpoint;
    endpoints.push(endpoint.value);
  }
  return ok({ endpoints, blockedBy: route.value.blockedBy });
}

function endpointAt({ location, insecure, serves }: Place, hosts: ReadonlyMap<string, RegistryHost>): Result<Endpoint> {
  const plainHttp = hosts.get(location.host)?.plainHttp ?? insecure;
  const base = baseOf(location.host, plainHttp);
  return base === undefined
    ? failed('REFERENCE_INVALID', `${printable(location.host)} is not the name of a host`)
    : ok({ location, base, plainHttp, serves });
}
