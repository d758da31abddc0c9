import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { helmOn, type Json, listAt, textAt } from '../chart.ts';
import { getObject, NAME, NAMESPACE, upgrade } from './installation.ts';
import { type Asked, beginLoad } from './load.ts';
import { DENY, EVENTUALLY, makeNamespace, must } from './objects.ts';
import type { World } from './world.ts';

/** Longer than the API server takes to hear of anything on this machine. */
const HEARD_MS = 2_000;

/** What Helm does later, in this order: nothing is left at the end. */
export function upgradeCases(world: () => World): void {
  describe('helm', () => {
    const enforced = 'enforced';
    const run = (namespace: string, name: string, image: string) =>
      world().plane.kubectl(['-n', namespace, 'run', name, `--image=${image}`]);
    const counted = (asked: readonly Asked[]) =>
      Object.entries(Object.groupBy(asked, ({ status, message }) => `${status} ${message.slice(0, 120)}`)).map(
        ([what, ones]) => `${ones?.length} × ${what}`,
      );
    const helmUpgrade = (changed: { readonly [key: string]: Json }) => {
      const { plane, folder, values } = world();
      return upgrade({ plane, folder }, { ...values, ...changed });
    };
    /** As the Deployment's strategy says: a new pod serves before an old one goes. */
    const replacePods = async () => {
      const { installation } = world();
      for (const old of installation.pods()) {
        await installation.startPod();
        await installation.endPod(old);
      }
    };

    beforeAll(async () => {
      await makeNamespace(world().plane, enforced, DENY);
      await makeNamespace(world().plane, 'free');
    });

    it('upgrades to mode warn under load without a refusal too many: warnings come, and would-be denials are counted [peers 55] [peers 68]', async () => {
      const { plane, installation, signed, unsigned, unsignedDigest } = world();
      const load = beginLoad(plane, enforced, 20, [signed[0], unsigned]);
      await wait(500);
      await helmUpgrade({ mode: 'warn' });
      await replacePods();
      await wait(500);
      const asked = await load.stop();
      const wrong = asked.filter(({ image, status, message }) =>
        image === unsigned ? !(status === 403 && message.endsWith('[UNSIGNED]')) : status !== 201,
      );
      expect(counted(wrong)).toEqual([]);
      expect(asked.length).toBeGreaterThan(30);

      const warned = await run('free', 'warned', unsigned);
      expect(warned).toMatchObject({ status: 0, stdout: 'pod/warned created\n' });
      expect(warned.stderr).toContain(
        `Warning: image "${unsigned}": unsigned [UNSIGNED] under ClusterImagePolicy "release": No cosign signature for ${unsignedDigest}`,
      );
      const metrics = await Promise.all(installation.pods().map((pod) => pod.metrics()));
      expect(metrics.flatMap((text) => text.split('\n'))).toContain(
        'countersign_reviews_total{decision="would-deny",mode="warn"} 1',
      );
    }, 120_000);

    it('leaves no namespace out for what its label says, unless namespaces opt in [peers 57]', async () => {
      const { plane, installation, unsigned } = world();
      const found = (name: string) => installation.records().filter((one) => one.name === name).length;
      for (const label of ['ignore', 'off', 'audit']) {
        await makeNamespace(plane, `says-${label}`, { 'countersign.dev/mode': label });
        expect(await run(`says-${label}`, `pod-${label}`, unsigned)).toMatchObject({ status: 0 });
        expect(found(`pod-${label}`)).toBe(1);
      }

      const { webhook } = world().values;
      await helmUpgrade({ mode: 'warn', webhook: { ...webhook, namespaces: 'labelled' } });
      let tries = 0;
      await vi.waitFor(async () => {
        tries += 1;
        expect(await run('free', `unasked-${tries}`, unsigned)).toMatchObject({ status: 0, stderr: '' });
      }, EVENTUALLY);
      expect(found(`unasked-${tries}`)).toBe(0);
      expect(await run('says-audit', 'asked', unsigned)).toMatchObject({ status: 0 });
      expect(found('asked')).toBe(1);
      expect(await run(enforced, 'refused', unsigned)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('[UNSIGNED]'),
      });
    }, 60_000);

    it('upgrades to mode deny: every namespace refuses, and the webhook fails closed', async () => {
      const { plane, unsigned, signed } = world();
      await helmUpgrade({ mode: 'deny' });
      await replacePods();
      const hooks = await getObject(plane, 'validatingwebhookconfiguration', NAME);
      expect(listAt(hooks, 'webhooks').map((hook) => textAt(hook, 'failurePolicy'))).toEqual(['Fail', 'Fail']);
      await vi.waitFor(async () => {
        const refused = await run('free', 'denied', unsigned);
        expect(refused).toMatchObject({
          status: 1,
          stderr: expect.stringContaining('admission webhook "images.countersign.dev" denied'),
        });
      }, EVENTUALLY);
      expect(await run('free', 'admitted', signed[0])).toMatchObject({ status: 0 });
      await helmUpgrade({});
      await replacePods();
    }, 120_000);

    it('uninstalls: nobody waits outside of deny, and nothing of it is left [peers 68]', async () => {
      const { plane, folder, installation, signed, unsigned } = world();
      // The API server has to hear that the webhooks are lax again.
      await vi.waitFor(
        async () => expect(await run('free', `lax-${Date.now()}`, unsigned)).toMatchObject({ status: 0 }),
        EVENTUALLY,
      );
      const free = beginLoad(plane, 'free', 20, [signed[0], unsigned]);
      const strict = beginLoad(plane, enforced, 10, [unsigned, signed[0]]);
      await wait(500);
      await helmOn(folder, plane.kubeconfig).uninstall({ name: NAME, namespace: NAMESPACE });
      const gone = strict.now();
      await Promise.all(installation.pods().map((pod) => installation.endPod(pod)));
      await wait(HEARD_MS);
      const [lax, tight] = [await free.stop(), await strict.stop()];
      expect(counted(lax)).toEqual([`${lax.length} × 201 `]);
      // Whoever is in deny may be refused until the webhooks are gone, and no longer.
      expect(counted(tight.filter((one) => one.at > gone + HEARD_MS && one.status !== 201))).toEqual([]);
      expect(
        counted(tight.filter((one) => one.image === unsigned && one.status === 201 && one.at < gone - HEARD_MS)),
      ).toEqual([]);

      const kinds = await must(plane, ['api-resources', '--verbs=list', '-o', 'name']);
      const ofCluster = kinds
        .trim()
        .split('\n')
        .filter((kind) => !kind.startsWith('events'));
      await vi.waitFor(async () => {
        const all = await must(plane, [
          'get',
          ofCluster.join(','),
          '--all-namespaces',
          '--ignore-not-found',
          '-o',
          'name',
        ]);
        const left = all.split('\n').filter((line) => line.includes('countersign'));
        expect(left).toEqual([`namespace/${NAMESPACE}`]);
      }, EVENTUALLY);
    }, 180_000);
  });
}
