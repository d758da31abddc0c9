import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import {
  asArray,
  asObject,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
  stringAt,
} from '../../encoding/strict-json.ts';
import { type Descriptor, MANIFEST_TYPES } from '../../image/descriptor.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../../image/digest.ts';

/** How a request must be authenticated. Bearer tokens come from `/token`, anonymously where no user is named. */
export type ServerAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'bearer';
      readonly username?: string;
      readonly password?: string;
      /** Identity token that the OAuth 2 POST takes. */
      readonly identityToken?: string;
      readonly expiresIn?: number;
      /** Instead of `/token` here. */
      readonly realm?: string;
    };

/** One request as it arrived. */
export type RequestRecord = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
};

/** Answers a request instead of the registry, or leaves it to it by returning false. */
export type FaultHook = (
  record: RequestRecord,
  request: IncomingMessage,
  response: ServerResponse,
) => boolean | Promise<boolean>;

/** How the server starts; everything has a default. */
export type RegistryServerOptions = {
  readonly referrers?: 'api' | 'none';
  /** Referrers on one page of the API; all on one without it. */
  readonly pageSize?: number;
  readonly auth?: ServerAuth;
  readonly port?: number;
  readonly tls?: { readonly certificatePem: string; readonly privateKeyPem: string };
  readonly fault?: FaultHook;
};

/** An OCI registry in memory, for the demo and the tests: what is pushed by these calls is served over HTTP, read-only. */
export type RegistryServer = {
  /** `127.0.0.1:PORT`, as references write it. */
  readonly host: string;
  readonly port: number;
  /** Every request so far; may be emptied. */
  readonly requests: RequestRecord[];
  readonly pushBlob: (repository: string, bytes: Uint8Array, mediaType?: string) => Descriptor;
  /** Pushes a manifest; with a `subject` it is a referrer from then on, as far as the API tells. */
  readonly pushManifest: (
    repository: string,
    manifest: object | Uint8Array,
    mediaType?: string,
    tag?: string,
  ) => Descriptor;
  readonly setTag: (repository: string, tag: string, digest: Digest) => void;
  /**
   * Pushes a manifest with a `subject` as clients do: where there is no API, they keep the fallback tag's index too.
   * `artifactType` replaces what that index says, which no registry checks.
   */
  readonly attachReferrer: (
    repository: string,
    manifest: object,
    options?: { readonly artifactType?: string },
  ) => Descriptor;
  readonly setReferrers: (mode: 'api' | 'none') => void;
  readonly close: () => Promise<void>;
};

type Stored = { readonly bytes: Uint8Array; readonly mediaType: string };
type Contents = {
  readonly blobs: Map<string, Uint8Array>;
  readonly manifests: Map<string, Stored>;
  readonly tags: Map<string, Digest>;
  readonly referrers: Map<string, Descriptor[]>;
};

