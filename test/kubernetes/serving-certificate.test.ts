import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createMaker, LIFETIMES } from '../../src/kubernetes/serving-maker.ts';
import { fresh } from '../../src/kubernetes/serving-roll-over.ts';
import { newSecret } from '../../src/kubernetes/serving-secret.ts';
import { refuse } from './api-server.ts';
import {
  certificatesIn,
  configuration,
  DAY,
  dataOf,
  encoded,
  HOST,
  MINUTE,
  type Replica,
  SECRETS,
  type ServingWorld,
  servingWorld,
  verifies,
  WEBHOOKS,
  webhook,
} from './serving-fixture.ts';

const NAME = 'countersign-tls';
type Data = Readonly<Record<string, string>>;

/** A world in which a leader and a follower are ready. */
async function running(): Promise<ServingWorld & { readonly leader: Replica; readonly follower: Replica }> {
  const world = await servingWorld();
  const leader = world.start(true);
  const follower = world.start(false);
  await world.until(() => expect([leader.unready(), follower.unready()]).toEqual([undefined, undefined]));
  return { ...world, leader, follower };
}

const bundleOf = (world: ServingWorld): string => world.hooks()[0]?.caBundle ?? '';
const leafOf = (replica: Replica) => new X509Certificate(replica.current()?.certificatePem ?? '');

/** Fails unless every webhook can verify what each replica serves now, and calls where each is called. */
function allIsWell(world: ServingWorld, ...replicas: readonly Replica[]): void {
  for (const { caBundle, path } of world.hooks()) {
    for (const replica of replicas) {
      expect(verifies(caBundle, replica, world.clock.now())).toBe(true);
      expect(replica.callers()).toContain(path?.split('/').at(-1));
    }
  }
}

