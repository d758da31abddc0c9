import { describe, expect, it } from 'vitest';
import { ok } from '../../src/codes/result.ts';
import type { CredentialSource } from '../../src/config/credentials.ts';
import type { RegistryHost } from '../../src/config/registries.ts';
import { createRegistry } from '../../src/registry/create.ts';
import { context, plain } from '../fixtures/registry/client.ts';

const secure = (more: Partial<RegistryHost> = {}): RegistryHost => plain({ plainHttp: false, ...more });

async function urlsFor(
  hosts: ReadonlyMap<string, RegistryHost>,
  host: string,
  path: string,
): Promise<readonly string[]> {
  const urls: string[] = [];
  const registry = createRegistry({
    hosts,
    http: {
      request: ({ url }) => {
        urls.push(url.href);
        return Promise.resolve(ok({ status: 404, header: () => undefined, body: Buffer.alloc(0) }));
      },
      close: () => Promise.resolve(),
    },
  });
  await registry.resolveTag({ host, path }, '1', context());
  return urls;
}

describe('where a repository is read', () => {
  it('is Docker Hub under the name that its registry answers to', async () => {
    expect(await urlsFor(new Map(), 'docker.io', 'library/busybox')).toEqual([
      'https://registry-1.docker.io/v2/library/busybox/manifests/1',
    ]);
  });

  it('is each mirror in turn, then the source, each by its own protocol', async () => {
    const hosts = new Map([
      [
        'docker.io',
        secure({
          mirrors: [
            { host: 'mirror.test:5000', pathPrefix: 'hub' },
            { host: 'other.test', pathPrefix: '' },
          ],
        }),
      ],
      ['mirror.test:5000', plain()],
    ]);
    expect(await urlsFor(hosts, 'docker.io', 'a/b')).toEqual([
      'http://mirror.test:5000/v2/hub/a/b/manifests/1',
      'https://other.test/v2/a/b/manifests/1',
      'https://registry-1.docker.io/v2/a/b/manifests/1',
    ]);
  });

  it('has a name of its own for each set of places and each credential, and one only', () => {
    const repository = { host: 'a.test', path: 'x' };
    const as = (id: string): CredentialSource => ({ id: () => id, candidates: () => Promise.resolve(ok([])) });
    const idOf = (hosts: ReadonlyMap<string, RegistryHost>, who: string, path = 'x') =>
      createRegistry({ hosts, credentials: as(who) }).access({ ...repository, path }).id;
    const none = new Map<string, RegistryHost>();
    const ids = [
      idOf(none, 'one'),
      idOf(none, 'two'),
      idOf(none, 'one', 'y'),
      idOf(new Map([['a.test', plain()]]), 'one'),
      idOf(new Map([['a.test', secure({ mirrors: [{ host: 'm.test', pathPrefix: '' }] })]]), 'one'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    expect(idOf(none, 'one')).toBe(ids[0]);
  });
});
