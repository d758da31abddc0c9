import { afterEach, describe, expect, it } from 'vitest';
import type { RequestRecord } from '../../src/cli/demo/registry-server.ts';
import { failed, ok } from '../../src/codes/result.ts';
import { type Credential, type CredentialSource, credentialId, inTurn } from '../../src/config/credentials.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { createRegistry, type RegistryOptions } from '../../src/registry/create.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { context, fakeClock, imageManifest, plain, said } from '../fixtures/registry/client.ts';
import { type MisbehavingRegistry, startRegistry } from '../fixtures/registry/misbehaving-registry.ts';

const login = (username: string, password = 's3cret'): Credential => ({ kind: 'basic', username, password });
const ALICE = login('alice');
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** Has the same for every repository. */
const having = (...credentials: readonly Credential[]): CredentialSource =>
  inTurn(
    credentials.map((credential) => ({
      id: () => credentialId(credential),
      candidates: () => Promise.resolve(ok([credential])),
    })),
  );

/** A registry that opens to Alice alone. */
async function aliceOnly(kind: 'basic' | 'bearer') {
  const server = await startRegistry({ auth: { kind, username: 'alice', password: 's3cret' } });
  open.push(() => server.close());
  const config = server.pushBlob('a/b', Buffer.from('{}'));
  const layer = server.pushBlob('a/b', Buffer.from('content'));
  const image = server.pushManifest('a/b', imageManifest(layer, config), MANIFEST_TYPES.ociManifest, '1');
  return { server, image, layer, repository: { host: server.host, path: 'a/b' } };
}

function client(server: MisbehavingRegistry, options: RegistryOptions = {}): Registry {
  const registry = createRegistry({ hosts: new Map([[server.host, plain()]]), clock: fakeClock(), ...options });
  open.push(() => registry.close());
  return registry;
}

/** Users in the order in which they came, `-` for nobody and `token` for a bearer. */
const usersOf = (server: MisbehavingRegistry): readonly string[] =>
  server.requests.map(({ headers: { authorization = '' } }) => {
    const [scheme, rest = ''] = authorization.split(' ');
    return scheme === 'Basic' ? (Buffer.from(rest, 'base64').toString().split(':')[0] ?? '') : scheme ? 'token' : '-';
  });

describe.each(['basic', 'bearer'] as const)('a view with further credentials (%s)', (kind) => {
  it('opens what stays closed to the client itself and to every other view, before and after', async () => {
    const { server, image, layer, repository } = await aliceOnly(kind);
    const registry = client(server);
    const views = { alice: registry.with(having(ALICE)), bob: registry.with(having(login('bob'))), nobody: registry };
    const readers = {
      tag: (view: Registry) => view.resolveTag(repository, '1', context()),
      manifest: (view: Registry) => view.manifest(repository, image.digest, context()),
      blob: (view: Registry) => view.blob(repository, layer, 100, context()),
      referrers: (view: Registry) => view.referrers(repository, image.digest, context()),
    };
    for (const round of ['cold', 'warm']) {
      for (const [what, read] of Object.entries(readers)) {
        const came = await Promise.all(
          [views.nobody, views.bob, views.alice, views.nobody, views.bob].map(async (view) => said(await read(view))),
        );
        const closed = 'REGISTRY_UNAUTHORISED';
        expect({ round, what, came }).toEqual({ round, what, came: [closed, closed, 'found', closed, closed] });
      }
    }
    const ids = Object.values(views).map((view) => view.access(repository).id);
    expect(new Set(ids).size).toBe(3);
    expect(JSON.stringify(ids)).not.toContain('s3cret');
  });

  it('does not hand its token to a view with the same user and another password', async () => {
    const { server, repository } = await aliceOnly(kind);
    const registry = client(server);
    const read = (password: string) =>
      registry.with(having(login('alice', password))).resolveTag(repository, '1', context());
    expect(said(await read('s3cret'))).toBe('found');
    expect(said(await read('other'))).toBe('REGISTRY_UNAUTHORISED');
  });

  it('is known by its credential: whoever else comes with the same one needs no second token', async () => {
    const { server, repository } = await aliceOnly(kind);
    const registry = client(server);
    const one = registry.with(having(ALICE));
    const other = registry.with(having(ALICE));
    expect(other.access(repository)).toEqual(one.access(repository));
    await one.resolveTag(repository, '1', context());
    const before = server.requests.length;
    expect(said(await other.resolveTag(repository, '1', context()))).toBe('found');
    expect(server.requests.length - before).toBe(1);
  });

  it('tries its own before the ones of the client, and each only where the one before was refused', async () => {
    const { server, repository } = await aliceOnly(kind);
    const registry = client(server, { credentials: having(ALICE) });
    const view = registry.with(having(login('bob'), login('carol')));
    expect(said(await view.resolveTag(repository, '1', context()))).toBe('found');
    const tried = usersOf(server).filter((user) => user !== '-' && user !== 'token');
    expect(tried).toEqual(['bob', 'carol', 'alice']);

    // Which one it was is remembered, so that a wrong password is not sent over and over.
    server.requests.length = 0;
    expect(said(await view.resolveTag(repository, '1', context()))).toBe('found');
    expect(usersOf(server)).toEqual([kind === 'basic' ? 'alice' : 'token']);
  });

  it('comes with four credentials at most', async () => {
    const { server, repository } = await aliceOnly(kind);
    const registry = client(server, { credentials: having(ALICE) });
    const wrong = Array.from({ length: 30 }, (_, n) => login(`user${n}`));
    const lookup = await registry.with(having(...wrong)).resolveTag(repository, '1', context());
    expect(lookup).toMatchObject({
      kind: 'failed',
      failure: { code: 'REGISTRY_UNAUTHORISED', message: expect.stringContaining('4 credentials') },
    });
    expect(new Set(usersOf(server))).toEqual(new Set(['-', 'user0', 'user1', 'user2', 'user3']));
    expect(JSON.stringify(lookup)).not.toContain('s3cret');
  });

  it.each([
    [{ kind: 'status', status: 503 }, 'REGISTRY_UNAVAILABLE'],
    [{ kind: 'status', status: 429 }, 'REGISTRY_RATE_LIMITED'],
    [{ kind: 'reset' }, 'REGISTRY_UNREACHABLE'],
  ] as const)('takes trouble for no refusal: the next credential is not spent on it (%j)', async (fault, code) => {
    const { server, repository } = await aliceOnly(kind);
    const view = client(server, { credentials: having(ALICE) }).with(having(login('bob')));
    server.spoil({ fault });
    expect(said(await view.resolveTag(repository, '1', context()))).toBe(code);
    expect(usersOf(server)).not.toContain('alice');
  });
});

