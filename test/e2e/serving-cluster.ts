import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer, connect as plainConnect, type Socket } from 'node:net';
import { defaultConfiguration } from '../../src/config/configuration.ts';
import { asObject, type JsonObject } from '../../src/encoding/strict-json.ts';
import { createApiClient } from '../../src/kubernetes/api.ts';
import { fromKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { standForElection } from '../../src/kubernetes/lease.ts';
import { keepServingCertificate, type ManagedCertificate } from '../../src/kubernetes/serving-certificate.ts';
import type { Lifetimes } from '../../src/kubernetes/serving-maker.ts';
import { SERVER_TIMEOUTS } from '../../src/server/create-server.ts';
import { type RunningServer, startServer } from '../../src/server/start.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Folder } from './folder.ts';

export const NAMESPACE = 'guard';
export const NAME = 'countersign';
export const SECRET = 'countersign-tls';
const HOST = `${NAME}.${NAMESPACE}.svc`;
export const DENY = 'deny.countersign.dev';

/** The webhooks as the chart renders them for managed certificates: without caBundle and without path. */
export function webhookConfiguration(
  port: number,
  names: readonly string[] = ['images.countersign.dev', DENY],
): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: NAME },
    webhooks: names.map((name) => ({
      name,
      admissionReviewVersions: ['v1'],
      clientConfig: { service: { namespace: NAMESPACE, name: NAME, port } },
      failurePolicy: 'Fail',
      sideEffects: 'None',
      timeoutSeconds: 5,
      namespaceSelector: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['default'] }],
      },
      rules: [
        {
          ...{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] },
          scope: 'Namespaced',
        },
      ],
    })),
  };
}

/** The rights that the chart gives, by names alone; and an empty Secret and Lease, which the chart owns. */
const RIGHTS = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: NAMESPACE } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: NAME, namespace: NAMESPACE },
    rules: [
      { apiGroups: [''], resources: ['secrets'], resourceNames: [SECRET], verbs: ['get', 'list', 'watch', 'update'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [NAME], verbs: ['get', 'update'] },
    ],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: NAME },
    rules: [
      {
        ...{ apiGroups: ['admissionregistration.k8s.io'], resources: ['validatingwebhookconfigurations'] },
        ...{ resourceNames: [NAME], verbs: ['get', 'list', 'watch', 'update'] },
      },
    ],
  },
  ...(['RoleBinding', 'ClusterRoleBinding'] as const).map((kind) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name: NAME, ...(kind === 'RoleBinding' && { namespace: NAMESPACE }) },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: kind.replace('Binding', ''), name: NAME },
    subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
  })),
];

/** The Secret as the chart renders it. */
export const EMPTY_SECRET = { apiVersion: 'v1', kind: 'Secret', metadata: { name: SECRET, namespace: NAMESPACE } };
const EMPTY_LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: NAME, namespace: NAMESPACE },
};

/** Applies objects as Helm 4 does; fails where the API server does not take them. */
export async function applyAsHelm(plane: ControlPlane, objects: readonly object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const applied = await plane.kubectl(['apply', '--server-side', '--field-manager=helm', '-f', '-'], list);
  if (applied.status !== 0) throw new Error(applied.stderr);
}

/** Installs what the chart does, but for the pods; the Service leads to this machine. */
export async function installRights(plane: ControlPlane, folder: Folder, port: number): Promise<string> {
  const service = { type: 'ExternalName', externalName: 'localhost' };
  const metadata = { name: NAME, namespace: NAMESPACE };
  await applyAsHelm(plane, [
    ...RIGHTS,
    EMPTY_SECRET,
    EMPTY_LEASE,
    { apiVersion: 'v1', kind: 'Service', metadata, spec: service },
  ]);
  await applyAsHelm(plane, [webhookConfiguration(port)]);
  const { stdout: token } = await plane.kubectl(['create', 'token', NAME, '-n', NAMESPACE]);
  const admin: { clusters: readonly object[] } = JSON.parse(readFileSync(folder.file('kubeconfig'), 'utf8'));
  return folder.write(
    'replica.kubeconfig',
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'replica', clusters: admin.clusters },
      contexts: [{ name: 'replica', context: { cluster: 'e2e', user: 'replica', namespace: NAMESPACE } }],
      users: [{ name: 'replica', user: { token: token.trim() } }],
    }),
  );
}

