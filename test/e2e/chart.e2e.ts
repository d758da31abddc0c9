import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../src/config/configuration.ts';
import {
  at,
  CHART,
  configurationOf,
  helmOn,
  type KubeObject,
  listAt,
  only,
  readObjects,
  render,
  template,
  textAt,
} from './chart.ts';
import { COMBINATIONS, CONTRADICTIONS } from './chart-values.ts';
import { temporaryFolder } from './folder.ts';
import { describeWith } from './tools.ts';

const CLUSTER_WIDE = new Set(['ClusterRole', 'ClusterRoleBinding', 'ValidatingWebhookConfiguration']);

describeWith(['helm'], 'the chart', () => {
  const folder = temporaryFolder();
  const rendered = (values: (typeof COMBINATIONS)[number]['values'], name = 'countersign') =>
    render(folder, { name, namespace: 'security', values });
  afterAll(() => folder.remove());

  it('has nothing that helm lint --strict minds', async () => {
    const linted = await helmOn(folder, '/dev/null').run(['lint', '--strict', '--set', 'image.repository=a', CHART]);
    expect(linted).toMatchObject({ status: 0, stderr: '' });
    expect(linted.stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
    expect(linted.stdout).not.toMatch(/WARNING|ERROR/);
  });

  it('is refused by a Kubernetes that is too old for it', async () => {
    const old = await helmOn(folder, '/dev/null').run([
      'template',
      CHART,
      '--kube-version',
      '1.29.9',
      '--set',
      'image.repository=a',
    ]);
    expect(old.status).not.toBe(0);
    expect(old.stderr).toContain('incompatible');
  });

  it.each(CONTRADICTIONS)('refuses $title', async ({ values, says }) => {
    const refused = await template(folder, { name: 'countersign', namespace: 'security', values });
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain(says);
  });

  describe.each(COMBINATIONS)('with $title', ({ values }) => {
    let objects: readonly KubeObject[];
    let pod: KubeObject;
    let configuration: KubeObject;

    beforeAll(async () => {
      objects = await rendered(values);
      pod = Object(at(only(objects, 'Deployment'), 'spec', 'template'));
      configuration = Object(readObjects(configurationOf(objects))[0]);
    });

    it('renders each object once, labelled, in the release namespace', () => {
      const names = objects.map((object) => `${textAt(object, 'kind')} ${textAt(object, 'metadata', 'name')}`);
      expect(new Set(names).size).toBe(names.length);
      for (const object of objects) {
        const clusterWide = CLUSTER_WIDE.has(textAt(object, 'kind'));
        expect(at(object, 'metadata', 'namespace')).toBe(clusterWide ? undefined : 'security');
        expect(at(object, 'metadata', 'labels')).toMatchObject({
          'app.kubernetes.io/instance': 'countersign',
          'app.kubernetes.io/managed-by': 'Helm',
        });
      }
    });

    it('runs a pod that the standard "restricted" admits, read-only, from below /etc/countersign', () => {
      expect(at(pod, 'spec', 'securityContext')).toEqual({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(listAt(pod, 'spec', 'containers')).toHaveLength(1);
      expect(at(pod, 'spec', 'containers', 0)).toMatchObject({
        args: ['serve', '--config', '/etc/countersign/config/config.yaml'],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      });
      expect(at(pod, 'spec', 'enableServiceLinks')).toBe(false);
      for (const mount of listAt(pod, 'spec', 'containers', 0, 'volumeMounts')) {
        expect(at(mount, 'mountPath')).toMatch(/^\/etc\/countersign\//);
        // A file that is mounted by subPath is never replaced.
        expect(at(mount, 'subPath')).toBeUndefined();
      }
    });

    it('mounts each volume, and at one place each', () => {
      const volumes = listAt(pod, 'spec', 'volumes').map((volume) => at(volume, 'name'));
      const mounts = listAt(pod, 'spec', 'containers', 0, 'volumeMounts');
      expect(mounts.map((mount) => at(mount, 'name'))).toEqual(volumes);
      expect(new Set(mounts.map((mount) => at(mount, 'mountPath'))).size).toBe(mounts.length);
    });

    it('is asked by probes at the metrics port, and left in peace before it stops', () => {
      const container = at(pod, 'spec', 'containers', 0);
      const paths = { startupProbe: '/healthz', livenessProbe: '/healthz', readinessProbe: '/readyz' };
      for (const [probe, path] of Object.entries(paths))
        expect(at(container, probe, 'httpGet')).toEqual({ path, port: 'metrics' });
      const sleep = Number(at(container, 'lifecycle', 'preStop', 'sleep', 'seconds'));
      expect(sleep).toBeGreaterThan(0);
      expect(Number(at(pod, 'spec', 'terminationGracePeriodSeconds'))).toBeGreaterThan(sleep + 8);
    });

    it('selects its own pods, and those alone, wherever it selects', () => {
      const labels = at(pod, 'metadata', 'labels');
      const selectors = [
        at(only(objects, 'Deployment'), 'spec', 'selector', 'matchLabels'),
        at(only(objects, 'Service'), 'spec', 'selector'),
        ...objects
          .filter((object) => object['kind'] === 'PodDisruptionBudget')
          .map((object) => at(object, 'spec', 'selector', 'matchLabels')),
        ...objects
          .filter((object) => object['kind'] === 'NetworkPolicy')
          .map((object) => at(object, 'spec', 'podSelector', 'matchLabels')),
      ];
      for (const selector of selectors) {
        expect(Object.keys(Object(selector))).toEqual(['app.kubernetes.io/name', 'app.kubernetes.io/instance']);
        expect(labels).toMatchObject(Object(selector));
      }
    });

    it('listens where its Service and its probes send to', () => {
      const ports = listAt(pod, 'spec', 'containers', 0, 'ports');
      const byName = new Map(ports.map((port) => [at(port, 'name'), at(port, 'containerPort')]));
      expect(at(configuration, 'listen', 'port')).toBe(byName.get('https'));
      expect(at(configuration, 'metrics', 'port')).toBe(byName.get('metrics'));
      const targets = listAt(only(objects, 'Service'), 'spec', 'ports').map((port) => at(port, 'targetPort'));
      expect(targets).toEqual(['https', 'metrics']);
    });

    it('gives a configuration that the program takes', () => {
      const parsed = parseConfiguration(configurationOf(objects), 'config.yaml');
      expect(parsed.ok ? [] : parsed.failure.problems).toEqual([]);
    });

    it('has the process write for each webhook what the chart would', () => {
      const isManaged = (at(values, 'tls', 'mode') ?? 'managed') === 'managed';
      const configurations = only(objects, 'ValidatingWebhookConfiguration');
      const expected = {
        secret: `${textAt(configurations, 'metadata', 'name')}-tls`,
        service: at(only(objects, 'Service'), 'metadata', 'name'),
        webhookConfigurations: [at(configurations, 'metadata', 'name')],
        paths: { [textAt(configurations, 'webhooks', 1, 'name')]: '/validate/deny' },
      };
      expect(at(configuration, 'tls', 'managed')).toEqual(isManaged ? expected : undefined);
      expect(objects.some((object) => object['kind'] === 'Secret')).toBe(isManaged);
    });

    it('mounts what the configuration names', () => {
      const mounts = listAt(pod, 'spec', 'containers', 0, 'volumeMounts').map((mount) => at(mount, 'mountPath'));
      const named = listAt(configuration, 'policies').filter((path) => typeof path === 'string');
      expect(mounts).toEqual(expect.arrayContaining(named));
      const isFile = at(configuration, 'tls', 'certFile') === '/etc/countersign/tls/tls.crt';
      expect(mounts.includes('/etc/countersign/tls')).toBe(isFile);
    });

    it('has two webhooks that never stand in the way of countersign itself, and ask about nothing but pods', () => {
      const webhooks = listAt(only(objects, 'ValidatingWebhookConfiguration'), 'webhooks');
      expect(webhooks.map((webhook) => at(webhook, 'name'))).toEqual([
        'images.countersign.dev',
        'deny.images.countersign.dev',
      ]);
      for (const webhook of webhooks) {
        expect(webhook).toMatchObject({
          sideEffects: 'None',
          matchPolicy: 'Equivalent',
          admissionReviewVersions: ['v1'],
        });
        expect(JSON.stringify(at(webhook, 'rules'))).not.toContain('*');
        expect(listAt(webhook, 'rules', 0, 'resources')).toEqual(
          expect.arrayContaining(['pods', 'pods/ephemeralcontainers']),
        );
        for (const rule of listAt(webhook, 'rules'))
          expect(rule).toMatchObject({ scope: 'Namespaced', operations: ['CREATE', 'UPDATE'] });
        const [excluded] = listAt(webhook, 'namespaceSelector', 'matchExpressions');
        expect(excluded).toMatchObject({ key: 'kubernetes.io/metadata.name', operator: 'NotIn' });
        expect(listAt(excluded, 'values')).toEqual(expect.arrayContaining(['security', 'kube-system']));
        expect(at(webhook, 'matchConditions', 0, 'name')).toBe('more-than-bookkeeping');
      }
    });

    it('renders nothing that somebody else writes', () => {
      const written = JSON.stringify(only(objects, 'ValidatingWebhookConfiguration'));
      if (at(configuration, 'tls', 'managed') !== undefined) expect(written).not.toMatch(/"(caBundle|path|url)"/);
      if (written.includes('inject-ca-from')) expect(written).not.toContain('"caBundle"');
      const scaled = objects.some((object) => object['kind'] === 'HorizontalPodAutoscaler');
      expect(at(only(objects, 'Deployment'), 'spec', 'replicas') === undefined).toBe(scaled);
      for (const object of objects) {
        if (object['kind'] === 'Secret')
          expect(Object.keys(object)).toEqual(['apiVersion', 'kind', 'metadata', 'type']);
        if (object['kind'] === 'Lease') expect(Object.keys(object)).toEqual(['apiVersion', 'kind', 'metadata']);
      }
    });

    it('carries a token only where something is done with it', () => {
      const { watch, lease, pullSecrets } = Object(at(configuration, 'kubernetes'));
      const needed = at(configuration, 'tls', 'managed') !== undefined || watch || pullSecrets !== undefined;
      expect(at(pod, 'spec', 'automountServiceAccountToken')).toBe(needed);
      expect(lease === undefined).toBe(!objects.some((object) => object['kind'] === 'Lease'));
      for (const object of objects)
        if (object['kind'] === 'ServiceAccount') expect(object).toMatchObject({ automountServiceAccountToken: false });
    });
  });

  it('keeps names within 63 characters whatever the release is called', async () => {
    const values = { tls: { mode: 'certManager' }, pullSecrets: { names: ['a'] } };
    for (const name of [`r${'x'.repeat(52)}`, `${'long-'.repeat(10)}end`, 'a.b.c', 'countersign-2']) {
      for (const object of await rendered({ ...values, networkPolicy: { enabled: true } }, name)) {
        expect(at(object, 'metadata', 'name')).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
        for (const label of Object.values(Object(at(object, 'metadata', 'labels'))))
          expect(label).toMatch(/^[a-zA-Z0-9]([-\w.]{0,61}[a-zA-Z0-9])?$/);
      }
    }
  });
});
