import { describe, expect, it } from 'vitest';
import { failure, ok } from '../../src/codes/result.ts';
import type { ApiClient, Page } from '../../src/kubernetes/api.ts';
import type { ApiResult } from '../../src/kubernetes/failures.ts';
import { listAll } from '../../src/kubernetes/list-all.ts';
import type { ReadObject } from '../../src/kubernetes/objects.ts';

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps' };

const object = (name: string): ReadObject => ({
  header: { key: name, namespace: undefined, name, uid: name, resourceVersion: '1' },
  object: ok({}),
  weight: 10,
});
const page = (resourceVersion: string, next: string | undefined, ...names: string[]): ApiResult<Page> =>
  ok({ objects: names.map(object), resourceVersion, next });
const trouble = (kind: 'expired' | 'oversized'): ApiResult<Page> => ({
  ok: false,
  failure: { kind, failure: failure('CLUSTER_UNAVAILABLE', kind) },
});

/** Lists by an API that answers with these pages in turn. */
async function listed(...pages: readonly ApiResult<Page>[]) {
  const left = [...pages];
  const asked: string[] = [];
  const list: ApiClient['list'] = (_, { limit, next }) => {
    asked.push(`${limit} from ${next ?? 'the beginning'}`);
    return Promise.resolve(left.shift() ?? trouble('expired'));
  };
  const bounds = { objects: 5, bytes: 1_000 };
  const signal = new AbortController().signal;
  const all = await listAll({ list }, CONFIG_MAPS, { bounds, signal, timeoutMs: 1_000 });
  const names = all.ok ? all.value.objects.map(({ header }) => header.name) : all.failure.failure.message;
  return { names, version: all.ok ? all.value.resourceVersion : undefined, asked };
}

describe('a list in pages', () => {
  it('is of the version of its first page, so that no change between two pages is missed', async () => {
    expect(await listed(page('10', 'a', 'one'), page('12', undefined, 'two'))).toEqual({
      names: ['one', 'two'],
      version: '10',
      asked: ['200 from the beginning', '200 from a'],
    });
  });

  it('that begins anew keeps nothing of what it had: it may be gone', async () => {
    expect(await listed(page('10', 'a', 'gone'), trouble('expired'), page('20', undefined, 'there'))).toMatchObject({
      names: ['there'],
      version: '20',
    });
  });

  it('that expires each time fails after three beginnings', async () => {
    const { names, asked } = await listed(
      ...[page('1', 'a', 'x'), trouble('expired'), page('2', 'a', 'x'), trouble('expired'), page('3', 'a', 'x')],
    );
    expect(names).toBe('expired');
    expect(asked).toHaveLength(6);
  });

  it('asks for ever smaller pages, down to one object, and fails where that is too large', async () => {
    const large = trouble('oversized');
    const { names, asked } = await listed(large, large, large, large);
    expect(names).toBe('oversized');
    expect(asked.map((each) => each.split(' ')[0])).toEqual(['200', '25', '4', '1']);
  });

  it('that is more than is kept fails whole', async () => {
    const { names } = await listed(page('1', 'a', '1', '2', '3'), page('1', undefined, '4', '5', '6'));
    expect(names).toBe('there are more configmaps than 5 objects or 1000 bytes');
  });
});
