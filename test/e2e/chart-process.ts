import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { at, type KubeObject, listAt, only, type Release, readObjects, render, textAt, textsAt } from './chart.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Folder } from './folder.ts';
import { answersHttp, freePort, type Service, startService } from './process.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
const REPLICAS = { count: 0 };

/** One pod of a release, without a kubelet. */
export type Replica = Service & {
  /** `https://127.0.0.1:PORT` of the webhook, and `http://127.0.0.1:PORT` of health and metrics. */
  readonly url: string;
  readonly metricsUrl: string;
};

/**
 * Runs one pod of a release that is installed, as its Deployment says: the same arguments and configuration, the files of
 * its ConfigMaps and Secrets, and the rights of its service account.
 *
 * What differs from a kubelet: its files are below a folder and not below `/etc`, its ports are free ones, and it finds
 * the API server by a kubeconfig that holds a token of the service account.
 */
export async function startReplica(folder: Folder, plane: ControlPlane, release: Release): Promise<Replica> {
  REPLICAS.count += 1;
  const root = folder.folder(`replica-${REPLICAS.count}`);
  const objects = await render(folder, release);
  const pod: KubeObject = Object(at(only(objects, 'Deployment'), 'spec', 'template', 'spec'));

  const placed = (text: string) => text.replaceAll('/etc/', `${root}/etc/`);
  for (const { file, bytes } of await filesOf(pod, plane, release.namespace)) {
    mkdirSync(dirname(placed(file)), { recursive: true });
    writeFileSync(placed(file), bytes);
  }
  const args = textsAt(pod, 'containers', 0, 'args');
  const configFile = args.at(-1) ?? '';
  const config = parse(placed(await textOf(pod, plane, release.namespace, configFile)));
  const [port, metricsPort] = [await freePort(), await freePort()];
  config.listen = { host: '127.0.0.1', port };
  config.metrics = { host: '127.0.0.1', port: metricsPort };
  config.kubernetes.namespace = release.namespace;
  config.kubernetes.kubeconfig = await kubeconfigOf(root, plane, release.namespace, textAt(pod, 'serviceAccountName'));
  writeFileSync(placed(configFile), JSON.stringify(config));

  const metricsUrl = `http://127.0.0.1:${metricsPort}`;
  const service = await startService({
    command: process.execPath,
    args: [MAIN, ...args.map(placed)],
    log: join(root, 'log'),
    ready: async () => (await answersHttp(`${metricsUrl}/healthz`)) && (await fetch(`${metricsUrl}/readyz`)).ok,
    patience: 30_000,
  });
  return { ...service, url: `https://127.0.0.1:${port}`, metricsUrl };
}

type MountedFile = { readonly file: string; readonly bytes: Buffer };

/** The files of the ConfigMaps and Secrets that a pod mounts, as they are in the cluster. */
async function filesOf(pod: KubeObject, plane: ControlPlane, namespace: string): Promise<readonly MountedFile[]> {
  const files: MountedFile[] = [];
  for (const mount of listAt(pod, 'containers', 0, 'volumeMounts')) {
    const volume = listAt(pod, 'volumes').find((each) => at(each, 'name') === at(mount, 'name'));
    const map = textAt(volume, 'configMap', 'name');
    const isSecret = map === '';
    const target = isSecret ? ['secret', textAt(volume, 'secret', 'secretName')] : ['configmap', map];
    const { stdout, stderr } = await plane.kubectl(['-n', namespace, 'get', ...target, '-o', 'json']);
    const [object] = readObjects(stdout);
    if (object === undefined) throw new Error(`${target.join(' ')} is not there: ${stderr}`);
    for (const [key, value] of Object.entries(Object(at(object, 'data') ?? {}))) {
      const bytes = Buffer.from(String(value), isSecret ? 'base64' : 'utf8');
      files.push({ file: `${textAt(mount, 'mountPath')}/${key}`, bytes });
    }
  }
  return files;
}

async function textOf(pod: KubeObject, plane: ControlPlane, namespace: string, file: string): Promise<string> {
  const found = (await filesOf(pod, plane, namespace)).find((each) => each.file === file);
  if (found === undefined) throw new Error(`the pod has no ${file}`);
  return found.bytes.toString('utf8');
}

/** The administrator's kubeconfig, with a token of a service account instead. */
async function kubeconfigOf(root: string, plane: ControlPlane, namespace: string, account: string): Promise<string> {
  const made = await plane.kubectl(['-n', namespace, 'create', 'token', account]);
  if (made.status !== 0) throw new Error(made.stderr);
  const { stdout } = await plane.kubectl(['config', 'view', '--raw', '--flatten', '-o', 'json']);
  const config = JSON.parse(stdout);
  config.users[0].user = { token: made.stdout.trim() };
  const file = join(root, 'kubeconfig');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
