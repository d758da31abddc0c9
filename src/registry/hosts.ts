import type { RegistryHost } from '../config/registries.ts';
import type { RegistryRule } from '../config/registry-rules.ts';
import { wildcardsAbove } from '../image/scope-chain.ts';

/** Docker Hub's registry answers under another name than the one in references. */
const PHYSICAL_HOSTS: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/** Scheme and authority of a host, or undefined where the host is none to a URL (`1.2.3.999`). */
export function baseOf(host: string, plainHttp: boolean): URL | undefined {
  return URL.parse(`${plainHttp ? 'http' : 'https'}://${PHYSICAL_HOSTS.get(host) ?? host}/`) ?? undefined;
}

/** What is known of hosts by the authority of a URL (`URL.host`), which is how requests name them. */
export type KnownHosts = {
  /** Whether a host stands in a configuration file, so that it may be at a forbidden address (DESIGN.md §4.13). */
  readonly isConfigured: (host: string) => boolean;
  /** Whether a host is spoken to in plain HTTP. */
  readonly isPlain: (host: string) => boolean;
  /** PEM of the CA that a host's certificate must come from. */
  readonly caByHost: ReadonlyMap<string, string>;
};

/**
 * Gathers what hosts and rules say.
 * @param configured rules of configuration files; whoever may write those may name any address
 * @param rules all rules; each function gives the same array while nothing changed
 */
export function knownHosts(
  hosts: ReadonlyMap<string, RegistryHost>,
  configured: () => readonly RegistryRule[],
  rules: () => readonly RegistryRule[],
): KnownHosts {
  const own = new Map<string, { readonly plain: boolean }>();
  const caByHost = new Map<string, string>();
  for (const [host, { plainHttp, ca }] of hosts) {
    const base = baseOf(host, plainHttp);
    if (base === undefined) continue;
    own.set(base.host, { plain: plainHttp });
    if (ca !== undefined) caByHost.set(base.host, ca);
  }
  const authorities = (current: readonly RegistryRule[], which: (insecure: boolean) => boolean) =>
    new Set(
      current
        .flatMap((rule) => [rule, ...rule.mirrors])
        .filter(({ insecure }) => which(insecure))
        .flatMap(({ location, insecure }) => authorityOf(location, hosts, insecure)),
    );
  const inFiles = remembering(configured, (current) => authorities(current, () => true));
  const insecure = remembering(rules, (current) => authorities(current, (is) => is));
  return {
    isConfigured: (host) => own.has(host) || inFiles().has(host),
    isPlain: (host) => {
      const known = own.get(host);
      if (known !== undefined) return known.plain;
      const said = insecure();
      return said.has(host) || wildcardsAbove(host.split(':', 1).join('')).some((above) => said.has(above));
    },
    caByHost,
  };
}

/** How requests name the host of a location. A wildcard stays what it is: it names no host. */
function authorityOf(location: string, hosts: ReadonlyMap<string, RegistryHost>, insecure: boolean): readonly string[] {
  const host = location.split('/', 1).join('');
  if (host.startsWith('*.')) return [host];
  const base = baseOf(host, hosts.get(host)?.plainHttp ?? insecure);
  return base === undefined ? [] : [base.host];
}

/** Works something out anew only where what it is made from is another. */
function remembering<From, To>(from: () => From, make: (from: From) => To): () => To {
  let last: { readonly from: From; readonly made: To } | undefined;
  return () => {
    const current = from();
    if (last === undefined || last.from !== current) last = { from: current, made: make(current) };
    return last.made;
  };
}
