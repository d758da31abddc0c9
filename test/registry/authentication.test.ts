import { afterEach, describe, expect, it } from 'vitest';
import type { RegistryServerOptions } from '../../src/cli/demo/registry-server.ts';
import type { Credential, CredentialSource } from '../../src/config/credentials.ts';
import { credentialId } from '../../src/config/credentials.ts';
import type { RegistryHost } from '../../src/config/registries.ts';
import type { Descriptor } from '../../src/image/descriptor.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { createRegistry, type RegistryOptions } from '../../src/registry/create.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { context, fakeClock, imageManifest, plain, said } from '../fixtures/registry/client.ts';
import { type MisbehavingRegistry, startRegistry } from '../fixtures/registry/misbehaving-registry.ts';

const ALICE: Credential = { kind: 'basic', username: 'alice', password: 's3cret-password' };
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function serve(options: RegistryServerOptions = {}): Promise<MisbehavingRegistry> {
  const server = await startRegistry(options);
  open.push(() => server.close());
  return server;
}

function client(
  servers: readonly MisbehavingRegistry[],
  options: RegistryOptions & { readonly host?: Partial<RegistryHost> } = {},
): Registry {
  const hosts = new Map(servers.map((server) => [server.host, plain(options.host)]));
  const registry = createRegistry({ hosts, clock: fakeClock(), ...options });
  open.push(() => registry.close());
  return registry;
}

/** Gives one host a credential and all others none. */
function only(host: string, credential: Credential): CredentialSource {
  return {
    id: (repository) => credentialId(repository.host === host ? credential : undefined),
    candidates: (repository) => Promise.resolve({ ok: true, value: repository.host === host ? [credential] : [] }),
  };
}

function push(server: MisbehavingRegistry, path: string): Descriptor {
  const config = server.pushBlob(path, Buffer.from('{}'));
  return server.pushManifest(
    path,
    imageManifest(server.pushBlob(path, Buffer.from(path)), config),
    MANIFEST_TYPES.ociManifest,
    '1',
  );
}

const authorisationsOf = (server: MisbehavingRegistry): readonly (string | undefined)[] =>
  server.requests.map((request) => request.headers.authorization?.split(' ')[0]);

