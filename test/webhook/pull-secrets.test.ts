import { randomUUID } from 'node:crypto';
import { Agent } from 'node:https';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { publish, publishImage, signImage } from '../../src/cli/demo/publish.ts';
import type { RegistryServerOptions } from '../../src/cli/demo/registry-server.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { container, deployment, type Json, pod, review } from '../admission/fixture.ts';
import { authority, extendedUsage, issue, usage } from '../fixtures/certificates.ts';
import { keyPolicy, postTo, registryFor, stage } from '../fixtures/webhook.ts';
import { type Manifest, refuse, reset, startTestApiServer, type TestApiServer } from '../kubernetes/api-server.ts';
import { folder } from '../policy/sources/folder.ts';

const signer = createSigner();
const LOGIN = { username: 'alice', password: 's3cret-password' };
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const times = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const frontCa = issue('self', { ...times, subject: 'front', extensions: [authority(), usage(5, 6)] });
const front = issue(frontCa, {
  ...times,
  subject: 'kube-apiserver',
  extensions: [usage(0), extendedUsage(CLIENT_AUTH)],
});

const secretsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`;
const accountsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/serviceaccounts`;

/** Makes or replaces an object in the namespace of its path. */
const put = (api: TestApiServer, path: string, object: Manifest) => {
  const namespace = path.split('/')[4] ?? '';
  api.put(path, { ...object, metadata: { ...object.metadata, namespace } });
};

/** What `kubectl create secret docker-registry` makes. */
const secret = (host: string, name: string, { username, password } = LOGIN, more: Json = {}) => ({
  kind: 'Secret',
  metadata: { name },
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': Buffer.from(
      JSON.stringify({ auths: { [host]: { auth: Buffer.from(`${username}:${password}`).toString('base64') } } }),
    ).toString('base64'),
  },
  ...more,
});

type Said = { readonly allowed: boolean; readonly words: readonly string[]; readonly message: string };

