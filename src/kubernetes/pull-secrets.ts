import { type BoundedCache, createBoundedCache } from '../cache/bounded-cache.ts';
import { createSingleFlight } from '../cache/single-flight.ts';
import { type Failure, failed, failure, ok, type Result } from '../codes/result.ts';
import type { CredentialSource } from '../config/credentials.ts';
import { printable } from '../encoding/escape.ts';
import { asArray, asObject, type JsonObject, stringAt } from '../encoding/strict-json.ts';
import type { ApiClient } from './api.ts';
import { type PullSecretEntry, pullCredentials, readPullSecret } from './pull-secret.ts';
import { isObjectName } from './resource.ts';

/** What a pod says about its pull secrets. */
export type PullSecretNames = {
  readonly names: readonly string[];
  /** Undefined where its pull secrets do not count. */
  readonly serviceAccount: string | undefined;
};

/** Reads pull secrets of pods. Whoever may ask for which namespace, the caller decides (DESIGN.md §4.12). */
export type PullSecrets = {
  /**
   * The credentials that a pod in a namespace pulls with: its own secrets' first, then its ServiceAccount's. Secrets and
   * accounts that are not there are passed over, as kubelet does; a pull that needs them is refused by the registry.
   * @returns CLUSTER_UNREACHABLE, CLUSTER_UNAVAILABLE, CLUSTER_FORBIDDEN, CLUSTER_ANSWER_UNUSABLE,
   *   REGISTRY_CREDENTIAL_UNUSABLE, LIMIT_EXCEEDED
   */
  readonly credentialsFor: (
    namespace: string,
    pod: PullSecretNames,
    signal: AbortSignal,
  ) => Promise<Result<CredentialSource>>;
};

/** Pods and accounts name a handful; each is a request while somebody waits. */
const MAX_SECRETS = 32;
/** A Secret holds a MiB at most, a third more in base64. */
const MAX_BYTES = 2 * 1024 * 1024;
/** How long a secret that was replaced may still be used, in milliseconds: pods of one rollout share it. */
const KEPT_MS = 10_000;
const CACHE = { entries: 1_000, bytes: 16 * 1024 * 1024, lives: KEPT_MS };

/**
 * Makes a reader. Only `get` in the namespace that is asked for; what is found is kept for ten seconds, what is not
 * found or failed is not: a secret made a moment after its pod must be seen.
 * @param now milliseconds, for the cache
 */
export function createPullSecrets(api: Pick<ApiClient, 'get'>, now: () => number = Date.now): PullSecrets {
  const secrets = createBoundedCache<readonly PullSecretEntry[]>(CACHE, now);
  const accounts = createBoundedCache<readonly string[]>(CACHE, now);
  const secretFlights = createSingleFlight<Result<readonly PullSecretEntry[]>>();
  const accountFlights = createSingleFlight<Result<readonly string[]>>();

  type Read<T> = {
    readonly plural: 'secrets' | 'serviceaccounts';
    readonly cache: BoundedCache<readonly T[]>;
    readonly flights: { readonly run: ReturnType<typeof createSingleFlight<Result<readonly T[]>>>['run'] };
    readonly parse: (object: JsonObject, shown: string) => Result<readonly T[]>;
  };
  const ofSecret: Read<PullSecretEntry> = {
    plural: 'secrets',
    cache: secrets,
    flights: secretFlights,
    parse: readPullSecret,
  };
  const ofAccount: Read<string> = {
    plural: 'serviceaccounts',
    cache: accounts,
    flights: accountFlights,
    parse: (object) => ok(namesIn(object)),
  };

  /** What an object of a namespace says, or nothing where it is not there. */
  async function read<T>(
    of: Read<T>,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Result<readonly T[]>> {
    // A name that no object can have is one that is not there.
    if (!isObjectName(name)) return ok([]);
    const key = `${namespace}/${name}`;
    const kept = of.cache.get(key);
    if (kept !== undefined) return ok(kept);
    const work = async (signal: AbortSignal): Promise<Result<readonly T[]>> => {
      const target = { group: '', version: 'v1', plural: of.plural, namespace, name };
      const found = await api.get(target, { signal, maxBytes: MAX_BYTES });
      if (!found.ok && found.failure.kind === 'absent' && found.failure.certain) return ok([]);
      if (!found.ok) return { ok: false, failure: found.failure.failure };
      const parsed = of.parse(found.value, printable(key, 300));
      // The weight is that of what it was read from, which is more.
      if (parsed.ok) of.cache.set(key, parsed.value, 2 * JSON.stringify(found.value).length);
      return parsed;
    };
    return of.flights.run(key, signal, work, () => ({ ok: false, failure: late(of.plural, key) }));
  }

  return {
    async credentialsFor(namespace, pod, signal) {
      if (!isObjectName(namespace)) return failed('OBJECT_MALFORMED', 'the namespace has a name that none can have');
      const { serviceAccount } = pod;
      const account = serviceAccount === undefined ? ok([]) : await read(ofAccount, namespace, serviceAccount, signal);
      if (!account.ok) return account;
      const names = [...new Set([...pod.names, ...account.value])];
      if (names.length > MAX_SECRETS) {
        return failed('LIMIT_EXCEEDED', `the pod and its ServiceAccount name more than ${MAX_SECRETS} pull secrets`);
      }
      const all = await Promise.all(names.map((name) => read(ofSecret, namespace, name, signal)));
      const entries: PullSecretEntry[] = [];
      for (const one of all) {
        if (!one.ok) return one;
        entries.push(...one.value);
      }
      return ok(pullCredentials(entries));
    },
  };
}

function namesIn(object: JsonObject): readonly string[] {
  const references = asArray(object['imagePullSecrets']) ?? [];
  return references.flatMap((each) => stringAt(asObject(each) ?? {}, 'name') || []);
}

function late(plural: string, key: string): Failure {
  return failure('CLUSTER_UNREACHABLE', `the API server did not give ${plural} ${printable(key, 300)} in time`);
}
