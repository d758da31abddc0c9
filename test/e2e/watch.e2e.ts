import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ok, type Result } from '../../src/codes/result.ts';
import { asObject, type JsonObject, stringAt } from '../../src/encoding/strict-json.ts';
import { type ApiClient, createApiClient } from '../../src/kubernetes/api.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { fromKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { standForElection } from '../../src/kubernetes/lease.ts';
import { type Watch, watchResource } from '../../src/kubernetes/watch.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { temporaryFolder } from './folder.ts';
import { type Service, startService } from './process.ts';
import { describeWith, toolPath } from './tools.ts';

const text = (object: JsonObject): Result<string> => ok(stringAt(asObject(object['data']) ?? {}, 'text') ?? '');

/** The API server that runs as a child of this process: its id and its command line. */
function apiServer() {
  const children = readdirSync('/proc/self/task')
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '))
    .filter((pid) => pid !== '');
  for (const pid of children) {
    const [command, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    if (command === toolPath('kube-apiserver')) return { pid: Number(pid), command, args };
  }
  throw new Error('no API server runs');
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const until = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 20 });

describeWith(['etcd', 'kube-apiserver', 'kubectl', 'openssl'], 'a watch of a real API server', () => {
  const folder = temporaryFolder();
  let plane: ControlPlane;
  let second: Service | undefined;
  let cluster: Cluster;
  let api: ApiClient;
  let maps: Watch<string>;

  const seen = () =>
    Object.fromEntries([...maps.all()].map(([key, { object }]) => [key, object.ok ? object.value : '']));
  const kubectl = async (...args: string[]) => {
    const { status, stderr } = await plane.kubectl(args);
    expect([status, stderr]).toEqual([0, '']);
  };

  beforeAll(async () => {
    plane = await startControlPlane(folder);
    const read = await fromKubeconfig({ files: [folder.file('kubeconfig')], allowPlugins: false });
    if (!read.ok) throw new Error(read.failure.message);
    cluster = read.value;
    api = createApiClient(cluster);
    maps = watchResource(
      api,
      { group: '', version: 'v1', plural: 'configmaps', namespace: 'default' },
      { parse: text, onChange: () => undefined, logger: silentLogger, labelSelector: 'watched=yes' },
    );
  });
  afterAll(async () => {
    await maps.close();
    await api.close();
    await second?.stop();
    await plane.stop();
    folder.remove();
  });

  it('sees what is made, changed, relabelled and deleted', async () => {
    expect(await maps.synced).toBe(true);
    await kubectl('create', 'configmap', 'one', '--from-literal=text=1');
    await kubectl('label', 'configmap', 'one', 'watched=yes');
    await until(() => expect(seen()).toEqual({ 'default/one': '1' }));
    await kubectl('patch', 'configmap', 'one', '--patch={"data":{"text":"2"}}');
    await until(() => expect(seen()).toEqual({ 'default/one': '2' }));
    await kubectl('label', 'configmap', 'one', 'watched=no', '--overwrite');
    await until(() => expect(seen()).toEqual({}));
    await kubectl('label', 'configmap', 'one', 'watched=yes', '--overwrite');
    await until(() => expect(seen()).toEqual({ 'default/one': '2' }));
    await kubectl('delete', 'configmap', 'one');
    await until(() => expect(seen()).toEqual({}));
    expect(maps.state()).toMatchObject({ phase: 'watching', lists: 1, failures: 0 });
  });

  it('keeps what it saw while the API server is away, and sees what comes when it is back', async () => {
    await kubectl('create', 'configmap', 'kept', '--from-literal=text=1');
    await kubectl('create', 'configmap', 'deleted', '--from-literal=text=2');
    await kubectl('label', 'configmap', 'kept', 'deleted', 'watched=yes');
    await until(() => expect(Object.keys(seen())).toHaveLength(2));
    // As a machine dies: without a word to anybody.
    const { pid, command, args } = apiServer();
    process.kill(pid, 'SIGKILL');
    while (isThere(pid)) await wait(50);
    await until(() =>
      expect(maps.state()).toMatchObject({ phase: 'failing', reason: { code: 'CLUSTER_UNREACHABLE' } }),
    );
    expect(seen()).toEqual({ 'default/kept': '1', 'default/deleted': '2' });
    const ready = async () => (await plane.kubectl(['get', '--raw', '/readyz'])).status === 0;
    second = await startService({ command, args, log: folder.file('second.log'), ready, patience: 90_000 });
    await kubectl('delete', 'configmap', 'deleted');
    await kubectl('patch', 'configmap', 'kept', '--patch={"data":{"text":"after"}}');
    await until(() => expect(seen()).toEqual({ 'default/kept': 'after' }));
    await until(() => expect(maps.state()).toMatchObject({ phase: 'watching', failingSince: undefined }));
    await kubectl('delete', 'configmap', 'kept');
    await until(() => expect(seen()).toEqual({}));
  }, 150_000);

  it('reads lists in pages, and takes up a watch from the version that they name', async () => {
    const pages: number[] = [];
    let next: string | undefined;
    do {
      const page = await api.list({ group: '', version: 'v1', plural: 'namespaces' }, { limit: 2, next });
      if (!page.ok) throw new Error(page.failure.failure.message);
      pages.push(page.value.objects.length);
      next = page.value.next;
    } while (next !== undefined);
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.reduce((sum, each) => sum + each)).toBe(4);
  });

  it('finds a kind that does not exist absent, and then there when its CRD is made, and gone again with it', async () => {
    const kinds = watchResource(
      api,
      { group: 'e2e.countersign.dev', version: 'v1', plural: 'tries' },
      { parse: () => ok(true), onChange: () => undefined, logger: silentLogger, random: () => 0 },
    );
    expect(await kinds.synced).toBe(true);
    expect(kinds.state().phase).toBe('absent');
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'tries.e2e.countersign.dev' },
      spec: {
        group: 'e2e.countersign.dev',
        scope: 'Cluster',
        names: { plural: 'tries', kind: 'Try', listKind: 'TryList' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    };
    expect(await plane.kubectl(['apply', '-f', '-'], JSON.stringify(crd))).toMatchObject({ status: 0 });
    await kubectl('wait', '--for=condition=Established', 'crd/tries.e2e.countersign.dev', '--timeout=20s');
    const one = { apiVersion: 'e2e.countersign.dev/v1', kind: 'Try', metadata: { name: 'one' } };
    expect(await plane.kubectl(['apply', '-f', '-'], JSON.stringify(one))).toMatchObject({ status: 0 });
    await until(() => expect([...kinds.all().keys()]).toEqual(['one']));
    await kubectl('delete', 'crd', 'tries.e2e.countersign.dev', '--timeout=20s');
    await until(() => expect(kinds.state()).toMatchObject({ phase: 'absent', objects: 0 }));
    await kinds.close();
  }, 150_000);

  it('is told from afar that it may not look, by a real refusal', async () => {
    const stranger: Cluster = {
      ...cluster,
      access: async () => {
        const access = await cluster.access();
        const { ca = '' } = access.ok ? access.value.tls : {};
        return ok({ headers: { authorization: 'Bearer none' }, tls: { ca } });
      },
    };
    const anonymous = createApiClient(stranger);
    const answer = await anonymous.get({
      group: '',
      version: 'v1',
      plural: 'secrets',
      namespace: 'default',
      name: 'x',
    });
    expect(answer).toMatchObject({ failure: { kind: 'failed', failure: { code: 'CLUSTER_FORBIDDEN' } } });
    await anonymous.close();
    const object = await api.get({ group: '', version: 'v1', plural: 'secrets', namespace: 'default', name: 'x' });
    expect(object).toMatchObject({ failure: { kind: 'absent', certain: true } });
  });

  it('has one leader by a real Lease, and hands it over at once', async () => {
    const options = { namespace: 'kube-system', name: 'e2e', logger: silentLogger, retryMs: 200 };
    const one = standForElection(api, { ...options, identity: 'one' });
    await until(() => expect(one.isLeader()).toBe(true));
    const two = standForElection(api, { ...options, identity: 'two' });
    await until(() => expect(two.state().leader).toBe('one'));
    expect(two.isLeader()).toBe(false);
    await one.close();
    await until(() => expect(two.isLeader()).toBe(true));
    expect(one.isLeader()).toBe(false);
    await two.close();
  });
});