/** A private registry, an API server with secrets, and the webhook between them. */
async function arranged(
  more: {
    readonly before?: (api: TestApiServer, host: string) => void;
    readonly auth?: RegistryServerOptions['auth'];
    readonly configuration?: Json;
    readonly pullSecrets?: Json;
  } = {},
) {
  const api = await startTestApiServer();
  onTestFinished(() => api.close());
  const registry = await registryFor({ auth: more.auth ?? { kind: 'basic', ...LOGIN } });
  const image = publishImage(registry, 'acme/app', 'private', 'v1');
  signImage(registry, 'acme/app', image, signer);
  publishImage(registry, 'acme/bare', 'unsigned', 'v1');
  more.before?.(api, registry.host);

  const files = await folder();
  onTestFinished(() => files[Symbol.asyncDispose]());
  const context = { cluster: 'c', user: 'u', namespace: 'countersign-system' };
  await files.write({
    'front-ca.pem': frontCa.pem,
    'kubeconfig.yaml': JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      contexts: [{ name: 'x', context }],
      clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${api.port}` } }],
      users: [{ name: 'u', user: {} }],
    }),
  });
  const running = await stage(registry, [keyPolicy({ name: 'release', signer, scopes: [`${registry.host}/acme`] })], {
    kubernetes: {
      kubeconfig: `${files.path}/kubeconfig.yaml`,
      pullSecrets: more.pullSecrets ?? { fromPods: true },
    },
    callers: { caFile: `${files.path}/front-ca.pem`, names: ['kube-apiserver'] },
    ...more.configuration,
  });

  const key = front.keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const agents = {
    'the API server': new Agent({ keepAlive: true, ca: running.caPem, cert: front.pem, key }),
    anybody: new Agent({ keepAlive: true, ca: running.caPem }),
  };
  onTestFinished(() => Object.values(agents).forEach((agent) => agent.destroy()));
  const ask = async (body: Json, caller: keyof typeof agents = 'the API server'): Promise<Said> => {
    const uid = randomUUID();
    const sent = JSON.stringify({ ...body, request: { ...(body['request'] as Json), uid } });
    const { status, body: answer } = await postTo(`${running.url}/validate`, agents[caller], sent);
    expect(status).toBe(200);
    const response = answer['response'] as {
      readonly allowed: boolean;
      readonly status?: { readonly message: string };
    };
    const record = (await running.records()).findLast((one) => JSON.stringify(one).includes(uid));
    const words = record?.images.map(({ outcome, policies }) => [outcome, policies[0]?.code].filter(Boolean).join(' '));
    return { allowed: response.allowed, words: words ?? [], message: response.status?.message ?? '' };
  };
  const run = (spec: Json, namespace = 'shop', caller?: keyof typeof agents, name = 'acme/app:v1') =>
    ask(review(pod({ containers: [container(`${registry.host}/${name}`)], ...spec }), { namespace }), caller);
  const asked = () => api.log.filter((line) => line.includes('/secrets') || line.includes('/serviceaccounts'));
  return { ...running, api, image, ask, run, asked };
}

const named = (...names: readonly string[]) => ({ imagePullSecrets: names.map((name) => ({ name })) });
const REFUSED = { allowed: false, words: ['error REGISTRY_UNAUTHORISED'] };
const VERIFIED = { allowed: true, words: ['verified'] };

describe.each([
  { kind: 'basic', ...LOGIN },
  { kind: 'bearer', ...LOGIN },
] as const)('an image of a private registry ($kind)', (auth) => {
  const before = (api: TestApiServer, host: string) => {
    put(api, secretsOf('shop'), secret(host, 'pull'));
  };

  it("is verified with the pod's pull secret, when the API server asks", async () => {
    const { run, asked, api } = await arranged({ auth, before });
    expect(await run(named('pull'))).toMatchObject(VERIFIED);
    expect(asked()).toEqual([`get ${accountsOf('shop')}/default`, `get ${secretsOf('shop')}/pull`]);
    // Nothing else is asked of the cluster, not even a Lease: there is nothing to lead.
    expect(api.log).toEqual(asked());
  });

  it('is refused when anybody else posts the same review, and no secret is read for it', async () => {
    const { run, asked } = await arranged({ auth, before });
    expect(await run(named('pull'), 'shop', 'anybody')).toMatchObject(REFUSED);
    expect(asked()).toEqual([]);
    // Nor when everything is known from the API server's own review.
    expect(await run(named('pull'))).toMatchObject(VERIFIED);
    const reads = asked().length;
    expect(await run(named('pull'), 'shop', 'anybody')).toMatchObject(REFUSED);
    expect(asked()).toHaveLength(reads);
  });

  it('is refused without the secret, and refused as unsigned where it is not signed', async () => {
    const { run } = await arranged({ auth, before });
    expect(await run({})).toMatchObject(REFUSED);
    expect(await run(named('pull'), 'shop', 'the API server', 'acme/bare:v1')).toMatchObject({
      allowed: false,
      words: ['unsigned UNSIGNED'],
    });
  });
});

describe("a namespace's secret", () => {
  const before = (api: TestApiServer, host: string) => {
    put(api, secretsOf('shop'), secret(host, 'pull'));
    put(api, secretsOf('other'), secret(host, 'wrong', { username: 'bob', password: 'guess' }));
  };

  it('never answers for another namespace, cold or warm, by tag or digest, at once or in turn', async () => {
    const { run, image } = await arranged({ before });
    for (const name of ['acme/app:v1', `acme/app@${image.digest}`]) {
      for (const round of ['cold', 'warm']) {
        const came = await Promise.all([
          run(named('pull'), 'other', undefined, name),
          run(named('wrong'), 'other', undefined, name),
          run(named('pull'), 'shop', undefined, name),
          run({}, 'shop', undefined, name),
          run(named('pull'), 'third', undefined, name),
        ]);
        const said = came.map(({ words }) => words[0]);
        const closed = REFUSED.words[0];
        expect({ round, name, said }).toEqual({ round, name, said: [closed, closed, 'verified', closed, closed] });
      }
    }
  });

  it('is not reached by a forged review, whatever it names', async () => {
    const { ask, asked, registry } = await arranged({ before });
    const forged = (spec: Json, metadata: Json, more: Json) =>
      ask(review(pod({ containers: [container(`${registry.host}/acme/app:v1`)], ...spec }, metadata), more), 'anybody');
    for (const more of [
      { namespace: 'shop' },
      { namespace: 'other' },
      { namespace: 'shop', userInfo: { username: 'system:apiserver', groups: ['system:masters'] } },
    ]) {
      expect(await forged(named('pull'), { namespace: 'shop' }, more)).toMatchObject(REFUSED);
    }
    expect(asked()).toEqual([]);
  });

  it.each([
    ['other/pull', []],
    ['../../shop/secrets/pull', []],
    ['pull?x=', []],
    ['..', []],
    ['%2e%2e', []],
    ['UPPER', []],
    ['pull', [`get ${secretsOf('other')}/pull`]],
  ])('is not reached from another by the name %j', async (name, read) => {
    const { run, asked } = await arranged({ before });
    expect(await run(named(name), 'other')).toMatchObject(REFUSED);
    expect(asked()).toEqual([`get ${accountsOf('other')}/default`, ...read]);
  });

  it('is not reached by an object that says that it is of that namespace', async () => {
    const { ask, asked, registry } = await arranged({ before });
    const spec = { containers: [container(`${registry.host}/acme/app:v1`)], ...named('pull') };
    expect(await ask(review(pod(spec, { namespace: 'shop' }), { namespace: 'other' }))).toMatchObject(REFUSED);
    expect(asked().filter((line) => line.includes('/shop/'))).toEqual([]);
  });

  it('follows a moved tag: what it opened before does not admit what is there now [peers 36]', async () => {
    const { run, registry } = await arranged({ before });
    expect(await run(named('pull'))).toMatchObject(VERIFIED);
    publish(registry, 'acme/app', publishImage(registry, 'acme/bare', 'unsigned'), 'v1');
    expect(await run(named('pull'))).toMatchObject({ allowed: false, words: ['unsigned UNSIGNED'] });
  });

  it('costs the registry nothing for a digest that it opened before [peers 69]', async () => {
    const { run, registry, image } = await arranged({ before });
    const name = `acme/app@${image.digest}`;
    expect(await run(named('pull'), 'shop', undefined, name)).toMatchObject(VERIFIED);
    const requests = registry.requests.length;
    expect(await run(named('pull'), 'shop', undefined, name)).toMatchObject(VERIFIED);
    expect(registry.requests).toHaveLength(requests);
  });
});

describe('which secrets a pod pulls with, as kubelet has it', () => {
  it('those of its ServiceAccount, named or default', async () => {
    const { run, api, registry } = await arranged({
      before: (api, host) => {
        put(api, secretsOf('shop'), secret(host, 'pull'));
        put(api, accountsOf('shop'), { kind: 'ServiceAccount', metadata: { name: 'builder' }, ...named('pull') });
      },
    });
    expect(await run({ serviceAccountName: 'builder' })).toMatchObject(VERIFIED);
    expect(await run({})).toMatchObject(REFUSED);
    put(api, accountsOf('other'), { kind: 'ServiceAccount', metadata: { name: 'default' }, ...named('pull') });
    expect(await run({}, 'other')).toMatchObject(REFUSED);
    put(api, secretsOf('other'), secret(registry.host, 'pull'));
    expect(await run({}, 'other')).toMatchObject(VERIFIED);
  });

  it('those that are there: a missing one is passed over, and one that is made later is seen at once', async () => {
    const { run, api, registry } = await arranged({
      before: (api, host) => put(api, secretsOf('shop'), secret(host, 'pull')),
    });
    expect(await run(named('gone', 'pull'))).toMatchObject(VERIFIED);
    expect(await run(named('gone'))).toMatchObject(REFUSED);
    put(api, secretsOf('shop'), secret(registry.host, 'gone'));
    expect(await run(named('gone'))).toMatchObject(VERIFIED);
  });

  it('those of a type for pulling: any other is passed over, whatever it holds', async () => {
    const { run } = await arranged({
      before: (api, host) => {
        put(api, secretsOf('shop'), secret(host, 'opaque', LOGIN, { type: 'Opaque' }));
        put(api, secretsOf('shop'), secret(host, 'token', LOGIN, { type: 'kubernetes.io/service-account-token' }));
        const basic = { username: Buffer.from('alice').toString('base64') };
        put(api, secretsOf('shop'), secret(host, 'basic', LOGIN, { type: 'kubernetes.io/basic-auth', data: basic }));
      },
    });
    expect(await run(named('opaque', 'token', 'basic'))).toMatchObject(REFUSED);
  });

  it('each in turn where the registry refuses the one before', async () => {
    const { run } = await arranged({
      before: (api, host) => {
        put(api, secretsOf('shop'), secret(host, 'old', { username: 'alice', password: 'expired' }));
        put(api, secretsOf('shop'), secret(host, 'pull'));
      },
    });
    expect(await run(named('old', 'pull'))).toMatchObject(VERIFIED);
    expect(await run(named('old'))).toMatchObject(REFUSED);
  });

  it('those of the template, for a Deployment', async () => {
    const { ask, registry } = await arranged({
      before: (api, host) => put(api, secretsOf('shop'), secret(host, 'pull')),
    });
    const containers = [container(`${registry.host}/acme/app:v1`)];
    const of = (template: Json, more: Json = {}) =>
      deployment([], { template: { spec: { containers, ...template } }, ...more });
    expect(await ask(review(of(named('pull'))))).toMatchObject(VERIFIED);
    expect(await ask(review(of({}, named('pull'))))).toMatchObject(REFUSED);
  });
});

describe('no secret is read', () => {
  it('for images that no policy names, nor with more than one of them', async () => {
    const { run, asked } = await arranged();
    expect(await run(named('pull'), 'shop', undefined, 'elsewhere/app:v1')).toMatchObject({ allowed: true });
    expect(asked()).toEqual([]);
  });

  it('of pods, where the configuration does not want it', async () => {
    const { run, asked } = await arranged({
      before: (api, host) => put(api, secretsOf('shop'), secret(host, 'pull')),
      pullSecrets: { fromPods: false },
    });
    expect(await run(named('pull'))).toMatchObject(REFUSED);
    expect(asked()).toEqual([]);
  });
});

describe('secrets that cannot be read', () => {
  it.each([
    ['the API server fails', refuse(500), 'CLUSTER_UNAVAILABLE'],
    ['the API server is busy', refuse(429), 'CLUSTER_UNAVAILABLE'],
    ['the role is missing', refuse(403), 'CLUSTER_FORBIDDEN'],
    ['the connection is cut', reset, 'CLUSTER_UNREACHABLE'],
    ['a proxy answers 404', refuse(404, {}, 'not found'), 'CLUSTER_ANSWER_UNUSABLE'],
    ['the API server answers something else', refuse(200, {}, '<html>'), 'CLUSTER_ANSWER_UNUSABLE'],
  ])('refuse with their own code, never as unsigned: %s', async (_, fault, code) => {
    const { run, api } = await arranged({
      before: (api, host) => put(api, secretsOf('shop'), secret(host, 'pull')),
    });
    const back = api.always((asked, response) => asked.path.includes('/secrets/') && fault(asked, response));
    expect(await run(named('pull'))).toMatchObject({ allowed: false, words: [`error ${code}`] });
    back();
    expect(await run(named('pull'))).toMatchObject(VERIFIED);
  });

  it('refuse where a secret holds no Docker configuration, and tell nothing of it', async () => {
    const data = { '.dockerconfigjson': Buffer.from('s3cret-nonsense').toString('base64') };
    const { run } = await arranged({
      before: (api, host) => put(api, secretsOf('shop'), secret(host, 'pull', LOGIN, { data })),
    });
    const said = await run(named('pull'));
    expect(said).toMatchObject({ allowed: false, words: ['error REGISTRY_CREDENTIAL_UNUSABLE'] });
    expect(said.message).not.toContain('s3cret');
  });

  it('refuse where a pod names more than are read, even if trouble may be let in', async () => {
    const { run, asked } = await arranged({ configuration: { onError: 'allow' } });
    const many = Array.from({ length: 40 }, (_, n) => `secret-${n}`);
    expect(await run(named(...many))).toMatchObject({ allowed: false, words: ['error LIMIT_EXCEEDED'] });
    expect(asked()).toEqual([]);
  });

  it('show no password in an answer, a record, a metric', async () => {
    const { run, records, metrics } = await arranged({
      before: (api, host) =>
        put(api, secretsOf('shop'), secret(host, 'pull', { username: 'alice', password: 'w-r-o-n-g' })),
    });
    const said = await run(named('pull'));
    expect(said).toMatchObject(REFUSED);
    expect([said.message, JSON.stringify(await records()), await metrics()].join('\n')).not.toMatch(/w-r-o-n-g|alice/);
  });
});

describe('secrets for all pods', () => {
  const own = secretsOf('countersign-system');
  const pullSecrets = { names: ['mirror', 'pull'] };

  it('open registries to every namespace and to every caller, and are read in our own namespace alone', async () => {
    const { run, asked, health } = await arranged({
      pullSecrets,
      before: (api, host) => put(api, own, secret(host, 'pull')),
    });
    await vi.waitFor(async () => expect(await health()).toMatch(/^ready/));
    expect(await run({})).toMatchObject(VERIFIED);
    expect(await run({}, 'other', 'anybody')).toMatchObject(VERIFIED);
    expect(asked().toSorted()).toEqual([`get ${own}/mirror`, `get ${own}/pull`]);
  });

  it('come after those of the pod', async () => {
    const { run, health } = await arranged({
      pullSecrets: { ...pullSecrets, fromPods: true },
      before: (api, host) => {
        put(api, own, secret(host, 'pull'));
        put(api, secretsOf('shop'), secret(host, 'wrong', { username: 'bob', password: 'guess' }));
      },
    });
    await vi.waitFor(async () => expect(await health()).toMatch(/^ready/));
    expect(await run(named('wrong'))).toMatchObject(VERIFIED);
    expect(await run({}, 'other')).toMatchObject(VERIFIED);
  });

  it('fail every look-up until they were read once, and the process is not ready before it tried', async () => {
    const { run, api, health } = await arranged({
      pullSecrets,
      before: (api, host) => {
        put(api, own, secret(host, 'pull'));
        api.always(({ path }, response) => path.startsWith(own) && refuse(403)(undefined as never, response));
      },
    });
    await vi.waitFor(async () => expect(await health()).toMatch(/pull secrets for all pods cannot be read/));
    expect(await run({})).toMatchObject({ allowed: false, words: ['error CLUSTER_FORBIDDEN'] });
    expect(api.log.length).toBeGreaterThan(0);
  });
});

describe('whoever knows the segment that stands in the serving Secret', () => {
  it('is the API server without any certificate, and whoever guesses finds nothing', async () => {
    const hooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    const { api, registry, url, health, asked } = await arranged({
      before: (api, host) => {
        const clientConfig = { service: { name: 'countersign', namespace: 'countersign-system', path: '/validate' } };
        api.put(hooks, {
          metadata: { name: 'countersign' },
          webhooks: [{ name: 'images.countersign.dev', clientConfig }],
        });
        put(api, secretsOf('shop'), secret(host, 'pull'));
      },
      configuration: { tls: { managed: {} }, callers: undefined },
    });
    await vi.waitFor(async () => expect(await health()).toMatch(/^ready/), 10_000);
    const made = api.asked.find(({ verb, path }) => verb === 'create' && path.endsWith('/secrets'))?.body ?? '{}';
    const text = (key: string) => Buffer.from(JSON.parse(made).data[key], 'base64').toString();
    const [ca, caller] = [text('ca.crt'), text('caller')];
    expect(caller.length).toBeGreaterThan(30);
    const agent = new Agent({ ca, servername: 'countersign.countersign-system.svc' });
    onTestFinished(() => agent.destroy());

    const body = JSON.stringify(
      review(pod({ containers: [container(`${registry.host}/acme/app:v1`)], ...named('pull') })),
    );
    const post = async (path: string) => {
      const { status, body: answer } = await postTo(`${url}${path}`, agent, body);
      return status === 200 ? (answer['response'] as { readonly allowed: boolean }).allowed : status;
    };
    const reads = () => asked().filter((line) => line.includes('/shop/'));
    expect(await post('/validate')).toBe(false);
    expect(await post(`/validate/${caller.slice(0, -1)}g`)).toBe(404);
    expect(await post(`/validate/${'0'.repeat(caller.length)}`)).toBe(404);
    expect(reads()).toEqual([]);
    expect(await post(`/validate/${caller}?mode=deny&timeout=10s`)).toBe(true);
    expect(reads()).toContain(`get ${secretsOf('shop')}/pull`);
  });
});
