import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { vi } from 'vitest';
import {
  at,
  helmOn,
  type Json,
  type KubeObject,
  listAt,
  type Release,
  readObjects,
  textAt,
  written,
} from '../chart.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Folder } from '../folder.ts';
import { succeed } from '../process.ts';
import { must } from './objects.ts';
import { type Pod, startPod } from './pod.ts';
import { listenAtService, type ServiceAddress } from './service.ts';

/** A release of the chart, and its pods. */
export type Installation = {
  /** Ends what runs; the release stays. */
  readonly stop: () => Promise<void>;
  /** Starts another pod of the Deployment as it is now, waits until it is ready, and has the service use it. */
  readonly startPod: () => Promise<Pod>;
  /** Ends a pod as kubelet does, while the service still sends it requests for a moment. */
  readonly endPod: (pod: Pod) => Promise<void>;
  /** Takes a pod that is gone out of the service, as kubelet and kube-proxy do a while after it. */
  readonly forget: (pod: Pod) => void;
  readonly pods: () => readonly Pod[];
  /** The audit records of all pods that ever ran. */
  readonly records: () => readonly AuditRecord[];
  /** Has every pod see what its ConfigMaps hold now, as kubelet does within a minute. */
  readonly refreshConfigMaps: () => Promise<void>;
};

/** Of an audit record, what is looked at. */
export type AuditRecord = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly decision: string;
  readonly mode: string;
  readonly wouldDeny: boolean;
  readonly dryRun: boolean;
  readonly note?: string;
  readonly requests: number;
};

/** Where countersign is installed, and how its objects are called there. */
export const NAMESPACE = 'countersign';
export const NAME = 'countersign';

/** What pods and services have of the cluster. */
export type Cluster = { readonly plane: ControlPlane; readonly folder: Folder };

/** Has the API server serve the kinds that the files of a folder define. */
export async function installCrds(plane: ControlPlane, folder: string): Promise<void> {
  const crds = readdirSync(folder).flatMap((file) => readObjects(readFileSync(resolve(folder, file), 'utf8')));
  await must(plane, ['create', '-f', '-'], written(crds));
  for (const crd of crds) {
    const name = `crd/${textAt(crd, 'metadata', 'name')}`;
    await must(plane, ['wait', '--for=condition=Established', name, '--timeout=60s']);
  }
}

let bundles = 0;

/** Bundles countersign as its image does, into a folder of its own. */
export async function bundle(folder: Folder): Promise<string> {
  const project = resolve(import.meta.dirname, '../../..');
  await succeed(process.execPath, ['build.ts'], { cwd: project });
  bundles += 1;
  folder.folder(`app-${bundles}`);
  const path = folder.file(`app-${bundles}/countersign.mjs`);
  copyFileSync(resolve(project, 'dist/countersign.mjs'), path);
  return path;
}

/** Reads an object; an absent one throws. */
export async function getObject(plane: ControlPlane, ...args: readonly string[]): Promise<KubeObject> {
  const { status, stdout, stderr } = await plane.kubectl(['get', ...args, '-o', 'json']);
  const [object] = status === 0 ? readObjects(stdout) : [];
  if (object === undefined) throw new Error(`kubectl get ${args.join(' ')}: ${stderr}`);
  return object;
}

/** Installs the chart by Helm, or upgrades it. */
export function upgrade({ plane, folder }: Cluster, values: Release['values']): Promise<string> {
  return helmOn(folder, plane.kubeconfig).upgrade({ name: NAME, namespace: NAMESPACE, values });
}

/** Installs the chart by Helm, and runs it. */
export async function install(cluster: Cluster, app: string, values: Release['values']): Promise<Installation> {
  await upgrade(cluster, values);
  return runRelease(cluster, app);
}

/**
 * Starts as many pods as the Deployment of an installed release has replicas, and waits until they are ready and the
 * webhooks hold what the pods wrote into them.
 */
