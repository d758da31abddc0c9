import { afterEach, describe, expect, it } from 'vitest';
import { type Lookup, ok } from '../../src/codes/result.ts';
import { mirrorRules, type RegistryHost } from '../../src/config/registries.ts';
import type { RegistryRule } from '../../src/config/registry-rules.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import { createRegistry, type RegistryOptions } from '../../src/registry/create.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { context, fakeClock, imageManifest, plain, said } from '../fixtures/registry/client.ts';
import { folderOf, type Lookaside, searchIn, startLookaside } from '../fixtures/registry/lookaside.ts';
import { mirror, rule } from '../fixtures/registry/rules.ts';

const PATH = 'acme/app';
const DIGEST = digestOf(Buffer.from('image'));
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function start(): Promise<Lookaside> {
  const server = await startLookaside();
  open.push(() => server.close());
  return server;
}

function client(options: RegistryOptions): Registry {
  const registry = createRegistry({ clock: fakeClock(), ...options });
  open.push(() => registry.close());
  return registry;
}

/** A client that writes down what it would ask, and is told everywhere that there is nothing. */
function recorded(options: RegistryOptions) {
  const urls: string[] = [];
  const registry = client({
    ...options,
    http: {
      request: ({ url }) => {
        urls.push(url.href);
        const status = url.pathname === '/v2/' ? 200 : 404;
        return Promise.resolve(ok({ status, header: () => undefined, body: Buffer.alloc(0) }));
      },
      close: () => Promise.resolve(),
    },
  });
  return { urls, registry };
}

/** Every way to read, by what it is for. */
const READS: Readonly<Record<string, (registry: Registry, host: string) => Promise<Lookup<unknown>>>> = {
  tag: (registry, host) => registry.resolveTag({ host, path: PATH }, '1', context()),
  'manifest by tag': (registry, host) => registry.manifest({ host, path: PATH }, { tag: '1' }, context()),
  manifest: (registry, host) => registry.manifest({ host, path: PATH }, DIGEST, context()),
  blob: (registry, host) => registry.blob({ host, path: PATH }, { digest: DIGEST, size: 1 }, 10, context()),
  'signature tag': (registry, host) =>
    registry.manifest({ host, path: PATH }, { tag: 'sha256-00.sig', about: DIGEST }, context()),
  referrers: (registry, host) => registry.referrers({ host, path: PATH }, DIGEST, context()),
  detached: (registry, host) =>
    registry.detached({ host, path: PATH }, DIGEST, searchIn('file:///nowhere/at/all'), 128, context()),
};

const hostsOf = (urls: readonly string[]): readonly string[] => [...new Set(urls.map((url) => new URL(url).host))];

describe('what is asked of mirrors', () => {
  const rules = [
    rule('a.test', {
      mirrors: [mirror('digests.test', 'digests'), mirror('tags.test', 'tags'), mirror('all.test')],
    }),
  ];

  it.each(['tag', 'manifest by tag'])('a place for digests is never asked what a tag means (%s)', async (what) => {
    const { urls, registry } = recorded({ rules: () => rules });
    expect(said((await READS[what]?.(registry, 'a.test')) ?? { kind: 'absent' })).toBe('absent');
    expect(hostsOf(urls)).toEqual(['tags.test', 'all.test', 'a.test']);
  });

  it.each(['manifest', 'blob', 'signature tag', 'referrers', 'detached'])(
    'every place is asked for what a digest names or is about, in order (%s)',
    async (what) => {
      const { urls, registry } = recorded({ rules: () => rules });
      await READS[what]?.(registry, 'a.test');
      expect(hostsOf(urls)).toEqual(['digests.test', 'tags.test', 'all.test', 'a.test']);
    },
  );

  it('each place is asked once, however often rules name it', async () => {
    const twice = rule('a.test', { mirrors: [mirror('m.test'), mirror('a.test'), mirror('m.test')] });
    const { urls, registry } = recorded({ rules: () => [twice] });
    await READS['manifest']?.(registry, 'a.test');
    expect(hostsOf(urls)).toEqual(['m.test', 'a.test']);
    expect(urls).toHaveLength(2);
  });
});

