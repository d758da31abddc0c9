import type { Json } from './chart.ts';

/** A combination of values, and what it is about. */
export type Combination = { readonly title: string; readonly values: { readonly [key: string]: Json } };

/** Looks like the PEM of a CA; whoever gives objects to a real API server replaces it, since that reads it. */
export const CA_PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

const SECRET = { mode: 'secret', secretName: 'own-pair', caBundle: CA_PEM };

/** What people install: every value is in at least one of them, in a form that changes what is rendered. */
export const COMBINATIONS: readonly Combination[] = [
  { title: 'as it comes', values: {} },
  { title: 'deny', values: { mode: 'deny' } },
  { title: 'warn', values: { mode: 'warn' } },
  { title: 'cert-manager with a CA of its own', values: { tls: { mode: 'certManager' } } },
  {
    title: "cert-manager with somebody's issuer",
    values: { tls: { mode: 'certManager', certManager: { issuerRef: { name: 'pki', kind: 'ClusterIssuer' } } } },
  },
  { title: 'own Secret', values: { tls: SECRET, kubernetes: { watch: true } } },
  { title: 'own Secret and nothing of the cluster', values: { tls: SECRET, kubernetes: { watch: false } } },
  {
    title: 'an address of its own',
    values: { tls: { ...SECRET, caBundle: '' }, webhook: { url: 'https://countersign.example:8443/one/' } },
  },
  {
    title: "an address of its own with cert-manager's certificate",
    values: { tls: { mode: 'certManager' }, webhook: { url: 'https://countersign.example' } },
  },
  { title: "the node's network", values: { hostNetwork: true, listen: { host: '::', port: 9443, metricsPort: 9080 } } },
  { title: 'one replica', values: { replicaCount: 1 } },
  { title: 'no disruption budget', values: { podDisruptionBudget: { enabled: false } } },
  { title: 'an autoscaler', values: { autoscaling: { enabled: true, minReplicas: 3, maxReplicas: 9 } } },
  {
    title: 'an autoscaler that may go down to one',
    values: { replicaCount: 4, autoscaling: { enabled: true, minReplicas: 1 } },
  },
  { title: 'a network policy', values: { networkPolicy: { enabled: true } } },
  {
    title: 'a narrow network policy',
    values: {
      networkPolicy: {
        enabled: true,
        webhookFrom: [{ ipBlock: { cidr: '10.0.0.0/28' } }],
        metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        egress: [{ ports: [{ port: 5000, protocol: 'TCP' }] }],
      },
    },
  },
  { title: 'pull secrets for all', values: { pullSecrets: { names: ['registry-a', 'registry-b'] } } },
  { title: 'pull secrets of pods', values: { pullSecrets: { fromPods: true } } },
  {
    title: 'pull secrets of pods for an API server with a certificate',
    values: {
      tls: SECRET,
      pullSecrets: { fromPods: true },
      config: { callers: { caFile: '/etc/countersign/callers/ca.crt', names: ['kube-apiserver'] } },
    },
  },
  {
    title: 'pull secrets for all and nothing else of the cluster',
    values: { tls: SECRET, kubernetes: { watch: false }, pullSecrets: { names: ['registry-a'] } },
  },
  {
    title: 'rights from elsewhere',
    values: { rbac: { create: false }, serviceAccount: { create: false, name: 'mine' } },
  },
  {
    title: 'labelled namespaces, pods alone, further conditions and rules',
    values: {
      webhook: {
        namespaces: 'labelled',
        workloads: false,
        timeoutSeconds: 5,
        excludedNamespaces: ['cni', 'kube-system'],
        annotations: { note: 'ours' },
        matchConditions: [{ name: 'no-kubelets', expression: "!('system:nodes' in request.userInfo.groups)" }],
        extraRules: [
          {
            apiGroups: ['argoproj.io'],
            apiVersions: ['v1alpha1'],
            operations: ['CREATE', 'UPDATE'],
            scope: 'Namespaced',
            resources: ['rollouts'],
          },
        ],
      },
    },
  },
  {
    title: 'policies and configuration',
    values: {
      policies: { 'one.yaml': '  indented: text\n', 'two.yaml': { apiVersion: 'example/v1', number: 5_000_000 } },
      policyConfigMaps: ['team-a', 'team-b.keys'],
      config: {
        unmatched: 'deny',
        onError: 'warn',
        deadline: '3s',
        drainSeconds: 2.5,
        limits: { bodyBytes: 33_554_432, bytesInFlight: 67_108_864 },
        namespaces: { shop: { mode: 'deny' } },
        policies: [{ path: '/etc/countersign/more', mode: 'warn' }],
        registries: {
          'registry.internal:5000': { caFile: '/etc/countersign/ca/ca.pem', mirrors: ['mirror.internal'] },
        },
      },
    },
  },
  {
    title: 'everything of a pod',
    values: {
      image: { repository: 'registry.example/cs', digest: `sha256:${'a'.repeat(64)}`, tag: '9', pullPolicy: 'Always' },
      imagePullSecrets: [{ name: 'own' }],
      priorityClassName: 'system-cluster-critical',
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
      ],
      podAnnotations: { 'prometheus.io/scrape': 'true' },
      podLabels: { team: 'security' },
      commonLabels: { 'app.kubernetes.io/part-of': 'platform' },
      extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
      extraVolumes: [{ name: 'ca', configMap: { name: 'registry-ca' } }],
      extraVolumeMounts: [{ name: 'ca', mountPath: '/etc/countersign/ca' }],
      serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/r' } },
      preStopSeconds: 10,
      terminationGracePeriodSeconds: 60,
      resources: { requests: { cpu: '1' } },
      nameOverride: 'sentry',
    },
  },
];

/** Values that do not go together, and what Helm is to say. */
export const CONTRADICTIONS: readonly (Combination & { readonly says: string })[] = [
  { title: 'no image', values: { image: {} }, says: 'image.repository is missing' },
  {
    title: 'an address of its own for a managed certificate, which does not name it',
    values: { webhook: { url: 'https://countersign.example' } },
    says: 'webhook.url needs tls.mode secret or certManager',
  },
  {
    title: 'an own Secret without its CA',
    values: { tls: { mode: 'secret', secretName: 'pair' } },
    says: 'tls.mode secret needs tls.caBundle',
  },
  {
    title: 'an own Secret without its name',
    values: { tls: { mode: 'secret', caBundle: CA_PEM } },
    says: 'tls.mode secret needs tls.secretName',
  },
  {
    title: 'pull secrets of pods for callers that nobody knows',
    values: { tls: SECRET, pullSecrets: { fromPods: true } },
    says: 'pullSecrets.fromPods needs tls.mode managed or config.callers',
  },
  {
    title: 'a pod that is killed while it drains',
    values: { preStopSeconds: 20, terminationGracePeriodSeconds: 28 },
    says: 'terminationGracePeriodSeconds must be more than',
  },
  {
    title: 'an autoscaler upside down',
    values: { autoscaling: { enabled: true, minReplicas: 7 } },
    says: 'autoscaling.minReplicas is more than',
  },
  { title: 'a misspelt value', values: { failurepolicy: 'Fail' }, says: "'failurepolicy' not allowed" },
  {
    title: 'a misspelt key of the configuration',
    values: { config: { onerror: 'deny' } },
    says: "'onerror' not allowed",
  },
];
