import { BlockList, isIP } from 'node:net';

/** Proxies, as the usual environment variables name them; handed in as configuration. */
export type ProxySettings = {
  /** For https targets, through a CONNECT tunnel. */
  readonly httpsProxy?: string;
  /** For plain http targets. */
  readonly httpProxy?: string;
  /** Hosts reached directly: names (with their sub-domains), `.suffix`, addresses, networks, each with optional port; `*`. */
  readonly noProxy?: string;
};

/**
 * The proxy through which a URL is reached, or undefined for none.
 * The rules are those of Go's httpproxy, which the other tools of a cluster follow; loopback is never proxied.
 */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
  if (proxy === undefined || proxy === '') return undefined;
  const host = bareHost(url.hostname);
  if (host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))) return undefined;
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const excluded = (settings.noProxy ?? '')
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && matches(entry, host, port));
  return excluded ? undefined : proxy;
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inNetwork(entry, host);
  const { name, onlyPort } = splitPort(entry);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  if (isIP(name) !== 0) return name === host;
  const suffix = name.startsWith('*.') ? name.slice(1) : name;
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function splitPort(entry: string): { readonly name: string; readonly onlyPort: string | undefined } {
  if (isIP(entry) !== 0) return { name: entry, onlyPort: undefined };
  const colon = entry.lastIndexOf(':');
  if (colon < 0 || entry.endsWith(']')) return { name: bareHost(entry), onlyPort: undefined };
  return { name: bareHost(entry.slice(0, colon)), onlyPort: entry.slice(colon + 1) };
}

function inNetwork(entry: string, host: string): boolean {
  const [network = '', prefix = ''] = entry.split('/');
  const family = isIP(network);
  const bits = Number(prefix);
  if (
    family === 0 ||
    isIP(host) !== family ||
    !Number.isInteger(bits) ||
    bits < 0 ||
    bits > (family === 4 ? 32 : 128)
  ) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
