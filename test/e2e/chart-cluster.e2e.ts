import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from './certificates.ts';
import { at, helmOn, type KubeObject, listAt, type Release, readObjects, render, textAt, written } from './chart.ts';
import { CA_PEM, COMBINATIONS } from './chart-values.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { temporaryFolder } from './folder.ts';
import { describeWith } from './tools.ts';

describeWith(['helm', 'etcd', 'kube-apiserver', 'kubectl', 'openssl'], 'the chart on a real API server', () => {
  const folder = temporaryFolder();
  /** Authorities have one name in a folder, and that of the control plane has one already. */
  const authorityFolder = temporaryFolder();
  let plane: ControlPlane;
  let caPem: string;

  const kubectl = async (...args: readonly string[]) => {
    const { status, stdout, stderr } = await plane.kubectl(args);
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const get = async (...args: readonly string[]): Promise<KubeObject> => {
    const [object] = readObjects(await kubectl('get', ...args, '-o', 'json'));
    if (object === undefined) throw new Error('nothing came');
    return object;
  };
  const helm = () => helmOn(folder, folder.file('kubeconfig'));
  /** Values as they are written for a reader who does not open certificates. */
  const withAuthority = (values: Release['values']): Release['values'] =>
    JSON.parse(JSON.stringify(values).replaceAll(JSON.stringify(CA_PEM), JSON.stringify(caPem)));

  beforeAll(async () => {
    plane = await startControlPlane(folder);
    caPem = readFileSync((await createAuthority(authorityFolder)).certFile, 'utf8');
    await kubectl('create', 'namespace', 'security');
    await kubectl('label', 'namespace', 'security', 'pod-security.kubernetes.io/warn=restricted');
  });
  afterAll(async () => {
    await plane.stop();
    authorityFolder.remove();
    folder.remove();
  });

  it.each(COMBINATIONS)(
    'is taken by it with $title, no field unknown, no pod beyond "restricted"',
    async ({ values }) => {
      const release = { name: 'countersign', namespace: 'security', values: withAuthority(values) };
      const objects = await render(folder, release);
      // The kinds of cert-manager are not those of Kubernetes, and this one has no others.
      const known = objects.filter((object) => !textAt(object, 'apiVersion').startsWith('cert-manager.io/'));
      const applied = await plane.kubectl(
        ['apply', '--dry-run=server', '--validate=strict', '-f', '-'],
        written(known),
      );
      // The node's network is what that standard forbids, and what was asked for.
      const beyond =
        values['hostNetwork'] === true ? /^Warning: would violate .*: host namespaces \(hostNetwork=true\)\n$/ : /^$/;
      expect(applied).toMatchObject({ status: 0, stderr: expect.stringMatching(beyond) });
      expect(applied.stdout.trim().split('\n')).toHaveLength(known.length);
    },
  );

  describe('what the process writes', () => {
    const release: Release = { name: 'managed', namespace: 'managed', values: {} };
    const NAME = 'managed-countersign';
    const AS_PROCESS = '--as=system:serviceaccount:managed:managed-countersign';
    /** As the process does it and with its rights: whole objects, with the version that was read. */
    async function writeAsProcess(): Promise<void> {
      const hooks = await get('validatingwebhookconfiguration', NAME);
      const webhooks = listAt(hooks, 'webhooks').map((webhook) => {
        const clientConfig = Object(at(webhook, 'clientConfig'));
        const service = { ...clientConfig.service, path: '/validate/0123456789' };
        return { ...Object(webhook), clientConfig: { ...clientConfig, service, caBundle: btoa(caPem) } };
      });
      const secret = await get('-n', 'managed', 'secret', `${NAME}-tls`);
      const lease = await get('-n', 'managed', 'lease', NAME);
      const changed: readonly KubeObject[] = [
        { ...hooks, webhooks },
        { ...secret, data: { caller: btoa('0123456789') } },
        { ...lease, spec: { holderIdentity: 'one', leaseDurationSeconds: 15 } },
      ];
      for (const object of changed) {
        const replaced = await plane.kubectl(['replace', AS_PROCESS, '-f', '-'], JSON.stringify(object));
        expect(replaced).toMatchObject({ status: 0, stderr: '' });
      }
    }
    async function expectKept(): Promise<void> {
      const hooks = await get('validatingwebhookconfiguration', NAME);
      for (const webhook of listAt(hooks, 'webhooks')) {
        expect(at(webhook, 'clientConfig', 'service', 'path')).toBe('/validate/0123456789');
        expect(at(webhook, 'clientConfig', 'caBundle')).toBe(btoa(caPem));
      }
      expect(at(await get('-n', 'managed', 'secret', `${NAME}-tls`), 'data')).toEqual({ caller: btoa('0123456789') });
      expect(at(await get('-n', 'managed', 'lease', NAME), 'spec', 'holderIdentity')).toBe('one');
    }

    it('stays through an upgrade that changes the webhooks, and through a rollback', async () => {
      await helm().upgrade(release);
      await writeAsProcess();
      await helm().upgrade({ ...release, values: { mode: 'deny', webhook: { timeoutSeconds: 7 } } });
      const upgraded = await get('validatingwebhookconfiguration', NAME);
      expect(at(upgraded, 'webhooks', 0)).toMatchObject({ failurePolicy: 'Fail', timeoutSeconds: 7 });
      await expectKept();

      expect(await helm().run(['rollback', 'managed', '--namespace', 'managed'])).toMatchObject({ status: 0 });
      expect(at(await get('validatingwebhookconfiguration', NAME), 'webhooks', 0, 'failurePolicy')).toBe('Ignore');
      await expectKept();
    });

    it('is no conflict where the chart is applied by the server, as Helm 4 does', async () => {
      const apply = async (values: Release['values']) => {
        const objects = await render(folder, { ...release, values });
        return plane.kubectl(['apply', '--server-side', '--field-manager=helm', '-f', '-'], written(objects));
      };
      await helm().uninstall(release);
      expect(await apply({})).toMatchObject({ status: 0, stderr: '' });
      await writeAsProcess();
      expect(await apply({ mode: 'deny' })).toMatchObject({ status: 0, stderr: '' });
      expect(at(await get('validatingwebhookconfiguration', NAME), 'webhooks', 0, 'failurePolicy')).toBe('Fail');
      await expectKept();
      const deleted = await plane.kubectl(['delete', '-f', '-'], written(await render(folder, release)));
      expect(deleted).toMatchObject({ status: 0 });
    });

    it('is all that it can read or write', async () => {
      await helm().upgrade({ ...release, values: { pullSecrets: { names: ['named'] } } });
      for (const name of ['named', 'other']) await kubectl('-n', 'managed', 'create', 'secret', 'generic', name);
      const can = async (...args: readonly string[]) =>
        (await plane.kubectl(['-n', 'managed', AS_PROCESS, ...args, '--request-timeout=5s'])).status === 0;
      const own = `--field-selector=metadata.name=${NAME}-tls`;
      const hooks = `--field-selector=metadata.name=${NAME}`;

      expect(await can('get', 'secrets', own)).toBe(true);
      expect(await can('get', 'validatingwebhookconfigurations', hooks)).toBe(true);
      expect(await can('get', 'secret', 'named')).toBe(true);
      expect(await can('auth', 'can-i', 'watch', `secrets/${NAME}-tls`)).toBe(true);
      // The kind is not there, which only those are told who may look for it.
      const policies = ['get', AS_PROCESS, '--raw', '/apis/config.openshift.io/v1/imagepolicies'];
      expect((await plane.kubectl(policies)).stderr).toContain('(NotFound)');

      expect(await can('get', 'secret', 'other')).toBe(false);
      expect(await can('get', 'secrets')).toBe(false);
      expect(await can('get', 'validatingwebhookconfigurations')).toBe(false);
      expect(await can('get', 'pods')).toBe(false);
      expect(await can('delete', 'secret', `${NAME}-tls`)).toBe(false);
      expect(await can('create', 'secret', 'generic', 'another')).toBe(false);
      expect(await can('create', 'lease', 'another')).toBe(false);
      expect(await can('-n', 'default', 'get', 'secret', 'named')).toBe(false);
    });

    it('goes with an uninstall, and everything else with it [peers 68]', async () => {
      await helm().upgrade({ ...release, values: { pullSecrets: { names: ['a'] }, networkPolicy: { enabled: true } } });
      await writeAsProcess();
      await helm().uninstall(release);
      const kinds =
        'all,secrets,leases,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets';
      const left = `${await kubectl('-n', 'managed', 'get', kinds, '-o', 'name')}${await kubectl('get', 'validatingwebhookconfigurations,clusterroles,clusterrolebindings', '-o', 'name')}`;
      expect(left.split('\n').filter((line) => line.includes('countersign'))).toEqual([]);
    });
  });
});
