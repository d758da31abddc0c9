import { afterEach, describe, expect, it } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { createApiClient } from '../../src/kubernetes/api.ts';
import { createPullSecrets, type PullSecretNames } from '../../src/kubernetes/pull-secrets.ts';
import { type Manifest, refuse, reset, startTestApiServer, statusObject } from './api-server.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const base64 = (text: string) => Buffer.from(text).toString('base64');
const auth = (text: string) => ({ auth: base64(text) });

const TYPES = { json: 'kubernetes.io/dockerconfigjson', old: 'kubernetes.io/dockercfg' };

function secret(name: string, auths: object | string, type: keyof typeof TYPES = 'json'): Manifest {
  const text = typeof auths === 'string' ? auths : JSON.stringify(type === 'json' ? { auths } : auths);
  const data = { [type === 'json' ? '.dockerconfigjson' : '.dockercfg']: base64(text) };
  return { kind: 'Secret', metadata: { name, namespace: 'team' }, type: TYPES[type], data };
}

async function cluster(...secrets: readonly Manifest[]) {
  const server = await startTestApiServer();
  open.push(() => server.close());
  const api = createApiClient(server.cluster);
  open.push(() => api.close());
  let now = 0;
  const reader = createPullSecrets(api, () => now);
  const put = (object: Manifest) => server.put(`/api/v1/namespaces/${object.metadata.namespace}/secrets`, object);
  for (const each of secrets) put(each);
  const account = (name: string, ...names: readonly string[]) =>
    server.put('/api/v1/namespaces/team/serviceaccounts', {
      metadata: { name, namespace: 'team' },
      imagePullSecrets: names.map((name) => ({ name })),
    });

  /** What an image is pulled with, in its order, or why that cannot be said. */
  const pulls = async (image: string, pod: Partial<PullSecretNames>, namespace = 'team') => {
    const names = { names: [], serviceAccount: undefined, ...pod };
    const source = await reader.credentialsFor(namespace, names, AbortSignal.timeout(5_000));
    if (!source.ok) return source.failure;
    const reference = parseReference(image);
    if (!reference.ok) throw new Error(image);
    const found = await source.value.candidates(reference.value.repository);
    if (!found.ok) return found.failure;
    return found.value.map((each) => (each.kind === 'basic' ? `${each.username}:${each.password}` : each.token));
  };
  return { server, reader, put, account, pulls, pass: (milliseconds: number) => void (now += milliseconds) };
}

