import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type Json, listAt, textAt } from '../chart.ts';
import { apiOf } from './api.ts';
import { getObject } from './installation.ts';
import { DENY, EVENTUALLY, makeNamespace, must, podWith, workload } from './objects.ts';
import type { World } from './world.ts';

/** What controllers make of what somebody made. */
export function rolloutCases(world: () => World): void {
  const create = (namespace: string, object: object) =>
    world().plane.kubectl(['-n', namespace, 'create', '-f', '-'], JSON.stringify(object));
  const pods = async (namespace: string, app: string): Promise<readonly Json[]> =>
    listAt(await getObject(world().plane, '-n', namespace, 'pods', '-l', `app=${app}`), 'items');

  describe('from a Deployment to its pods', () => {
    const namespace = 'rollout';
    beforeAll(() => makeNamespace(world().plane, namespace, DENY));

    it('each pod is asked about by itself, and what is known already costs no request [peers 44]', async () => {
      const { installation, signed } = world();
      expect(await create(namespace, workload('Deployment', 'web', [signed[0]], 6))).toMatchObject({ status: 0 });
      await vi.waitFor(async () => expect(await pods(namespace, 'web')).toHaveLength(6), EVENTUALLY);
      const records = () => installation.records().filter((one) => one.namespace === namespace);
      await vi.waitFor(() => expect(records().filter(({ kind }) => kind === 'Pod')).toHaveLength(6), EVENTUALLY);
      expect(records().map(({ kind }) => kind)).toContain('ReplicaSet');
      // Each replica looks at the image once, and has done so long ago.
      expect(records().filter(({ requests }) => requests > 0).length).toBeLessThanOrEqual(2);
    });

    it('a forged owner lets nothing in [peers 44]', async () => {
      const { plane, unsigned } = world();
      const sets = await getObject(plane, '-n', namespace, 'replicasets', '-l', 'app=web');
      const [set] = listAt(sets, 'items');
      const name = textAt(set, 'metadata', 'name');
      for (const uid of [textAt(set, 'metadata', 'uid'), '00000000-0000-0000-0000-000000000000']) {
        const owner = {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name,
          uid,
          controller: true,
          blockOwnerDeletion: false,
        };
        const metadata = { ownerReferences: [owner], labels: { app: 'forged' } };
        const forged = await create(namespace, podWith('forged', [unsigned], { metadata }));
        expect(forged).toMatchObject({ status: 1, stderr: expect.stringContaining('[UNSIGNED]') });
      }
    });

    it('what a controller may not create stands in the events of its owner, with our message', async () => {
      const { plane, unsigned } = world();
      await makeNamespace(plane, 'waiting');
      expect(await create('waiting', workload('ReplicaSet', 'waiting', [unsigned], 0))).toMatchObject({ status: 0 });
      await must(plane, ['label', 'namespace', 'waiting', 'countersign.dev/mode=deny']);
      await vi.waitFor(
        async () => expect(await create('waiting', podWith('x', [unsigned]))).toMatchObject({ status: 1 }),
        EVENTUALLY,
      );
      await must(plane, ['-n', 'waiting', 'scale', 'replicaset', 'waiting', '--replicas=1']);
      await vi.waitFor(async () => {
        const events = await must(plane, ['-n', 'waiting', 'get', 'events', '--field-selector=reason=FailedCreate']);
        expect(events).toContain(
          `image "${unsigned}" (spec.containers[0].image) refused by ClusterImagePolicy "release"`,
        );
      }, EVENTUALLY);
      expect(await pods('waiting', 'waiting')).toEqual([]);
    });

    it('100 Deployments, 20 at a time, are all let in with their pods [peers 76]', async () => {
      const { plane, installation, signed } = world();
      const crowd = await makeNamespace(plane, 'crowd', DENY);
      const api = apiOf(plane);
      const began = performance.now();
      const failures: Json[] = [];
      let next = 0;
      const worker = async () => {
        while (next < 100) {
          next += 1;
          const object = workload('Deployment', `app-${next}`, [signed[next % 2] ?? '']);
          const { status, body } = await api.post(`/apis/apps/v1/namespaces/${crowd}/deployments`, object);
          if (status !== 201) failures.push(body);
        }
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      api.close();
      expect(failures).toEqual([]);
      await vi.waitFor(
        async () => {
          const all = await must(plane, ['-n', crowd, 'get', 'pods', '-o', 'name']);
          expect(all.trim().split('\n')).toHaveLength(100);
        },
        { timeout: 120_000, interval: 500 },
      );
      process.stdout.write(`100 Deployments and their pods: ${Math.round(performance.now() - began)} ms\n`);
      const records = installation.records().filter((one) => one.namespace === crowd);
      expect(records.length).toBeGreaterThanOrEqual(300);
      expect(records.filter(({ decision }) => decision !== 'allowed')).toEqual([]);
      // Both images were looked at before, by each replica at most once.
      expect(records.filter(({ requests }) => requests > 0).length).toBeLessThanOrEqual(4);
    }, 180_000);
  });
}
