import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { inCluster } from '../../src/kubernetes/cluster.ts';
import { fromKubeconfig, kubeconfigFiles } from '../../src/kubernetes/kubeconfig.ts';

const SOURCE = resolve(import.meta.dirname, '../../src/kubernetes');
const authority = createCertificateAuthority();
const pair = issueServerCertificate(authority, { dnsNames: ['admin'] });
const base64 = (text: string) => Buffer.from(text).toString('base64');

let folder: string;
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function accessOf(cluster: Cluster) {
  const access = await cluster.access();
  return access.ok ? access.value : access.failure;
}

describe('the cluster that this process runs in', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const mount = async (token: string) => {
    await writeFile(file('token'), token);
    await writeFile(file('ca.crt'), authority.certificatePem);
    await writeFile(file('namespace'), 'countersign-system');
  };

  it('is found by the service account, whose token is read again for every request', async () => {
    await mount('first\n');
    const cluster = await inCluster(folder, env);
    if (!cluster.ok) throw new Error(cluster.failure.message);
    expect(cluster.value).toMatchObject({ namespace: 'countersign-system', server: { href: 'https://10.96.0.1/' } });
    const tls = { ca: authority.certificatePem };
    expect(await accessOf(cluster.value)).toEqual({ headers: { authorization: 'Bearer first' }, tls });
    await mount('second');
    expect(await accessOf(cluster.value)).toEqual({ headers: { authorization: 'Bearer second' }, tls });
    const next = createCertificateAuthority().certificatePem;
    await writeFile(file('ca.crt'), next);
    expect(await accessOf(cluster.value)).toMatchObject({ tls: { ca: next } });
  });

  it('may have an IPv6 address', async () => {
    const cluster = await inCluster(folder, { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' });
    expect(cluster).toMatchObject({ value: { server: { href: 'https://[fd00::1]/' } } });
  });

  it.each([[{}], [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }], [{ ...env, KUBERNETES_SERVICE_PORT: 'x y' }]])(
    'is none with %j',
    async (env) => {
      expect(await inCluster(folder, env)).toMatchObject({ failure: { code: 'CONFIGURATION_INVALID' } });
    },
  );

  it.each([
    ['empty', ''],
    ['two lines', 'a\nauthorization: b'],
    ['no text', '\u0001'],
  ])('has no access with a token that is %s, and does not show it', async (_, token) => {
    await mount(token);
    const cluster = await inCluster(folder, env);
    if (!cluster.ok) throw new Error(cluster.failure.message);
    const access = await accessOf(cluster.value);
    expect(access).toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: `the token file ${file('token')} cannot be read or holds no token`,
    });
  });

  it('has no access while a file is missing, and has it again when it is there', async () => {
    await mount('one');
    const cluster = await inCluster(folder, env);
    if (!cluster.ok) throw new Error(cluster.failure.message);
    await rm(file('ca.crt'));
    expect(await accessOf(cluster.value)).toMatchObject({ code: 'TRUST_MATERIAL_UNAVAILABLE' });
    await rm(file('token'));
    await mount('two');
    expect(await accessOf(cluster.value)).toMatchObject({ headers: { authorization: 'Bearer two' } });
  });
});

