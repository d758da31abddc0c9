import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import { failure, ok } from '../codes/result.ts';
import type { Clock } from './clock.ts';
import type { Cluster, ClusterAccess } from './cluster.ts';
import { type ApiFailure, type ApiResult, apiFailed, connectionFailure, refusalOf } from './failures.ts';

/** One request to the API server. */
export type WireRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly contentType?: string;
  readonly body?: string;
  /** Bytes of a successful answer at most. */
  readonly maxBytes: number;
  /** Milliseconds for all of it, or for the headers of a stream. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What is asked, for messages: `list configmaps`. */
  readonly doing: string;
  /** Whether messages may quote what the API server says about it. */
  readonly quotable: boolean;
};

/** A body that goes on; leaving the loop over it, or `cut`, ends the connection. */
export type Stream = {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly cut: () => void;
  /** Says what an error thrown by `chunks` means. */
  readonly failureOf: (error: unknown) => ApiFailure;
};

/** Connections to one API server. Nothing is followed, nothing retried, nothing decompressed. */
export type Connection = {
  readonly send: (request: WireRequest) => Promise<ApiResult<Uint8Array>>;
  readonly stream: (request: WireRequest) => Promise<ApiResult<Stream>>;
  readonly close: () => Promise<void>;
};

/** Of an answer that is no success: a Status object with causes is far smaller. */
const MAX_REFUSAL_BYTES = 65_536;
/** A peer that vanished without a word is noticed by the kernel, long before a watch is overdue. */
const KEEP_ALIVE_PROBE_MS = 15_000;

/**
 * Opens connections to an API server: unlike countersign's client of registries it goes to one address alone, which
 * stands in the configuration, so that it may be a loopback or link-local one.
 */
export function connectTo(cluster: Cluster, clock: Clock): Connection {
  // One pool for each set of credentials and authorities; old ones finish what is under way.
  const pools = new LRUCache<string, Dispatcher>({
    max: 4,
    dispose: (pool, _, reason) => {
      if (reason === 'evict') void pool.close();
    },
  });

  function begin(request: WireRequest) {
    const controller = new AbortController();
    const abort = () => controller.abort();
    if (request.signal?.aborted === true) abort();
    request.signal?.addEventListener('abort', abort, { once: true });
    const callOff = clock.after(request.timeoutMs, abort);
    const done = () => {
      callOff();
      request.signal?.removeEventListener('abort', abort);
    };
    const failureFrom = (error: unknown) => connectionFailure(error, cluster.server.host, controller.signal);
    return { controller, callOff, done, failureFrom };
  }

  async function headers(request: WireRequest, signal: AbortSignal): Promise<ApiResult<Dispatcher.ResponseData>> {
    const access = await orAborted(cluster.access(), signal);
    if (!access.ok) return apiFailed(access.failure);
    const { server } = cluster;
    const prefix = server.pathname.endsWith('/') ? server.pathname.slice(0, -1) : server.pathname;
    const query = request.query === undefined ? '' : `?${request.query.toString()}`;
    const response = await poolOf(access.value).request({
      origin: server.origin,
      path: `${prefix}${request.path}${query}`,
      method: request.method,
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'countersign',
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
        ...access.value.headers,
      },
      body: request.body ?? null,
      signal,
    });
    if (response.statusCode >= 200 && response.statusCode < 300) {
      const encoding = response.headers['content-encoding'];
      if (encoding === undefined || encoding === 'identity') return ok(response);
      await response.body.dump({ limit: 0 });
      const message = `the API server compressed its answer when asked to ${request.doing}`;
      return apiFailed(failure('CLUSTER_ANSWER_UNUSABLE', message));
    }
    const { value: body } = await readUpTo(response, MAX_REFUSAL_BYTES);
    const header = (name: string) => {
      const value = response.headers[name];
      return typeof value === 'object' ? value.join(', ') : value;
    };
    const refusal = { status: response.statusCode, header, body, quotable: request.quotable };
    return { ok: false, failure: refusalOf(refusal, request.doing, clock.now()) };
  }

  function poolOf(access: ClusterAccess): Dispatcher {
    const { ca, cert, key, servername } = access.tls;
    const id = createHash('sha256')
      .update(JSON.stringify([ca, cert, key, servername, access.proxy]))
      .digest('hex');
    const held = pools.get(id);
    if (held !== undefined) return held;
    const pool = openPool(cluster.server, access);
    pools.set(id, pool);
    return pool;
  }

  return {
    async send(request) {
      const { controller, done, failureFrom } = begin(request);
      try {
        const response = await headers(request, controller.signal);
        if (!response.ok) return response;
        const { value, whole } = await readUpTo(response.value, request.maxBytes);
        if (whole) return ok(value);
        const message = `the API server answered with more than ${request.maxBytes} bytes when asked to ${request.doing}`;
        return { ok: false, failure: { kind: 'oversized', failure: failure('CLUSTER_ANSWER_UNUSABLE', message) } };
      } catch (error) {
        return { ok: false, failure: failureFrom(error) };
      } finally {
        done();
      }
    },
    async stream(request) {
      const { controller, callOff, done, failureFrom } = begin(request);
      try {
        const response = await headers(request, controller.signal);
        // From here on it is the reader who says how long silence may last.
        if (response.ok) callOff();
        else done();
        if (!response.ok) return response;
        const cut = () => {
          done();
          controller.abort();
        };
        return ok({ chunks: bytesOf(response.value), cut, failureOf: failureFrom });
      } catch (error) {
        done();
        return { ok: false, failure: failureFrom(error) };
      }
    },
    async close() {
      const all = [...pools.values()];
      pools.clear();
      await Promise.all(all.map((pool) => pool.destroy()));
    },
  };
}

function openPool(server: URL, { tls, proxy }: ClusterAccess): Dispatcher {
  const shared = {
    // A watch holds one each; what waits for a connection runs into its own deadline.
    connections: 64,
    pipelining: 1,
    allowH2: false,
    connectTimeout: 10_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 32_768,
  };
  if (proxy !== undefined) return new ProxyAgent({ ...shared, uri: proxy, requestTls: { ...tls } });
  return new Pool(server.origin, {
    ...shared,
    connect: {
      ...tls,
      timeout: shared.connectTimeout,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
      autoSelectFamily: true,
    },
  });
}

/** Reads a body up to a bound and cuts the connection there. */
async function readUpTo(response: Dispatcher.ResponseData, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytesOf(response)) {
    if (size + chunk.length > maxBytes) return { whole: false, value: Buffer.concat(chunks, size) };
    size += chunk.length;
    chunks.push(chunk);
  }
  return { whole: true, value: Buffer.concat(chunks, size) };
}

async function* bytesOf(response: Dispatcher.ResponseData): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of response.body) {
    // undici gives bytes unless an encoding was set, which nobody does.
    if (chunk instanceof Uint8Array) yield chunk;
  }
}

/** A credential plugin may hang; whoever asked does not. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('aborted'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
