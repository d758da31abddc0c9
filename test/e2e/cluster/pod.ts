import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join, resolve } from 'node:path';
import { at, type Json, listAt, textAt, textsAt } from '../chart.ts';
import type { Folder } from '../folder.ts';
import { type Service, startService } from '../process.ts';

/** A container of countersign that runs as a process here, as kubelet would start it. */
export type Pod = Service & {
  /** Where its ports are. */
  readonly address: string;
  /** The address and port of what a named port of the pod listens on. */
  readonly port: (name: string) => number;
  /** What the container wrote to standard output and standard error. */
  readonly log: () => string;
  readonly logFile: string;
  /** What is served at `/metrics`. */
  readonly metrics: () => Promise<string>;
  /** Whether it is ready now, as its readiness probe finds. */
  readonly isReady: () => Promise<boolean>;
  /** Writes the files of a ConfigMap that it mounts anew, as kubelet does a while after an edit. */
  readonly refresh: (configMap: string, data: Json) => void;
  /** Ends it as a node dies: without a word. */
  readonly kill: () => Promise<void>;
};

/** What kubelet knows when it starts a pod. */
export type PodStart = {
  readonly folder: Folder;
  readonly name: string;
  /** An address of the loopback device that is this pod's alone. */
  readonly address: string;
  /** As the API server gives it back. */
  readonly template: Json;
  /** The bundle that the image holds. */
  readonly bundle: string;
  /** The data of a ConfigMap of the pod's namespace, by name. */
  readonly configMap: (name: string) => Promise<Json>;
  /** What stands where a pod finds its service account. */
  readonly serviceAccount: Readonly<Record<'token' | 'ca.crt' | 'namespace', string>>;
  /** Host and port of the API server. */
  readonly apiServer: URL;
};

/** The image's own command line. */
const ENTRYPOINT: readonly string[] = JSON.parse(
  /^ENTRYPOINT (.+)$/m.exec(readFileSync(resolve(import.meta.dirname, '../../../Dockerfile'), 'utf8'))?.[1] ?? '[]',
);

/**
 * Starts the first container of a pod template as a process: the image's entry point with the container's arguments, in a
 * file system where /etc and /run are the pod's own, with what it mounts at the paths that the template names. Of all that
 * the template says, only the address that is listened at is changed, since pods share this machine's network.
 */
export async function startPod(start: PodStart): Promise<Pod> {
  const { folder, name, template, bundle } = start;
  const container = at(template, 'spec', 'containers', 0) ?? null;
  const root = folder.folder(`pod-${name}`);
  const mounted = new Map<string, string>();
  for (const mount of listAt(container, 'volumeMounts')) {
    const volume = listAt(template, 'spec', 'volumes').find((each) => at(each, 'name') === at(mount, 'name'));
    const configMap = textAt(volume, 'configMap', 'name');
    if (configMap === '') throw new Error(`a volume of no ConfigMap: ${JSON.stringify(volume)}`);
    const target = join(root, textAt(mount, 'mountPath'));
    mounted.set(configMap, target);
    writeVolume(target, texts(await start.configMap(configMap), start.address));
  }
  writeVolume(join(root, 'run/secrets/kubernetes.io/serviceaccount'), new Map(Object.entries(start.serviceAccount)));

  const [, ...flags] = ENTRYPOINT;
  const appFolder = resolve(bundle, '..');
  const inImage = (text: string) => text.replace('/app/', `${appFolder}/`);
  const log = folder.file(`pod-${name}.log`);
  const port = (wanted: string) =>
    Number(
      at(
        listAt(container, 'ports').find((each) => at(each, 'name') === wanted),
        'containerPort',
      ),
    );
  const isReady = () => probe(container, 'readinessProbe', start.address, port);
  const service = await startService({
    command: 'unshare',
    args: [
      // Whoever is not root becomes it in a user namespace of its own, where he may mount.
      ...[process.getuid?.() === 0 ? '-m' : '-rm', '--', 'sh', '-c'],
      'mount --bind "$1/etc" /etc && mount --bind "$1/run" /run && shift && exec "$@"',
      ...['sh', root, process.execPath, ...flags.map(inImage), ...textsAt(container, 'args')],
    ],
    env: {
      KUBERNETES_SERVICE_HOST: start.apiServer.hostname,
      KUBERNETES_SERVICE_PORT: start.apiServer.port,
      HOSTNAME: name,
    },
    log,
    ready: () => probe(container, 'startupProbe', start.address, port),
    patience: 60_000,
  });
  return {
    ...service,
    address: start.address,
    port,
    log: () => readFileSync(log, 'utf8'),
    logFile: log,
    metrics: async () => (await fetch(`http://${start.address}:${port('metrics')}/metrics`)).text(),
    isReady: () => isReady().catch(() => false),
    refresh: (configMap, data) => {
      const target = mounted.get(configMap);
      if (target === undefined) throw new Error(`${configMap} is not mounted`);
      writeVolume(target, texts(data, start.address));
    },
    kill: () => service.stop('SIGKILL'),
  };
}

let versions = 0;

/** Writes files as kubelet does: all of them behind one link that changes at once. */
function writeVolume(target: string, files: ReadonlyMap<string, string>): void {
  versions += 1;
  const version = `..version-${versions}`;
  mkdirSync(join(target, version), { recursive: true });
  for (const [name, text] of files) writeFileSync(join(target, version, name), text);
  symlinkSync(version, join(target, '..data_new'));
  renameSync(join(target, '..data_new'), join(target, '..data'));
  for (const name of files.keys()) {
    rmSync(join(target, name), { force: true });
    symlinkSync(join('..data', name), join(target, name));
  }
}

/** The texts of a ConfigMap, for a pod that has but one address. */
function texts(data: Json, address: string): ReadonlyMap<string, string> {
  const entries = Object.entries(Object(data)).map(([name, text]) => [name, String(text)] as const);
  return new Map(
    entries.map(([name, text]) => [name, name === 'config.yaml' ? text.replaceAll('0.0.0.0', address) : text]),
  );
}

/** What a probe of a container finds. */
function probe(container: Json, name: string, host: string, port: (name: string) => number): Promise<boolean> {
  const path = textAt(container, name, 'httpGet', 'path');
  const settings = { host, port: port(textAt(container, name, 'httpGet', 'port')), path, agent: false } as const;
  return new Promise((settle, reject) => {
    const asked = get(settings, (response) => {
      response.resume();
      settle(response.statusCode === 200);
    });
    asked.once('error', reject);
  });
}