describe('a managed serving certificate', () => {
  it('is made once, however many replicas begin at the same moment, and trusted by the webhooks', async () => {
    const world = await servingWorld();
    const replicas = [world.start(true), world.start(false), world.start(false)] as const;
    await world.until(() => {
      for (const replica of replicas) expect(replica.unready()).toBeUndefined();
    });
    allIsWell(world, ...replicas);
    expect(new Set(replicas.map(({ current }) => current()?.certificatePem)).size).toBe(1);
    expect(world.server.log.filter((line) => line === `create ${SECRETS}`).length).toBeGreaterThan(1);
    expect(world.writes(`${SECRETS}/`)).toBe(0);
    expect(world.writes(WEBHOOKS)).toBe(1);
    expect(certificatesIn(bundleOf(world))).toHaveLength(1);
    for (const replica of replicas) expect(replica.problems()).toEqual([]);
  });

  it('is a P-256 certificate of at most 90 days for the names of the Service, by a CA of more', async () => {
    const { leader, held, clock } = await running();
    const leaf = leafOf(leader);
    const ca = new X509Certificate(held('ca.crt') ?? '');
    expect(leaf.subjectAltName).toBe(`DNS:${HOST}, DNS:${HOST}.cluster.local`);
    expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(leaf.validToDate.getTime() - leaf.validFromDate.getTime()).toBeLessThanOrEqual(90 * DAY);
    expect(ca.validToDate.getTime() - clock.now()).toBeGreaterThan(360 * DAY);
    expect(ca.checkPrivateKey(createPrivateKey(held('ca.key') ?? ''))).toBe(true);
  });

  it('goes into a Secret that the chart made empty, and leaves what else is there', async () => {
    const world = await servingWorld();
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
    world.server.put(SECRETS, { kind: 'Secret', type: 'Opaque', metadata: { name: NAME, namespace: 'guard', labels } });
    const leader = world.start(true);
    await world.until(() => expect(leader.unready()).toBeUndefined());
    expect(world.server.log.filter((line) => line.startsWith('create'))).toEqual([]);
    expect(world.secret()?.metadata).toMatchObject({
      labels,
      annotations: { 'countersign.dev/serving-certificate': 'managed' },
    });
  });

  it('is renewed by the leader when 60 of its 90 days are over, and no replica lags behind', async () => {
    const world = await running();
    const before = leafOf(world.leader).serialNumber;
    await world.pass(59 * DAY);
    expect(leafOf(world.leader).serialNumber).toBe(before);
    await world.pass(DAY);
    await world.until(() => expect(leafOf(world.follower).serialNumber).not.toBe(before));
    allIsWell(world, world.leader, world.follower);
    expect(leafOf(world.follower).serialNumber).toBe(leafOf(world.leader).serialNumber);
    expect(certificatesIn(bundleOf(world))).toHaveLength(1);
  });

  it('rolls over to another CA and caller before the first expires, verified by every webhook all the way', async () => {
    const world = await running();
    const first = { ca: world.held('ca.crt'), caller: world.held('caller') };
    const stages: number[] = [];
    const seen = (): void => {
      allIsWell(world, world.leader, world.follower);
      const trusted = certificatesIn(bundleOf(world)).length;
      if (stages.at(-1) !== trusted) stages.push(trusted);
    };
    for (let day = 0; day < 250; day += 10) {
      await world.pass(10 * DAY);
      await world.until(seen);
    }
    for (let half = 0; half < 12; half += 1) {
      await world.pass(30 * MINUTE);
      await world.until(seen);
    }
    expect(stages).toEqual([1, 2, 1]);
    expect(world.held('ca.crt')).not.toBe(first.ca);
    expect(world.held('caller')).not.toBe(first.caller);
    expect(world.held('next-ca.key')).toBeUndefined();
    expect(world.leader.callers()).toEqual([world.held('caller')]);
    expect(world.follower.callers()).toEqual([world.held('caller')]);
  }, 60_000);

  it('goes on where another left off, when the leader is gone amid a roll-over', async () => {
    const world = await running();
    world.server.remove(SECRETS, `guard/${NAME}`);
    await world.pass(MINUTE);
    await world.until(() => expect(certificatesIn(bundleOf(world))).toHaveLength(2));
    world.leader.leads = false;
    world.follower.leads = true;
    for (let half = 0; half < 8; half += 1) {
      await world.pass(30 * MINUTE);
      await world.until(() => allIsWell(world, world.leader, world.follower));
    }
    await world.until(() => expect(certificatesIn(bundleOf(world))).toHaveLength(1));
    expect(world.held('next-ca.crt')).toBeUndefined();
  });

  it('is not ready before a webhook trusts it, and ready where there is no webhook to ask', async () => {
    const world = await servingWorld();
    world.server.always((asked, response) =>
      asked.verb === 'update' && asked.path.startsWith(WEBHOOKS) ? refuse(403)(asked, response) : false,
    );
    const leader = world.start(true);
    await world.until(() => expect(leader.current()).toBeDefined());
    await world.pass(MINUTE);
    expect(leader.unready()).toContain('no webhook is known to trust');
    expect(leader.problems().map(({ kind }) => kind)).toContain('cluster');

    const alone = await servingWorld();
    alone.server.remove(WEBHOOKS, 'countersign');
    const other = alone.start(true);
    await alone.until(() => expect(other.unready()).toBeUndefined());
  });

  it('writes nothing as a follower, whatever the webhooks say', async () => {
    const world = await servingWorld();
    const follower = world.start(false);
    await world.until(() => expect(follower.current()).toBeDefined());
    await world.pass(10 * MINUTE);
    expect(world.writes(WEBHOOKS)).toBe(0);
    expect(follower.unready()).toContain('no webhook is known to trust');
  });

  it('keeps keys and callers out of the log, from the first line to a roll-over', async () => {
    const world = await running();
    world.server.remove(SECRETS, `guard/${NAME}`);
    await world.pass(MINUTE);
    world.server.next('update', refuse(422, {}, JSON.stringify({ kind: 'Status', message: world.held('ca.key') })));
    for (let half = 0; half < 8; half += 1) await world.pass(30 * MINUTE);
    const log = world.log.join('');
    expect(log).toContain('the authority that follows');
    expect(log).not.toContain('PRIVATE KEY');
    for (const key of ['caller', 'ca.key', 'tls.key'])
      expect(log).not.toContain((world.held(key) ?? 'x').slice(30, 48));
  });
});

