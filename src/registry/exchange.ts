import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../http/client.ts';
import type { Gate } from '../http/gate.ts';
import type { RequestContext, RequestPurpose } from './registry.ts';
import type { Clock, RegistryLimits } from './settings.ts';

/** What sending a request needs: the client, its bounds, and which hosts may be spoken to in plain HTTP. */
export type Wire = {
  readonly http: HttpClient;
  readonly gate: Gate;
  readonly limits: RegistryLimits;
  readonly clock: Clock;
  /** By `URL.host`. */
  readonly isPlain: (host: string) => boolean;
};

/** A request before it is sent. */
export type Outgoing = Omit<HttpRequest, 'signal'> & { readonly purpose: RequestPurpose };

/** An answer with the place that gave it, which after a redirect is not the one that was asked. */
export type Answer = HttpResponse & { readonly url: URL };

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const BACKOFF_MS = 100;

/**
 * Sends a GET or HEAD and follows where it leads (DESIGN.md §4.13): never from https to http, never in plain HTTP to a host that is
 * not configured so, and without Authorization once another origin is reached.
 * @returns REDIRECT_REFUSED beside what {@link sendWithRetries} returns
 */
export async function follow(wire: Wire, request: Outgoing, context: RequestContext): Promise<Result<Answer>> {
  let next = request;
  for (let hops = 0; ; hops++) {
    const answer = await sendWithRetries(wire, next, context);
    if (!answer.ok || !REDIRECTS.has(answer.value.status)) return answer;
    if (hops >= wire.limits.redirects) return refused(next.url, 'redirects too often');
    const target = redirectTarget(wire, request, next.url, answer.value.header('location'));
    if (!target.ok) return target;
    // What the configuration names is the host that was asked, and nobody whom that names in turn.
    const configured = request.configured === true && target.value.host === request.url.host;
    next = { ...next, url: target.value, headers: headersFor(next, target.value), configured };
  }
}

/**
 * Sends a request, and again where the server is overloaded or the connection was cut, as long as the signal allows.
 * @returns the last answer, whatever its status; REGISTRY_DEADLINE and what the HTTP client returns
 */
export async function sendWithRetries(wire: Wire, request: Outgoing, context: RequestContext): Promise<Result<Answer>> {
  const gaveUp = () => context.signal.aborted;
  for (let attempt = 0; ; attempt++) {
    const answer = await send(wire, request, context);
    const delay = attempt < wire.limits.retries ? retryDelay(wire, answer, attempt) : undefined;
    if (delay === undefined || gaveUp()) return answer;
    await wire.clock.sleep(delay, context.signal);
    // What the server last said is a better reason than that time ran out while waiting for it.
    if (gaveUp()) return answer;
  }
}

async function send(wire: Wire, request: Outgoing, context: RequestContext): Promise<Result<Answer>> {
  const { purpose, ...rest } = request;
  const { host } = request.url;
  const answered = await wire.gate.run(host, context.signal, () => {
    context.onRequest?.({ host, purpose });
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(wire.limits.requestMs)]);
    return wire.http.request({ ...rest, signal });
  });
  if (!answered.ok) return answered;
  return answered.value.ok ? ok({ ...answered.value.value, url: request.url }) : answered.value;
}

/** Milliseconds until the next attempt, or undefined for none. */
function retryDelay(wire: Wire, answer: Result<Answer>, attempt: number): number | undefined {
  const backoff = Math.min(wire.limits.retryDelayMs, BACKOFF_MS * 2 ** attempt) * (0.5 + wire.clock.random() / 2);
  if (!answer.ok) {
    // A kept connection that the server closed meanwhile looks like this; once is enough to find out.
    return answer.failure.code === 'REGISTRY_UNREACHABLE' && attempt === 0 ? backoff : undefined;
  }
  if (!RETRIED.has(answer.value.status)) return undefined;
  const asked = retryAfter(answer.value.header('retry-after'), wire.clock.now());
  if (asked === undefined) return backoff;
  return asked > wire.limits.retryDelayMs ? undefined : Math.max(asked, backoff);
}

/** Milliseconds that a Retry-After header asks for: seconds or an HTTP date (RFC 9110 §10.2.3). */
function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1_000;
  const date = text.length <= 40 ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function redirectTarget(wire: Wire, asked: Outgoing, from: URL, location: string | undefined): Result<URL> {
  const target = location === undefined ? null : URL.parse(location, from);
  if (target === null) return refused(from, 'redirects to nowhere');
  if (target.username !== '' || target.password !== '')
    return refused(from, 'redirects to a place with a password in it');
  target.hash = '';
  if (target.protocol === 'https:') return ok(target);
  if (target.protocol !== 'http:') return refused(from, 'redirects to something that is not HTTP');
  if (from.protocol === 'https:') return refused(from, 'redirects from https to http');
  const isPlain = wire.isPlain(target.host) || (asked.configured === true && target.origin === asked.url.origin);
  return isPlain
    ? ok(target)
    : refused(from, `redirects in plain HTTP to ${printable(target.host)}, which is not configured so`);
}

function headersFor(request: Outgoing, target: URL): Readonly<Record<string, string>> {
  if (target.origin === request.url.origin) return request.headers;
  const { authorization: _, ...others } = request.headers;
  return others;
}

function refused(from: URL, what: string): Result<never> {
  return failed('REDIRECT_REFUSED', `${printable(from.host)} ${what}`);
}
