import { afterAll, expect, it } from 'vitest';
import {
  at,
  configurationOf,
  type Json,
  type KubeObject,
  listAt,
  only,
  type Release,
  readObjects,
  render,
  textAt,
  textsAt,
} from './chart.ts';
import { CA_PEM, COMBINATIONS } from './chart-values.ts';
import { temporaryFolder } from './folder.ts';
import { describeWith } from './tools.ts';

const OWN_SECRET = { mode: 'secret', secretName: 'own-pair', caBundle: CA_PEM };

/** A rule of a role in one line: who widens one has to write it here. */
function ruleLine(rule: Json): string {
  const words = (key: string) => textsAt(rule, key).join(',');
  const names = words('resourceNames');
  return `${words('verbs')} ${words('apiGroups')}/${words('resources')}${names === '' ? '' : ` ${names}`}`;
}

describeWith(['helm'], 'what the chart renders', () => {
  const folder = temporaryFolder();
  const rendered = (values: Release['values']) =>
    render(folder, { name: 'countersign', namespace: 'security', values });
  afterAll(() => folder.remove());

  const rightsIn = (objects: readonly KubeObject[], kind: 'Role' | 'ClusterRole') =>
    objects.filter((object) => object['kind'] === kind).flatMap((object) => listAt(object, 'rules').map(ruleLine));

  const LEASE = 'get,update coordination.k8s.io/leases countersign';
  const OPENSHIFT = [
    'get,list,watch config.openshift.io/clusterimagepolicies,imagepolicies,imagedigestmirrorsets,imagetagmirrorsets',
    'get,list,watch operator.openshift.io/imagecontentsourcepolicies',
    'patch config.openshift.io/clusterimagepolicies/status,imagepolicies/status',
  ];
  const MANAGED = 'get,list,watch,update /secrets countersign-tls';
  const HOOKS = 'get,list,watch,update admissionregistration.k8s.io/validatingwebhookconfigurations countersign';

  it.each<[string, Release['values'], readonly string[], readonly string[]]>([
    ['as it comes', {}, [MANAGED, LEASE], [...OPENSHIFT, HOOKS]],
    ['without policies in the cluster', { kubernetes: { watch: false } }, [MANAGED, LEASE], [HOOKS]],
    ['with a certificate from elsewhere', { tls: OWN_SECRET }, [LEASE], OPENSHIFT],
    [
      'with pull secrets of pods',
      { pullSecrets: { fromPods: true } },
      [MANAGED, LEASE],
      [...OPENSHIFT, 'get /secrets,serviceaccounts', HOOKS],
    ],
    [
      'with named pull secrets',
      { pullSecrets: { names: ['a', 'b'] } },
      [MANAGED, 'get /secrets a,b', LEASE],
      [...OPENSHIFT, HOOKS],
    ],
    ['with files alone', { tls: OWN_SECRET, kubernetes: { watch: false } }, [], []],
    ['with rights from elsewhere', { rbac: { create: false } }, [], []],
  ])('gives these rights and no others %s', async (_title, values, inNamespace, inCluster) => {
    const objects = await rendered(values);
    expect(rightsIn(objects, 'Role')).toEqual(inNamespace);
    expect(rightsIn(objects, 'ClusterRole')).toEqual(inCluster);
  });

  it('binds each role to its own service account alone', async () => {
    const objects = await rendered({ pullSecrets: { fromPods: true }, serviceAccount: { name: 'sentry' } });
    const bindings = objects.filter((object) => textAt(object, 'kind').endsWith('RoleBinding'));
    expect(bindings).toHaveLength(2);
    for (const binding of bindings) {
      expect(at(binding, 'subjects')).toEqual([{ kind: 'ServiceAccount', name: 'sentry', namespace: 'security' }]);
      const role = only(objects, textAt(binding, 'roleRef', 'kind'));
      expect(at(binding, 'roleRef', 'name')).toBe(at(role, 'metadata', 'name'));
    }
    expect(at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'serviceAccountName')).toBe('sentry');
  });

  it('never gives a right to create or delete, to all verbs or to all resources', async () => {
    for (const { values } of COMBINATIONS) {
      const objects = await rendered(values);
      for (const line of [...rightsIn(objects, 'Role'), ...rightsIn(objects, 'ClusterRole')])
        expect(line).not.toMatch(/create|delete|\*|escalate|bind|impersonate/);
    }
  });

  const webhooksOf = async (values: Release['values']) =>
    listAt(only(await rendered(values), 'ValidatingWebhookConfiguration'), 'webhooks');
  const selectorOf = (webhook: Json | undefined) =>
    listAt(webhook, 'namespaceSelector', 'matchExpressions').map((each) =>
      `${textAt(each, 'key')} ${textAt(each, 'operator')} ${textsAt(each, 'values').join(',')}`.trim(),
    );

  it.each([
    ['audit', 'Ignore'],
    ['warn', 'Ignore'],
    ['deny', 'Fail'],
  ])('in mode %s lets unlabelled namespaces %s, and those in deny always Fail', async (mode, policy) => {
    const [others, deny] = await webhooksOf({ mode });
    expect(at(others, 'failurePolicy')).toBe(policy);
    expect(at(deny, 'failurePolicy')).toBe('Fail');
  });

  it('asks one of its two webhooks about each namespace, never both and never none', async () => {
    const [others, deny] = await webhooksOf({});
    const excluded = 'kubernetes.io/metadata.name NotIn security,kube-system,kube-node-lease';
    expect(selectorOf(others)).toEqual([excluded, 'countersign.dev/mode NotIn deny']);
    expect(selectorOf(deny)).toEqual([excluded, 'countersign.dev/mode In deny']);
  });

  it('asks about labelled namespaces alone where that is wanted', async () => {
    const [others, deny] = await webhooksOf({ webhook: { namespaces: 'labelled', excludedNamespaces: ['cni'] } });
    const excluded = 'kubernetes.io/metadata.name NotIn security,cni';
    expect(selectorOf(others)).toEqual([excluded, 'countersign.dev/mode Exists', 'countersign.dev/mode NotIn deny']);
    expect(selectorOf(deny)).toEqual([excluded, 'countersign.dev/mode In deny']);
  });

  it('asks about every kind that carries a pod', async () => {
    const resources = async (values: Release['values']) =>
      listAt((await webhooksOf(values))[1], 'rules').flatMap((rule) => listAt(rule, 'resources'));
    const pods = ['pods', 'pods/ephemeralcontainers'];
    expect(await resources({})).toEqual([
      ...pods,
      ...['podtemplates', 'replicationcontrollers', 'deployments', 'replicasets', 'statefulsets', 'daemonsets'],
      ...['jobs', 'cronjobs'],
    ]);
    expect(await resources({ webhook: { workloads: false } })).toEqual(pods);
  });

  it('has the deny webhook call the path that enforces', async () => {
    const clients = async (values: Release['values']) =>
      (await webhooksOf(values)).map((webhook) => at(webhook, 'clientConfig'));
    const service = { name: 'countersign', namespace: 'security', port: 443 };
    const caBundle = Buffer.from(CA_PEM).toString('base64');

    expect(await clients({})).toEqual([{ service }, { service }]);
    expect(await clients({ tls: { mode: 'certManager' } })).toEqual([
      { service: { ...service, path: '/validate' } },
      { service: { ...service, path: '/validate/deny' } },
    ]);
    expect(await clients({ tls: OWN_SECRET })).toEqual([
      { service: { ...service, path: '/validate' }, caBundle },
      { service: { ...service, path: '/validate/deny' }, caBundle },
    ]);
    expect(await clients({ tls: OWN_SECRET, webhook: { url: 'https://cs.example:8443/one/' } })).toEqual([
      { url: 'https://cs.example:8443/one/validate', caBundle },
      { url: 'https://cs.example:8443/one/validate/deny', caBundle },
    ]);
  });

  it('has cert-manager make a certificate for the Service and the address, and write its CA', async () => {
    const objects = await rendered({ tls: { mode: 'certManager' }, webhook: { url: 'https://cs.example:8443' } });
    const annotations = at(only(objects, 'ValidatingWebhookConfiguration'), 'metadata', 'annotations');
    expect(annotations).toEqual({ 'cert-manager.io/inject-ca-from': 'security/countersign-tls' });
    const leaf = only(objects, 'Certificate', 'countersign-tls');
    expect(at(leaf, 'spec')).toMatchObject({
      secretName: 'countersign-tls',
      dnsNames: ['countersign.security.svc', 'countersign.security.svc.cluster.local', 'cs.example'],
      usages: ['digital signature', 'server auth'],
      issuerRef: { name: 'countersign-ca', kind: 'Issuer' },
    });
    expect(at(only(objects, 'Issuer', 'countersign-ca'), 'spec', 'ca', 'secretName')).toBe(
      at(only(objects, 'Certificate', 'countersign-ca'), 'spec', 'secretName'),
    );
    expect(at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'volumes')).toContainEqual({
      name: 'tls',
      secret: { secretName: 'countersign-tls' },
    });
  });

  it('asks the issuer that is named, and makes no other', async () => {
    const issuerRef = { name: 'pki', kind: 'ClusterIssuer' };
    const objects = await rendered({ tls: { mode: 'certManager', certManager: { issuerRef } } });
    expect(at(only(objects, 'Certificate'), 'spec', 'issuerRef')).toEqual(issuerRef);
    expect(objects.some((object) => object['kind'] === 'Issuer')).toBe(false);
  });

  it.each<[string, Release['values'], boolean]>([
    ['two replicas', {}, true],
    ['one replica', { replicaCount: 1 }, false],
    ['an autoscaler from three', { replicaCount: 1, autoscaling: { enabled: true, minReplicas: 3 } }, true],
    ['an autoscaler from one', { autoscaling: { enabled: true, minReplicas: 1 } }, false],
  ])('lets a drain through with %s', async (_title, values, there) => {
    const objects = await rendered(values);
    const budgets = objects.filter((object) => object['kind'] === 'PodDisruptionBudget');
    expect(budgets.map((budget) => at(budget, 'spec'))).toEqual(
      there ? [expect.objectContaining({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })] : [],
    );
  });

  it('never serves with fewer pods while it rolls out, except where new ones find no free port', async () => {
    const strategy = async (values: Release['values']) =>
      at(only(await rendered(values), 'Deployment'), 'spec', 'strategy', 'rollingUpdate');
    expect(await strategy({})).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(await strategy({ hostNetwork: true })).toEqual({ maxUnavailable: 1, maxSurge: 0 });
  });

  it('takes the digest of an image before its tag, and the chart for want of both', async () => {
    const image = async (values: { readonly [key: string]: Json }) =>
      at(
        only(await rendered({ image: { repository: 'r.example/cs', ...values } }), 'Deployment'),
        'spec',
        'template',
        'spec',
        'containers',
        0,
        'image',
      );
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(await image({ tag: '2', digest })).toBe(`r.example/cs@${digest}`);
    expect(await image({ tag: '2' })).toBe('r.example/cs:2');
    expect(await image({})).toMatch(/^r\.example\/cs:\d+\.\d+\.\d+$/);
  });

  it('names no directory without policies, which the program would refuse', async () => {
    const named = async (values: Release['values']) =>
      at(readObjects(configurationOf(await rendered(values)))[0], 'policies');
    const more = { path: '/etc/more', mode: 'warn' };
    expect(await named({})).toBeUndefined();
    expect(
      await named({ policies: { 'a.yaml': 'a' }, policyConfigMaps: ['team'], config: { policies: [more] } }),
    ).toEqual(['/etc/countersign/policies', '/etc/countersign/configmaps/team', more]);
  });

  it('restarts the pods when the configuration changes, and not when a policy does', async () => {
    const checksum = async (values: Release['values']) =>
      at(only(await rendered(values), 'Deployment'), 'spec', 'template', 'metadata', 'annotations', 'checksum/config');
    const before = await checksum({ policies: { 'a.yaml': 'a' } });
    expect(await checksum({ policies: { 'a.yaml': 'b', 'c.yaml': 'c' } })).toBe(before);
    expect(await checksum({ policies: { 'a.yaml': 'a' }, mode: 'deny' })).not.toBe(before);
  });

  it('writes policies as they are given', async () => {
    const policies = { 'text.yaml': '  a: 1\n# end', 'object.yaml': { a: { b: [1, 'two'] } } };
    const map = only(await rendered({ policies }), 'ConfigMap', 'countersign-policies');
    expect(map['data']).toEqual({ 'text.yaml': '  a: 1\n# end', 'object.yaml': 'a:\n  b:\n  - 1\n  - two' });
  });
});
