import { lookup as dnsLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { isForbiddenAddress, isForbiddenHostname } from './address.ts';
import { FORBIDDEN_ADDRESS_CODE, failureOf, forbiddenAddress } from './failures.ts';
import { type ProxySettings, proxyFor } from './proxy.ts';

/** Everything that decides where requests may go and whom they trust. */
export type HttpClientOptions = {
  /**
   * Whether a host stands in the configuration, by `URL.host`; only such hosts may be at a forbidden address. Asked at
   * each request, since the configuration of a running server changes.
   */
  readonly isConfigured?: (host: string) => boolean;
  /** PEM of the CA that a host's certificate must come from, instead of the public ones; by `URL.host`. */
  readonly caByHost?: ReadonlyMap<string, string>;
  /** PEM of a CA trusted for every host beside the public ones. */
  readonly extraCa?: string;
  readonly proxy?: ProxySettings;
  /** Connections to one origin at most (default 16). */
  readonly connectionsPerOrigin?: number;
  /** Origins with open connections at most (default 256); the one unused longest is closed. */
  readonly maxOrigins?: number;
  /** Milliseconds a connection may take (default 5,000); the caller's signal bounds everything together. */
  readonly connectTimeoutMs?: number;
  /** Replaces DNS in tests. */
  readonly lookup?: LookupFunction;
};

/** One request. Nothing is followed, nothing retried, nothing decompressed. */
export type HttpRequest = {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether this host stands in a configuration that the client knows nothing of, as an image's lookaside does. */
  readonly configured?: boolean;
  /**
   * Bytes of body at most; the connection is cut at the first byte more. Of an answer that is no success the first
   * 64 KiB are kept, so that its status counts whatever page comes with it.
   */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
};

/** A whole answer, of whatever status. */
export type HttpResponse = {
  readonly status: number;
  /** A header's value by its lower-case name; several are joined by `, ` as RFC 9110 §5.3 allows. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
};

/** A client with its connection pools. It answers every request with a value and never throws. */
export type HttpClient = {
  /**
   * @returns REGISTRY_UNREACHABLE, REGISTRY_TLS_UNTRUSTED, REGISTRY_DEADLINE, RESPONSE_TOO_LARGE, RESPONSE_MALFORMED,
   *   ADDRESS_FORBIDDEN
   */
  readonly request: (request: HttpRequest) => Promise<Result<HttpResponse>>;
  /** Cuts all connections; requests under way fail. */
  readonly close: () => Promise<void>;
};

/**
 * Makes the one HTTP client (DESIGN.md §4.13): bounded in bytes, connections and time, and unable to reach loopback,
 * link-local or metadata addresses unless their host stands in the configuration.
 *
 * The address is checked when the connection is made, on what DNS then answers. Behind a proxy it is the proxy that
 * asks DNS, so there only addresses and names that are written out are checked.
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const pools = new LRUCache<string, Dispatcher>({
    max: options.maxOrigins ?? 256,
    dispose: (pool, _, reason) => {
      // Requests under way on an evicted pool are finished first.
      if (reason === 'evict') void pool.close();
    },
  });
  const isConfigured = options.isConfigured ?? (() => false);

  function poolOf(url: URL, configured: boolean): Dispatcher {
    // By the host's standing too: a connection that was let through once must not serve whoever may not make it.
    const key = `${url.origin} ${configured}`;
    const held = pools.get(key);
    if (held !== undefined) return held;
    const pool = openPool(url, options, configured);
    pools.set(key, pool);
    return pool;
  }

  return {
    async request(request) {
      const { url, signal } = request;
      if (url.protocol !== 'https:' && url.protocol !== 'http:') {
        return failed('RESPONSE_MALFORMED', `${printable(url.protocol, 20)} is no protocol of registries`);
      }
      const configured = request.configured === true || isConfigured(url.host);
      if (!configured && isForbiddenHostname(url.hostname)) {
        return { ok: false, failure: forbiddenAddress(url.host) };
      }
      try {
        return await exchange(poolOf(url, configured), request);
      } catch (error) {
        return { ok: false, failure: failureOf(error, url.host, signal) };
      }
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}

const MAX_ERROR_BYTES = 65_536;

async function exchange(pool: Dispatcher, request: HttpRequest): Promise<Result<HttpResponse>> {
  const { url, maxBytes, signal } = request;
  const response = await pool.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: { ...request.headers, 'accept-encoding': 'identity' },
    body: request.body ?? null,
    // undici ends the connection after each HEAD unless told not to, for servers that send a body with it; such a body
    // is at most another answer of the same server, and what answers say is checked against digests.
    reset: false,
    signal,
  });

  const success = response.statusCode >= 200 && response.statusCode < 300;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    // undici gives bytes unless an encoding was set, which nobody does.
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.length;
    // Leaving the loop destroys the body and with it the connection, so nothing more is read.
    if (!success && size > MAX_ERROR_BYTES) {
      size -= chunk.length;
      break;
    }
    if (success && size > maxBytes) {
      return failed('RESPONSE_TOO_LARGE', `${url.host} answered with more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }

  const header = (name: string): string | undefined => {
    const value = response.headers[name];
    return typeof value === 'object' ? value.join(', ') : value;
  };
  const encoding = header('content-encoding');
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity') {
    return failed('RESPONSE_MALFORMED', `${url.host} compressed its answer although it was asked not to`);
  }
  return ok({ status: response.statusCode, header, body: Buffer.concat(chunks, size) });
}

function openPool(url: URL, options: HttpClientOptions, mayBeForbidden: boolean): Dispatcher {
  const own = options.caByHost?.get(url.host);
  const ca = trusted(own, options.extraCa);
  const connectTimeout = options.connectTimeoutMs ?? 5_000;
  const shared = {
    connections: options.connectionsPerOrigin ?? 16,
    pipelining: 1,
    allowH2: false,
    connectTimeout,
    // The caller's signal is the deadline; these only keep a forgotten socket from staying for ever.
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    maxHeaderSize: 32_768,
  };
  const proxy = proxyFor(url, options.proxy ?? {});
  if (proxy !== undefined) {
    const proxyCa = trusted(undefined, options.extraCa);
    return new ProxyAgent({
      ...shared,
      uri: proxy,
      requestTls: ca === undefined ? {} : { ca },
      proxyTls: proxyCa === undefined ? {} : { ca: proxyCa },
    });
  }
  const resolve = options.lookup ?? dnsLookup;
  return new Pool(url.origin, {
    ...shared,
    connect: {
      timeout: connectTimeout,
      autoSelectFamily: true,
      lookup: mayBeForbidden ? resolve : checkedLookup(resolve, url.host),
      ...(ca === undefined ? {} : { ca }),
    },
  });
}

function trusted(own: string | undefined, extra: string | undefined): string[] | undefined {
  if (own !== undefined) return [own];
  return extra === undefined ? undefined : [...rootCertificates, extra];
}

/** Asks DNS and refuses the whole answer if one address in it is forbidden: an honest name has none. */
function checkedLookup(resolve: LookupFunction, host: string): LookupFunction {
  return (hostname, lookupOptions, callback) => {
    resolve(hostname, lookupOptions, (error, address, family) => {
      if (error !== null) {
        callback(error, address, family);
        return;
      }
      const addresses = typeof address === 'string' ? [address] : address.map((each) => each.address);
      if (addresses.length > 0 && !addresses.some(isForbiddenAddress)) {
        callback(null, address, family);
        return;
      }
      const refusal = Object.assign(new Error(`${host} resolves to a forbidden address`), {
        code: FORBIDDEN_ADDRESS_CODE,
      });
      callback(refusal, address, family);
    });
  };
}
