import { failure, ok } from '../codes/result.ts';
import type { ApiClient, Selection } from './api.ts';
import { type ApiResult, apiFailed } from './failures.ts';
import type { ReadObject } from './objects.ts';
import { type Resource, shownResource } from './resource.ts';

/** How much of one resource is kept. Beyond it the list fails; nothing is left out in silence. */
export type ListBounds = { readonly objects: number; readonly bytes: number };

/** Everything of a resource at one moment. */
export type FullList = { readonly objects: readonly ReadObject[]; readonly resourceVersion: string };

const PAGE = 200;
/** A continue token holds for minutes; a list that is not through after this many beginnings will not be. */
const BEGINNINGS = 3;

/**
 * Lists a resource page by page, at the latest state (no `resourceVersion`, so never an older one than was seen before).
 * A page that is too large is asked for in smaller pieces, so that a few huge objects do not hide the others.
 */
export async function listAll(
  api: Pick<ApiClient, 'list'>,
  resource: Resource,
  options: Selection & { readonly bounds: ListBounds; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<ApiResult<FullList>> {
  const { bounds, signal, timeoutMs, ...selection } = options;
  let limit = PAGE;
  let beginnings = 1;
  let next: string | undefined;
  let resourceVersion: string | undefined;
  let objects: ReadObject[] = [];
  let weight = 0;

  for (;;) {
    const page = await api.list(resource, { ...selection, limit, next }, { signal, timeoutMs });
    if (!page.ok && page.failure.kind === 'oversized' && limit > 1) {
      limit = Math.ceil(limit / 8);
      continue;
    }
    if (!page.ok && page.failure.kind === 'expired' && next !== undefined && beginnings < BEGINNINGS) {
      beginnings++;
      next = undefined;
      resourceVersion = undefined;
      objects = [];
      weight = 0;
      continue;
    }
    if (!page.ok) return page;

    // All pages show the state of the first one.
    resourceVersion ??= page.value.resourceVersion;
    for (const object of page.value.objects) {
      objects.push(object);
      weight += object.weight;
    }
    if (objects.length > bounds.objects || weight > bounds.bytes) return tooMuch(resource, bounds);
    next = page.value.next;
    if (next === undefined) return ok({ objects, resourceVersion });
  }
}

/** The failure of a resource that is more than is kept. */
export function tooMuch(resource: Resource, bounds: ListBounds) {
  const most = `${bounds.objects} objects or ${bounds.bytes} bytes`;
  return apiFailed(failure('CLUSTER_ANSWER_UNUSABLE', `there are more ${shownResource(resource)} than ${most}`));
}