describe('a kubeconfig', () => {
  type Parts = { cluster?: object; user?: object; context?: object };
  const config = ({ cluster = {}, user = {}, context = {} }: Parts) => ({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', ...context } }],
    clusters: [{ name: 'c', cluster: { server: 'https://api.test:6443', ...cluster } }],
    users: [{ name: 'u', user }],
  });
  async function load(content: object | string, options: { allowPlugins?: boolean; now?: () => number } = {}) {
    await writeFile(file('config'), typeof content === 'string' ? content : JSON.stringify(content));
    return fromKubeconfig({ files: [file('config')], allowPlugins: false, ...options });
  }
  async function accessBy(parts: Parts, options: { allowPlugins?: boolean } = {}) {
    const cluster = await load(config(parts), options);
    return cluster.ok ? accessOf(cluster.value) : cluster.failure;
  }

  it('gives a client certificate, in the file or beside it', async () => {
    const inline = {
      'client-certificate-data': base64(pair.certificatePem),
      'client-key-data': base64(pair.privateKeyPem),
    };
    const cluster = { 'certificate-authority-data': base64(authority.certificatePem), 'tls-server-name': 'kubernetes' };
    const tls = {
      ca: authority.certificatePem,
      cert: pair.certificatePem,
      key: pair.privateKeyPem,
      servername: 'kubernetes',
    };
    expect(await accessBy({ user: inline, cluster })).toEqual({ headers: {}, tls });
    await writeFile(file('client.crt'), pair.certificatePem);
    await writeFile(file('client.key'), pair.privateKeyPem);
    const beside = { 'client-certificate': 'client.crt', 'client-key': file('client.key') };
    expect(await accessBy({ user: beside, cluster })).toEqual({ headers: {}, tls });
  });

  it('gives a token, a user name with a password, whom to impersonate, a namespace and a proxy', async () => {
    expect(await accessBy({ user: { token: 'abc' } })).toMatchObject({ headers: { authorization: 'Bearer abc' } });
    const basic = { username: 'käthe', password: 'x:y' };
    expect(await accessBy({ user: basic })).toMatchObject({
      headers: { authorization: `Basic ${base64('käthe:x:y')}` },
    });
    const as = await accessBy({ user: { token: 'abc', as: 'viewer' } });
    expect(as).toMatchObject({ headers: { authorization: 'Bearer abc', 'impersonate-user': 'viewer' } });
    const proxied = await accessBy({ cluster: { 'proxy-url': 'http://proxy.test:3128' } });
    expect(proxied).toMatchObject({ proxy: 'http://proxy.test:3128' });
    expect(await load(config({ context: { namespace: 'team' } }))).toMatchObject({ value: { namespace: 'team' } });
  });

  it('gives the token of a file, as it is at the moment', async () => {
    await writeFile(file('bound'), 'one\n');
    const cluster = await load(config({ user: { tokenFile: 'bound' } }));
    if (!cluster.ok) throw new Error(cluster.failure.message);
    expect(await accessOf(cluster.value)).toMatchObject({ headers: { authorization: 'Bearer one' } });
    await writeFile(file('bound'), 'two');
    expect(await accessOf(cluster.value)).toMatchObject({ headers: { authorization: 'Bearer two' } });
  });

  it('is read again after a minute, and kept where it cannot be', async () => {
    let now = 0;
    const cluster = await load(config({ user: { token: 'one' } }), { now: () => now });
    if (!cluster.ok) throw new Error(cluster.failure.message);
    await writeFile(file('config'), JSON.stringify(config({ user: { token: 'two' } })));
    expect(await accessOf(cluster.value)).toMatchObject({ headers: { authorization: 'Bearer one' } });
    now = 60_000;
    expect(await accessOf(cluster.value)).toMatchObject({ headers: { authorization: 'Bearer two' } });
    await writeFile(file('config'), ': no');
    now = 120_000;
    expect(await accessOf(cluster.value)).toMatchObject({ headers: { authorization: 'Bearer two' } });
  });

  it('runs a credential plugin for a command line tool, and never for the server', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'made' },
    };
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', `process.stdout.write(${JSON.stringify(JSON.stringify(credential))})`],
    };
    expect(await accessBy({ user: { exec } }, { allowPlugins: true })).toMatchObject({
      headers: { authorization: 'Bearer made' },
    });
    const pluginRefused = { code: 'CONFIGURATION_INVALID', message: expect.stringContaining('credential plugin') };
    const touched = file('touched');
    const touching = { ...exec, args: ['-e', `require('fs').writeFileSync(${JSON.stringify(touched)}, '')`] };
    expect(await accessBy({ user: { exec: touching } })).toMatchObject(pluginRefused);
    const azure = { 'auth-provider': { name: 'azure', config: { 'cmd-path': 'touch', 'cmd-args': touched } } };
    expect(await accessBy({ user: azure })).toMatchObject(pluginRefused);
    await expect(rm(touched)).rejects.toThrow('ENOENT');
  });

  it('says that a plugin failed, and nothing of what it wrote', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', `process.stderr.write('hunter2'); process.stdout.write('hunter3'); process.exit(1)`],
    };
    const failure = await accessBy({ user: { exec } }, { allowPlugins: true });
    expect(failure).toEqual({ code: 'CLUSTER_FORBIDDEN', message: 'the kubeconfig gives no credential' });
    const garbage = { ...exec, args: ['-e', `process.stdout.write('hunter3')`] };
    const second = await accessBy({ user: { exec: garbage } }, { allowPlugins: true });
    expect(JSON.stringify(second)).not.toContain('hunter');
  });

  it.each<[string, Parts, string]>([
    ['skips the check of the certificate', { cluster: { 'insecure-skip-tls-verify': true } }, 'to skip the check'],
    ['goes over plain HTTP to elsewhere', { cluster: { server: 'http://api.test:8080' } }, 'without https'],
    ['goes over another protocol', { cluster: { server: 'ftp://localhost' } }, 'without https'],
    ['names no server', { cluster: { server: 'api' } }, 'does not say where'],
    ['names a server with a password', { cluster: { server: 'https://a:b@api.test' } }, 'names no server'],
    ['goes through a SOCKS proxy', { cluster: { 'proxy-url': 'socks5://proxy.test' } }, 'does not speak HTTP'],
    ['names a cluster that is not there', { context: { cluster: 'other' } }, 'does not say where'],
    ['impersonates with groups, which the reader would drop', { user: { 'as-groups': ['admins'] } }, 'with groups'],
  ])('is refused where it %s', async (_, parts, message) => {
    const refused = await accessBy(parts);
    expect(refused).toMatchObject({ code: 'CONFIGURATION_INVALID', message: expect.stringContaining(message) });
  });

  it('sends no credential over the plain HTTP of kubectl proxy', async () => {
    const access = await accessBy({ cluster: { server: 'http://127.0.0.1:8001' }, user: { token: 'abc' } });
    expect(access).toEqual({ headers: {}, tls: {} });
  });

  it.each([
    ['no YAML', '{'],
    ['a list', '[]'],
    ['text', 'token: hunter2: x'],
    ['nothing', ''],
    ['clusters that are none', 'clusters: [1]\nusers: []\ncontexts: []'],
  ])('that is %s is refused, and not quoted', async (_, text) => {
    const refused = await load(text);
    expect(refused).toMatchObject({ ok: false, failure: { code: 'CONFIGURATION_INVALID' } });
    expect(JSON.stringify(refused)).not.toContain('hunter');
  });

  it('that is not there is refused', async () => {
    const options = { files: [file('nowhere')], allowPlugins: false };
    expect(await fromKubeconfig(options)).toMatchObject({ failure: { code: 'CONFIGURATION_INVALID' } });
    expect(await fromKubeconfig({ ...options, files: [] })).toMatchObject({
      failure: { code: 'CONFIGURATION_INVALID', message: expect.stringContaining('there is no kubeconfig') },
    });
  });

  it('may be several, of which the first current context decides, and another may be named', async () => {
    const second = config({ user: { token: 'second' } });
    const rename = (text: string) =>
      text.replaceAll('"c"', '"c2"').replaceAll('"u"', '"u2"').replaceAll('"here"', '"there"');
    await writeFile(file('first'), JSON.stringify(config({ user: { token: 'first' } })));
    await writeFile(file('second'), rename(JSON.stringify(second)));
    const files = [file('first'), file('second')];
    const first = await fromKubeconfig({ files, allowPlugins: false });
    const other = await fromKubeconfig({ files, allowPlugins: false, context: 'there' });
    if (!first.ok || !other.ok) throw new Error('not read');
    expect(await accessOf(first.value)).toMatchObject({ headers: { authorization: 'Bearer first' } });
    expect(await accessOf(other.value)).toMatchObject({ headers: { authorization: 'Bearer second' } });
  });

  it('is looked for where kubectl looks', () => {
    expect(kubeconfigFiles({ KUBECONFIG: '/a:/b:', HOME: '/h' })).toEqual(['/a', '/b']);
    expect(kubeconfigFiles({ HOME: '/h' })).toEqual(['/h/.kube/config']);
    expect(kubeconfigFiles({})).toEqual([]);
  });
});

describe('the Kubernetes client', () => {
  const loaded = (code: string) =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { registerHooks } from 'node:module';
         const seen = new Set();
         registerHooks({ load: (url, context, next) => { seen.add(url); return next(url, context); } });
         ${code}
         process.stdout.write(String([...seen].filter((url) => url.includes('client-node')).length));`,
      ],
      { encoding: 'utf8' },
    ).stdout;

  it('is loaded when a kubeconfig is read, and not by anything before or within a cluster', () => {
    const modules = ['watch', 'lease', 'pull-secrets', 'api', 'cluster', 'kubeconfig'];
    const imports = modules.map((name) => `await import(${JSON.stringify(`${SOURCE}/${name}.ts`)});`).join('');
    expect(loaded(`${imports} await (await import(${JSON.stringify(`${SOURCE}/cluster.ts`)})).inCluster();`)).toBe('0');
    const read = `const { fromKubeconfig } = await import(${JSON.stringify(`${SOURCE}/kubeconfig.ts`)});
      await fromKubeconfig({ files: ['/nowhere'], allowPlugins: false });`;
    expect(Number(loaded(read))).toBeGreaterThan(0);
  });
});