describe('a blocked source', () => {
  const blocked = (...mirrors: readonly RegistryRule['mirrors'][number][]) => [
    rule('a.test', { blocked: true, mirrors }),
  ];

  it.each(Object.keys(READS))('without mirrors is never contacted, and said to be blocked (%s)', async (what) => {
    const { urls, registry } = recorded({ rules: () => blocked() });
    const found = await READS[what]?.(registry, 'a.test');
    expect(found).toMatchObject({ kind: 'failed', failure: { code: 'REGISTRY_BLOCKED' } });
    expect(urls).toEqual([]);
  });

  it.each(['tag', 'manifest by tag', 'manifest', 'blob'])(
    'whose mirrors do not have it is blocked (%s)',
    async (what) => {
      const { urls, registry } = recorded({ rules: () => blocked(mirror('m.test')) });
      const found = await READS[what]?.(registry, 'a.test');
      expect(found).toMatchObject({
        kind: 'failed',
        failure: { code: 'REGISTRY_BLOCKED', message: 'a.test is blocked, and none of its mirrors has it' },
      });
      expect(hostsOf(urls)).toEqual(['m.test']);
    },
  );

  it.each([
    ['signature tag', 'absent'],
    ['referrers', 'found'],
    ['detached', 'found'],
  ])('whose mirrors have no signature is unsigned and not blocked (%s)', async (what, word) => {
    const { urls, registry } = recorded({ rules: () => blocked(mirror('m.test')) });
    expect((await READS[what]?.(registry, 'a.test'))?.kind).toBe(word);
    expect(hostsOf(urls)).toEqual(['m.test']);
  });

  it('whose only mirror is there for digests has nobody to say what a tag means', async () => {
    const { urls, registry } = recorded({ rules: () => blocked(mirror('m.test', 'digests')) });
    expect(await READS['tag']?.(registry, 'a.test')).toMatchObject({
      failure: { code: 'REGISTRY_BLOCKED', message: 'a.test is blocked, and there is no mirror to ask instead' },
    });
    expect(urls).toEqual([]);
  });

  it('with a mirror in trouble is in that trouble, and not blocked', async () => {
    const server = await start();
    server.spoil({ fault: { kind: 'status', status: 503 } });
    const registry = client({
      hosts: new Map([[server.host, plain()]]),
      rules: () => blocked(mirror(server.host)),
    });
    expect(said((await READS['manifest']?.(registry, 'a.test')) ?? { kind: 'absent' })).toBe('REGISTRY_UNAVAILABLE');
  });
});