/** A replica of the webhook: its election, its certificate and its server, whose answer is always yes. */
export type Replica = {
  readonly server: RunningServer;
  readonly port: number;
  readonly certificate: ManagedCertificate;
  readonly isLeader: () => boolean;
  readonly stop: () => Promise<void>;
};

/** Starts a replica whose lives are short. */
export async function startReplica(kubeconfig: string, identity: string, lifetimes: Lifetimes): Promise<Replica> {
  const cluster = await fromKubeconfig({ files: [kubeconfig], allowPlugins: false });
  if (!cluster.ok) throw new Error(cluster.failure.message);
  const api = createApiClient(cluster.value);
  const election = standForElection(api, {
    ...{ namespace: NAMESPACE, name: NAME, identity, logger: silentLogger },
    ...{ leaseMs: 3000, renewWithinMs: 2000, retryMs: 300 },
  });
  const certificate = keepServingCertificate({
    ...{ api, namespace: NAMESPACE, secret: SECRET, configurations: [NAME], lifetimes, logger: silentLogger },
    names: [HOST, `${HOST}.cluster.local`],
    paths: new Map([[DENY, '/validate/deny']]),
    leads: election.isLeader,
  });
  const { limits, deadline } = defaultConfiguration({});
  const admits = (review: unknown) => {
    const { request: asked }: { request?: { uid?: string } } = Object.assign({}, review);
    const response = { uid: asked?.uid ?? '', allowed: true };
    const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
    return Promise.resolve({ status: 200, body });
  };
  const server = await startServer({
    listen: { host: '127.0.0.1', port: 0 },
    metricsListen: { host: '127.0.0.1', port: 0 },
    tls: { managed: certificate },
    ...{ limits, deadline, drainSeconds: 0, graceSeconds: 2 },
    routes: { '/validate': admits, '/validate/deny': admits },
    callers: { segments: certificate.callers, certificates: undefined },
    policiesProblem: () => undefined,
    metrics: createMetrics(),
    logger: silentLogger,
    timeouts: SERVER_TIMEOUTS,
  });
  if (!server.ok) throw new Error(server.failure.message);
  return {
    server: server.value,
    port: Number(new URL(server.value.url).port),
    certificate,
    isLeader: election.isLeader,
    stop: async () => {
      await server.value.close();
      await certificate.close();
      await election.close();
      await api.close();
    },
  };
}

/** A port that leads to one replica after the other, as a Service does. */
export async function startService(ports: () => readonly number[]) {
  let turn = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    const all = ports();
    const far = plainConnect({ host: '127.0.0.1', port: all[(turn += 1) % all.length] ?? 0 });
    keep(near);
    keep(far);
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a webhook of the configuration tells the API server to call. */
export type Called = { readonly caBundle: string; readonly path: string };

/** The webhooks of a configuration, in their order. */
export function calledIn(configuration: JsonObject | undefined): readonly Called[] {
  const read: { webhooks?: { clientConfig: { caBundle?: string; service?: { path?: string } } }[] } = JSON.parse(
    JSON.stringify(asObject(configuration) ?? {}),
  );
  return (read.webhooks ?? []).map(({ clientConfig }) => ({
    caBundle: Buffer.from(clientConfig.caBundle ?? '', 'base64').toString(),
    path: clientConfig.service?.path ?? '',
  }));
}

/** Opens a new connection as the API server would, sends a review, and gives the status. */
export function review(port: number, called: Called): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path: called.path, method: 'POST', agent: false, servername: HOST },
        ...{ ca: called.caBundle, headers: { 'content-type': 'application/json', host: HOST }, timeout: 5000 },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sent.once('error', reject);
    sent.end('{"request":{"uid":"1"}}');
  });
}