describe('the pull secrets of a pod', () => {
  it('are its own and then its ServiceAccount’s, in their order, each once', async () => {
    const { account, pulls, server } = await cluster(
      secret('mine', { 'ghcr.io': auth('mine:1') }),
      secret('shared', { 'ghcr.io': auth('shared:2'), 'quay.io': auth('quay:3') }, 'old'),
    );
    account('builder', 'shared', 'mine');
    expect(await pulls('ghcr.io/acme/app', { names: ['mine'], serviceAccount: 'builder' })).toEqual([
      'mine:1',
      'shared:2',
    ]);
    expect(await pulls('quay.io/acme/app', { names: ['mine'], serviceAccount: 'builder' })).toEqual(['quay:3']);
    expect(await pulls('docker.io/acme/app', { names: ['mine'], serviceAccount: 'builder' })).toEqual([]);
    expect(server.log.filter((line) => line.endsWith('/secrets/mine'))).toHaveLength(1);
  });

  it.each([
    ['docker.io/acme/app', 'https://index.docker.io/v1/', true],
    ['ghcr.io/acme/app', 'ghcr.io', true],
    ['ghcr.io/acme/app', 'https://ghcr.io/v2/', true],
    ['ghcr.io/acme/app', 'ghcr.io/acme', true],
    ['ghcr.io/acme/app', 'ghcr.io/other', false],
    ['ghcr.io/acme/app', 'io', false],
    ['ghcr.io.evil.test/acme/app', 'ghcr.io', false],
    ['evil-ghcr.io/acme/app', 'ghcr.io', false],
    ['eu.gcr.io/acme/app', '*.gcr.io', true],
    ['gcr.io/acme/app', '*.gcr.io', false],
    ['a.b.gcr.io/acme/app', '*.gcr.io', false],
    ['registry-1.acme.test/app', 'registry-?.acme.test', true],
    ['registry-12.acme.test/app', 'registry-?.acme.test', false],
    ['registry-prod-eu.acme.test/app', 'r*-p*-eu.*.test', true],
    ['registry.test:5000/app', 'registry.test', false],
    ['registry.test:5000/app', 'registry.test:5000', true],
    ['registry.test:5000/app', '*.test:5000', true],
    ['registry.test:5000/app', '*.test', false],
  ])('for %s an entry %s counts: %s', async (image, key, counts) => {
    const { pulls } = await cluster(secret('s', { [key]: auth('user:pass') }));
    expect(await pulls(image, { names: ['s'] })).toEqual(counts ? ['user:pass'] : []);
  });

  it('are tried from the most specific entry to the least, and a name before a pattern', async () => {
    const { pulls } = await cluster(
      secret('one', { '*.io': auth('pattern:1'), 'ghcr.io': auth('host:2') }),
      secret('two', { 'ghcr.io/acme': auth('org:3'), 'ghcr.io/acme/app': auth('app:4') }),
    );
    expect(await pulls('ghcr.io/acme/app', { names: ['one', 'two'] })).toEqual([
      'app:4',
      'org:3',
      'host:2',
      'pattern:1',
    ]);
  });

  it('that are not there are passed over, as are names that no secret has and secrets of other types', async () => {
    const { pulls, put, server } = await cluster(secret('there', { 'ghcr.io': auth('there:1') }));
    put({
      metadata: { name: 'opaque', namespace: 'team' },
      type: 'Opaque',
      data: { '.dockerconfigjson': base64('{') },
    });
    put({ metadata: { name: 'empty', namespace: 'team' }, type: TYPES.json, data: {} });
    const names = ['gone', '../../other/secrets/s', 'opaque', 'empty', '', 'there'];
    expect(await pulls('ghcr.io/acme/app', { names, serviceAccount: 'none' })).toEqual(['there:1']);
    expect(server.log.some((line) => line.includes('other'))).toBe(false);
  });

  it('of another namespace are out of reach', async () => {
    const { pulls, put } = await cluster();
    put({ ...secret('s', { 'ghcr.io': auth('theirs:1') }), metadata: { name: 's', namespace: 'other' } });
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] })).toEqual([]);
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] }, 'other')).toEqual(['theirs:1']);
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] }, '../other')).toMatchObject({ code: 'OBJECT_MALFORMED' });
  });

  it('name no program that is run: helpers in them are passed over', async () => {
    const config = { credsStore: 'evil', credHelpers: { 'ghcr.io': 'evil' }, auths: { 'ghcr.io': auth('mine:1') } };
    const { pulls } = await cluster(secret('s', JSON.stringify(config)));
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] })).toEqual(['mine:1']);
    expect(await pulls('quay.io/acme/app', { names: ['s'] })).toEqual([]);
  });

  it.each([
    ['no JSON', 'hunter2'],
    ['a key twice', '{"auths":{},"auths":{"hunter2":{}}}'],
    ['auths that are none', '{"auths":["hunter2"]}'],
  ])('that hold %s are a failure that names the secret and nothing in it', async (_, text) => {
    const { pulls } = await cluster(secret('broken', text));
    expect(await pulls('ghcr.io/acme/app', { names: ['broken'] })).toEqual({
      code: 'REGISTRY_CREDENTIAL_UNUSABLE',
      message: 'the pull secret team/broken does not hold a Docker configuration',
    });
  });

  it('of the older type cannot smuggle in more than entries', async () => {
    const { pulls } = await cluster(secret('s', '{},"credsStore":"evil"', 'old'));
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] })).toEqual([]);
  });

  it('with an entry that cannot be read fail the images that no other entry is for', async () => {
    const { pulls } = await cluster(
      secret('s', { 'ghcr.io': { auth: 'hunter2!' }, 'quay.io': auth('quay:1'), 'quay.io/acme': { auth: 'hunter2!' } }),
    );
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] })).toEqual({
      code: 'REGISTRY_CREDENTIAL_UNUSABLE',
      message: 'the pull secret team/s has an entry for ghcr.io that cannot be read',
    });
    expect(await pulls('quay.io/acme/app', { names: ['s'] })).toEqual(['quay:1']);
    expect(await pulls('docker.io/acme/app', { names: ['s'] })).toEqual([]);
  });

  it('that hold no base64 are a failure', async () => {
    const { pulls, put } = await cluster();
    put({ ...secret('s', {}), data: { '.dockerconfigjson': 'hunter2!' } });
    const failure = await pulls('ghcr.io/acme/app', { names: ['s'] });
    expect(failure).toMatchObject({ code: 'REGISTRY_CREDENTIAL_UNUSABLE' });
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });

  it.each([
    ['403', refuse(403, {}, statusObject(403, 'forbidden')), 'CLUSTER_FORBIDDEN'],
    ['500', refuse(500), 'CLUSTER_UNAVAILABLE'],
    ['a reset', reset, 'CLUSTER_UNREACHABLE'],
    ['a 404 of something else', refuse(404, {}, '<h1>'), 'CLUSTER_ANSWER_UNUSABLE'],
    ['more than a Secret can hold', refuse(200, {}, `"${'x'.repeat(3_000_000)}"`), 'CLUSTER_ANSWER_UNUSABLE'],
  ])('are a failure at %s, never none, and are asked for again', async (_, fault, code) => {
    const { server, pulls } = await cluster(secret('s', { 'ghcr.io': auth('mine:1') }));
    server.next('get', fault);
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] })).toMatchObject({ code });
    expect(await pulls('ghcr.io/acme/app', { names: ['s'] })).toEqual(['mine:1']);
    server.next('get', fault);
    expect(await pulls('ghcr.io/acme/app', { names: ['s'], serviceAccount: 'builder' })).toMatchObject({ code });
  });

  it('are at most 32', async () => {
    const { server, pulls } = await cluster();
    const names = Array.from({ length: 33 }, (_, i) => `s${i}`);
    expect(await pulls('ghcr.io/acme/app', { names })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(server.log).toEqual([]);
  });

  it('are read once for pods that come together, and again after ten seconds; what is missing is asked for each time', async () => {
    const { server, put, pulls, pass } = await cluster(secret('s', { 'ghcr.io': auth('mine:1') }));
    const pod = { names: ['s', 'missing'] };
    await Promise.all([1, 2, 3].map(() => pulls('ghcr.io/acme/app', pod)));
    expect(server.log.filter((line) => line.endsWith('/s'))).toHaveLength(1);
    put(secret('s', { 'ghcr.io': auth('mine:2') }));
    put(secret('missing', { 'ghcr.io/acme': auth('new:3') }));
    pass(9_999);
    expect(await pulls('ghcr.io/acme/app', pod)).toEqual(['new:3', 'mine:1']);
    pass(1);
    expect(await pulls('ghcr.io/acme/app', pod)).toEqual(['new:3', 'mine:2']);
  });

  it('have ids that tell them apart and do not reveal them', async () => {
    const { reader } = await cluster(
      secret('one', { 'ghcr.io': auth('a:hunter2') }),
      secret('two', { 'ghcr.io': auth('b:hunter2') }),
      secret('same', { 'ghcr.io': auth('a:hunter2') }),
      secret('bad', { 'ghcr.io': { auth: '!' } }),
    );
    const reference = parseReference('ghcr.io/acme/app');
    if (!reference.ok) throw new Error('no reference');
    const id = async (...names: string[]) => {
      const source = await reader.credentialsFor(
        'team',
        { names, serviceAccount: undefined },
        AbortSignal.timeout(5_000),
      );
      return source.ok ? source.value.id(reference.value.repository) : '';
    };
    const ids = [
      await id('one'),
      await id('two'),
      await id('one', 'two'),
      await id('two', 'one'),
      await id('bad'),
      await id(),
    ];
    expect(new Set(ids).size).toBe(6);
    expect(ids.at(-1)).toBe('anonymous');
    expect(await id('same')).toBe(ids[0]);
    expect(await id('one', 'same', 'bad')).toBe(ids[0]);
    expect(ids.join()).not.toContain('hunter');
  });

  it('give up when whoever asks does', async () => {
    const { server, reader } = await cluster();
    server.next('get', () => true);
    const asked = reader.credentialsFor('team', { names: ['s'], serviceAccount: undefined }, AbortSignal.timeout(20));
    expect(await asked).toMatchObject({ failure: { code: 'CLUSTER_UNREACHABLE' } });
  });
});
