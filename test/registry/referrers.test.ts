import { afterEach, describe, expect, it } from 'vitest';
import type { RegistryServerOptions } from '../../src/cli/demo/registry-server.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { type Digest, hexOf } from '../../src/image/digest.ts';
import { createRegistry, type RegistryOptions } from '../../src/registry/create.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { context, fakeClock, imageManifest, plain, said } from '../fixtures/registry/client.ts';
import {
  type Fault,
  type MisbehavingRegistry,
  sha256,
  startRegistry,
} from '../fixtures/registry/misbehaving-registry.ts';

const PATH = 'acme/app';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function arrange(options: RegistryServerOptions = {}, signatures = 2, client: RegistryOptions = {}) {
  const server = await startRegistry(options);
  const registry = createRegistry({ hosts: new Map([[server.host, plain()]]), clock: fakeClock(), ...client });
  open.push(
    () => registry.close(),
    () => server.close(),
  );
  const config = server.pushBlob(PATH, Buffer.from('{}'));
  const image = server.pushManifest(
    PATH,
    imageManifest(server.pushBlob(PATH, Buffer.from('l')), config),
    undefined,
    '1',
  );
  for (let i = 0; i < signatures; i++) attach(server, image.digest, String(i));
  server.requests.length = 0;
  return { server, registry, digest: image.digest, repository: { host: server.host, path: PATH } };
}

function attach(server: MisbehavingRegistry, subject: Digest, content: string, wrong: { artifactType?: string } = {}) {
  const config = server.pushBlob(PATH, Buffer.from('{}'));
  const layer = server.pushBlob(PATH, Buffer.from(content));
  const about = {
    artifactType: BUNDLE,
    subject: { mediaType: MANIFEST_TYPES.ociManifest, digest: subject, size: 1 },
    annotations: { n: content },
  };
  return server.attachReferrer(PATH, imageManifest(layer, config, about), wrong);
}

type Arranged = { registry: Registry; repository: { host: string; path: string }; digest: Digest };
const list = ({ registry, repository, digest }: Arranged, asked = context()) =>
  registry.referrers(repository, digest, asked);

async function listed(arranged: Arranged) {
  const lookup = await list(arranged);
  return lookup.kind === 'found'
    ? { source: lookup.value.source, count: lookup.value.descriptors.length }
    : said(lookup);
}