describe('authentication', () => {
  it('asks without a credential first, and with it once the registry wants it', async () => {
    const server = await serve({ auth: { kind: 'basic', username: 'alice', password: 's3cret-password' } });
    const image = push(server, 'a/b');
    const registry = client([server], { credentials: only(server.host, ALICE) });
    const repository = { host: server.host, path: 'a/b' };
    expect(said(await registry.manifest(repository, image.digest, context()))).toBe('found');
    expect(said(await registry.manifest(repository, image.digest, context()))).toBe('found');
    expect(authorisationsOf(server)).toEqual([undefined, 'Basic', 'Basic']);
  });

  it('does not send a wrong password over and over, and shows it nowhere', async () => {
    const server = await serve({ auth: { kind: 'basic', username: 'alice', password: 'other' } });
    const registry = client([server], { credentials: only(server.host, ALICE) });
    const lookup = await registry.resolveTag({ host: server.host, path: 'a' }, '1', context());
    expect(said(lookup)).toBe('REGISTRY_UNAUTHORISED');
    expect(server.requests).toHaveLength(2);
    expect(JSON.stringify(lookup)).not.toContain('s3cret');
    expect(registry.access({ host: server.host, path: 'a' }).id).not.toContain('s3cret');
  });

  it('does not hold one private repository against the public ones beside it', async () => {
    const server = await serve();
    const image = push(server, 'public/app');
    server.spoil({
      on: 'private',
      fault: { kind: 'status', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    });
    const registry = client([server]);
    expect(said(await registry.resolveTag({ host: server.host, path: 'private/app' }, '1', context()))).toBe(
      'REGISTRY_UNAUTHORISED',
    );
    expect(said(await registry.manifest({ host: server.host, path: 'public/app' }, image.digest, context()))).toBe(
      'found',
    );
  });

  it('takes one token for each repository, shared by all who ask at once, until it runs out', async () => {
    const server = await serve({
      auth: { kind: 'bearer', username: 'alice', password: 's3cret-password', expiresIn: 300 },
    });
    const image = push(server, 'a/b');
    push(server, 'c/d');
    const clock = fakeClock();
    const registry = client([server], { credentials: only(server.host, ALICE), clock });
    const read = (path: string) => registry.manifest({ host: server.host, path }, image.digest, context());
    const tokens = () => server.seen().filter((line) => line === 'GET /token').length;

    const lookups = await Promise.all(Array.from({ length: 10 }, () => read('a/b')));
    expect(new Set(lookups.map(said))).toEqual(new Set(['found']));
    expect(tokens()).toBe(1);
    await read('c/d');
    expect(tokens()).toBe(2);
    await read('a/b');
    expect(tokens()).toBe(2);
    clock.advance(291_000);
    expect(said(await read('a/b'))).toBe('found');
    expect(tokens()).toBe(3);
  });

  it('asks the realm for its own scope with the credential, and sends the registry nothing but the token', async () => {
    const server = await serve({ auth: { kind: 'bearer', username: 'alice', password: 's3cret-password' } });
    push(server, 'a/b');
    const registry = client([server], { credentials: only(server.host, ALICE) });
    const asked = context();
    await registry.resolveTag({ host: server.host, path: 'a/b' }, '1', asked);
    expect(asked.purposes).toEqual(['manifest-head', 'token', 'manifest-head']);
    expect(authorisationsOf(server)).toEqual([undefined, 'Basic', 'Bearer']);
    expect(server.requests[1]?.query).toBe('?service=registry.test&scope=repository%3Aa%2Fb%3Apull');
  });

  it('takes an anonymous token without a credential, and turns an identity token into one by POST', async () => {
    const anonymous = await serve({ auth: { kind: 'bearer' } });
    push(anonymous, 'a');
    expect(said(await client([anonymous]).resolveTag({ host: anonymous.host, path: 'a' }, '1', context()))).toBe(
      'found',
    );

    const server = await serve({ auth: { kind: 'bearer', username: 'x', password: 'y', identityToken: 'refresh-me' } });
    push(server, 'a');
    const registry = client([server], {
      credentials: only(server.host, { kind: 'identity-token', token: 'refresh-me' }),
    });
    expect(said(await registry.resolveTag({ host: server.host, path: 'a' }, '1', context()))).toBe('found');
    expect(server.seen()[1]).toBe('POST /token');
    expect(server.requests[1]?.query).toBe('');
  });

  it('fetches a new token once when the registry no longer takes the old one', async () => {
    const server = await serve({ auth: { kind: 'bearer' } });
    push(server, 'a');
    const registry = client([server]);
    const read = () => registry.resolveTag({ host: server.host, path: 'a' }, '1', context());
    await read();
    server.requests.length = 0;
    const challenge = { 'www-authenticate': `Bearer realm="http://${server.host}/token",service="registry.test"` };
    server.spoil({ on: '/manifests/', times: 1, fault: { kind: 'status', status: 401, headers: challenge } });
    expect(said(await read())).toBe('found');
    expect(server.seen()).toEqual(['HEAD /v2/a/manifests/1', 'GET /token', 'HEAD /v2/a/manifests/1']);
    server.spoil({ on: '/manifests/', fault: { kind: 'status', status: 401, headers: challenge } });
    server.requests.length = 0;
    expect(said(await read())).toBe('REGISTRY_UNAUTHORISED');
    expect(server.requests).toHaveLength(3);
  });

  it('an impatient caller does not take the token from those who wait', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const server = await serve({
      auth: { kind: 'bearer' },
      fault: async (record) => {
        if (record.path === '/token') {
          impatient.abort();
          await held;
        }
        return false;
      },
    });
    push(server, 'a');
    const registry = client([server]);
    const impatient = new AbortController();
    const first = registry.resolveTag({ host: server.host, path: 'a' }, '1', { signal: impatient.signal });
    const second = registry.resolveTag({ host: server.host, path: 'a' }, '1', context());
    expect(said(await first)).toBe('REGISTRY_DEADLINE');
    release();
    expect(said(await second)).toBe('found');
  });

  it.each([
    ['fails', { kind: 'status', status: 500 }, 'REGISTRY_UNAVAILABLE'],
    ['limits requests', { kind: 'status', status: 429 }, 'REGISTRY_RATE_LIMITED'],
    ['refuses', { kind: 'status', status: 403 }, 'REGISTRY_UNAUTHORISED'],
    ['has nothing', { kind: 'status', status: 404 }, 'REGISTRY_UNAUTHORISED'],
    ['redirects', { kind: 'redirect', to: 'https://example.com/token' }, 'REDIRECT_REFUSED'],
    ['answers a page', { kind: 'html' }, 'RESPONSE_MALFORMED'],
    [
      'answers a token with a line end',
      { kind: 'content-type', type: 'application/json', body: '{"token":"a\\r\\nx-evil: 1"}' },
      'RESPONSE_MALFORMED',
    ],
    ['answers without end', { kind: 'endless' }, 'RESPONSE_TOO_LARGE'],
    ['hangs', { kind: 'hang' }, 'REGISTRY_DEADLINE'],
    ['cuts the connection', { kind: 'reset' }, 'REGISTRY_UNREACHABLE'],
  ] as const)('says what is wrong when the token realm %s', async (_, fault, code) => {
    const server = await serve({ auth: { kind: 'bearer' } });
    push(server, 'a');
    server.spoil({ on: '/token', fault });
    const registry = client([server]);
    expect(said(await registry.resolveTag({ host: server.host, path: 'a' }, '1', context(500)))).toBe(code);
  });

  it.each([
    ['plain HTTP at a host that is not configured so', 'http://example.com/token'],
    ['something that is no URL', 'token'],
    ['a URL with a password', 'https://user:password@example.com/token'],
    ['another protocol', 'ftp://example.com/token'],
  ])('sends no credential to a realm over %s', async (_, realm) => {
    const server = await serve({ auth: { kind: 'bearer', realm } });
    const registry = client([server], { credentials: only(server.host, ALICE) });
    expect(said(await registry.resolveTag({ host: server.host, path: 'a' }, '1', context()))).toBe('REDIRECT_REFUSED');
    expect(authorisationsOf(server)).toEqual([undefined]);
  });

  it('sends no request to a realm at a loopback address that is not configured', async () => {
    const server = await serve({ auth: { kind: 'bearer', realm: 'https://127.0.0.1:9/token' } });
    const registry = client([server], { credentials: only(server.host, ALICE) });
    expect(said(await registry.resolveTag({ host: server.host, path: 'a' }, '1', context()))).toBe('ADDRESS_FORBIDDEN');
  });

  it('leaves the credential behind when a redirect leads to another origin, and answers no challenge there [CVE-2025-27403]', async () => {
    const store = await serve();
    const server = await serve({ auth: { kind: 'basic', username: 'alice', password: 's3cret-password' } });
    const blob = server.pushBlob('a', Buffer.from('content'));
    store.pushBlob('a', Buffer.from('content'));
    const registry = client([server, store], { credentials: only(server.host, ALICE) });
    const repository = { host: server.host, path: 'a' };
    await registry.resolveTag(repository, '1', context());

    server.spoil({ on: '/blobs/', fault: { kind: 'redirect', to: `http://${store.host}/v2/a/blobs/${blob.digest}` } });
    expect(await registry.blob(repository, blob, 100, context())).toMatchObject({ kind: 'found' });
    expect(server.requests.at(-1)?.headers.authorization).toMatch(/^Basic /);
    expect(authorisationsOf(store)).toEqual([undefined]);

    store.spoil({ fault: { kind: 'status', status: 401, headers: { 'www-authenticate': 'Basic realm="give me"' } } });
    expect(said(await registry.blob(repository, blob, 100, context()))).toBe('REGISTRY_UNAUTHORISED');
    expect(authorisationsOf(store)).toEqual([undefined, undefined]);
  });

  it('keeps the credential on a redirect within the registry, and stops after five', async () => {
    const server = await serve({ auth: { kind: 'basic', username: 'alice', password: 's3cret-password' } });
    const blob = server.pushBlob('a', Buffer.from('content'));
    const registry = client([server], { credentials: only(server.host, ALICE) });
    const repository = { host: server.host, path: 'a' };
    server.spoil({ on: '/blobs/', times: 1, fault: { kind: 'redirect', to: `/v2/a/blobs/${blob.digest}` } });
    expect(said(await registry.blob(repository, blob, 100, context()))).toBe('found');
    server.spoil({ on: '/blobs/', fault: { kind: 'redirect', to: `/v2/a/blobs/${blob.digest}` } });
    server.requests.length = 0;
    expect(said(await registry.blob(repository, blob, 100, context()))).toBe('REDIRECT_REFUSED');
    expect(server.requests).toHaveLength(6);
  });

  it('never sends the credential of one host to another [CVE-2025-27403]', async () => {
    const mine = await serve({ auth: { kind: 'basic', username: 'alice', password: 's3cret-password' } });
    const theirs = await serve({ auth: { kind: 'basic', username: 'alice', password: 's3cret-password' } });
    push(mine, 'a');
    const registry = client([mine, theirs], { credentials: only(mine.host, ALICE) });
    expect(said(await registry.resolveTag({ host: mine.host, path: 'a' }, '1', context()))).toBe('found');
    expect(said(await registry.resolveTag({ host: theirs.host, path: 'a' }, '1', context()))).toBe(
      'REGISTRY_UNAUTHORISED',
    );
    expect(authorisationsOf(theirs)).toEqual([undefined]);
    expect(registry.access({ host: mine.host, path: 'a' }).id).not.toBe(
      client([mine]).access({ host: mine.host, path: 'a' }).id,
    );
  });

  it('fails where the credential cannot be had, without a request', async () => {
    const server = await serve();
    const registry = client([server], {
      credentials: {
        id: () => 'broken',
        candidates: () =>
          Promise.resolve({ ok: false, failure: { code: 'REGISTRY_CREDENTIAL_UNUSABLE', message: 'no' } }),
      },
    });
    expect(said(await registry.resolveTag({ host: server.host, path: 'a' }, '1', context()))).toBe(
      'REGISTRY_CREDENTIAL_UNUSABLE',
    );
    expect(server.requests).toEqual([]);
  });
});

