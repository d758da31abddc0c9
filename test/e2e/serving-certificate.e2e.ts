import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ok } from '../../src/codes/result.ts';
import { type ApiClient, createApiClient } from '../../src/kubernetes/api.ts';
import { fromKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { WEBHOOK_CONFIGURATIONS } from '../../src/kubernetes/serving-hooks.ts';
import { type Watch, watchResource } from '../../src/kubernetes/watch.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { startWebhook } from './countersign.ts';
import { temporaryFolder } from './folder.ts';
import {
  applyAsHelm,
  type Called,
  calledIn,
  DENY,
  EMPTY_SECRET,
  installRights,
  NAME,
  NAMESPACE,
  type Replica,
  review,
  SECRET,
  startReplica,
  startService,
  webhookConfiguration,
} from './serving-cluster.ts';
import { describeWith } from './tools.ts';

/** An authority is replaced after 20 seconds and a leaf after 5; a roll-over waits three times 2. */
const SHORT = { authorityMs: 30_000, leafMs: 8_000, settleMs: 2_000, backdateMs: 1_000 };
const LOAD_MS = 45_000;
const EVERY_MS = 20;
/** How far one of two API servers is behind: less than half of the wait. */
const BEHIND_MS = 900;

const until = (check: () => unknown) => vi.waitFor(check, { timeout: 30_000, interval: 50 });

describeWith(['etcd', 'kube-apiserver', 'kubectl', 'openssl'], 'serving certificates that replicas keep', () => {
  const folder = temporaryFolder();
  const replicas: Replica[] = [];
  /** Where a process of its own listens. */
  let alone: number | undefined;
  const ports = () => (alone === undefined ? replicas.map(({ port }) => port) : [alone]);
  let plane: ControlPlane;
  let service: Awaited<ReturnType<typeof startService>>;
  let api: ApiClient;
  let seen: Watch<readonly Called[]>;
  let kubeconfig: string;

  const called = (): readonly Called[] => {
    const object = seen.all().get(NAME)?.object;
    return object?.ok === true ? object.value : [];
  };
  const kubectl = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await plane.kubectl(args);
    expect([status, stderr]).toEqual([0, '']);
    return stdout;
  };
  const secret = async (key: string): Promise<string> => {
    const path = `-o=jsonpath={.data.${key.replace('.', '\\.')}}`;
    return Buffer.from(await kubectl('get', 'secret', SECRET, '-n', NAMESPACE, path), 'base64').toString();
  };
  const allAnswer = async (): Promise<void> => {
    const webhooks = called();
    expect(webhooks).toHaveLength(2);
    for (const webhook of webhooks) {
      for (const port of ports()) expect(await review(port, webhook)).toBe(200);
    }
  };

  beforeAll(async () => {
    plane = await startControlPlane(folder);
    service = await startService(ports);
    kubeconfig = await installRights(plane, folder, service.port);
    const cluster = await fromKubeconfig({ files: [folder.file('kubeconfig')], allowPlugins: false });
    if (!cluster.ok) throw new Error(cluster.failure.message);
    api = createApiClient(cluster.value);
    seen = watchResource(api, WEBHOOK_CONFIGURATIONS, {
      parse: (object) => ok(calledIn(object)),
      onChange: () => undefined,
      logger: silentLogger,
    });
  });
  afterAll(async () => {
    for (const replica of replicas) await replica.stop();
    await seen.close();
    await api.close();
    await service.stop();
    await plane.stop();
    folder.remove();
  });

  it('are made by whoever comes first, with rights on one Secret, one Lease and one configuration by name', async () => {
    replicas.push(...(await Promise.all([startReplica(kubeconfig, 'a', SHORT), startReplica(kubeconfig, 'b', SHORT)])));
    await until(() => expect(replicas.map(({ certificate }) => certificate.unready())).toEqual([undefined, undefined]));
    await until(allAnswer);
    expect(replicas.filter(({ isLeader }) => isLeader())).toHaveLength(1);
    expect(called().map(({ path }) => path.replace(/[0-9a-f]{48}$/, '…'))).toEqual(['/validate/…', '/validate/deny/…']);
    await until(() => kubectl('create', 'configmap', 'first', '--dry-run=server'));
  });

  it('are rotated with their CA under 50 handshakes a second and no handshake fails [peers 67]', async () => {
    const authorities = new Set<string>();
    const leaves = new Set<string>();
    const failures: string[] = [];
    let asked = 0;
    let admitted = 0;
    const under = new AbortController();
    const fail = (error: unknown): void => {
      failures.push(`${new Date().toISOString()} ${String(error)}`);
    };

    const handshakes = (async () => {
      const open: Promise<void>[] = [];
      const history: { readonly at: number; readonly webhooks: readonly Called[] }[] = [];
      while (!under.signal.aborted) {
        const now = performance.now();
        history.push({ at: now, webhooks: called() });
        while ((history[1]?.at ?? now) < now - BEHIND_MS) history.shift();
        const webhooks = (asked % 8 < 4 ? history[0]?.webhooks : undefined) ?? called();
        const webhook = webhooks[asked % webhooks.length];
        const replica = replicas[Math.floor(asked / 2) % replicas.length];
        asked += 1;
        if (webhook === undefined || replica === undefined) fail('no webhook');
        else {
          const one = review(replica.port, webhook).then((status) => {
            if (status !== 200) fail(`answered ${status}`);
          }, fail);
          open.push(one);
          leaves.add(replica.certificate.current()?.certificatePem ?? '');
          authorities.add(webhook.caBundle);
        }
        await wait(EVERY_MS);
      }
      await Promise.all(open);
    })();
    // The API server itself asks all the while, through both webhooks, with failurePolicy Fail.
    const target = { group: '', version: 'v1', plural: 'configmaps', namespace: 'default' } as const;
    const admissions = (async () => {
      for (let i = 0; !under.signal.aborted; i += 1) {
        const made = await api.create(target, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `load-${i}` } });
        if (made.ok) admitted += 1;
        else fail(made.failure.failure.message);
        await wait(EVERY_MS);
      }
    })();

    await wait(LOAD_MS);
    under.abort();
    await Promise.all([handshakes, admissions]);
    expect(failures).toEqual([]);
    expect(asked).toBeGreaterThan((LOAD_MS / EVERY_MS) * 0.7);
    expect(admitted).toBeGreaterThan(200);
    expect(leaves.size).toBeGreaterThan(4);
    const made = [...authorities].flatMap((bundle) => bundle.split(/(?=-----BEGIN)/));
    expect(new Set(made.filter((pem) => pem !== '')).size).toBeGreaterThan(2);
  }, 120_000);

  it('keep being rotated when the leader is gone, by the other one', async () => {
    const leader = replicas.find(({ isLeader }) => isLeader());
    const follower = replicas.find((replica) => replica !== leader);
    if (leader === undefined || follower === undefined) throw new Error('there is no leader');
    const before = await secret('tls.crt');
    replicas.splice(replicas.indexOf(leader), 1);
    await leader.stop();
    await until(() => expect(follower.isLeader()).toBe(true));
    await until(async () => expect(await secret('tls.crt')).not.toBe(before));
    await until(allAnswer);
    replicas.push(await startReplica(kubeconfig, 'c', SHORT));
    await until(() => expect(replicas[1]?.certificate.unready()).toBeUndefined());
  });

  it('leave an upgrade by Helm without a conflict, and let it drop a webhook', async () => {
    const before = called().map(({ path }) => path.split('/').at(1));
    await applyAsHelm(plane, [webhookConfiguration(service.port), EMPTY_SECRET]);
    expect(called().map(({ path }) => path.split('/').at(1))).toEqual(before);
    await until(allAnswer);
    await applyAsHelm(plane, [webhookConfiguration(service.port, ['images.countersign.dev'])]);
    await until(() => expect(called()).toHaveLength(1));
    await applyAsHelm(plane, [webhookConfiguration(service.port)]);
    await until(allAnswer);
  });

  it('come back when somebody clears caBundle and path, and when Helm makes the Secret again that somebody deleted', async () => {
    const configuration = JSON.stringify(webhookConfiguration(service.port));
    expect(await plane.kubectl(['replace', '-f', '-'], configuration)).toMatchObject({ status: 0 });
    await until(allAnswer);

    await kubectl('delete', 'secret', SECRET, '-n', NAMESPACE);
    const problems = () => replicas.flatMap(({ certificate }) => certificate.problems().map(({ kind }) => kind));
    await until(() => expect(problems()).toEqual(expect.arrayContaining(['cluster'])));
    await allAnswer();
    await applyAsHelm(plane, [EMPTY_SECRET]);
    await until(async () => expect(new X509Certificate(await secret('tls.crt')).ca).toBe(false));
    await until(allAnswer);
    await until(() => expect(problems()).toEqual([]));
  });

  it('are gone with the release, and nothing that the process made is left, even if it is the last to go [peers 68]', async () => {
    const kinds = 'secrets,leases,configmaps,serviceaccounts,services,events';
    const list = () => kubectl('get', kinds, '-n', NAMESPACE, '-o=name');
    await kubectl('delete', 'validatingwebhookconfiguration', NAME);
    await kubectl('delete', 'secret', SECRET, '-n', NAMESPACE);
    await kubectl('delete', 'lease', NAME, '-n', NAMESPACE);
    // Longer than the process waits before it puts a Secret back.
    await wait(3 * SHORT.settleMs);
    for (const replica of replicas.splice(0)) await replica.stop();
    await kubectl('delete', 'service,serviceaccount', NAME, '-n', NAMESPACE);
    expect(await list()).toBe('');
    expect(await kubectl('get', 'validatingwebhookconfigurations', '-o=name')).toBe('');
  });

  it('are served by the process as it is started, which is ready once the API server can ask it', async () => {
    const replica = await installRights(plane, folder, service.port);
    const webhook = await startWebhook(folder, {
      tls: { managed: { paths: { [DENY]: '/validate/deny' } } },
      kubernetes: { kubeconfig: replica },
    });
    alone = Number(new URL(webhook.url).port);
    try {
      await until(() => kubectl('create', 'configmap', 'asked', '--dry-run=server'));
      await allAnswer();
    } finally {
      await webhook.stop();
    }
    expect(await kubectl('get', 'lease', NAME, '-n', NAMESPACE, '-o=jsonpath={.spec.holderIdentity}')).toBe('');
    const log = readFileSync(folder.file('countersign.log'), 'utf8');
    for (const key of ['caller', 'ca.key', 'tls.key']) expect(log).not.toContain((await secret(key)).slice(30, 48));
  });
});
