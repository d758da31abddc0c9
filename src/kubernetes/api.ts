import { failure, ok } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { asObject, type JsonObject, type JsonValue, parseStrictJson } from '../encoding/strict-json.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Cluster } from './cluster.ts';
import { connectTo, type Stream, type WireRequest } from './connection.ts';
import { type ApiResult, apiFailed } from './failures.ts';
import { memberOf, parseAnswer, type ReadObject, readObject, textOf } from './objects.ts';
import { isObjectName, pathOf, type Resource, shownResource, type Target } from './resource.ts';

/** Which objects of a resource are meant. */
export type Selection = { readonly labelSelector?: string; readonly fieldSelector?: string };

/** What every request may say. */
export type RequestOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds (default 15,000). */
  readonly timeoutMs?: number;
  /** Bytes of the answer at most (default 4 MiB, for a page 16 MiB). */
  readonly maxBytes?: number;
};

/** One page of a list. */
export type Page = {
  readonly objects: readonly ReadObject[];
  /** What the list shows the state of, and where a watch goes on. */
  readonly resourceVersion: string;
  /** Where the next page begins; undefined after the last. */
  readonly next: string | undefined;
};

/** A client of the Kubernetes API. It answers every request with a value and never throws. */
export type ApiClient = {
  readonly get: (target: Target, options?: RequestOptions) => Promise<ApiResult<JsonObject>>;
  readonly list: (
    resource: Resource,
    page: Selection & { readonly limit: number; readonly next?: string | undefined },
    options?: RequestOptions,
  ) => Promise<ApiResult<Page>>;
  /** Opens a watch; see `openWatch` for what comes of it. */
  readonly watch: (
    resource: Resource,
    from: Selection & { readonly resourceVersion: string; readonly timeoutSeconds: number },
    options?: RequestOptions,
  ) => Promise<ApiResult<Stream>>;
  readonly create: (resource: Resource, object: JsonObject, options?: RequestOptions) => Promise<ApiResult<JsonObject>>;
  /** Replaces an object; its `metadata.resourceVersion` makes a change in between a conflict. */
  readonly update: (target: Target, object: JsonObject, options?: RequestOptions) => Promise<ApiResult<JsonObject>>;
  /** Merges (RFC 7396), or applies as `countersign` what it owns of an object, taking it from others. */
  readonly patch: (
    target: Target,
    kind: 'merge' | 'apply',
    patch: JsonObject,
    options?: RequestOptions,
  ) => Promise<ApiResult<JsonObject>>;
  /** @param unchanged deletes only this object in this state */
  readonly delete: (
    target: Target,
    unchanged?: { readonly uid?: string; readonly resourceVersion?: string },
    options?: RequestOptions,
  ) => Promise<ApiResult<JsonObject>>;
  /** Reads a path as it is, for discovery. */
  readonly read: (path: string, options?: RequestOptions) => Promise<ApiResult<JsonObject>>;
  /** Cuts all connections; requests under way fail. */
  readonly close: () => Promise<void>;
};

const TIMEOUT_MS = 15_000;
const MAX_OBJECT_BYTES = 4 * 1024 * 1024;
const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const FIELD_MANAGER = 'countersign';

type Asked = Pick<WireRequest, 'method' | 'path' | 'doing'> &
  Partial<Pick<WireRequest, 'query' | 'contentType'>> & { readonly body?: JsonValue; readonly quotable?: boolean };