describe('referrers', () => {
  it('are listed by the API, and the fallback tag is then not read', async () => {
    const arranged = await arrange();
    const lookup = await list(arranged);
    expect(lookup).toMatchObject({ kind: 'found', value: { source: 'api', location: arranged.repository } });
    expect(lookup.kind === 'found' && lookup.value.descriptors[1]).toMatchObject({
      mediaType: MANIFEST_TYPES.ociManifest,
      artifactType: BUNDLE,
      annotations: { n: '1' },
    });
    expect(arranged.server.seen()).toEqual([`GET /v2/${PATH}/referrers/${arranged.digest}`]);
  });

  it('are an empty list where there are none', async () => {
    expect(await listed(await arrange({}, 0))).toEqual({ source: 'api', count: 0 });
    expect(await listed(await arrange({ referrers: 'none' }, 0))).toEqual({ source: 'fallback', count: 0 });
  });

  it('are all listed, page by page', async () => {
    const arranged = await arrange({ pageSize: 2 }, 5);
    expect(await listed(arranged)).toEqual({ source: 'api', count: 5 });
    expect(arranged.server.requests).toHaveLength(3);
  });

  it('come from the fallback tag where there is no API, with whatever type their writer gave them', async () => {
    const arranged = await arrange({ referrers: 'none' });
    attach(arranged.server, arranged.digest, 'x', { artifactType: 'application/vnd.example.wrong' });
    const lookup = await list(arranged);
    expect(lookup).toMatchObject({ kind: 'found', value: { source: 'fallback' } });
    expect(lookup.kind === 'found' && lookup.value.descriptors.map((each) => each.artifactType)).toEqual([
      BUNDLE,
      BUNDLE,
      'application/vnd.example.wrong',
    ]);
    expect(arranged.server.seen().at(-1)).toBe(`GET /v2/${PATH}/manifests/sha256-${hexOf(arranged.digest)}`);
  });

  it('do not ask for a missing API again at once, and see a new one soon', async () => {
    const clock = fakeClock();
    const arranged = await arrange({ referrers: 'none' }, 1, { clock });
    await list(arranged);
    await list(arranged);
    expect(arranged.server.requests).toHaveLength(3);
    arranged.server.setReferrers('api');
    clock.advance(300_000);
    expect(await listed(arranged)).toEqual({ source: 'api', count: 1 });
  });

  it.each([
    ['400', { kind: 'status', status: 400 }],
    ['404', { kind: 'status', status: 404 }],
    ['405', { kind: 'status', status: 405 }],
    ['406', { kind: 'status', status: 406 }],
    ['501', { kind: 'status', status: 501 }],
    ['an HTML page', { kind: 'html' }],
    ['another content type', { kind: 'content-type', type: 'application/json', body: '{"manifests":[]}' }],
  ] as const satisfies readonly (readonly [string, Fault])[])('take %s for a missing API', async (_, fault) => {
    const arranged = await arrange({ referrers: 'none' });
    arranged.server.spoil({ on: '/referrers/', fault });
    expect(await listed(arranged)).toEqual({ source: 'fallback', count: 2 });
  });

  const index = (manifests: unknown) =>
    ({
      kind: 'content-type',
      type: MANIFEST_TYPES.ociIndex,
      body: JSON.stringify({ schemaVersion: 2, manifests }),
    }) as const;
  const good = { mediaType: MANIFEST_TYPES.ociManifest, digest: sha256('x'), size: 1 };
  const FAILURES: readonly (readonly [string, Fault, string])[] = [
    [
      '404 with NAME_UNKNOWN',
      { kind: 'status', status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' },
      'IMAGE_NOT_FOUND',
    ],
    ['401', { kind: 'status', status: 401 }, 'REGISTRY_UNAUTHORISED'],
    ['403', { kind: 'status', status: 403 }, 'REGISTRY_UNAUTHORISED'],
    ['429', { kind: 'status', status: 429 }, 'REGISTRY_RATE_LIMITED'],
    ['500', { kind: 'status', status: 500 }, 'REGISTRY_UNAVAILABLE'],
    ['reset', { kind: 'reset' }, 'REGISTRY_UNREACHABLE'],
    ['hang', { kind: 'hang' }, 'REGISTRY_DEADLINE'],
    ['an endless body', { kind: 'endless' }, 'RESPONSE_TOO_LARGE'],
    ['a cut body', { kind: 'truncated' }, 'REGISTRY_UNREACHABLE'],
    [
      'an index that is no JSON',
      { kind: 'content-type', type: MANIFEST_TYPES.ociIndex, body: '{' },
      'RESPONSE_MALFORMED',
    ],
    [
      'an index without a list',
      { kind: 'content-type', type: MANIFEST_TYPES.ociIndex, body: '{}' },
      'RESPONSE_MALFORMED',
    ],
    ['one digest too short', index([good, { ...good, digest: 'sha256:abc' }]), 'RESPONSE_MALFORMED'],
    ['a sha512 digest', index([{ ...good, digest: `sha512:${'a'.repeat(128)}` }]), 'RESPONSE_MALFORMED'],
    ['a negative size', index([{ ...good, size: -1 }]), 'RESPONSE_MALFORMED'],
    ['half a byte', index([{ ...good, size: 0.5 }]), 'RESPONSE_MALFORMED'],
    ['an annotation that is a number', index([{ ...good, annotations: { a: 1 } }]), 'RESPONSE_MALFORMED'],
    ['an artifact type that is a list', index([{ ...good, artifactType: [] }]), 'RESPONSE_MALFORMED'],
    ['a descriptor that is null', index([null]), 'RESPONSE_MALFORMED'],
    ['more than countersign looks at', index(Array.from({ length: 10_001 }, () => good)), 'LIMIT_EXCEEDED'],
    [
      'depth without end',
      { kind: 'content-type', type: MANIFEST_TYPES.ociIndex, body: '['.repeat(100_000) },
      'LIMIT_EXCEEDED',
    ],
  ];

  it.each(FAILURES)('fail on %s and never look unsigned', async (_, fault, code) => {
    const arranged = await arrange();
    arranged.server.spoil({ on: '/referrers/', fault });
    expect(said(await list(arranged, context(500)))).toBe(code);
    expect(arranged.server.seen().some((line) => line.includes('/manifests/'))).toBe(false);
  });

  it('take null, as Go writes it, for an empty list', async () => {
    const arranged = await arrange();
    arranged.server.spoil({ on: '/referrers/', fault: index(null) });
    expect(await listed(arranged)).toEqual({ source: 'api', count: 0 });
  });

  it('fail where a later page does, also with a status that the first may have', async () => {
    for (const [fault, code] of [
      [{ kind: 'status', status: 404 }, 'RESPONSE_MALFORMED'],
      [{ kind: 'status', status: 500 }, 'REGISTRY_UNAVAILABLE'],
      [{ kind: 'html' }, 'RESPONSE_MALFORMED'],
    ] as const satisfies readonly (readonly [Fault, string])[]) {
      let calls = 0;
      const arranged = await arrange({
        pageSize: 1,
        fault: (record) => {
          if (record.path.includes('/referrers/') && ++calls === 2) arranged.server.spoil({ fault });
          return false;
        },
      });
      expect(said(await list(arranged))).toBe(code);
    }
  });

  it('are not followed to another origin, nor in a circle', async () => {
    const arranged = await arrange();
    const page = (link: string) =>
      ({
        kind: 'status',
        status: 200,
        headers: { 'content-type': MANIFEST_TYPES.ociIndex, link },
        body: '{"manifests":[]}',
      }) as const;
    arranged.server.spoil({ times: 1, fault: page('<https://example.com/next>; rel="next"') });
    expect(said(await list(arranged))).toBe('REDIRECT_REFUSED');
    const { host } = arranged.server;
    arranged.server.spoil({ times: 1, fault: page(`<http://${host}//example.com/next>; rel="next"`) });
    expect(said(await list(arranged))).toBe('RESPONSE_MALFORMED');
    // The two slashes stay a path: the request came here, not to example.com.
    expect(arranged.server.requests.at(-1)?.headers.host).toBe(host);
    expect(arranged.server.requests).toHaveLength(3);
    arranged.server.spoil({ times: 1, fault: page('no brackets') });
    expect(said(await list(arranged))).toBe('RESPONSE_MALFORMED');
    arranged.server.spoil({ fault: page('</v2/x>; rel="next"') });
    arranged.server.requests.length = 0;
    expect(said(await list(arranged))).toBe('LIMIT_EXCEEDED');
    expect(arranged.server.requests).toHaveLength(50);
  });

  it('fail where the fallback tag is no index, or cannot be read', async () => {
    const arranged = await arrange({ referrers: 'none' }, 0);
    const tag = `sha256-${hexOf(arranged.digest)}`;
    arranged.server.setTag(PATH, tag, arranged.digest);
    expect(said(await list(arranged))).toBe('RESPONSE_MALFORMED');
    arranged.server.spoil({ on: tag, fault: { kind: 'status', status: 500 } });
    expect(said(await list(arranged))).toBe('REGISTRY_UNAVAILABLE');
  });

  it('are found or failed as the registry alternates, and never mixed up', async () => {
    const arranged = await arrange();
    for (let i = 0; i < 4; i++) {
      if (i % 2 === 1) arranged.server.spoil({ times: 1, on: '/referrers/', fault: { kind: 'status', status: 500 } });
      expect(await listed(arranged)).toEqual(i % 2 === 1 ? 'REGISTRY_UNAVAILABLE' : { source: 'api', count: 2 });
    }
  });
});

describe('mirrors', () => {
  async function mirrored(mirrorPath = '') {
    const mirror = await startRegistry();
    const source = await startRegistry();
    const hosts = new Map([
      [source.host, plain({ mirrors: [{ host: mirror.host, pathPrefix: mirrorPath }] })],
      [mirror.host, plain()],
    ]);
    const registry = createRegistry({ hosts, clock: fakeClock() });
    open.push(
      () => registry.close(),
      () => mirror.close(),
      () => source.close(),
    );
    const push = (server: MisbehavingRegistry, path: string) =>
      server.pushManifest(
        path,
        imageManifest(server.pushBlob(path, Buffer.from('l')), server.pushBlob(path, Buffer.from('{}'))),
        undefined,
        '1',
      );
    return { mirror, source, registry, push, repository: { host: source.host, path: PATH } };
  }

  it('answer before the source, below their path', async () => {
    const { mirror, source, registry, push, repository } = await mirrored('copies');
    const image = push(mirror, `copies/${PATH}`);
    const lookup = await registry.manifest(repository, image.digest, context());
    expect(lookup).toMatchObject({ kind: 'found', value: { location: { host: mirror.host, path: `copies/${PATH}` } } });
    expect(source.requests).toEqual([]);
  });

  it('that have nothing or are in trouble leave the answer to the source', async () => {
    const { mirror, source, registry, push, repository } = await mirrored();
    const image = push(source, PATH);
    expect(said(await registry.manifest(repository, image.digest, context()))).toBe('found');
    mirror.spoil({ fault: { kind: 'status', status: 500 } });
    expect(await registry.manifest(repository, image.digest, context())).toMatchObject({
      kind: 'found',
      value: { location: repository },
    });
  });

  it('make absent a failure when one of them could not be asked, and name it', async () => {
    const { mirror, registry, repository } = await mirrored();
    expect(said(await registry.resolveTag(repository, '1', context()))).toBe('absent');
    mirror.spoil({ fault: { kind: 'status', status: 503 } });
    const lookup = await registry.resolveTag(repository, '1', context());
    expect(said(lookup)).toBe('REGISTRY_UNAVAILABLE');
    expect(lookup.kind === 'failed' && lookup.failure.message).toContain(`${mirror.host}/${PATH}`);
  });

  it('that list no referrers do not hide those of the source', async () => {
    const { mirror, source, registry, push, repository } = await mirrored();
    const image = push(source, PATH);
    push(mirror, PATH);
    attach(source, image.digest, 's');
    const lookup = await registry.referrers(repository, image.digest, context());
    expect(lookup).toMatchObject({ kind: 'found', value: { location: repository } });
    expect(lookup.kind === 'found' && lookup.value.descriptors).toHaveLength(1);
  });

  it('that could be loosened do not hide trouble that could not', async () => {
    const { mirror, source, registry, push, repository } = await mirrored();
    const image = push(source, PATH);
    mirror.spoil({ fault: { kind: 'wrong-bytes' } });
    source.spoil({ fault: { kind: 'status', status: 503 } });
    expect(said(await registry.manifest(repository, image.digest, context()))).toBe('DIGEST_MISMATCH');
  });
});
