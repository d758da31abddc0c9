import { createBoundedCache } from '../cache/bounded-cache.ts';
import { type Failure, failure, ok, type Result } from '../codes/result.ts';
import { type Credential, type CredentialSource, credentialId } from '../config/credentials.ts';
import { printable } from '../encoding/escape.ts';
import { parseChallenges } from './challenge.ts';
import type { Endpoint } from './endpoints.ts';
import { type Answer, follow, type Wire } from './exchange.ts';
import type { RequestContext, RequestPurpose } from './registry.ts';
import { basic, createTokens, type TokenRequest } from './tokens.ts';

/** A read of one endpoint. */
export type Read = {
  readonly method: 'GET' | 'HEAD';
  /** At the endpoint's base. */
  readonly path: string;
  /** With its question mark. */
  readonly search?: string;
  readonly accept?: string;
  readonly maxBytes: number;
  readonly purpose: RequestPurpose;
};

/** Reads endpoints with whatever authentication they ask for, as one who has certain credentials. */
export type Session = {
  /**
   * @returns the answer to the authenticated request, never a 401 or 403; REGISTRY_UNAUTHORISED,
   *   REGISTRY_CREDENTIAL_UNUSABLE, REDIRECT_REFUSED and what requests return
   */
  readonly read: (endpoint: Endpoint, read: Read, context: RequestContext) => Promise<Result<Answer>>;
  /** Tells apart what different credentials may have read at an endpoint; for whatever is remembered of its answers. */
  readonly accessId: (endpoint: Endpoint) => string;
};

/** Makes sessions that share tokens and what is known of registries, each thing kept by the credential that it is for. */
export type Sessions = (credentials: CredentialSource) => Session;

/** How an endpoint is known to want its requests, so that the next one need not be refused first. */
type Scheme =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: string; readonly service: string | undefined };

const SCHEME_LIVES_MS = 600_000;

/**
 * Credentials that are tried for one repository. Each that is refused costs up to three requests, and a registry may lock
 * out whoever comes with many wrong passwords.
 */
const MAX_ATTEMPTS = 4;

