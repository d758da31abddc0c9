import { hash } from 'node:crypto';
import { createBoundedCache } from '../cache/bounded-cache.ts';
import { failed, ok, type Result } from '../codes/result.ts';
import type { CredentialSource } from '../config/credentials.ts';
import type { RegistryHost } from '../config/registries.ts';
import { printable } from '../encoding/escape.ts';
import { isRepositoryPath, type Repository, repositoryName } from '../image/reference.ts';

/** One physical place where a repository is read. */
export type Endpoint = {
  /** The repository there: host as it is configured, and path. */
  readonly location: Repository;
  /** Where requests go: scheme and authority. */
  readonly base: URL;
  readonly plainHttp: boolean;
};

/** Docker Hub's registry answers under another name than the one in references. */
const PHYSICAL_HOSTS: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/** Scheme and authority of a host, or undefined where the host is none to a URL (`1.2.3.999`). */
export function baseOf(host: string, plainHttp: boolean): URL | undefined {
  return URL.parse(`${plainHttp ? 'http' : 'https'}://${PHYSICAL_HOSTS.get(host) ?? host}/`) ?? undefined;
}

/**
 * The places where a repository is read, in turn: its mirrors, then itself.
 * @returns REFERENCE_INVALID where a host can stand in no URL, or a path would leave its place in one
 */
function endpointsOf(repository: Repository, hosts: ReadonlyMap<string, RegistryHost>): Result<readonly Endpoint[]> {
  const mirrors = hosts.get(repository.host)?.mirrors ?? [];
  const places: Repository[] = mirrors.map(({ host, pathPrefix }) => ({
    host,
    path: pathPrefix === '' ? repository.path : `${pathPrefix}/${repository.path}`,
  }));
  const endpoints: Endpoint[] = [];
  for (const location of [...places, repository]) {
    const plainHttp = hosts.get(location.host)?.plainHttp ?? false;
    const base = baseOf(location.host, plainHttp);
    if (base === undefined) return failed('REFERENCE_INVALID', `${printable(location.host)} is not the name of a host`);
    if (!isRepositoryPath(location.path)) {
      return failed('REFERENCE_INVALID', `${printable(location.path)} is not the path of a repository`);
    }
    endpoints.push({ location, base, plainHttp });
  }
  return ok(endpoints);
}

/** Where repositories are read, and under which name that is cached; both are asked for several times a decision. */
export type Places = {
  /** See {@link endpointsOf}. */
  readonly endpoints: (repository: Repository) => Result<readonly Endpoint[]>;
  /** Names who reads a repository where, without revealing a secret. */
  readonly accessId: (repository: Repository, credentials: CredentialSource) => string;
};

const REMEMBERED = { entries: 10_000, bytes: 16 * 1024 * 1024, lives: 'forever' } as const;

/** Makes the places of a configuration, each worked out once. */
export function createPlaces(hosts: ReadonlyMap<string, RegistryHost>): Places {
  const known = createBoundedCache<Result<readonly Endpoint[]>>(REMEMBERED);
  const ids = createBoundedCache<{ readonly id: string }>(REMEMBERED);

  const endpoints = (repository: Repository): Result<readonly Endpoint[]> => {
    const name = repositoryName(repository);
    const before = known.get(name);
    if (before !== undefined) return before;
    const found = endpointsOf(repository, hosts);
    known.set(name, found, 1_000);
    return found;
  };

  return {
    endpoints,
    accessId: (repository, credentials) => {
      const found = endpoints(repository);
      // Whose credential opens a place may change from one moment to the next, so that is asked for each time.
      let reads = repositoryName(repository);
      for (const { location, base } of found.ok ? found.value : []) {
        reads += `\n${base.origin} ${repositoryName(location)} ${credentials.id(location)}`;
      }
      const before = ids.get(reads);
      if (before !== undefined) return before.id;
      const id = hash('sha256', reads);
      ids.set(reads, { id }, 64);
      return id;
    },
  };
}

/** What the HTTP client must know of the configured hosts. */
export function httpHosts(hosts: ReadonlyMap<string, RegistryHost>): {
  readonly configuredHosts: ReadonlySet<string>;
  readonly caByHost: ReadonlyMap<string, string>;
} {
  const configuredHosts = new Set<string>();
  const caByHost = new Map<string, string>();
  for (const [host, { plainHttp, ca, mirrors }] of hosts) {
    const base = baseOf(host, plainHttp);
    if (base === undefined) continue;
    configuredHosts.add(base.host);
    if (ca !== undefined) caByHost.set(base.host, ca);
    for (const mirror of mirrors) {
      const place = baseOf(mirror.host, hosts.get(mirror.host)?.plainHttp ?? false);
      if (place !== undefined) configuredHosts.add(place.host);
    }
  }
  return { configuredHosts, caByHost };
}