/** Starts a registry on a loopback port of the system's choice. */
export async function startRegistryServer(options: RegistryServerOptions = {}): Promise<RegistryServer> {
  const repositories = new Map<string, Contents>();
  const tokens = new Map<string, string>();
  const requests: RequestRecord[] = [];
  let mode = options.referrers ?? 'api';

  const contentsOf = (name: string): Contents => {
    const held = repositories.get(name);
    if (held !== undefined) return held;
    const made: Contents = { blobs: new Map(), manifests: new Map(), tags: new Map(), referrers: new Map() };
    repositories.set(name, made);
    return made;
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://registry.invalid');
    const record = { method: request.method ?? '', path: url.pathname, query: url.search, headers: request.headers };
    requests.push(record);
    if (options.fault !== undefined && (await options.fault(record, request, response))) return;
    if (url.pathname === '/token') return issueToken(request, response, url);
    const [, name = '', kind = '', reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (options.auth !== undefined && !isAuthorised(options.auth, request, name))
      return challenge(options.auth, response, name);
    if (url.pathname === '/v2/') return send(response, 200, 'application/json', '{}');
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendError(response, 405, 'UNSUPPORTED');
    const contents = repositories.get(name);
    if (kind === 'referrers' && mode === 'none')
      return send(response, 404, 'text/plain; charset=utf-8', '404 page not found\n');
    if (contents === undefined) return sendError(response, 404, 'NAME_UNKNOWN');
    if (kind === 'manifests') return serveManifest(response, contents, reference);
    if (kind === 'blobs') return serveBlob(response, contents, reference);
    return serveReferrers(response, contents, url, reference);
  }

  function serveManifest(response: ServerResponse, contents: Contents, reference: string): void {
    const digest = isDigest(reference) ? reference : contents.tags.get(reference);
    const stored = digest === undefined ? undefined : contents.manifests.get(digest);
    if (digest === undefined || stored === undefined) return sendError(response, 404, 'MANIFEST_UNKNOWN');
    return send(response, 200, stored.mediaType, stored.bytes, { 'docker-content-digest': digest });
  }

  function serveBlob(response: ServerResponse, contents: Contents, reference: string): void {
    const bytes = contents.blobs.get(reference);
    if (bytes === undefined) return sendError(response, 404, 'BLOB_UNKNOWN');
    return send(response, 200, 'application/octet-stream', bytes, { 'docker-content-digest': reference });
  }

  function serveReferrers(response: ServerResponse, contents: Contents, url: URL, digest: string): void {
    const all = contents.referrers.get(digest) ?? [];
    const from = Number(url.searchParams.get('from') ?? '0');
    const to = from + (options.pageSize ?? all.length);
    const link = to < all.length ? { link: `<${url.pathname}?from=${to}>; rel="next"` } : {};
    return send(response, 200, MANIFEST_TYPES.ociIndex, indexOf(all.slice(from, to)), link);
  }

  async function issueToken(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { auth } = options;
    if (auth?.kind !== 'bearer') return sendError(response, 404, 'UNSUPPORTED');
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
    const allowed =
      request.method === 'POST'
        ? auth.identityToken !== undefined && form.get('refresh_token') === auth.identityToken
        : auth.username === undefined || request.headers.authorization === basic(auth.username, auth.password ?? '');
    if (!allowed) return sendError(response, 401, 'UNAUTHORIZED');
    const token = randomBytes(16).toString('hex');
    tokens.set(token, (request.method === 'POST' ? form : url.searchParams).get('scope') ?? '');
    const body = { token, access_token: token, expires_in: auth.expiresIn ?? 300 };
    return send(response, 200, 'application/json', JSON.stringify(body));
  }

  function isAuthorised(auth: ServerAuth, request: IncomingMessage, name: string): boolean {
    const header = request.headers.authorization ?? '';
    if (auth.kind === 'basic') return header === basic(auth.username, auth.password);
    return tokens.get(header.replace('Bearer ', '')) === `repository:${name}:pull`;
  }

  function challenge(auth: ServerAuth, response: ServerResponse, name: string): void {
    const scope = `repository:${name}:pull`;
    const header =
      auth.kind === 'basic'
        ? 'Basic realm="registry"'
        : `Bearer realm="${auth.realm ?? `${base}/token`}",service="registry.test",scope="${scope}"`;
    return sendError(response, 401, 'UNAUTHORIZED', { 'www-authenticate': header });
  }

  function pushManifest(
    repository: string,
    manifest: object | Uint8Array,
    mediaType?: string,
    tag?: string,
  ): Descriptor {
    const bytes = manifest instanceof Uint8Array ? manifest : Buffer.from(JSON.stringify(manifest));
    const json = parseStrictJson(bytes);
    const content = (json.ok ? asObject(json.value) : undefined) ?? {};
    const type = mediaType ?? stringAt(content, 'mediaType') ?? MANIFEST_TYPES.ociManifest;
    const digest = digestOf(bytes);
    const contents = contentsOf(repository);
    contents.manifests.set(digest, { bytes, mediaType: type });
    if (tag !== undefined) contents.tags.set(tag, digest);
    const descriptor: Descriptor = { mediaType: type, digest, size: bytes.length, annotations: {} };
    const subject = subjectOf(content);
    if (subject === undefined) return descriptor;
    const referrer = { ...descriptor, annotations: annotationsOf(content), artifactType: artifactTypeOf(content) };
    const others = (contents.referrers.get(subject) ?? []).filter((other) => other.digest !== digest);
    contents.referrers.set(subject, [...others, referrer]);
    return referrer;
  }

  function attachReferrer(
    repository: string,
    manifest: object,
    wrong: { readonly artifactType?: string } = {},
  ): Descriptor {
    const referrer = pushManifest(repository, manifest);
    const json = parseStrictJson(JSON.stringify(manifest));
    const subject = json.ok ? subjectOf(asObject(json.value) ?? {}) : undefined;
    if (mode === 'api' || subject === undefined || !isDigest(subject)) return referrer;
    const contents = contentsOf(repository);
    const tag = `sha256-${hexOf(subject)}`;
    const old = contents.manifests.get(contents.tags.get(tag) ?? '');
    const listed = old === undefined ? undefined : parseStrictJson(old.bytes);
    const manifests: readonly JsonValue[] =
      (listed?.ok === true ? asArray(asObject(listed.value)?.['manifests']) : undefined) ?? [];
    const index = {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPES.ociIndex,
      manifests: [...manifests, { ...referrer, ...wrong }],
    };
    pushManifest(repository, index, MANIFEST_TYPES.ociIndex, tag);
    return referrer;
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error('the registry server failed'));
    });
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: tls.certificatePem, key: tls.privateKeyPem }, listener);
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const host = `127.0.0.1:${port}`;
  const base = `${tls === undefined ? 'http' : 'https'}://${host}`;

  return {
    host,
    port,
    requests,
    pushBlob(repository, bytes, mediaType = 'application/octet-stream') {
      const digest = digestOf(bytes);
      contentsOf(repository).blobs.set(digest, bytes);
      return { mediaType, digest, size: bytes.length, annotations: {} };
    },
    pushManifest,
    setTag: (repository, tag, digest) => contentsOf(repository).tags.set(tag, digest),
    attachReferrer,
    setReferrers: (next) => {
      mode = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

const indexOf = (manifests: readonly Descriptor[]): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPES.ociIndex, manifests });

const subjectOf = (content: JsonObject): string | undefined => {
  const subject = asObject(content['subject']);
  return subject === undefined ? undefined : stringAt(subject, 'digest');
};

/** OCI image specification, "Guidelines for Artifact Usage": the artifact type, or else the config's media type. */
function artifactTypeOf(content: JsonObject): string {
  const config = asObject(content['config']) ?? {};
  return stringAt(content, 'artifactType') ?? stringAt(config, 'mediaType') ?? '';
}

function annotationsOf(content: JsonObject): Record<string, string> {
  const annotations: Record<string, string> = {};
  for (const [key, value] of Object.entries(asObject(content['annotations']) ?? {})) {
    if (typeof value === 'string') annotations[key] = value;
  }
  return annotations;
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers });
  // Node leaves the body of an answer to HEAD out by itself.
  response.end(bytes);
}

function sendError(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  send(
    response,
    status,
    'application/json',
    JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }),
    headers,
  );
}