/** Makes sessions: the anonymous, Basic and Bearer flows of the distribution specification. */
export function createSessions(wire: Wire): Sessions {
  const tokens = createTokens(wire);
  const schemes = createBoundedCache<Scheme>(
    { entries: 2_000, bytes: 4 * 1024 * 1024, lives: SCHEME_LIVES_MS },
    wire.clock.now,
  );
  /** Which of several credentials a registry took last, so that the next read begins with it. */
  const taken = createBoundedCache<{ readonly id: string }>(
    { entries: 2_000, bytes: 1024 * 1024, lives: SCHEME_LIVES_MS },
    wire.clock.now,
  );

  /** The Authorization header that a scheme asks for; undefined where it wants a credential that there is none of. */
  async function authorise(
    scheme: Scheme,
    endpoint: Endpoint,
    credential: Credential | undefined,
    context: RequestContext,
  ): Promise<Result<string>> {
    if (scheme.kind === 'basic') {
      if (credential?.kind === 'basic') return ok(basic(credential.username, credential.password));
      return { ok: false, failure: unauthorised(endpoint, 401, credential) };
    }
    const token = await tokens.get({ endpoint, realm: scheme.realm, service: scheme.service, credential }, context);
    return token.ok ? ok(`Bearer ${token.value}`) : token;
  }

  async function readWith(
    credential: Credential | undefined,
    endpoint: Endpoint,
    asked: Read,
    context: RequestContext,
  ): Promise<Result<Answer>> {
    const url = urlOf(endpoint, asked);
    const known = `${endpoint.base.origin} ${credentialId(credential)}`;

    const send = (authorization: string | undefined): Promise<Result<Answer>> => {
      const headers = {
        'user-agent': 'countersign',
        ...(asked.accept === undefined ? {} : { accept: asked.accept }),
        ...(authorization === undefined ? {} : { authorization }),
      };
      const { method, maxBytes, purpose } = asked;
      return follow(wire, { method, url, headers, maxBytes, purpose }, context);
    };

    const scheme = schemes.get(known);
    let authorization: string | undefined;
    if (scheme !== undefined) {
      const authorised = await authorise(scheme, endpoint, credential, context);
      if (!authorised.ok) {
        // The registry may have moved its realm: the next read asks it anew.
        schemes.delete(known);
        return authorised;
      }
      authorization = authorised.value;
    }
    let answer = await send(authorization);
    // A challenge counts only from the registry itself: wherever it redirected to is another's house.
    if (answer.ok && answer.value.status === 401 && answer.value.url.origin === endpoint.base.origin) {
      if (scheme?.kind === 'bearer' && authorization !== undefined) {
        tokens.drop(tokenRequest(scheme, endpoint, credential), authorization.slice('Bearer '.length));
      }
      const wanted = schemeOf(answer.value.header('www-authenticate') ?? '');
      const sameBasic = wanted?.kind === 'basic' && authorization?.startsWith('Basic ') === true;
      if (wanted !== undefined && !sameBasic) {
        const authorised = await authorise(wanted, endpoint, credential, context);
        if (!authorised.ok) return authorised;
        schemes.set(known, wanted, 512);
        answer = await send(authorised.value);
      }
    }
    if (answer.ok && (answer.value.status === 401 || answer.value.status === 403)) {
      return { ok: false, failure: unauthorised(endpoint, answer.value.status, credential) };
    }
    return answer;
  }

  /**
   * Each credential in turn as long as the registry refuses, beginning with the one that it took before. Some registries
   * say 404 of what they do not show; that is believed once a credential was taken, or of all of them.
   */
  async function readInTurn(
    candidates: readonly Credential[],
    access: string,
    endpoint: Endpoint,
    asked: Read,
    context: RequestContext,
  ): Promise<Result<Answer>> {
    const place = `${endpoint.base.origin}/${endpoint.location.path} ${access}`;
    const before = taken.get(place)?.id;
    const byId = new Map(candidates.map((credential) => [credentialId(credential), credential]));
    const first = [...byId].slice(0, MAX_ATTEMPTS);
    const inOrder = first.toSorted(([one], [other]) => Number(other === before) - Number(one === before));
    let refused: Failure | undefined;
    let absent: Result<Answer> | undefined;
    for (const [id, credential] of inOrder) {
      const answer = await readWith(credential, endpoint, asked, context);
      if (answer.ok && answer.value.status === 404 && id !== before) {
        absent = answer;
      } else if (answer.ok) {
        if (id !== before && answer.value.status < 300) taken.set(place, { id }, 64);
        return answer;
      } else if (answer.failure.code === 'REGISTRY_UNAUTHORISED') {
        refused = answer.failure;
      } else {
        return answer;
      }
    }
    if (absent !== undefined) return absent;
    const message = `${endpoint.base.host} refuses ${endpoint.location.path} with each of ${inOrder.length} credentials`;
    return { ok: false, failure: failure('REGISTRY_UNAUTHORISED', message, refused) };
  }

  return (credentials) => {
    const accessId = ({ base, location }: Endpoint) => `${base.origin} ${credentials.id(location)}`;
    return {
      accessId,
      async read(endpoint, asked, context) {
        const found = await credentials.candidates(endpoint.location);
        if (!found.ok) return found;
        const [only, ...others] = found.value;
        if (others.length === 0) return readWith(only, endpoint, asked, context);
        return readInTurn(found.value, accessId(endpoint), endpoint, asked, context);
      },
    };
  };
}

/**
 * The failure that a status stands for, for every status that the caller does not take for an answer.
 * @see DESIGN.md §4.3; 404 is not among them by itself
 */
export function statusFailure(answer: Answer): Failure {
  const host = printable(answer.url.host);
  const { status } = answer;
  if (status === 429) return failure('REGISTRY_RATE_LIMITED', `${host} limits requests (429)`);
  if (status === 401 || status === 403) return failure('REGISTRY_UNAUTHORISED', `${host} refuses access (${status})`);
  if (status >= 500 || status === 408) return failure('REGISTRY_UNAVAILABLE', `${host} answered ${status}`);
  return failure('RESPONSE_MALFORMED', `${host} answered ${status}`);
}

/** Set part by part: resolving `//host/…` as a relative URL would send the credential to another host. */
function urlOf(endpoint: Endpoint, { path, search }: Read): URL {
  const url = new URL(endpoint.base);
  url.pathname = path;
  url.search = search ?? '';
  return url;
}

const tokenRequest = (
  scheme: Scheme & { readonly kind: 'bearer' },
  endpoint: Endpoint,
  credential: Credential | undefined,
): TokenRequest => ({ endpoint, realm: scheme.realm, service: scheme.service, credential });

/** Bearer before Basic, whatever their order: it keeps the credential from all but the token realm. */
function schemeOf(header: string): Scheme | undefined {
  const challenges = parseChallenges(header);
  const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
  const realm = bearer?.parameters.get('realm');
  if (bearer !== undefined && realm !== undefined) {
    return { kind: 'bearer', realm, service: bearer.parameters.get('service') };
  }
  return challenges.some((challenge) => challenge.scheme === 'basic') ? { kind: 'basic' } : undefined;
}

function unauthorised(endpoint: Endpoint, status: number, credential: Credential | undefined): Failure {
  const how = credential === undefined ? 'without a credential' : 'with the credential that there is for it';
  return failure('REGISTRY_UNAUTHORISED', `${endpoint.base.host} refuses ${endpoint.location.path} ${how} (${status})`);
}
