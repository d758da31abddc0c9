import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CHART, helmOn, type Json, type Release } from './chart.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { temporaryFolder } from './folder.ts';
import { describeWith } from './tools.ts';

/** Nothing listens there: whoever asks the webhook finds out at once. */
const NOBODY = 'https://127.0.0.1:1';
const NOT_ASKED = 'status 0';

describeWith(
  ['helm', 'etcd', 'kube-apiserver', 'kubectl', 'openssl'],
  'what the webhooks of the chart are asked about',
  () => {
    const folder = temporaryFolder();
    let plane: ControlPlane;
    const helm = () => helmOn(folder, folder.file('kubeconfig'));
    const kubectl = async (...args: readonly string[]) => {
      const { status, stdout, stderr } = await plane.kubectl(args);
      if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
      return stdout;
    };
    const patch = (namespace: string, target: string, change: Json, ...more: readonly string[]) =>
      plane.kubectl([
        '-n',
        namespace,
        'patch',
        ...target.split('/'),
        '--type=merge',
        '-p',
        JSON.stringify(change),
        ...more,
      ]);
    const create = (namespace: string, name: string) =>
      plane.kubectl(['-n', namespace, 'run', name, '--image=registry.invalid/app:1']);
    /** Which webhook was asked, by its failure to answer. */
    const asked = ({ status, stderr }: { readonly status: number; readonly stderr: string }) =>
      /failed calling webhook "([^"]+)"/.exec(stderr)?.[1] ?? (status === 0 ? NOT_ASKED : stderr);
    const DENY = 'deny.images.countersign.dev';
    const unanswered: Release = {
      name: 'countersign',
      namespace: 'security',
      values: { tls: { mode: 'secret', secretName: 'none' }, webhook: { url: NOBODY } },
    };

    beforeAll(async () => {
      plane = await startControlPlane(folder);
      await kubectl('create', 'namespace', 'security');
      for (const namespace of ['shop', 'audited', 'plain']) await kubectl('create', 'namespace', namespace);
      await kubectl('label', 'namespace', 'shop', 'security', 'kube-system', 'countersign.dev/mode=deny');
      await kubectl('label', 'namespace', 'audited', 'countersign.dev/mode=audit');
      for (const name of ['old', 'leaving']) expect(asked(await create('shop', name))).toBe(NOT_ASKED);
      await kubectl('-n', 'shop', 'create', 'deployment', 'app', '--image=registry.invalid/app:1');
      const template = { apiVersion: 'v1', kind: 'PodTemplate', metadata: { name: 'template' } };
      const spec = { containers: [{ name: 'app', image: 'registry.invalid/app:1' }] };
      const made = await plane.kubectl(
        ['-n', 'shop', 'create', '-f', '-'],
        JSON.stringify({ ...template, template: { spec } }),
      );
      expect(made).toMatchObject({ status: 0 });
      await helm().upgrade(unanswered);
      // The API server hears of the webhooks a moment later.
      await vi.waitFor(async () => expect(asked(await create('shop', 'new'))).toBe(DENY), { timeout: 10_000 });
    });
    afterAll(async () => {
      await plane.stop();
      folder.remove();
    });

    it('holds up nobody outside of deny namespaces while it does not answer', async () => {
      expect(asked(await create('plain', 'new'))).toBe(NOT_ASKED);
      expect(asked(await create('audited', 'new'))).toBe(NOT_ASKED);
    });

    it('lets itself and kube-system start, whatever their labels say', async () => {
      expect(asked(await create('security', 'countersign'))).toBe(NOT_ASKED);
      expect(asked(await create('kube-system', 'dns'))).toBe(NOT_ASKED);
    });

    it('passes what only keeps books: finalizers, scaling', async () => {
      expect(asked(await patch('shop', 'pod/old', { metadata: { finalizers: ['example.com/a'] } }))).toBe(NOT_ASKED);
      expect(asked(await patch('shop', 'pod/old', { metadata: { finalizers: [] } }))).toBe(NOT_ASKED);
      expect(asked(await plane.kubectl(['-n', 'shop', 'scale', 'deployment/app', '--replicas=3']))).toBe(NOT_ASKED);
    });

    it.each<[string, Json]>([
      ['a label', { metadata: { labels: { tier: 'gold' } } }],
      ['an annotation', { metadata: { annotations: { note: 'x' } } }],
      ['an owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }] } }],
      ['an image', { spec: { containers: [{ name: 'old', image: 'registry.invalid/app:2' }] } }],
    ])('is asked about a change of %s, which a policy may read', async (_title, change) => {
      expect(asked(await patch('shop', 'pod/old', change))).toBe(DENY);
    });

    it('is asked about workloads, ephemeral containers and pod templates', async () => {
      const deployment = ['create', 'deployment', 'other', '--image=registry.invalid/app:1'];
      expect(asked(await plane.kubectl(['-n', 'shop', ...deployment]))).toBe(DENY);
      const debug = ['debug', 'old', '--image=registry.invalid/debug:1', '--profile=general'];
      expect(asked(await plane.kubectl(['-n', 'shop', ...debug]))).toBe(DENY);
      expect(asked(await patch('shop', 'podtemplate/template', { metadata: { finalizers: ['example.com/a'] } }))).toBe(
        DENY,
      );
    });

    it('lets go what is being deleted, and looks at an image that changes meanwhile [peers 45]', async () => {
      expect(asked(await patch('shop', 'pod/leaving', { metadata: { finalizers: ['example.com/a'] } }))).toBe(
        NOT_ASKED,
      );
      await kubectl('-n', 'shop', 'delete', 'pod', 'leaving', '--wait=false', '--grace-period=0', '--force');
      const image = { spec: { containers: [{ name: 'leaving', image: 'registry.invalid/app:2' }] } };
      expect(asked(await patch('shop', 'pod/leaving', image))).toBe(DENY);
      expect(
        asked(await patch('shop', 'pod/leaving', { metadata: { labels: { gone: 'soon' }, finalizers: [] } })),
      ).toBe(NOT_ASKED);
      expect(asked(await plane.kubectl(['-n', 'shop', 'get', 'pod', 'leaving']))).toContain('not found');
    });

    it('cannot be kept from asking by a request that says by itself that the object is being deleted', async () => {
      const forged = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', labels: { tier: 'gold' } } };
      expect((await patch('shop', 'pod/old', forged)).stderr).toContain('deletionTimestamp');
      expect(await kubectl('-n', 'shop', 'get', 'pod', 'old', '--show-labels')).not.toContain('tier');
    });

    it('leaves a namespace in deny to those who may loosen, by the guard of the roll-out page [break-glass]', async () => {
      const page = readFileSync(join(CHART, '../../docs/rollout.md'), 'utf8');
      const blocks = page.split('```yaml\n').map((rest) => rest.slice(0, rest.indexOf('```')));
      const guard = blocks.find((block) => block.includes('kind: ValidatingAdmissionPolicyBinding')) ?? '';
      expect(await plane.kubectl(['apply', '--validate=strict', '-f', '-'], guard)).toMatchObject({
        status: 0,
        stderr: '',
      });
      await kubectl('create', 'clusterrole', 'namespacer', '--verb=get,patch', '--resource=namespaces');
      await kubectl('create', 'clusterrolebinding', 'dev', '--clusterrole=namespacer', '--user=dev');
      await kubectl('create', 'clusterrolebinding', 'oncall', '--clusterrole=countersign-break-glass', '--user=oncall');
      const label = (user: string, ...how: readonly string[]) =>
        plane.kubectl(['label', `--as=${user}`, 'namespace', 'shop', ...how]);

      const refusal = expect.stringContaining('is for break-glass: ask your platform team');
      await vi.waitFor(
        async () =>
          expect(await label('dev', 'countersign.dev/mode-', '--dry-run=server')).toMatchObject({
            status: 1,
            stderr: refusal,
          }),
        { timeout: 10_000 },
      );
      expect(await label('dev', 'countersign.dev/mode=audit', '--overwrite')).toMatchObject({
        status: 1,
        stderr: refusal,
      });
      expect(await label('dev', 'team=a')).toMatchObject({ status: 0 });
      expect(await label('oncall', 'countersign.dev/mode=audit', '--overwrite')).toMatchObject({ status: 0 });
      await vi.waitFor(async () => expect(asked(await create('shop', 'urgent'))).toBe(NOT_ASKED), { timeout: 10_000 });
      expect(await label('dev', 'countersign.dev/mode=deny', '--overwrite')).toMatchObject({ status: 0 });
    });

    it('is out of the way once its configuration is deleted, and back after an upgrade', async () => {
      await kubectl('delete', 'validatingwebhookconfiguration', 'countersign', '--as=oncall');
      await vi.waitFor(async () => expect(asked(await create('shop', 'freed'))).toBe(NOT_ASKED), { timeout: 10_000 });
      await helm().upgrade(unanswered);
      await vi.waitFor(async () => expect(asked(await create('shop', 'again'))).toBe(DENY), { timeout: 10_000 });
    });
  },
);