describe('the webhooks', () => {
  it('get caBundle and caller, and keep all else: path by name, URL, port, what is not ours', async () => {
    const service = { namespace: 'guard', name: 'countersign', port: 8443 };
    const world = await servingWorld(
      configuration(
        webhook('images.countersign.dev', { service }),
        webhook('deny.countersign.dev', { service }),
        webhook('outside.countersign.dev', { url: 'https://outside.example:8443/validate' }),
        webhook('other.countersign.dev', { service: { ...service, path: '/convert' } }),
      ),
    );
    const leader = world.start(true);
    await world.until(() => expect(leader.unready()).toBeUndefined());
    const caller = world.held('caller');
    expect(world.hooks().map(({ path, url }) => path ?? url)).toEqual([
      `/validate/${caller}`,
      `/validate/deny/${caller}`,
      `https://outside.example:8443/validate/${caller}`,
      '/convert',
    ]);
    expect(new Set(world.hooks().map(({ caBundle }) => caBundle)).size).toBe(1);
  });

  it('are put right at once when somebody writes over them', async () => {
    const world = await running();
    const right = world.hooks();
    world.server.put(WEBHOOKS, configuration());
    await world.until(() => expect(world.hooks()).toEqual(right));
    expect(world.log.join('')).not.toContain('somebody else changes');
  });

  it('are written ever more slowly when somebody undoes it each time, and problems tell', async () => {
    const world = await running();
    const before = world.writes(WEBHOOKS);
    world.server.always((asked) => {
      if (asked.verb === 'update' && asked.path.startsWith(WEBHOOKS)) {
        queueMicrotask(() => setTimeout(() => world.server.put(WEBHOOKS, configuration()), 1));
      }
      return false;
    });
    world.server.put(WEBHOOKS, configuration());
    for (let i = 0; i < 30; i += 1) await world.pass(MINUTE);
    expect(world.writes(WEBHOOKS) - before).toBeGreaterThan(4);
    expect(world.writes(WEBHOOKS) - before).toBeLessThan(20);
    expect(world.leader.problems().map(({ kind }) => kind)).toContain('webhooks');
    expect(world.leader.unready()).toBeUndefined();
  }, 60_000);

  it('keep an authority that replicas of before may serve with, and lose it after the wait', async () => {
    const other = createMaker(['other'], LIFETIMES).authority(Date.UTC(2026, 10, 1));
    const caBundle = Buffer.from(other.certificatePem).toString('base64');
    const service = { namespace: 'guard', name: 'countersign', path: '/validate' };
    const world = await servingWorld(configuration(webhook('images.countersign.dev', { service, caBundle })));
    const leader = world.start(true);
    await world.until(() => expect(leader.unready()).toBeUndefined());
    expect(bundleOf(world)).toContain(other.certificatePem);
    for (let i = 0; i < 3; i += 1) await world.pass(30 * MINUTE);
    await world.until(() => expect(certificatesIn(bundleOf(world))).toHaveLength(1));
    allIsWell(world, leader);
  });

  it('that come later than the process are taken care of when they come', async () => {
    const world = await servingWorld();
    world.server.remove(WEBHOOKS, 'countersign');
    const leader = world.start(true);
    await world.until(() => expect(leader.unready()).toBeUndefined());
    world.server.put(WEBHOOKS, configuration());
    await world.until(() => allIsWell(world, leader));
  });
});

describe('the Secret', () => {
  it('that somebody deletes is there again after half a minute, and rolls over: no replica is without trust meanwhile', async () => {
    const world = await running();
    const before = world.held('ca.crt');
    world.server.remove(SECRETS, `guard/${NAME}`);
    await world.pass(20_000);
    expect(world.secret()).toBeUndefined();
    allIsWell(world, world.leader, world.follower);
    expect(world.leader.problems()).toMatchObject([{ kind: 'secret' }]);
    await world.pass(15_000);
    await world.until(() => expect(world.held('next-ca.crt')).toBeDefined());
    expect(world.held('ca.crt')).toBe(before);
    for (let half = 0; half < 8; half += 1) {
      await world.pass(30 * MINUTE);
      await world.until(() => allIsWell(world, world.leader, world.follower));
    }
    expect(world.held('ca.crt')).not.toBe(before);
    expect(world.leader.problems()).toEqual([]);
  });

  it('stays deleted where the webhooks are gone, too: everything is being uninstalled', async () => {
    const world = await running();
    world.server.remove(WEBHOOKS, 'countersign');
    world.server.remove(SECRETS, `guard/${NAME}`);
    for (let i = 0; i < 5; i += 1) await world.pass(5 * MINUTE);
    expect(world.secret()).toBeUndefined();
    expect(world.leader.current()).toBeDefined();
  });

  it.each([
    ['emptied', () => ({})],
    ['filled with garbage', () => encoded({ 'ca.crt': 'garbage', 'tls.crt': 'garbage' })],
    ['robbed of its key', (data: Data) => ({ ...data, 'tls.key': '' })],
    ['given the key of another', (data: Data) => ({ ...data, 'tls.key': data['ca.key'] ?? '' })],
    ['given half of what follows', (data: Data) => ({ ...data, 'next-ca.crt': data['ca.crt'] ?? '' })],
    ['given a caller of somebody’s choice', (data: Data) => ({ ...data, ...encoded({ caller: '../admin' }) })],
  ])('that somebody has %s is put right, and nobody notices outside', async (_what, garbled) => {
    const world = await running();
    const { metadata, ...secret } = world.secret() ?? { metadata: { name: NAME } };
    const data = dataOf(world.secret());
    const leaf = leafOf(world.follower).serialNumber;
    world.server.put(SECRETS, { ...secret, metadata: { ...metadata, namespace: 'guard' }, data: garbled(data) });
    await world.pass(MINUTE);
    await world.until(() => expect(world.held('next-ca.crt')).toBeDefined());
    expect(leafOf(world.follower).serialNumber).toBe(leaf);
    await world.until(() => allIsWell(world, world.leader, world.follower));
  });

  it('that holds something of somebody else is left alone, and the process says why it is not ready', async () => {
    const world = await servingWorld();
    const data = encoded({ 'tls.crt': 'theirs', 'tls.key': 'theirs' });
    world.server.put(SECRETS, { kind: 'Secret', metadata: { name: NAME, namespace: 'guard' }, data });
    const leader = world.start(true);
    await world.pass(10 * MINUTE);
    expect(world.secret()?.['data']).toEqual(data);
    expect(leader.unready()).toContain('holds something else and is left alone');
    expect(leader.problems()).toMatchObject([{ kind: 'secret' }]);
  });

  it('that is put back from a backup is served only when webhooks have trusted it for long enough', async () => {
    const world = await running();
    const first = leafOf(world.leader).serialNumber;
    const names = [HOST, `${HOST}.cluster.local`];
    const other = newSecret(NAME, fresh(createMaker(names, LIFETIMES), world.clock.now()));
    const text: { readonly [member: string]: unknown } = JSON.parse(JSON.stringify(other));
    world.server.put(SECRETS, {
      ...text,
      metadata: { name: NAME, namespace: 'guard', annotations: { 'countersign.dev/serving-certificate': 'managed' } },
    });
    await world.until(() => expect(certificatesIn(bundleOf(world))).toHaveLength(2));
    allIsWell(world, world.leader, world.follower);
    expect([leafOf(world.leader).serialNumber, leafOf(world.follower).serialNumber]).toEqual([first, first]);
    for (let half = 0; half < 8; half += 1) {
      await world.pass(30 * MINUTE);
      await world.until(() => allIsWell(world, world.leader, world.follower));
    }
    expect(leafOf(world.follower).serialNumber).not.toBe(first);
  });

  it('is not written over when another replica wrote meanwhile: conflict, look again', async () => {
    const world = await running();
    world.follower.leads = true;
    await world.pass(61 * DAY);
    await world.until(() => expect(leafOf(world.leader).serialNumber).toBe(leafOf(world.follower).serialNumber));
    allIsWell(world, world.leader, world.follower);
    expect(world.leader.problems()).toEqual([]);
    expect(world.follower.problems()).toEqual([]);
  });
});

