import { type Failure, failure, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { asObject, type JsonObject, parseStrictJson } from '../encoding/strict-json.ts';
import { failureOf } from '../http/failures.ts';

/** Why the API server did not do what was asked. */
export type ApiFailure =
  /**
   * It is not there. `certain` where the API server says so in its own words about an object; a path that it does not
   * serve, and a proxy that lost its way, answer 404 as well.
   */
  | { readonly kind: 'absent'; readonly certain: boolean; readonly failure: Failure }
  /** Somebody else changed it since it was read, or made it before us. */
  | { readonly kind: 'conflict'; readonly failure: Failure }
  /** The resource version or the continue token is older than what the API server remembers. */
  | { readonly kind: 'expired'; readonly failure: Failure }
  /** The answer is longer than it may be; a smaller page may be not. */
  | { readonly kind: 'oversized'; readonly failure: Failure }
  /** Anything else; `retryAfterMs` is what the API server asked for. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly retryAfterMs?: number };

/** What the API server answered, or why not. */
export type ApiResult<T> = Result<T, ApiFailure>;

/** An answer that is no success, as far as it was read. */
export type Refusal = {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
  /** Whether the server's own sentence may be shown: about what carried a secret it may quote it. */
  readonly quotable: boolean;
};

/** Makes a failed result of the usual kind. */
export function apiFailed(of: Failure): { readonly ok: false; readonly failure: ApiFailure } {
  return { ok: false, failure: { kind: 'failed', failure: of } };
}

/**
 * Says what an answer that is no success means.
 * @param doing what was asked, for the message: `list configmaps`
 * @param now milliseconds since the epoch, for a Retry-After that is a date
 */
export function refusalOf(refusal: Refusal, doing: string, now: number): ApiFailure {
  const { status } = refusal;
  const words = readStatus(refusal.body);
  const said = words?.['message'];
  const quoted = refusal.quotable && typeof said === 'string' && said !== '' ? `: ${printable(said, 400)}` : '';
  const message = `the API server answered ${status} when asked to ${doing}${quoted}`;

  if (status === 404) {
    const certain = words?.['reason'] === 'NotFound';
    return { kind: 'absent', certain, failure: failure('CLUSTER_ANSWER_UNUSABLE', message) };
  }
  if (status === 409) return { kind: 'conflict', failure: failure('CLUSTER_UNAVAILABLE', message) };
  if (status === 410) return { kind: 'expired', failure: failure('CLUSTER_UNAVAILABLE', message) };
  if (status === 401 || status === 403) return { kind: 'failed', failure: failure('CLUSTER_FORBIDDEN', message) };
  if (status === 429 || status >= 500) {
    const retryAfterMs = retryAfter(refusal.header('retry-after'), now);
    const of = failure('CLUSTER_UNAVAILABLE', message);
    return retryAfterMs === undefined ? { kind: 'failed', failure: of } : { kind: 'failed', failure: of, retryAfterMs };
  }
  // The API never redirects; what does is something before it, and nothing is followed with a credential.
  const code = status >= 400 ? 'CLUSTER_REQUEST_REFUSED' : 'CLUSTER_ANSWER_UNUSABLE';
  return { kind: 'failed', failure: failure(code, message) };
}

/** Says what an error of the connection means; the sentences are those of every connection of countersign's. */
export function connectionFailure(error: unknown, host: string, signal: AbortSignal): ApiFailure {
  const { code, message, cause } = failureOf(error, host, signal);
  if (code === 'REGISTRY_TLS_UNTRUSTED') {
    return { kind: 'failed', failure: failure('CLUSTER_TLS_UNTRUSTED', message, cause) };
  }
  if (code === 'RESPONSE_MALFORMED' || code === 'RESPONSE_TOO_LARGE') {
    return { kind: 'failed', failure: failure('CLUSTER_ANSWER_UNUSABLE', message, cause) };
  }
  return { kind: 'failed', failure: failure('CLUSTER_UNREACHABLE', message, cause) };
}

/** The Status object of an answer, or undefined where it is something else. */
function readStatus(body: Uint8Array): JsonObject | undefined {
  const json = parseStrictJson(body);
  const status = json.ok ? asObject(json.value) : undefined;
  return status?.['kind'] === 'Status' ? status : undefined;
}

function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
