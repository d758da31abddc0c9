import { createBoundedCache } from '../cache/bounded-cache.ts';
import { createSingleFlight } from '../cache/single-flight.ts';
import { failed, failure, ok, type Result } from '../codes/result.ts';
import { type Credential, credentialId } from '../config/credentials.ts';
import { printable } from '../encoding/escape.ts';
import { asObject, parseStrictJson, stringAt } from '../encoding/strict-json.ts';
import type { Endpoint } from './endpoints.ts';
import { type Answer, type Outgoing, sendWithRetries, type Wire } from './exchange.ts';
import type { RequestContext } from './registry.ts';

/** What a registry's Bearer challenge asks a token for. */
export type TokenRequest = {
  readonly endpoint: Endpoint;
  readonly realm: string;
  readonly service: string | undefined;
  readonly credential: Credential | undefined;
};

/** Access tokens, one for each registry, realm, service, scope and credential (DESIGN.md §4.5). */
export type Tokens = {
  /** The token that is held, without a request. */
  readonly held: (request: TokenRequest) => string | undefined;
  /**
   * The token, asked for where none is held; concurrent callers share one request.
   * @returns REGISTRY_UNAUTHORISED, REDIRECT_REFUSED for a realm that gets no credentials, and what requests return
   */
  readonly get: (request: TokenRequest, context: RequestContext) => Promise<Result<string>>;
  /** Forgets a token that the registry no longer takes. */
  readonly drop: (request: TokenRequest, token: string) => void;
};

const CLIENT_ID = 'countersign';
/** Lifetime of a token that names none (distribution token specification, `expires_in`). */
const DEFAULT_LIFETIME_S = 60;
const LONGEST_LIFETIME_S = 3_600;
const MARGIN_S = 10;

/** Makes the store of tokens. */
export function createTokens(wire: Wire): Tokens {
  const cache = createBoundedCache<{ readonly token: string; readonly until: number }>(
    { entries: 2_000, bytes: 16 * 1024 * 1024, lives: LONGEST_LIFETIME_S * 1_000 },
    wire.clock.now,
  );
  const flights = createSingleFlight<Result<string>>();

  function held(request: TokenRequest): string | undefined {
    const entry = cache.get(keyOf(request));
    return entry !== undefined && entry.until > wire.clock.now() ? entry.token : undefined;
  }

  async function fetch(request: TokenRequest, context: RequestContext): Promise<Result<string>> {
    const realm = realmOf(wire, request);
    if (!realm.ok) return realm;
    const answer = await sendWithRetries(wire, outgoing(wire, request, realm.value), context);
    if (!answer.ok) return answer;
    const token = readToken(answer.value);
    if (!token.ok) return token;
    const lifetime = Math.min(token.value.seconds, LONGEST_LIFETIME_S) - MARGIN_S;
    const until = wire.clock.now() + lifetime * 1_000;
    if (lifetime > 0) cache.set(keyOf(request), { token: token.value.token, until }, token.value.token.length);
    return ok(token.value.token);
  }

  return {
    held,
    get(request, context) {
      const token = held(request);
      if (token !== undefined) return Promise.resolve(ok(token));
      const { host } = request.endpoint.location;
      return flights.run(
        keyOf(request),
        context.signal,
        (signal) => fetch(request, { ...context, signal }),
        () => failed('REGISTRY_DEADLINE', `the token for ${host} did not come in time`),
      );
    },
    drop(request, token) {
      if (held(request) === token) cache.delete(keyOf(request));
    },
  };
}

function keyOf({ endpoint, realm, service, credential }: TokenRequest): string {
  return JSON.stringify([endpoint.base.origin, realm, service, scopeOf(endpoint), credentialId(credential)]);
}

/** Always our own scope: a registry does not choose what a credential is spent on. */
const scopeOf = (endpoint: Endpoint): string => `repository:${endpoint.location.path}:pull`;

/** The realm, if it may be asked: over https, or where the registry and the realm are both configured for plain HTTP. */
function realmOf(wire: Wire, { endpoint, realm }: TokenRequest): Result<URL> {
  const url = URL.parse(realm);
  const at = `the token realm of ${endpoint.base.host}`;
  if (url === null || url.username !== '' || url.password !== '') return failed('REDIRECT_REFUSED', `${at} is no URL`);
  url.hash = '';
  const plainAllowed = endpoint.plainHttp && wire.isPlain(url.host);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && plainAllowed)) return ok(url);
  return failed('REDIRECT_REFUSED', `${at} is not reached over https`);
}

/** A GET with Basic or nothing, or for an identity token the OAuth 2 POST (distribution, spec/auth/oauth.md). */
function outgoing(wire: Wire, { endpoint, service, credential }: TokenRequest, realm: URL): Outgoing {
  const shared = { purpose: 'token', maxBytes: wire.limits.tokenBytes } as const;
  const headers = { accept: 'application/json', 'user-agent': CLIENT_ID };
  if (credential?.kind === 'identity-token') {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT_ID, scope: scopeOf(endpoint) });
    if (service !== undefined) form.set('service', service);
    form.set('refresh_token', credential.token);
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    return { ...shared, method: 'POST', url: realm, headers: { ...headers, ...type }, body: form.toString() };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scopeOf(endpoint));
  const authorization =
    credential === undefined ? {} : { authorization: basic(credential.username, credential.password) };
  return { ...shared, method: 'GET', url, headers: { ...headers, ...authorization } };
}

/** The Basic scheme's value (RFC 7617, UTF-8). */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function readToken(answer: Answer): Result<{ readonly token: string; readonly seconds: number }> {
  const host = printable(answer.url.host);
  const { status } = answer;
  if (status === 429) return failed('REGISTRY_RATE_LIMITED', `the token realm ${host} limits requests (429)`);
  if (status >= 500 || status === 408) {
    return failed('REGISTRY_UNAVAILABLE', `the token realm ${host} answered ${status}`);
  }
  if (status >= 300 && status < 400) return failed('REDIRECT_REFUSED', `the token realm ${host} redirects`);
  if (status !== 200) return failed('REGISTRY_UNAUTHORISED', `the token realm ${host} gives no token (${status})`);

  const malformed = {
    ok: false,
    failure: failure('RESPONSE_MALFORMED', `the token realm ${host} answered no token`),
  } as const;
  const json = parseStrictJson(answer.body);
  const object = json.ok ? asObject(json.value) : undefined;
  if (object === undefined) return malformed;
  const token = stringAt(object, 'token') || stringAt(object, 'access_token');
  if (token === undefined || !isHeaderSafe(token)) return malformed;
  const stated = object['expires_in'];
  const seconds = typeof stated === 'number' && stated > 0 ? stated : DEFAULT_LIFETIME_S;
  return ok({ token, seconds });
}

/** Visible ASCII: a line end would write headers of its own. */
function isHeaderSafe(token: string): boolean {
  if (token === '') return false;
  for (let i = 0; i < token.length; i++) {
    const c = token.charCodeAt(i);
    if (c < 0x21 || c > 0x7e) return false;
  }
  return true;
}
