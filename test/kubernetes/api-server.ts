import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Socket } from 'node:net';
import type { Cluster, ClusterAccess } from '../../src/kubernetes/cluster.ts';

/** An object as tests write it. */
export type Manifest = {
  apiVersion?: string;
  kind?: string;
  metadata: Record<string, unknown> & { name: string; namespace?: string; uid?: string; resourceVersion?: string };
  [member: string]: unknown;
};

/** What a request asks for, as the API server understands it. */
export type Asked = {
  readonly verb: 'list' | 'watch' | 'get' | 'create' | 'update' | 'patch' | 'delete' | 'read';
  readonly path: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly body: string;
};

/** Takes a request away from the server. @returns false to leave it to the next or to the server itself */
export type Fault = (asked: Asked, response: ServerResponse) => boolean | void;

/** A small API server that keeps objects by path, speaks as the real one does, and can be told to misbehave. */
export type TestApiServer = {
  readonly cluster: Cluster;
  readonly port: number;
  /** Requests in their order, as `verb path`. */
  readonly log: string[];
  readonly asked: Asked[];
  /** Makes or changes an object and tells the watches. */
  readonly put: (collection: string, object: Manifest) => Manifest;
  readonly remove: (collection: string, key: string) => void;
  /** Changes what is stored without telling any watch. */
  readonly quietly: (change: () => void) => void;
  readonly bookmark: () => void;
  /** Sends bytes to all watches as they are. */
  readonly sayRaw: (text: string) => void;
  /** The next request of a verb goes to the fault, once. */
  readonly next: (verb: Asked['verb'], fault: Fault) => void;
  /** All requests go to the fault first, until it is called off. */
  readonly always: (fault: Fault) => () => void;
  /** Cuts or ends all watches. */
  readonly endWatches: (how: 'end' | 'reset') => void;
  readonly watches: () => number;
  /** The groups that discovery names: `config.openshift.io/v1/imagepolicies`. */
  readonly served: Set<string>;
  /** Cuts all connections and takes no new ones, until it is called off. */
  readonly goAway: () => Promise<() => Promise<void>>;
  readonly version: () => number;
  readonly close: () => Promise<void>;
};

/** Answers with a Status object. */
export function refuse(status: number, headers: Record<string, string> = {}, body?: string): Fault {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body ?? statusObject(status, 'test'));
    return true;
  };
}

/** Cuts the connection without a word. */
export const reset: Fault = (_, response) => {
  response.socket?.destroy();
  return true;
};

/** A Status object as text. */
export function statusObject(code: number, message: string, reason = ''): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code });
}