export async function runRelease(cluster: Cluster, app: string): Promise<Installation> {
  const { plane } = cluster;
  const service = await getObject(plane, '-n', NAMESPACE, 'service', NAME);
  const clusterIp = textAt(service, 'spec', 'clusterIP');
  const address = await listenAtService(clusterIp, Number(at(service, 'spec', 'ports', 0, 'port')));
  const pods: Pod[] = [];
  const everStarted: Pod[] = [];
  const route = () => routeTo(address, pods);

  const start = async (): Promise<Pod> => {
    const pod = await startOne(cluster, app, clusterIp);
    pods.push(pod);
    everStarted.push(pod);
    await vi.waitFor(async () => {
      if (!(await pod.isReady())) throw new Error(`a pod is not ready: ${pod.log()}`);
    }, PATIENCE);
    route();
    return pod;
  };
  const forget = (pod: Pod) => {
    pods.splice(pods.indexOf(pod), 1);
    route();
  };
  const stop = async () => {
    await Promise.all(pods.splice(0).map((pod) => pod.kill()));
    await address.close();
  };
  try {
    const deployment = await getObject(plane, '-n', NAMESPACE, 'deployment', NAME);
    const replicas = Number(at(deployment, 'spec', 'replicas'));
    // All of them, so that none is still being started when another has failed.
    const came = await Promise.allSettled(Array.from({ length: replicas }, start));
    for (const one of came) if (one.status === 'rejected') throw one.reason;
    await waitUntilWritten(plane);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    stop,
    startPod: start,
    endPod: async (pod) => {
      const ended = pod.stop();
      // The service hears of it later than the pod does: until then requests go on coming to one that drains.
      await wait(500);
      forget(pod);
      await ended;
    },
    forget,
    pods: () => [...pods],
    records: () => everStarted.flatMap((pod) => recordsIn(pod.log())),
    refreshConfigMaps: async () => {
      const data = await configMapData(plane, `${NAME}-policies`);
      for (const pod of pods) pod.refresh(`${NAME}-policies`, data);
    },
  };
}

const PATIENCE = { timeout: 60_000, interval: 100 };
let podsStarted = 0;

async function startOne({ plane, folder }: Cluster, app: string, clusterIp: string): Promise<Pod> {
  podsStarted += 1;
  const number = podsStarted;
  const deployment = await getObject(plane, '-n', NAMESPACE, 'deployment', NAME);
  const account = textAt(deployment, 'spec', 'template', 'spec', 'serviceAccountName');
  const token = await plane.kubectl(['-n', NAMESPACE, 'create', 'token', account]);
  if (token.status !== 0) throw new Error(token.stderr);
  return startPod({
    folder,
    name: `${NAME}-${number}`,
    // Beside the addresses of services, in the same network of this run.
    address: clusterIp.replace(/\.\d+\.\d+$/, (rest) => `.${(Number(rest.split('.')[1]) + 1) % 256}.${number}`),
    template: at(deployment, 'spec', 'template') ?? null,
    bundle: app,
    configMap: (name) => configMapData(plane, name),
    serviceAccount: {
      token: token.stdout.trim(),
      'ca.crt': readFileSync(plane.caFile, 'utf8'),
      namespace: NAMESPACE,
    },
    apiServer: new URL(plane.url),
  });
}

/** Standard output has nothing but records, and standard error none; here both are one file. */
function recordsIn(log: string): readonly AuditRecord[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{"time":') && line.includes('"decision":'))
    .map((line) => JSON.parse(line));
}

async function configMapData(plane: ControlPlane, name: string): Promise<Json> {
  return at(await getObject(plane, '-n', NAMESPACE, 'configmap', name), 'data') ?? {};
}

function routeTo(address: ServiceAddress, pods: readonly Pod[]): void {
  address.route(pods.map((pod) => ({ address: pod.address, port: pod.port('https') })));
}

/** Both webhooks hold an authority and a path that only they know. */
async function waitUntilWritten(plane: ControlPlane): Promise<void> {
  await vi.waitFor(async () => {
    const hooks = await getObject(plane, 'validatingwebhookconfiguration', NAME);
    for (const webhook of listAt(hooks, 'webhooks')) {
      const path = textAt(webhook, 'clientConfig', 'service', 'path');
      const written = textAt(webhook, 'clientConfig', 'caBundle') !== '' && path.startsWith('/validate/');
      if (!written) throw new Error(`nothing is written into ${JSON.stringify(at(webhook, 'clientConfig'))}`);
    }
  }, PATIENCE);
}