/** Makes a client of a cluster's API server. */
export function createApiClient(cluster: Cluster, clock: Clock = systemClock): ApiClient {
  const connection = connectTo(cluster, clock);

  function wired(asked: Asked, options: RequestOptions = {}, maxBytes = MAX_OBJECT_BYTES): WireRequest {
    const { body, contentType = 'application/json', quotable = true, ...rest } = asked;
    return {
      ...rest,
      maxBytes: options.maxBytes ?? maxBytes,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      signal: options.signal,
      quotable,
      ...(body === undefined ? {} : { body: JSON.stringify(body), contentType }),
    };
  }

  async function ask(asked: Asked, options?: RequestOptions): Promise<ApiResult<JsonObject>> {
    const answer = await connection.send(wired(asked, options));
    if (!answer.ok) return answer;
    const json = parseStrictJson(answer.value);
    const object = json.ok ? asObject(json.value) : undefined;
    return object === undefined ? unusable(`no JSON object when asked to ${asked.doing}`) : ok(object);
  }

  /** A request about one object, whose name must be able to be one. */
  async function about(
    verb: string,
    method: Asked['method'],
    target: Target,
    rest: Omit<Asked, 'method' | 'path' | 'doing'>,
    options?: RequestOptions,
  ): Promise<ApiResult<JsonObject>> {
    const doing = `${verb} ${printable(shownResource(target), 300)}`;
    const { name, namespace } = target;
    if (!isObjectName(name) || (namespace !== undefined && !isObjectName(namespace))) {
      return apiFailed(failure('CLUSTER_REQUEST_REFUSED', `countersign cannot ${doing}: that is no name`));
    }
    const quotable = rest.body === undefined || target.plural !== 'secrets';
    return ask({ method, path: pathOf(target), doing, quotable, ...rest }, options);
  }

  return {
    get: (target, options) => about('get', 'GET', target, {}, options),
    update: (target, object, options) => about('update', 'PUT', target, { body: object }, options),
    patch: (target, kind, patch, options) => {
      const contentType = kind === 'merge' ? 'application/merge-patch+json' : 'application/apply-patch+yaml';
      const query = new URLSearchParams({ fieldManager: FIELD_MANAGER, ...(kind === 'apply' && { force: 'true' }) });
      return about('patch', 'PATCH', target, { body: patch, contentType, query }, options);
    },
    delete: (target, unchanged, options) => {
      const body = unchanged && { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { ...unchanged } };
      return about('delete', 'DELETE', target, body === undefined ? {} : { body }, options);
    },
    create: (resource, object, options) => {
      const doing = `create ${printable(shownResource(resource), 300)}`;
      const quotable = resource.plural !== 'secrets';
      return ask({ method: 'POST', path: pathOf(resource), doing, body: object, quotable }, options);
    },
    read: (path, options) => ask({ method: 'GET', path, doing: `read ${printable(path)}` }, options),
    async list(resource, page, options) {
      const doing = `list ${printable(shownResource(resource), 300)}`;
      const query = selecting(page, { limit: String(page.limit), ...(page.next && { continue: page.next }) });
      const answer = await connection.send(
        wired({ method: 'GET', path: pathOf(resource), doing, query }, options, MAX_PAGE_BYTES),
      );
      return answer.ok ? readPage(answer.value, doing) : answer;
    },
    watch(resource, from, options) {
      const doing = `watch ${printable(shownResource(resource), 300)}`;
      const query = selecting(from, {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: from.resourceVersion,
        timeoutSeconds: String(from.timeoutSeconds),
      });
      return connection.stream(wired({ method: 'GET', path: pathOf(resource), doing, query }, options));
    },
    close: connection.close,
  };
}

function selecting({ labelSelector, fieldSelector }: Selection, query: Record<string, string>): URLSearchParams {
  return new URLSearchParams({
    ...query,
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  });
}

function readPage(body: Uint8Array, doing: string): ApiResult<Page> {
  const answer = parseAnswer(body);
  if (!answer.ok) return apiFailed(answer.failure);
  const list = answer.value;
  const metadata = memberOf(list, 'metadata');
  const resourceVersion = textOf(metadata, 'resourceVersion');
  const kind = textOf(list, 'kind');
  const apiVersion = textOf(list, 'apiVersion');
  // Go writes an empty list of some types as null; one that is not there at all is no list.
  const items = memberOf(list, 'items') === null ? [] : memberOf(list, 'items');
  if (!resourceVersion || kind?.endsWith('List') !== true || apiVersion === undefined || !Array.isArray(items)) {
    return unusable(`no list when asked to ${doing}`);
  }
  const objects: ReadObject[] = [];
  for (const item of items) {
    const object = readObject(item, { apiVersion, kind: kind.slice(0, -'List'.length) });
    // A list with a hole would take for gone what is there.
    if (object === undefined) return unusable(`an object without a name when asked to ${doing}`);
    objects.push(object);
  }
  return ok({ objects, resourceVersion, next: textOf(metadata, 'continue') || undefined });
}

function unusable(what: string) {
  return apiFailed(failure('CLUSTER_ANSWER_UNUSABLE', `the API server answered ${what}`));
}