describe('a registry that says 404 of what it does not show', () => {
  const user = ({ headers: { authorization = '' } }: RequestRecord) =>
    Buffer.from(authorization.split(' ')[1] ?? '', 'base64')
      .toString()
      .split(':')[0];

  /** It takes anybody, and shows the repository to Alice alone. */
  async function discreet() {
    const server = await startRegistry({
      fault: (record, _, response) => {
        const { authorization } = record.headers;
        if (authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        else if (user(record) !== 'alice') response.writeHead(404).end();
        return authorization === undefined || user(record) !== 'alice';
      },
    });
    open.push(() => server.close());
    const config = server.pushBlob('a/b', Buffer.from('{}'));
    server.pushManifest('a/b', imageManifest(config, config), MANIFEST_TYPES.ociManifest, '1');
    return { server, repository: { host: server.host, path: 'a/b' } };
  }

  it('is asked with the next credential, and not believed of one that it took before another', async () => {
    const { server, repository } = await discreet();
    const view = client(server).with(having(login('bob'), ALICE));
    expect(said(await view.resolveTag(repository, '1', context()))).toBe('found');
    // From here on Alice is known to be shown what there is: what is not there costs one request, not one for each.
    server.requests.length = 0;
    expect(said(await view.resolveTag(repository, 'none', context()))).toBe('absent');
    expect(server.requests.map(user)).toEqual(['alice']);
  });

  it('is believed where it says so to all', async () => {
    const { server, repository } = await discreet();
    const view = client(server).with(having(login('bob'), login('carol')));
    expect(said(await view.resolveTag(repository, '1', context()))).toBe('absent');
    expect(said(await client(server).with(having(ALICE)).resolveTag(repository, '1', context()))).toBe('found');
  });
});

describe('what registries are remembered by', () => {
  it('a credential that stands in several secrets is one, and is tried once', async () => {
    const { server, repository } = await aliceOnly('basic');
    const registry = client(server, { credentials: having(login('bob')) });
    const view = registry.with(having(login('bob'), login('bob')));
    expect(view.access(repository)).toEqual(registry.access(repository));
    expect(said(await view.resolveTag(repository, '1', context()))).toBe('REGISTRY_UNAUTHORISED');
    expect(usersOf(server)).toEqual(['-', 'bob']);
  });

  it('lets no view learn from what a registry showed another: a 404 for a stranger hides no referrers API', async () => {
    const { server, image, repository } = await aliceOnly('basic');
    const registry = client(server);
    const referrer = { artifactType: 'a/b', subject: { digest: image.digest } };
    const config = server.pushBlob('a/b', Buffer.from('{}'));
    server.pushManifest('a/b', imageManifest(config, config, referrer));
    const alice = registry.with(having(ALICE));
    await alice.resolveTag(repository, '1', context());

    server.spoil({ on: '/referrers/', times: 1, fault: { kind: 'status', status: 404 } });
    const stranger = registry.with(having(login('mallory')));
    await stranger.referrers(repository, image.digest, context());
    expect(await alice.referrers(repository, image.digest, context())).toMatchObject({
      kind: 'found',
      value: { source: 'api', descriptors: [{ artifactType: 'a/b' }] },
    });
  });

  it('closing a view closes nothing', async () => {
    const { server, repository } = await aliceOnly('basic');
    const registry = client(server, { credentials: having(ALICE) });
    await registry.with(having(login('bob'))).close();
    expect(said(await registry.resolveTag(repository, '1', context()))).toBe('found');
  });

  it('a source that cannot say what it has fails before a request, and not where another was there first', async () => {
    const { server, repository } = await aliceOnly('basic');
    const broken: CredentialSource = {
      id: () => 'broken',
      candidates: () => Promise.resolve(failed('REGISTRY_CREDENTIAL_UNUSABLE', 'the entry is broken')),
    };
    const first = client(server, { credentials: having(ALICE) }).with(broken);
    expect(said(await first.resolveTag(repository, '1', context()))).toBe('REGISTRY_CREDENTIAL_UNUSABLE');
    expect(server.requests).toEqual([]);
    const last = client(server, { credentials: broken }).with(having(ALICE));
    expect(said(await last.resolveTag(repository, '1', context()))).toBe('found');
  });
});
