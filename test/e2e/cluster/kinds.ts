import { beforeAll, describe, expect, it, vi } from 'vitest';
import { at, textAt } from '../chart.ts';
import type { Run } from '../process.ts';
import { getObject } from './installation.ts';
import { DENY, EVENTUALLY, KINDS, type Kind, makeNamespace, must, podWith, workload } from './objects.ts';
import type { World } from './world.ts';

/** How a refusal begins, whatever kubectl says before it. */
const refusal = (image: string, path: string): string =>
  `admission webhook "deny.images.countersign.dev" denied the request: image "${image}" (${path}) refused by ClusterImagePolicy "release": unsigned. `;

/** Every kind of object with images, in every way in which images come to be in it. */
export function kindCases(world: () => World): void {
  const create = (namespace: string, object: object): Promise<Run> =>
    world().plane.kubectl(['-n', namespace, 'create', '-f', '-'], JSON.stringify(object));
  const kubectl = (...args: readonly string[]) => world().plane.kubectl(args);

  describe('in a namespace in deny', () => {
    const namespace = 'kinds';
    const denied = (run: Run, path: string, image = world().unsigned) => {
      expect(run).toMatchObject({ status: 1, stderr: expect.stringContaining(refusal(image, path)) });
    };
    beforeAll(async () => {
      await makeNamespace(world().plane, namespace, DENY);
      await vi.waitFor(
        async () => expect(await create(namespace, podWith('x', [world().unsigned]))).toMatchObject({ status: 1 }),
        EVENTUALLY,
      );
    });

    it.each(KINDS)('%s: signed is created, unsigned is refused [peers 37]', async (kind, _version, spec) => {
      const name = kind.toLowerCase();
      expect(await create(namespace, workload(kind, name, [world().signed[0]]))).toMatchObject({
        status: 0,
        stderr: '',
      });
      denied(
        await create(namespace, workload(kind, `${name}-unsigned`, [world().unsigned])),
        `${spec}.containers[0].image`,
      );
    });

    it('of two containers, each must be signed [peers 38]', async () => {
      const { signed, unsigned } = world();
      expect(await create(namespace, podWith('two', signed))).toMatchObject({ status: 0 });
      denied(await create(namespace, podWith('first', [unsigned, signed[0]])), 'spec.containers[0].image');
      denied(await create(namespace, podWith('second', [signed[0], unsigned])), 'spec.containers[1].image');
      const both = await create(namespace, podWith('both', [unsigned, unsigned]));
      denied(both, 'spec.containers[0].image');
      expect(both.stderr).toContain('spec.containers[1].image');
    });

    it('an init container must be signed too, and an image volume [peers 39]', async () => {
      const { signed, unsigned } = world();
      const initContainers = [{ name: 'init', image: unsigned }];
      denied(
        await create(namespace, podWith('init', signed, { spec: { initContainers } })),
        'spec.initContainers[0].image',
      );
      const volumes = [{ name: 'files', image: { reference: unsigned } }];
      denied(
        await create(namespace, podWith('volume', signed, { spec: { volumes } })),
        'spec.volumes[0].image.reference',
      );
    });

    it('kubectl debug brings in a signed image, and no unsigned one [peers 40]', async () => {
      const { plane, signed, unsigned } = world();
      const debug = (image: string) =>
        kubectl('-n', namespace, 'debug', 'two', `--image=${image}`, '--profile=general', '--', 'sh');
      denied(await debug(unsigned), 'spec.ephemeralContainers[0].image');
      expect(await debug(signed[0])).toMatchObject({ status: 0 });
      denied(await debug(unsigned), 'spec.ephemeralContainers[1].image');
      const spec = at(await getObject(plane, '-n', namespace, 'pod', 'two'), 'spec', 'ephemeralContainers');
      expect(spec).toMatchObject([{ image: signed[0] }]);
    });

    it('one image of a Deployment is replaced by a signed one alone [peers 41]', async () => {
      const { plane, signed, unsigned } = world();
      expect(await create(namespace, workload('Deployment', 'several', [signed[0], signed[0]]))).toMatchObject({
        status: 0,
      });
      const path = 'spec.template.spec.containers[1].image';
      const set = (image: string) => kubectl('-n', namespace, 'set', 'image', 'deployment/several', `c1=${image}`);
      denied(await set(unsigned), path);
      expect(await set(signed[1])).toMatchObject({ status: 0 });
      const patch = JSON.stringify({ spec: { template: { spec: { containers: [{ name: 'c1', image: unsigned }] } } } });
      denied(await kubectl('-n', namespace, 'patch', 'deployment', 'several', '-p', patch), path);
      const replaced = workload('Deployment', 'several', [signed[0], unsigned]);
      denied(await plane.kubectl(['-n', namespace, 'replace', '-f', '-'], JSON.stringify(replaced)), path);
      denied(await kubectl('-n', namespace, 'set', 'image', 'pod/two', `c1=${unsigned}`), 'spec.containers[1].image');
    });

    it('a Deployment is rolled back to a revision that is still valid [peers 42]', async () => {
      const { plane, signed } = world();
      const target = ['-n', namespace, 'deployment/rolled'] as const;
      expect(await create(namespace, workload('Deployment', 'rolled', [signed[0]]))).toMatchObject({ status: 0 });
      const image = async () =>
        textAt(
          await getObject(plane, '-n', namespace, 'deployment', 'rolled'),
          'spec',
          'template',
          'spec',
          'containers',
          0,
          'image',
        );
      const revisions = (count: number) =>
        vi.waitFor(async () => {
          const sets = await must(plane, ['-n', namespace, 'get', 'replicaset', '-l', 'app=rolled', '-o', 'name']);
          expect(sets.trim().split('\n')).toHaveLength(count);
        }, EVENTUALLY);
      await revisions(1);
      await must(plane, ['set', 'image', ...target, `c0=${signed[1]}`]);
      await revisions(2);
      expect(await image()).toBe(signed[1]);
      expect(await kubectl('rollout', 'undo', ...target)).toMatchObject({ status: 0 });
      expect(await image()).toBe(signed[0]);
    });

    it.each<Kind>(['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController'])(
      '%s with no replica is refused when it is made [peers 43]',
      async (kind) => {
        const made = await create(namespace, workload(kind, `none-${kind.toLowerCase()}`, [world().unsigned], 0));
        denied(made, 'spec.template.spec.containers[0].image');
      },
    );

    it('a dry run has the verdict, is recorded as one, and is not counted [peers 50]', async () => {
      const { installation, signed, unsigned } = world();
      const counted = async () => {
        const texts = await Promise.all(installation.pods().map((pod) => pod.metrics()));
        return texts
          .flatMap((text) => text.split('\n').filter((line) => line.startsWith('countersign_reviews_total')))
          .toSorted();
      };
      const before = await counted();
      const dry = (name: string, image: string) =>
        kubectl('-n', namespace, 'run', name, `--image=${image}`, '--dry-run=server');
      denied(await dry('dry-unsigned', unsigned), 'spec.containers[0].image');
      expect(await dry('dry-signed', signed[0])).toMatchObject({ status: 0 });
      expect(await counted()).toEqual(before);
      const records = installation.records().filter(({ name }) => name === 'dry-unsigned');
      expect(records).toMatchObject([{ dryRun: true, decision: 'denied' }]);
    });

    it('what a pod says of itself changes nothing [peers 59]', async () => {
      const said = {
        'countersign.dev/verified': 'true',
        'countersign.dev/mode': 'audit',
        'images.countersign.dev/decision': 'allowed',
      };
      const metadata = { annotations: said, labels: said };
      denied(await create(namespace, podWith('forged', [world().unsigned], { metadata })), 'spec.containers[0].image');
    });

    it('what is no workload passes, and is recorded as such [peers 46]', async () => {
      const { plane, installation } = world();
      expect(await kubectl('-n', namespace, 'create', 'role', 'reader', '--verb=get', '--resource=pods')).toMatchObject(
        { status: 0 },
      );
      expect(await kubectl('-n', namespace, 'create', 'configmap', 'map')).toMatchObject({ status: 0 });
      expect(installation.records().filter(({ name }) => name === 'reader')).toMatchObject([
        { kind: 'Role', decision: 'allowed', note: 'not-a-workload' },
      ]);
      expect(installation.records().filter(({ name }) => name === 'map')).toEqual([]);
      await must(plane, ['-n', namespace, 'delete', 'role', 'reader']);
    });

    it('the mirror of a static pod passes with its refusal recorded, and nobody but a node can make one [peers 47]', async () => {
      const { plane, installation, unsigned } = world();
      await must(plane, [
        'create',
        'clusterrolebinding',
        'nodes',
        '--clusterrole=cluster-admin',
        '--group=system:nodes',
      ]);
      const mirror = (name: string) =>
        podWith(name, [unsigned], {
          metadata: { annotations: { 'kubernetes.io/config.mirror': 'hash' } },
          spec: { nodeName: 'one' },
        });
      denied(await create(namespace, mirror('pretended')), 'spec.containers[0].image');
      const asNode = ['-n', namespace, 'create', '--as=system:node:one', '--as-group=system:nodes', '-f', '-'];
      const made = await plane.kubectl(asNode, JSON.stringify(mirror('static')));
      expect(made).toMatchObject({ status: 0, stdout: 'pod/static created\n' });
      expect(made.stderr).toContain(
        `Warning: a static pod runs whatever is decided: image "${unsigned}" (spec.containers[0].image) refused by `,
      );
      const stored = await getObject(plane, '-n', namespace, 'pod', 'static');
      expect(at(stored, 'spec', 'containers', 0, 'image')).toBe(unsigned);
      expect(installation.records().filter(({ name }) => name === 'static')).toMatchObject([
        { note: 'mirror-pod', decision: 'allowed', wouldDeny: true },
      ]);
    });
  });

  describe('what was there before its namespace was in deny', () => {
    const namespace = 'older';
    it('is scaled down, labelled and let go, and gets no other image [peers 43] [peers 45]', async () => {
      const { plane, unsigned, signed } = world();
      await makeNamespace(plane, namespace);
      const metadata = { finalizers: ['example.com/held'] };
      for (const object of [workload('ReplicaSet', 'old', [unsigned], 1), podWith('leaving', [unsigned], { metadata })])
        expect(await create(namespace, object)).toMatchObject({ status: 0 });
      await must(plane, ['label', 'namespace', namespace, 'countersign.dev/mode=deny']);
      await vi.waitFor(
        async () => expect(await create(namespace, podWith('x', [unsigned]))).toMatchObject({ status: 1 }),
        EVENTUALLY,
      );

      expect(await kubectl('-n', namespace, 'label', 'replicaset', 'old', 'tier=back')).toMatchObject({ status: 0 });
      expect(await kubectl('-n', namespace, 'annotate', 'replicaset', 'old', 'note=kept')).toMatchObject({ status: 0 });
      expect(await kubectl('-n', namespace, 'scale', 'replicaset', 'old', '--replicas=0')).toMatchObject({ status: 0 });

      await must(plane, ['-n', namespace, 'delete', 'pod', 'leaving', '--wait=false', '--grace-period=0', '--force']);
      const stored = await getObject(plane, '-n', namespace, 'pod', 'leaving');
      expect(textAt(stored, 'metadata', 'deletionTimestamp')).not.toBe('');
      const other = `${world().registry.host}/acme/unsigned@${world().unsignedDigest}`;
      const set = (image: string) => kubectl('-n', namespace, 'set', 'image', 'pod/leaving', `c0=${image}`);
      expect(await set(other)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(refusal(other, 'spec.containers[0].image')),
      });
      expect(await set(signed[0])).toMatchObject({ status: 0 });
      const patch = JSON.stringify({ metadata: { finalizers: [] } });
      expect(await kubectl('-n', namespace, 'patch', 'pod', 'leaving', '--type=merge', '-p', patch)).toMatchObject({
        status: 0,
      });
      expect(await kubectl('-n', namespace, 'get', 'pod', 'leaving')).toMatchObject({ status: 1 });
    });
  });
}
