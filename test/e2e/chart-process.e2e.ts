import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { at, helmOn, listAt, type Release, readObjects, textAt } from './chart.ts';
import { startReplica } from './chart-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { temporaryFolder } from './folder.ts';
import { describeWith } from './tools.ts';

describeWith(['helm', 'etcd', 'kube-apiserver', 'kubectl', 'openssl'], 'the program that the chart starts', () => {
  const folder = temporaryFolder();
  let plane: ControlPlane;
  const release: Release = {
    name: 'countersign',
    namespace: 'countersign',
    values: {
      policies: {
        'reject.yaml': {
          apiVersion: 'countersign.dev/v1alpha1',
          kind: 'ClusterImagePolicy',
          metadata: { name: 'none' },
          spec: { images: ['**'], require: { reject: { message: 'none at all' } } },
        },
      },
      pullSecrets: { fromPods: true, names: ['registry'] },
      config: { drainSeconds: 0 },
    },
  };
  const get = async (...args: readonly string[]) => {
    const { stdout, stderr } = await plane.kubectl(['-n', 'countersign', 'get', ...args, '-o', 'json']);
    expect(stderr).toBe('');
    return readObjects(stdout)[0];
  };

  beforeAll(async () => {
    plane = await startControlPlane(folder);
    await helmOn(folder, folder.file('kubeconfig')).upgrade(release);
  });
  afterAll(async () => {
    await plane.stop();
    folder.remove();
  });

  it('gets ready with the rights of the chart, fills what the chart left empty, and enforces where the chart says', async () => {
    const replicas = [await startReplica(folder, plane, release), await startReplica(folder, plane, release)];
    try {
      const segment = atob(textAt(await get('secret', 'countersign-tls'), 'data', 'caller'));
      expect(segment).toMatch(/^[0-9a-f]{48}$/);
      const webhooks = listAt(await get('validatingwebhookconfiguration', 'countersign'), 'webhooks');
      expect(webhooks.map((webhook) => at(webhook, 'clientConfig', 'service', 'path'))).toEqual([
        `/validate/${segment}`,
        `/validate/deny/${segment}`,
      ]);
      const authority = atob(textAt(await get('secret', 'countersign-tls'), 'data', 'ca.crt'));
      for (const webhook of webhooks) expect(atob(textAt(webhook, 'clientConfig', 'caBundle'))).toBe(authority);
      expect(textAt(await get('lease', 'countersign'), 'spec', 'holderIdentity')).not.toBe('');
      for (const { url, metricsUrl } of replicas) {
        const ask = (path: string) => askAsApiServer(`${url}${path}`, authority);
        expect(await ask(`/validate/${segment}`)).toContain('"allowed":true');
        expect(await ask(`/validate/deny/${segment}`)).toContain('[REJECTED_BY_POLICY]');
        const metrics = await (await fetch(`${metricsUrl}/metrics`)).text();
        expect(metrics).toContain('countersign_policies{state="ready"} 1');
      }
    } finally {
      await Promise.all(replicas.map((replica) => replica.stop()));
    }
  });
});

/** Asks about a pod as the API server would: by the name of the Service, and trusting the authority of its caBundle alone. */
function askAsApiServer(url: string, ca: string): Promise<string> {
  const container = { name: 'app', image: `registry.invalid/app@sha256:${'0'.repeat(64)}` };
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app' }, spec: { containers: [container] } };
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '1',
      operation: 'CREATE',
      namespace: 'shop',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      object,
    },
  };
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', ca, servername: 'countersign.countersign.svc', agent: false };
    const asked = request(url, { ...options, headers: { 'content-type': 'application/json' } }, (response) => {
      text(response).then(resolve, reject);
    });
    asked.once('error', reject);
    asked.end(JSON.stringify(review));
  });
}
