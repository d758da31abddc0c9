import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createAuthority, issue, type Pair } from './certificates.ts';
import type { Folder } from './folder.ts';
import { answersHttp, freePort, type Run, run, type Service, startService, succeed } from './process.ts';
import { toolPath } from './tools.ts';

/** A Kubernetes control plane on loopback: etcd and kube-apiserver, no controller, no node. */
export type ControlPlane = {
  /** Runs kubectl as cluster administrator. */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<Run>;
  /** Entries of the API server's own audit log, one object a line. */
  readonly auditLog: () => readonly string[];
  readonly stop: () => Promise<void>;
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
export async function startControlPlane(folder: Folder): Promise<ControlPlane> {
  const authority = await createAuthority(folder);
  const serving = await issue(folder, authority, 'apiserver', '/CN=kube-apiserver');
  const admin = await issue(folder, authority, 'admin', '/O=system:masters/CN=admin');
  await succeed(toolPath('openssl'), ['genrsa', '-out', folder.file('service-accounts.key'), '2048']);

  const store = await startEtcd(folder);
  const api = await startApiServer(folder, { authority, serving, admin, etcd: store.url }).catch(async (error) => {
    await store.stop();
    throw error;
  });
  const kubeconfig = folder.write('kubeconfig', kubeconfigFor(api.url, authority, admin));
  const env = { KUBECONFIG: kubeconfig, HOME: folder.path };
  return {
    kubectl: (args, input) => run(toolPath('kubectl'), args, input === undefined ? { env } : { env, input }),
    auditLog: () =>
      existsSync(api.auditFile)
        ? readFileSync(api.auditFile, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
        : [],
    stop: async () => {
      await api.stop();
      await store.stop();
    },
  };
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
};

type ApiServer = Service & { readonly url: string; readonly auditFile: string };

async function startApiServer(folder: Folder, options: ApiServerOptions): Promise<ApiServer> {
  const port = await freePort();
  const auditFile = folder.file('audit.log');
  const keys = folder.file('service-accounts.key');
  const service = await startService({
    command: toolPath('kube-apiserver'),
    args: [
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
      ...[`--etcd-servers=${options.etcd}`, '--service-cluster-ip-range=10.96.0.0/24'],
      ...[`--tls-cert-file=${options.serving.certFile}`, `--tls-private-key-file=${options.serving.keyFile}`],
      ...[`--client-ca-file=${options.authority.certFile}`, '--authorization-mode=RBAC'],
      ...[`--service-account-key-file=${keys}`, `--service-account-signing-key-file=${keys}`],
      '--service-account-issuer=https://kubernetes.default.svc',
      // There is no controller that would make a default service account for a pod to carry.
      '--disable-admission-plugins=ServiceAccount',
      ...[`--audit-policy-file=${folder.write('audit-policy.yaml', AUDIT_POLICY)}`, `--audit-log-path=${auditFile}`],
      '--audit-log-mode=blocking-strict',
      `--cert-dir=${folder.file('certs')}`,
    ],
    log: folder.file('kube-apiserver.log'),
    ready: () => isReady(port, options),
    patience: 90_000,
  });
  return { ...service, url: `https://127.0.0.1:${port}`, auditFile };
}

function isReady(port: number, { authority, admin }: ApiServerOptions): Promise<boolean> {
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
