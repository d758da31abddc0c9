import { failure } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { type ApiFailure, type ApiResult, apiFailed } from './failures.ts';
import { memberOf, parseAnswer, type ReadObject, readObject, textOf } from './objects.ts';

/** What one line of a watch says. Trouble that the API server tells of is a failure. */
export type WatchEvent =
  | { readonly kind: 'changed' | 'removed'; readonly resourceVersion: string; readonly of: ReadObject }
  /** All changes up to this version were sent. */
  | { readonly kind: 'bookmark'; readonly resourceVersion: string };

/**
 * Reads one line of a watch.
 * @returns `expired` for an ERROR event with 410, otherwise CLUSTER_UNAVAILABLE or CLUSTER_ANSWER_UNUSABLE
 */
export function readEvent(line: Uint8Array): ApiResult<WatchEvent> {
  const json = parseAnswer(line);
  if (!json.ok) return apiFailed(json.failure);
  const object = memberOf(json.value, 'object');
  const type = textOf(json.value, 'type');
  if (type === 'ERROR') return { ok: false, failure: troubleOf(object) };
  if (type === 'BOOKMARK') {
    const resourceVersion = textOf(memberOf(object, 'metadata'), 'resourceVersion');
    if (resourceVersion) return { ok: true, value: { kind: 'bookmark', resourceVersion } };
    return apiFailed(failure('CLUSTER_ANSWER_UNUSABLE', 'the API server sent a bookmark without a version'));
  }
  const known = type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED';
  const of = known ? readObject(object) : undefined;
  if (of === undefined) {
    const what = known ? 'an object without a name' : `an event of type ${printable(type ?? 'none', 40)}`;
    return apiFailed(failure('CLUSTER_ANSWER_UNUSABLE', `the API server sent ${what}`));
  }
  const kind = type === 'DELETED' ? 'removed' : 'changed';
  return { ok: true, value: { kind, resourceVersion: of.header.resourceVersion, of } };
}

function troubleOf(status: unknown): ApiFailure {
  const code = memberOf(status, 'code');
  const reason = textOf(status, 'reason');
  const message = `the API server ended the watch: ${printable(textOf(status, 'message') ?? 'it does not say why', 400)}`;
  const of = failure('CLUSTER_UNAVAILABLE', message);
  if (code === 410 || reason === 'Expired' || reason === 'Gone') return { kind: 'expired', failure: of };
  const seconds = memberOf(memberOf(status, 'details'), 'retryAfterSeconds');
  return typeof seconds === 'number' && seconds > 0
    ? { kind: 'failed', failure: of, retryAfterMs: seconds * 1000 }
    : { kind: 'failed', failure: of };
}

/**
 * Whether one resource version is older than another. They grow as decimal numbers (KEP-5504); where one is something
 * else nothing is said, and events count in the order in which they come.
 */
export function isOlder(version: string, than: string): boolean {
  if (!isDecimal(version) || !isDecimal(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}

const isDecimal = (text: string): boolean => /^[1-9]\d*$/.test(text);
