import { ok, type Result } from '../codes/result.ts';
import type { Configuration, ProxyConfiguration } from '../config/configuration.ts';
import { type CredentialSource, inTurn, NO_CREDENTIALS } from '../config/credentials.ts';
import { loadRegistries, readCa } from '../config/registries.ts';
import { loadRegistriesConf } from '../config/registries-conf.ts';
import type { RegistryRule } from '../config/registry-rules.ts';
import { createHttpClient, type HttpClient } from '../http/client.ts';
import type { ProxySettings } from '../http/proxy.ts';
import type { LoadedPolicies } from '../policy/sources/load.ts';
import { createRegistry } from '../registry/create.ts';
import { createRevocation } from '../trust/revocation/revocation.ts';
import { createTrustStore } from '../trust/trust-store.ts';
import { type Caches, createCaches } from '../verifier/caches.ts';
import type { Verifier } from '../verifier/request.ts';
import type { Policies } from '../verifier/select.ts';
import type { OnRequest } from '../verifier/task.ts';
import { createVerifier } from '../verifier/verifier.ts';

/** What the engine is put together from. */
export type EngineOptions = {
  readonly configuration: Configuration;
  /** Read at each decision, so that an edit is in force on the next request. */
  readonly policies: () => Policies;
  /** Read at each look-up; the same arrays while nothing changed. */
  readonly mirrors: () => Pick<LoadedPolicies, 'mirrors' | 'clusterMirrors'>;
  /** Credential helpers are programs: a command line tool may run them, the webhook may not. */
  readonly allowHelpers: boolean;
  /** Docker's own configuration file, for hosts without credentials in ours. */
  readonly dockerConfig: string | undefined;
  /** What is tried after the credentials of the configuration. */
  readonly credentials?: CredentialSource;
  readonly onRequest?: OnRequest;
  readonly onDefect: (error: unknown) => void;
};

/** The engine, and the caches that metrics look at. */
export type Engine = {
  readonly verifier: Verifier;
  readonly caches: Caches;
  /** What is odd about where images are looked for. */
  readonly warnings: readonly string[];
};

/** Puts the engine together as the configuration says. @returns what keeps a file that it names from being read */
export async function createEngine(options: EngineOptions): Promise<Result<Engine>> {
  const { configuration } = options;
  const registries = await loadRegistries(configuration.registries, {
    dockerConfig: options.dockerConfig,
    allowHelpers: options.allowHelpers,
  });
  if (!registries.ok) return registries;
  const registriesConf = await loadRegistriesConf(configuration.registriesConf);
  if (!registriesConf.ok) return registriesConf;
  const extraCa = configuration.extraCaFile === undefined ? ok(undefined) : await readCa(configuration.extraCaFile);
  if (!extraCa.ok) return extraCa;

  const registry = createRegistry({
    hosts: registries.value.hosts,
    // Of equal prefixes: the configuration, the node's files, mirror sets in files, mirror sets of the cluster.
    configuredRules: following(registriesConf.value.rules, () => options.mirrors().mirrors),
    rules: () => options.mirrors().clusterMirrors,
    credentials: inTurn([registries.value.credentials, options.credentials ?? NO_CREDENTIALS]),
    proxy: proxySettings(configuration.proxy),
    ...(extraCa.value === undefined ? {} : { extraCa: extraCa.value }),
  });
  const authorities = createHttpClient({
    isConfigured: (host) => registries.value.hosts.has(host),
    proxy: proxySettings(configuration.proxy),
    ...(extraCa.value === undefined ? {} : { extraCa: extraCa.value }),
  });
  const { entries, bytes, ttl } = configuration.cache;
  const caches = createCaches({ entries, bytes, lives: ttl }, Date.now);
  const verifier = createVerifier({
    registry,
    trust: createTrustStore(),
    revocation: createRevocation(authorities, { clock: Date.now }),
    caches,
    policies: options.policies,
    settings: {
      onError: configuration.onError,
      unmatched: configuration.unmatched,
      requireDigest: configuration.requireDigest,
      listAge: ttl,
    },
    clock: Date.now,
    onRequest: options.onRequest ?? (() => undefined),
    onDefect: options.onDefect,
  });
  return ok({ verifier: closing(verifier, authorities), caches, warnings: registriesConf.value.warnings });
}

/** The engine with a client that is its own. */
function closing(verifier: Verifier, http: HttpClient): Verifier {
  return {
    decide: verifier.decide,
    close: async () => {
      await verifier.close();
      await http.close();
    },
  };
}

/** Rules that stay and rules that follow their files, as one array that is the same while nothing changed. */
function following(fixed: readonly RegistryRule[], changing: () => readonly RegistryRule[]) {
  let last: { readonly from: readonly RegistryRule[]; readonly all: readonly RegistryRule[] } | undefined;
  return (): readonly RegistryRule[] => {
    const from = changing();
    if (last?.from !== from) last = { from, all: [...fixed, ...from] };
    return last.all;
  };
}

function proxySettings({ https, http, noProxy }: ProxyConfiguration): ProxySettings {
  return {
    ...(https === undefined ? {} : { httpsProxy: https }),
    ...(http === undefined ? {} : { httpProxy: http }),
    noProxy: noProxy.join(','),
  };
}