describe('WWW-Authenticate', () => {
  const read = (header: string) =>
    parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

  it('is read with several challenges, quotes, escapes and commas', () => {
    expect(read('Bearer realm="https://a.test/t?x=1,2",service="s \\"q\\"", scope="repository:a:pull,push"')).toEqual([
      ['bearer', { realm: 'https://a.test/t?x=1,2', service: 's "q"', scope: 'repository:a:pull,push' }],
    ]);
    expect(read('Basic realm="x", Bearer realm=https://a.test/token , service = s')).toEqual([
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'https://a.test/token', service: 's' }],
    ]);
    expect(read('Negotiate, basic Realm="x"')).toEqual([
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ]);
  });

  it('believes neither of a parameter that is written twice, and stops at what it cannot read', () => {
    expect(read('Bearer realm="https://a.test",realm="https://b.test"')).toEqual([['bearer', { realm: '' }]]);
    expect(read('Bearer realm="unclosed')).toEqual([['bearer', {}]]);
    expect(read('="x"')).toEqual([]);
    expect(read('')).toEqual([]);
  });

  it('takes no time over hostile text', () => {
    const started = performance.now();
    for (const text of [
      'a '.repeat(100_000),
      '"'.repeat(100_000),
      'a='.repeat(100_000),
      `Bearer a="${'\\'.repeat(100_000)}`,
    ])
      parseChallenges(text);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
