import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { expectDenied, expectVerified, keyPolicy, registryFor, stage } from '../fixtures/webhook.ts';
import { type Manifest, refuse, startTestApiServer, type TestApiServer } from '../kubernetes/api-server.ts';
import { written } from '../policy/openshift/objects.ts';
import { folder } from '../policy/sources/folder.ts';

const POLICIES = '/apis/config.openshift.io/v1/clusterimagepolicies';
const signer = createSigner();

/** The webhook, with its policies in an API server and none in files. */
async function webhook(before: (server: TestApiServer, host: string) => void = () => undefined) {
  const server = await startTestApiServer();
  onTestFinished(() => server.close());
  for (const plural of ['clusterimagepolicies', 'imagepolicies']) server.served.add(`config.openshift.io/v1/${plural}`);
  const registry = await registryFor();
  signImage(registry, 'shop/web', publishImage(registry, 'shop/web', 'web'), signer);
  publishImage(registry, 'shop/bare', 'bare');
  before(server, registry.host);
  const config = await folder();
  onTestFinished(() => config[Symbol.asyncDispose]());
  const cluster = { server: `http://127.0.0.1:${server.port}` };
  const context = { cluster: 'c', user: 'u', namespace: 'countersign' };
  await config.write({
    'kubeconfig.yaml': JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      contexts: [{ name: 'x', context }],
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
    }),
  });
  const kubernetes = { watch: true, kubeconfig: `${config.path}/kubeconfig.yaml` };
  const running = await stage(registry, { 'none.yaml': '' }, { kubernetes, policies: [] });
  const image = (name: string) => `${registry.host}/shop/${name}:v1`;
  const policy = (scope = registry.host): Manifest =>
    written(keyPolicy({ name: 'release', signer, scopes: [scope] })) as unknown as Manifest;
  return { ...running, server, image, policy };
}

describe('the webhook with policies from the cluster', () => {
  it('obeys an edit on the next request', async () => {
    const { run, server, image, policy } = await webhook((api, host) =>
      api.put(POLICIES, written(keyPolicy({ name: 'release', signer, scopes: [host] })) as unknown as Manifest),
    );
    await vi.waitFor(async () => expectVerified(await run([image('web')])));
    expectDenied(await run([image('bare')]), {
      image: image('bare'),
      policy: 'release',
      word: 'unsigned',
      code: 'UNSIGNED',
    });
    server.put(POLICIES, policy('example.com'));
    await vi.waitFor(async () => expect((await run([image('bare')])).allowed).toBe(true));
  });

  it('answers nothing before the policies were read once, and is not ready', async () => {
    const { post, server, health, run, image } = await webhook((api) => {
      const back = api.always(({ verb }, response) => verb === 'list' && refuse(500)(undefined as never, response));
      setTimeout(back, 700);
    });
    const early = await post('{}');
    expect(early).toMatchObject({ status: 429, retryAfter: '1' });
    expect(await health()).toMatch(/^not ready\n- the cluster's policies were not read yet/);
    await vi.waitFor(async () => expect(await health()).toMatch(/^ready/), 10_000);
    expect((await run([image('bare')])).allowed).toBe(true);
    expect(server.log.filter((line) => line.startsWith('list ')).length).toBeGreaterThan(4);
  });

  it('keeps the last known policies while the API server is away, and says so', async () => {
    const { run, server, image, health, metrics } = await webhook((api, host) =>
      api.put(POLICIES, written(keyPolicy({ name: 'release', signer, scopes: [host] })) as unknown as Manifest),
    );
    await vi.waitFor(async () => expectVerified(await run([image('web')])));
    await server.goAway();
    await vi.waitFor(async () =>
      expect(await health()).toMatch(/^ready\n- clusterimagepolicies.* cannot be followed since/),
    );
    expectDenied(await run([image('bare')]), {
      image: image('bare'),
      policy: 'release',
      word: 'unsigned',
      code: 'UNSIGNED',
    });
    expect(await metrics()).toMatch(/countersign_watch_failing\{resource="clusterimagepolicies[^}]*\/v1"\} 1/);
  });

  it('writes into the status of each policy what became of it, as the leader and once', async () => {
    const NAMESPACED = '/apis/config.openshift.io/v1/imagepolicies';
    const { server, policy } = await webhook((api, host) => {
      api.put(POLICIES, written(keyPolicy({ name: 'release', signer, scopes: [host] })) as unknown as Manifest);
      const team = keyPolicy({ name: 'team', namespace: 'a', signer, scopes: [`${host}/shop`] });
      api.put(NAMESPACED, written(team) as unknown as Manifest);
    });
    const patches = () =>
      server.asked
        .filter(({ verb }) => verb === 'patch')
        .map(({ path, body }) => [path, JSON.parse(body).status.conditions[0]]);
    await vi.waitFor(() => expect(patches()).toHaveLength(2), 10_000);
    expect(Object.fromEntries(patches())).toMatchObject({
      [`${POLICIES}/release/status`]: {
        type: 'countersign.dev/InForce',
        status: 'True',
        reason: 'InForce',
        observedGeneration: 3,
      },
      '/apis/config.openshift.io/v1/namespaces/a/imagepolicies/team/status': {
        status: 'True',
        reason: 'ScopesOverridden',
      },
    });
    server.put(POLICIES, { ...policy(), spec: { scopes: ['not a scope!'] } });
    await vi.waitFor(() => expect(patches()).toHaveLength(3), 10_000);
    expect(patches()[2]?.[1]).toMatchObject({ status: 'False', reason: 'Broken' });
    // Valid in its shape, and no key: every image would be refused for it.
    const keyData = Buffer.from('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n').toString('base64');
    server.put(POLICIES, written({ name: 'release', scopes: ['example.com'], keyData }) as unknown as Manifest);
    const last = () => patches().findLast(([path]) => path === `${POLICIES}/release/status`)?.[1];
    await vi.waitFor(() => expect(last()?.message).toContain('public key'), 10_000);
    expect(last()).toMatchObject({ status: 'False', reason: 'Broken' });
  });
});
