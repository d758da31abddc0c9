import { failure, ok } from '../codes/result.ts';
import { asArray, asObject, type JsonObject, stringAt } from '../encoding/strict-json.ts';
import type { ApiClient } from './api.ts';
import { type ApiResult, apiFailed } from './failures.ts';
import type { Resource } from './resource.ts';

/**
 * Whether the API server serves a resource at all, by its own table of contents. A 404 does not say that: a proxy that
 * lost its way answers it too, and whoever believed it would let go of every policy.
 */
export async function isServed(
  api: Pick<ApiClient, 'read'>,
  resource: Resource,
  signal: AbortSignal,
): Promise<ApiResult<boolean>> {
  const { group, version, plural } = resource;
  if (group === '') return ok(true);
  const groups = await entries(api, '/apis', 'APIGroupList', 'groups', signal);
  if (!groups.ok) return groups;
  const found = groups.value.find((entry) => entry['name'] === group);
  const versions = asArray(found?.['versions']) ?? [];
  if (!versions.some((entry) => asObject(entry)?.['version'] === version)) return ok(false);

  const path = `/apis/${encodeURIComponent(group)}/${encodeURIComponent(version)}`;
  const resources = await entries(api, path, 'APIResourceList', 'resources', signal);
  return resources.ok ? ok(resources.value.some((entry) => entry['name'] === plural)) : resources;
}

async function entries(
  api: Pick<ApiClient, 'read'>,
  path: string,
  kind: string,
  member: string,
  signal: AbortSignal,
): Promise<ApiResult<readonly JsonObject[]>> {
  const answer = await api.read(path, { signal });
  if (!answer.ok) return answer;
  const list = asArray(answer.value[member]);
  if (stringAt(answer.value, 'kind') !== kind || list === undefined) {
    return apiFailed(failure('CLUSTER_ANSWER_UNUSABLE', `the API server answered no ${kind} when asked for ${path}`));
  }
  return ok(list.map(asObject).filter((entry) => entry !== undefined));
}