describe('how a place is reached', () => {
  const insecure = [
    rule('a.test', { location: 'b.test:8080/x', insecure: true, mirrors: [mirror('m.test', 'everything', true)] }),
  ];

  it('is plain HTTP where a rule says insecure, unless the configuration knows the host', async () => {
    const first = recorded({ rules: () => insecure });
    await READS['manifest']?.(first.registry, 'a.test');
    expect(first.urls.map((url) => new URL(url).origin)).toEqual(['http://m.test', 'http://b.test:8080']);

    const hosts = new Map([['m.test', plain({ plainHttp: false })]]);
    const second = recorded({ rules: () => insecure, hosts });
    await READS['manifest']?.(second.registry, 'a.test');
    expect(second.urls.map((url) => new URL(url).origin)).toEqual(['https://m.test', 'http://b.test:8080']);
  });

  it('is the configuration for a host that rules call secure', async () => {
    const { urls, registry } = recorded({
      rules: () => [rule('a.test', { mirrors: [mirror('m.test')] })],
      hosts: new Map([['m.test', plain()]]),
    });
    await READS['manifest']?.(registry, 'a.test');
    expect(urls.map((url) => new URL(url).origin)).toEqual(['http://m.test', 'https://a.test']);
  });

  it('may be redirected in plain HTTP only where plain HTTP is spoken', async () => {
    const [front, behind] = [await start(), await start()];
    const image = behind.pushManifest(PATH, imageManifest(layer(behind), layer(behind)), MANIFEST_TYPES.ociManifest);
    const to = `http://${behind.host}/v2/${PATH}/manifests/${image.digest}`;
    front.spoil({ fault: { kind: 'redirect', to } });
    const place = { host: front.host, path: PATH };
    const readWith = async (...mirrors: readonly RegistryRule['mirrors'][number][]) => {
      const configuredRules = [rule(front.host, { insecure: true }), rule('x.test', { mirrors })];
      const registry = client({ configuredRules: () => configuredRules });
      return said(await registry.manifest(place, image.digest, context()));
    };
    expect(await readWith(mirror(behind.host))).toBe('REDIRECT_REFUSED');
    expect(await readWith(mirror(behind.host, 'everything', true))).toBe('found');
  });

  it('is not plain by a redirect either where the configuration knows the host', async () => {
    const [front, behind] = [await start(), await start()];
    front.spoil({ fault: { kind: 'redirect', to: `http://${behind.host}/` } });
    const rules = [rule(behind.host, { insecure: true })];
    const hosts = new Map([
      [front.host, plain()],
      [behind.host, plain({ plainHttp: false })],
    ]);
    const registry = client({ hosts, rules: () => rules });
    const found = await registry.manifest({ host: front.host, path: PATH }, DIGEST, context());
    expect(said(found)).toBe('REDIRECT_REFUSED');
    expect(behind.seen()).toEqual([]);
  });

  it.each([
    ['http://y.a.test:5000/there', 'absent'],
    ['http://a.test/there', 'REDIRECT_REFUSED'],
    ['http://y.a.test.other.test/there', 'REDIRECT_REFUSED'],
  ])('under an insecure wildcard may be redirected in plain HTTP to its like alone: %s', async (to, word) => {
    const urls: string[] = [];
    const registry = client({
      rules: () => [rule('*.a.test', { insecure: true })],
      http: {
        request: ({ url }) => {
          urls.push(url.href);
          const header = (name: string) => (name === 'location' ? to : undefined);
          return Promise.resolve(ok({ status: urls.length === 1 ? 307 : 404, header, body: Buffer.alloc(0) }));
        },
        close: () => Promise.resolve(),
      },
    });
    expect(said(await registry.manifest({ host: 'x.a.test', path: PATH }, DIGEST, context()))).toBe(word);
    expect(urls.slice(1)).toEqual(word === 'absent' ? [to] : []);
  });

  it('is known of every host under an insecure wildcard, and of no other', async () => {
    const registryOf = (host: string) => ({ host, path: PATH });
    const { urls, registry } = recorded({ rules: () => [rule('*.a.test', { insecure: true })] });
    for (const host of ['x.a.test:5000', 'a.test']) await registry.manifest(registryOf(host), DIGEST, context());
    expect(urls.map((url) => new URL(url).origin)).toEqual(['http://x.a.test:5000', 'https://a.test']);
  });
});

const layer = (server: Lookaside) => server.pushBlob(PATH, Buffer.from('layer'));

describe('a loopback address', () => {
  it('may be named by rules of configuration files and not by others', async () => {
    const server = await start();
    const image = server.pushManifest(PATH, imageManifest(layer(server), layer(server)), MANIFEST_TYPES.ociManifest);
    const rules = [rule('a.test', { blocked: true, mirrors: [mirror(server.host, 'everything', true)] })];
    const read = async (options: RegistryOptions) =>
      said(await client(options).manifest({ host: 'a.test', path: PATH }, image.digest, context()));
    expect(await read({ configuredRules: () => rules })).toBe('found');
    expect(await read({ rules: () => rules })).toBe('ADDRESS_FORBIDDEN');
    expect(await read({ rules: () => rules, hosts: new Map([[server.host, plain()]]) })).toBe('found');
  });

  it('is out of reach again once no rule names it, also over a connection that is still open', async () => {
    const server = await start();
    const image = server.pushManifest(PATH, imageManifest(layer(server), layer(server)), MANIFEST_TYPES.ociManifest);
    let rules = [rule('a.test', { mirrors: [mirror(server.host, 'everything', true)] })];
    const registry = client({ configuredRules: () => rules });
    const place = { host: server.host, path: PATH };
    expect(said(await registry.manifest({ host: 'a.test', path: PATH }, image.digest, context()))).toBe('found');
    rules = [];
    expect(said(await registry.manifest(place, image.digest, context()))).toBe('ADDRESS_FORBIDDEN');
  });
});