describe('the API server', () => {
  it('that is away at start keeps the process from being ready, with the reason, until it comes', async () => {
    const world = await servingWorld();
    const back = await world.server.goAway();
    const leader = world.start(true);
    await world.pass(MINUTE);
    expect(leader.current()).toBeUndefined();
    expect(leader.unready()).toMatch(/no serving certificate yet: .+/);
    expect(leader.problems()).toMatchObject([{ kind: 'cluster' }]);
    await back();
    await world.until(() => expect(leader.unready()).toBeUndefined());
  });

  it('that goes away later changes nothing of what is served and of readiness, and shows among the problems', async () => {
    const world = await running();
    const back = await world.server.goAway();
    for (let i = 0; i < 5; i += 1) await world.pass(DAY);
    expect([world.leader.unready(), world.follower.unready()]).toEqual([undefined, undefined]);
    for (const replica of [world.leader, world.follower]) {
      expect(replica.problems().map(({ kind }) => kind)).toContain('cluster');
    }
    await back();
    await world.until(() => expect(world.follower.problems()).toEqual([]));
    await world.until(() => expect(world.leader.problems()).toEqual([]));
    allIsWell(world, world.leader, world.follower);
  });

  it('that forbids to write webhooks does not keep the certificate from being renewed', async () => {
    const world = await running();
    const before = leafOf(world.leader).serialNumber;
    world.server.always((asked, response) =>
      asked.path.startsWith(WEBHOOKS) && asked.verb === 'update' ? refuse(403)(asked, response) : false,
    );
    world.server.put(WEBHOOKS, configuration());
    await world.pass(61 * DAY);
    await world.until(() => expect(leafOf(world.leader).serialNumber).not.toBe(before));
    expect(world.leader.problems().map(({ kind }) => kind)).toEqual(expect.arrayContaining(['cluster', 'webhooks']));
  });

  it.each([429, 500, 503])('that answers %d is asked again, less and less often', async (status) => {
    const world = await servingWorld();
    const over = world.server.always(refuse(status));
    const leader = world.start(true);
    for (let i = 0; i < 10; i += 1) await world.pass(MINUTE);
    const ours = world.server.asked.filter(({ request }) => request.headers['user-agent'] === 'countersign');
    // Two watches and the certificate, each every half minute once it has slowed down.
    expect(ours.length).toBeLessThan(100);
    over();
    await world.until(() => expect(leader.unready()).toBeUndefined());
  });
});
