import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { textAt } from '../chart.ts';
import { getObject, NAME, NAMESPACE } from './installation.ts';
import { type Asked, beginHandshakes, beginLoad, calledBy } from './load.ts';
import { DENY, EVENTUALLY, makeNamespace, must } from './objects.ts';
import type { World } from './world.ts';

const SECRET = `${NAME}-tls`;
/** Longer than the API server takes to hear of anything on this machine. */
const HEARD_MS = 2_000;

/** What somebody who asks for pods sees of replicas that go, certificates that change and an API server that restarts. */
export function availabilityCases(world: () => World): void {
  describe('while pods are asked for', () => {
    const namespace = 'busy';
    const counted = (asked: readonly Asked[]) =>
      Object.entries(Object.groupBy(asked, ({ status, message }) => `${status} ${message.slice(0, 120)}`)).map(
        ([what, ones]) => `${ones?.length} × ${what}`,
      );
    const hooks = () => getObject(world().plane, 'validatingwebhookconfiguration', NAME);
    const called = async () => calledBy(await hooks());
    const authoritiesIn = (pem: string) => pem.split(/(?=-----BEGIN)/).filter((each) => each.includes('CERTIFICATE'));

    beforeAll(() => makeNamespace(world().plane, namespace, DENY));

    it('certificate, CA and path are rolled over under 50 requests and 50 handshakes a second, and none fails [peers 67]', async () => {
      const { plane, signed } = world();
      const before = await called();
      const service = await getObject(plane, '-n', NAMESPACE, 'service', NAME);
      let authorities = before.caBundle;
      const handshakes = beginHandshakes(50, {
        host: textAt(service, 'spec', 'clusterIP'),
        servername: `${NAME}.${NAMESPACE}.svc`,
        authorities: () => authorities,
      });
      const load = beginLoad(plane, namespace, 50, signed);
      const until = (check: (now: Awaited<ReturnType<typeof called>>) => void) =>
        vi.waitFor(
          async () => {
            const now = await called();
            authorities = now.caBundle;
            check(now);
          },
          { timeout: 90_000, interval: 200 },
        );
      /** An hour is waited between the steps: here it is said to be over once everybody has heard. */
      const anHourLater = async () => {
        await vi.waitFor(async () => {
          const secret = await getObject(plane, '-n', NAMESPACE, 'secret', SECRET);
          expect(textAt(secret, 'data', 'settled-since')).not.toBe('');
        }, EVENTUALLY);
        await wait(HEARD_MS);
        const since = Buffer.from(new Date(Date.now() - 7_200_000).toISOString()).toString('base64');
        const patch = JSON.stringify({ data: { 'settled-since': since } });
        await must(plane, ['-n', NAMESPACE, 'patch', 'secret', SECRET, '-p', patch]);
      };
      try {
        // As docs/certificates.md says.
        const empty = '[{"op": "remove", "path": "/data"}]';
        await must(plane, ['-n', NAMESPACE, 'patch', 'secret', SECRET, '--type=json', '-p', empty]);
        await until(({ caBundle }) => expect(authoritiesIn(caBundle)).toHaveLength(2));
        await anHourLater();
        await until(({ path }) => expect(path).not.toBe(before.path));
        await anHourLater();
        await vi.waitFor(async () => {
          const { data } = Object(await getObject(plane, '-n', NAMESPACE, 'secret', SECRET));
          expect(Object.keys(data)).not.toContain('next-ca.crt');
        }, EVENTUALLY);
        await anHourLater();
        await until(({ caBundle }) => expect(authoritiesIn(caBundle)).toHaveLength(1));
        await wait(HEARD_MS);
      } finally {
        await handshakes.stop();
        await load.stop();
      }
      const shaken = await handshakes.stop();
      const asked = await load.stop();
      expect(shaken.failures).toEqual([]);
      expect(counted(asked)).toEqual([`${asked.length} × 201 `]);
      expect(asked.length).toBeGreaterThan(500);
      expect(shaken.count).toBeGreaterThan(300);
      process.stdout.write(`a roll-over: ${asked.length} requests and ${shaken.count} handshakes without a failure\n`);
      expect((await called()).caBundle).not.toBe(before.caBundle);
    }, 180_000);

    it('a replica that dies lets nothing unsigned in, and the other one serves', async () => {
      const { plane, installation, signed, unsigned } = world();
      const [dying] = installation.pods();
      if (dying === undefined) throw new Error('there is no pod');
      const load = beginLoad(plane, namespace, 50, [signed[0], unsigned]);
      await wait(1_000);
      const died = load.now();
      await dying.kill();
      // As long as kubelet and kube-proxy take at least: connections to the dead one are refused meanwhile.
      await wait(1_000);
      installation.forget(dying);
      const gone = load.now();
      await wait(3_000);
      const asked = await load.stop();
      const wrong = asked.filter(({ image, status }) => image === unsigned && status === 201);
      expect(counted(wrong)).toEqual([]);
      const after = asked.filter((one) => one.at > gone + 200 || one.at < died - 500);
      const refused = after.filter(({ image, status, message }) =>
        image === unsigned ? !(status === 403 && message.endsWith('[UNSIGNED]')) : status !== 201,
      );
      expect(counted(refused)).toEqual([]);
      expect(after.length).toBeGreaterThan(100);
      await installation.startPod();
    }, 120_000);

    it('the API server restarts: it asks again at once, and no replica was unready for it', async () => {
      const { plane, installation, signed, unsigned } = world();
      await plane.restartApiServer();
      const run = (name: string, image: string) =>
        plane.kubectl(['-n', namespace, 'run', name, `--image=${image}`, '--dry-run=server']);
      const refused = await run('after', unsigned);
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('[UNSIGNED]') });
      expect(await run('after', signed[0])).toMatchObject({ status: 0 });
      expect(await Promise.all(installation.pods().map((pod) => pod.isReady()))).toEqual([true, true]);
    }, 120_000);
  });
}