describe('rules that change while the client runs', () => {
  it('decide the next request, and name its access anew', async () => {
    let rules: readonly RegistryRule[] = [];
    const { urls, registry } = recorded({ rules: () => rules });
    const place = { host: 'a.test', path: PATH };
    const states: readonly (readonly RegistryRule[])[] = [
      [],
      [rule('a.test', { mirrors: [mirror('m.test')] })],
      [rule('a.test', { mirrors: [mirror('m.test', 'digests')] })],
      [rule('a.test', { mirrors: [mirror('m.test', 'digests')], blocked: true })],
      [rule('a.test', { mirrors: [mirror('m.test', 'digests', true)], blocked: true })],
      [rule('a.test', { location: 'b.test' })],
      // The same places as before, one of which may not be asked: what the others lack is another answer.
      [rule('a.test', { location: 'b.test', mirrors: [mirror('c.test')] }), rule('c.test', { blocked: true })],
    ];
    const ids: string[] = [];
    const asked: (readonly string[])[] = [];
    for (const state of states) {
      rules = state;
      urls.length = 0;
      ids.push(registry.access(place).id);
      await registry.manifest(place, DIGEST, context());
      asked.push(urls.map((url) => new URL(url).origin));
    }
    expect(new Set(ids).size).toBe(states.length);
    expect(asked).toEqual([
      ['https://a.test'],
      ['https://m.test', 'https://a.test'],
      ['https://m.test', 'https://a.test'],
      ['https://m.test'],
      ['http://m.test'],
      ['https://b.test'],
      ['https://b.test'],
    ]);
    rules = [];
    expect(registry.access(place).id).toBe(ids[0]);
  });

  it('leave alone the access of what they do not concern', () => {
    let rules: readonly RegistryRule[] = [];
    const registry = client({ rules: () => rules });
    const before = registry.access({ host: 'a.test', path: PATH }).id;
    rules = [rule('other.test', { mirrors: [mirror('m.test')] })];
    expect(registry.access({ host: 'a.test', path: PATH }).id).toBe(before);
  });

  it('are of equal prefixes first those of hosts, then of files, then of others', async () => {
    const via = (host: string) => [rule('a.test', { mirrors: [mirror(host)] })];
    const hosts = new Map<string, RegistryHost>([
      ['a.test', plain({ plainHttp: false, mirrors: [{ host: 'own.test', pathPrefix: 'deep' }] })],
    ]);
    const configuredRules = () => via('file.test');
    const rules = () => via('cluster.test');
    for (const [options, first] of [
      [{ hosts, configuredRules, rules }, 'https://own.test/v2/deep/acme/app/manifests/'],
      [{ configuredRules, rules }, 'https://file.test/v2/acme/app/manifests/'],
      [{ rules }, 'https://cluster.test/v2/acme/app/manifests/'],
    ] as const) {
      const { urls, registry } = recorded(options);
      await READS['manifest']?.(registry, 'a.test');
      expect(urls).toEqual([`${first}${DIGEST}`, `https://a.test/v2/acme/app/manifests/${DIGEST}`]);
    }
  });
});