/** Starts a server on loopback. */
export async function startTestApiServer(
  tls?: { readonly certificatePem: string; readonly privateKeyPem: string },
  access: () => Promise<ClusterAccess> = () => Promise.resolve({ headers: {}, tls: {} }),
): Promise<TestApiServer> {
  const collections = new Map<string, Map<string, Manifest>>();
  const watchers = new Set<{ path: string; response: ServerResponse }>();
  const faults: { verb: Asked['verb']; fault: Fault }[] = [];
  const standing = new Set<Fault>();
  const log: string[] = [];
  const requests: Asked[] = [];
  const served = new Set<string>();
  const sockets = new Set<Socket>();
  let version = 1000;
  let quiet = false;

  const collectionOf = (path: string) => {
    const found = collections.get(path) ?? new Map<string, Manifest>();
    collections.set(path, found);
    return found;
  };
  const keyOf = ({ metadata }: Manifest) =>
    metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  const emit = (path: string, type: string, object: unknown) => {
    if (quiet) return;
    for (const watcher of watchers) {
      if (watcher.path === path) watcher.response.write(`${JSON.stringify({ type, object })}\n`);
    }
  };
  const put = (path: string, object: Manifest): Manifest => {
    const held = collectionOf(path);
    const known = held.get(keyOf(object));
    const stored: Manifest = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      ...object,
      metadata: {
        ...object.metadata,
        uid: object.metadata.uid ?? known?.metadata.uid ?? `uid-${version}`,
        resourceVersion: String(++version),
        managedFields: [{ manager: 'test' }],
      },
    };
    held.set(keyOf(object), stored);
    emit(path, known === undefined ? 'ADDED' : 'MODIFIED', stored);
    return stored;
  };
  const remove = (path: string, key: string) => {
    const held = collectionOf(path);
    const known = held.get(key);
    held.delete(key);
    version++;
    if (known !== undefined) {
      emit(path, 'DELETED', { ...known, metadata: { ...known.metadata, resourceVersion: String(version) } });
    }
  };

  const json = (response: ServerResponse, status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const notFound = (response: ServerResponse) => {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(statusObject(404, 'not found', 'NotFound'));
  };

  const list = ({ path, query }: Asked, response: ServerResponse) => {
    const all = [...collectionOf(path).values()];
    const [from = 0, at = version] = (query.get('continue') ?? '').split('@').filter(Boolean).map(Number);
    const limit = Number(query.get('limit') ?? all.length);
    const more = from + limit < all.length;
    json(response, 200, {
      kind: 'ConfigMapList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(at), ...(more && { continue: `${from + limit}@${at}` }) },
      // Lists of the core group do not say the kind of each object.
      items: all.slice(from, from + limit).map((object) => ({ ...object, kind: undefined, apiVersion: undefined })),
    });
  };
  const watch = ({ path }: Asked, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watcher = { path, response };
    watchers.add(watcher);
    response.on('close', () => watchers.delete(watcher));
  };
  const discovery = (path: string, response: ServerResponse) => {
    const parts = [...served].map((each) => each.split('/'));
    if (path === '/apis') {
      const groups = parts.map(([name, version]) => ({ name, versions: [{ version }] }));
      return json(response, 200, { kind: 'APIGroupList', groups });
    }
    const resources = parts.filter(([g, v]) => path === `/apis/${g}/${v}`).map(([, , name]) => ({ name }));
    return json(response, 200, { kind: 'APIResourceList', resources });
  };
  const single = ({ verb, path, body }: Asked, response: ServerResponse) => {
    const own = verb === 'create' ? path : path.replace(/\/status$/, '');
    const collection = verb === 'create' ? path : own.slice(0, own.lastIndexOf('/'));
    const namespace = /\/namespaces\/([^/]+)\//.exec(`${collection}/`)?.[1];
    const given: Partial<Manifest> | undefined = body === '' ? undefined : JSON.parse(body);
    const name = verb === 'create' ? (given?.metadata?.name ?? '') : own.slice(own.lastIndexOf('/') + 1);
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    const held = collectionOf(collection).get(key);
    const conflict = (reason: string) => {
      response.writeHead(409, { 'content-type': 'application/json' });
      response.end(statusObject(409, reason, reason));
    };
    if (verb === 'create') {
      if (held !== undefined) return conflict('AlreadyExists');
      const created = { ...given, metadata: { ...given?.metadata, name, ...(namespace && { namespace }) } };
      return json(response, 201, put(collection, created));
    }
    if (held === undefined) return notFound(response);
    if (verb === 'get') return json(response, 200, held);
    if (verb === 'delete') {
      remove(collection, key);
      return json(response, 200, { kind: 'Status', status: 'Success' });
    }
    const expected = given?.metadata?.resourceVersion;
    if (expected !== undefined && expected !== held.metadata.resourceVersion) return conflict('Conflict');
    const metadata = { ...held.metadata, ...given?.metadata };
    const merged = verb === 'patch' ? { ...held, ...given, metadata } : { ...given, metadata };
    return json(response, 200, put(collection, merged));
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://api');
    let body = '';
    for await (const chunk of request) body += chunk;
    const asked = { verb: verbOf(request, url), path: url.pathname, query: url.searchParams, request, body };
    log.push(`${asked.verb} ${asked.path}`);
    requests.push(asked);
    for (const fault of standing) if (fault(asked, response) === true) return;
    const planned = faults.findIndex(({ verb }) => verb === asked.verb);
    const [fault] = planned < 0 ? [] : faults.splice(planned, 1);
    if (fault?.fault(asked, response) === true) return;
    if (asked.verb === 'read') return discovery(asked.path, response);
    const [, group = ''] = /^\/apis\/([^/]+\/[^/]+)\//.exec(asked.path) ?? [];
    const plural = asked.path.split('/').at(-1) ?? '';
    const isCollection = asked.verb === 'list' || asked.verb === 'watch';
    if (isCollection && group.includes('.openshift.') && !served.has(`${group}/${plural}`)) {
      response.writeHead(404, { 'content-type': 'text/plain' });
      response.end('404 page not found\n');
      return;
    }
    if (asked.verb === 'list') return list(asked, response);
    return asked.verb === 'watch' ? watch(asked, response) : single(asked, response);
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => undefined);
    void handle(request, response).catch(() => response.destroy());
  };
  const server =
    tls === undefined
      ? createHttp(onRequest)
      : createHttps({ cert: tls.certificatePem, key: tls.privateKeyPem }, onRequest);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  await listen(0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const url = new URL(tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`);

  return {
    cluster: {
      server: url,
      namespace: 'default',
      access: async () => ({ ok: true, value: await access() }),
    },
    port,
    log,
    asked: requests,
    put,
    remove,
    quietly: (change) => {
      quiet = true;
      change();
      quiet = false;
    },
    bookmark: () => {
      for (const { response } of watchers) {
        const object = { kind: 'ConfigMap', metadata: { resourceVersion: String(version), creationTimestamp: null } };
        response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
      }
    },
    sayRaw: (text) => {
      for (const { response } of watchers) response.write(text);
    },
    next: (verb, fault) => faults.push({ verb, fault }),
    always: (fault) => {
      standing.add(fault);
      return () => standing.delete(fault);
    },
    endWatches: (how) => {
      for (const { response } of watchers) {
        if (how === 'end') response.end();
        else response.socket?.destroy();
      }
    },
    watches: () => watchers.size,
    served,
    goAway: async () => {
      await stop();
      return () => listen(port);
    },
    version: () => version,
    close: stop,
  };
}

function verbOf(request: IncomingMessage, url: URL): Asked['verb'] {
  if (url.searchParams.get('watch') === 'true') return 'watch';
  if (url.pathname === '/apis' || /^\/apis\/[^/]+\/[^/]+$/.test(url.pathname)) return 'read';
  if (request.method === 'GET') {
    const depth = url.pathname.split('/').filter(Boolean).length - (url.pathname.startsWith('/apis/') ? 3 : 2);
    const inNamespace = url.pathname.includes('/namespaces/');
    return depth === (inNamespace ? 3 : 1) ? 'list' : 'get';
  }
  const verbs = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;
  const { method } = request;
  return method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'DELETE' ? verbs[method] : 'read';
}
