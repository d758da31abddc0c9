import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createAuthority, issue, type Pair } from './certificates.ts';
import type { Folder } from './folder.ts';
import { answersHttp, freePort, type Run, run, type Service, startService, succeed } from './process.ts';
import { toolPath } from './tools.ts';

/** A Kubernetes control plane on loopback: etcd and kube-apiserver, controllers where asked for, no node. */
export type ControlPlane = {
  /** `https://127.0.0.1:port` of the API server. */
  readonly url: string;
  /** Certificate of the authority that issued the API server's, in PEM. */
  readonly caFile: string;
  /** For whoever speaks to it as cluster administrator, as kubeconfig and as client certificate. */
  readonly kubeconfig: string;
  readonly admin: Pair;
  /** Runs kubectl as cluster administrator. */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<Run>;
  /** Entries of the API server's own audit log, one object a line. */
  readonly auditLog: () => readonly string[];
  /** Stops the API server and starts it again where it was; etcd and controllers go on. */
  readonly restartApiServer: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** What a control plane has beside etcd and kube-apiserver. */
export type ControlPlaneOptions = {
  /** kube-controller-manager, and with it service accounts for pods. */
  readonly controllers?: boolean;
};

/** Pods with what was asked and answered; of all else only that it happened. */
const AUDIT_POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: RequestResponse
    verbs: [create, update, patch]
    resources: [{group: "", resources: [pods, pods/ephemeralcontainers]}]
  - level: Metadata
    verbs: [create, update, patch, delete]
  - level: None
`;

/** Starts a control plane in a folder and waits until it is ready. */
export async function startControlPlane(folder: Folder, options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const authority = await createAuthority(folder);
  const serving = await issue(folder, authority, 'apiserver', '/CN=kube-apiserver');
  const admin = await issue(folder, authority, 'admin', '/O=system:masters/CN=admin');
  await succeed(toolPath('openssl'), ['genrsa', '-out', folder.file('service-accounts.key'), '2048']);

  const started: Service[] = [];
  const stop = async () => {
    // What was started last rests on what was started before.
    for (const service of started.splice(0).toReversed()) await service.stop();
  };
  try {
    const store = await startEtcd(folder);
    started.push(store);
    const port = await freePort();
    const startApi = () =>
      startApiServer(folder, {
        ...{ authority, serving, admin, etcd: store.url, port },
        serviceAccounts: options.controllers === true,
      });
    let api = await startApi();
    started.push({ stop: () => api.stop() });
    const url = `https://127.0.0.1:${port}`;
    const kubeconfig = folder.write('kubeconfig', kubeconfigFor(url, authority, admin));
    const env = { KUBECONFIG: kubeconfig, HOME: folder.path };
    const kubectl: ControlPlane['kubectl'] = (args, input) =>
      run(toolPath('kubectl'), args, input === undefined ? { env } : { env, input });
    if (options.controllers === true) started.push(await startControllers(folder, { authority, kubeconfig, kubectl }));
    return {
      url,
      caFile: authority.certFile,
      kubeconfig,
      admin,
      kubectl,
      auditLog: () => linesOf(folder.file(AUDIT_LOG)),
      restartApiServer: async () => {
        await api.stop();
        api = await startApi();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function linesOf(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

async function startEtcd(folder: Folder): Promise<Service & { readonly url: string }> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const peers = `http://127.0.0.1:${await freePort()}`;
  mkdirSync(folder.file('etcd'), { mode: 0o700 });
  const service = await startService({
    command: toolPath('etcd'),
    args: [
      ...['--data-dir', folder.file('etcd'), '--unsafe-no-fsync'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peers],
      ...['--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`],
    ],
    log: folder.file('etcd.log'),
    ready: () => answersHttp(`${url}/health`),
  });
  return { ...service, url };
}

type ApiServerOptions = {
  readonly authority: Pair;
  readonly serving: Pair;
  readonly admin: Pair;
  readonly etcd: string;
  readonly port: number;
  /** Whether pods get a service account, which a controller has to make first. */
  readonly serviceAccounts: boolean;
};

const AUDIT_LOG = 'audit.log';
let apiServers = 0;

function startApiServer(folder: Folder, options: ApiServerOptions): Promise<Service> {
  const { port } = options;
  const keys = folder.file('service-accounts.key');
  apiServers += 1;
  return startService({
    command: toolPath('kube-apiserver'),
    args: [
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
      ...[`--etcd-servers=${options.etcd}`, `--service-cluster-ip-range=${SERVICES}`],
      ...[`--tls-cert-file=${options.serving.certFile}`, `--tls-private-key-file=${options.serving.keyFile}`],
      ...[`--client-ca-file=${options.authority.certFile}`, '--authorization-mode=RBAC'],
      ...[`--service-account-key-file=${keys}`, `--service-account-signing-key-file=${keys}`],
      '--service-account-issuer=https://kubernetes.default.svc',
      ...(options.serviceAccounts ? [] : ['--disable-admission-plugins=ServiceAccount']),
      ...[
        `--audit-policy-file=${folder.write('audit-policy.yaml', AUDIT_POLICY)}`,
        `--audit-log-path=${folder.file(AUDIT_LOG)}`,
      ],
      '--audit-log-mode=blocking-strict',
      `--cert-dir=${folder.file('certs')}`,
    ],
    log: folder.file(`kube-apiserver-${apiServers}.log`),
    ready: () => isReady(port, options),
    patience: 90_000,
  });
}

/**
 * Services have addresses of the loopback device: whoever listens there is what kube-proxy would forward to. Another run on
 * the same machine has others.
 */
const SERVICES = `127.${randomInt(16, 240)}.${randomInt(256)}.0/24`;

/** Those that make pods of workloads, and what pods need before they can be made. */
const CONTROLLERS = [
  ...['deployment', 'replicaset', 'replicationcontroller', 'statefulset', 'daemonset', 'job', 'cronjob'],
  ...['serviceaccount', 'root-ca-certificate-publisher', 'namespace', 'garbage-collector'],
].map((name) => `${name}-controller`);

function startControllers(
  folder: Folder,
  api: { readonly authority: Pair; readonly kubeconfig: string; readonly kubectl: ControlPlane['kubectl'] },
): Promise<Service> {
  return startService({
    command: toolPath('kube-controller-manager'),
    args: [
      ...[`--kubeconfig=${api.kubeconfig}`, '--leader-elect=false', '--bind-address=127.0.0.1', '--secure-port=0'],
      ...[`--root-ca-file=${api.authority.certFile}`, `--controllers=${CONTROLLERS.join(',')}`],
      `--service-account-private-key-file=${folder.file('service-accounts.key')}`,
      ...['--kube-api-qps=200', '--kube-api-burst=400'],
    ],
    log: folder.file('kube-controller-manager.log'),
    ready: async () => (await api.kubectl(['get', 'serviceaccount', 'default'])).status === 0,
    patience: 90_000,
  });
}

function isReady(port: number, { authority, admin }: Pick<ApiServerOptions, 'authority' | 'admin'>): Promise<boolean> {
  const settings = {
    host: '127.0.0.1',
    port,
    path: '/readyz',
    agent: false,
    ca: readFileSync(authority.certFile),
    cert: readFileSync(admin.certFile),
    key: readFileSync(admin.keyFile),
  };
  return new Promise((resolve, reject) => {
    const asked = request(settings, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    });
    asked.once('error', reject);
    asked.end();
  });
}

function kubeconfigFor(server: string, authority: Pair, admin: Pair): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'e2e',
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'admin' } }],
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority': authority.certFile } }],
    users: [{ name: 'admin', user: { 'client-certificate': admin.certFile, 'client-key': admin.keyFile } }],
  });
}