describe('signatures at mirrors', () => {
  it('are looked for in the lookaside of each physical place, and the first place with any ends it', async () => {
    const [mirrored, source, lookaside] = [await start(), await start(), await start()];
    const hosts = new Map([mirrored, source].map(({ host }) => [host, plain()]));
    const rules = [rule(source.host, { mirrors: [mirror(`${mirrored.host}/copies`)] })];
    const registry = client({ hosts, rules: () => rules });
    const base = `http://${lookaside.host}`;
    const search = searchIn(`${base}/other`, {
      [source.host]: { lookaside: `${base}/source` },
      [`${mirrored.host}/copies/acme`]: { lookaside: `${base}/mirror` },
    });
    const place = { host: source.host, path: PATH };
    const [atMirror, atSource] = [folderOf('/mirror', `copies/${PATH}`, DIGEST), folderOf('/source', PATH, DIGEST)];

    lookaside.put(atSource, ['of the source']);
    expect(await registry.detached(place, DIGEST, search, 128, context())).toMatchObject({
      kind: 'found',
      value: { location: place, place: `${base}${atSource}` },
    });
    expect(lookaside.seen()).toEqual([
      `GET ${atMirror}/signature-1`,
      `GET ${atSource}/signature-1`,
      `GET ${atSource}/signature-2`,
    ]);

    lookaside.requests.length = 0;
    lookaside.put(atMirror, ['of the mirror']);
    expect(await registry.detached(place, DIGEST, search, 128, context())).toMatchObject({
      kind: 'found',
      value: { location: { host: mirrored.host, path: `copies/${PATH}` }, place: `${base}${atMirror}` },
    });
    expect(lookaside.seen()).toEqual([`GET ${atMirror}/signature-1`, `GET ${atMirror}/signature-2`]);
  });

  it('of Docker Hub are looked up under its name in references, and asked for where its registry answers', async () => {
    const { urls, registry } = recorded({});
    const search = searchIn(undefined, {
      'docker.io/library': { lookaside: 'https://sigs.test' },
      'registry-1.docker.io': { lookaside: 'https://wrong.test' },
    });
    await registry.detached({ host: 'docker.io', path: 'library/busybox' }, DIGEST, search, 128, context());
    expect(urls).toEqual([
      'https://registry-1.docker.io/v2/',
      `${folderOf('https://sigs.test', 'library/busybox', DIGEST)}/signature-1`,
    ]);
  });

  it('that could not be read at a mirror are trouble, unless another place has some', async () => {
    const [mirrored, source, lookaside] = [await start(), await start(), await start()];
    const hosts = new Map([mirrored, source].map(({ host }) => [host, plain()]));
    const rules = [rule(source.host, { mirrors: [mirror(mirrored.host)] })];
    const registry = client({ hosts, rules: () => rules });
    const search = searchIn(`http://${lookaside.host}/sigs`);
    const place = { host: source.host, path: PATH };
    mirrored.spoil({ on: '/v2/', fault: { kind: 'status', status: 500 } });
    const empty = await registry.detached(place, DIGEST, search, 128, context());
    expect(said(empty)).toBe('REGISTRY_UNAVAILABLE');
    lookaside.put(folderOf('/sigs', PATH, DIGEST), ['one']);
    expect(said(await registry.detached(place, DIGEST, search, 128, context()))).toBe('found');
  });

  it('detached ones are looked for wherever the image is, also where attachments are not wanted', async () => {
    const { urls, registry } = recorded({ rules: () => [rule('a.test', { mirrors: [mirror('m.test')] })] });
    const search = searchIn('https://sigs.test', { 'm.test': { attachments: true } });
    const place = { host: 'a.test', path: PATH };
    const storage = registry.storage(place, search);
    expect(storage.attachments).toBe('somewhere');
    const asked = { ...context(), isWanted: storage.hasAttachments };
    await registry.detached(place, DIGEST, search, 128, asked);
    expect(hostsOf(urls)).toEqual(['m.test', 'sigs.test', 'a.test']);
    urls.length = 0;
    await registry.manifest(place, { tag: 'sha256-00.sig', about: DIGEST }, asked);
    expect(hostsOf(urls)).toEqual(['m.test']);
  });
});

describe('the plan of storage', () => {
  const place = { host: 'a.test', path: PATH };
  const rules = [rule('a.test', { mirrors: [mirror('m.test/copies')] })];

  it('says of each physical place whether attachments are read there', () => {
    const registry = client({ rules: () => rules });
    const storage = registry.storage(place, searchIn(undefined, { 'm.test': { attachments: true } }));
    expect(storage.hasAttachments({ host: 'm.test', path: `copies/${PATH}` })).toBe(true);
    expect(storage.hasAttachments(place)).toBe(false);
    expect(storage.hasAttachments({ host: 'elsewhere.test', path: PATH })).toBe(false);
    expect(registry.storage(place, searchIn(undefined)).attachments).toBe('nowhere');
  });

  it('has another name for every other plan, and reveals no password', () => {
    const registry = client({ rules: () => rules });
    const ids = [
      searchIn(undefined),
      searchIn('https://bob:s3cret@sigs.test'),
      searchIn('https://bob:other@sigs.test'),
      searchIn(undefined, {}, true),
      searchIn(undefined, { 'a.test': { attachments: true } }),
      searchIn(undefined, { 'm.test': { attachments: true } }),
      searchIn(undefined, { 'a.test/acme/app:1': { lookaside: 'https://sigs.test' } }),
    ].map((search) => registry.storage(place, search).id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.join('')).not.toContain('s3cret');
    expect(registry.storage(place, searchIn(undefined, { 'else.test': { attachments: true } })).id).toBe(ids[0]);
  });
});

describe('the mirrors of hosts', () => {
  it('are rules like all others', () => {
    const hosts = new Map([
      [
        'a.test:5000',
        plain({
          mirrors: [
            { host: 'm.test', pathPrefix: '' },
            { host: 'n.test', pathPrefix: 'x/y' },
          ],
        }),
      ],
      ['b.test', plain()],
    ]);
    expect(mirrorRules(hosts)).toEqual([rule('a.test:5000', { mirrors: [mirror('m.test'), mirror('n.test/x/y')] })]);
  });
});
