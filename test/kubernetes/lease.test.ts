import { afterEach, describe, expect, it, vi } from 'vitest';
import { createApiClient } from '../../src/kubernetes/api.ts';
import { type ElectionOptions, standForElection } from '../../src/kubernetes/lease.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { refuse, reset, startTestApiServer, statusObject, type TestApiServer } from './api-server.ts';
import { createTestClock } from './test-clock.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/system/leases';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function apiServer(): Promise<TestApiServer> {
  const server = await startTestApiServer();
  open.push(() => server.close());
  return server;
}

function candidate(server: TestApiServer, identity: string, options: Partial<ElectionOptions> = {}) {
  const clock = createTestClock();
  const api = createApiClient(server.cluster, clock);
  open.push(() => api.close());
  const election = standForElection(api, {
    namespace: 'system',
    name: 'countersign',
    identity,
    logger: silentLogger,
    clock,
    random: () => 0,
    ...options,
  });
  open.push(() => election.close());
  return { clock, election };
}
type Candidate = ReturnType<typeof candidate>;

const until = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 1 });

/** Waits until a candidate has made its attempt and pauses; nothing else is due then. */
const rests = ({ clock }: Candidate) => until(() => expect(clock.due()).toEqual([2_000]));

/** Passes time for several at once, an attempt at a time. */
async function pass(seconds: number, ...candidates: readonly Candidate[]) {
  for (let passed = 0; passed < seconds; passed += 2) {
    for (const each of candidates) {
      await rests(each);
      each.clock.pass(2_000);
    }
  }
  for (const each of candidates) await rests(each);
}

const leading = (...candidates: readonly Candidate[]) => candidates.map(({ election }) => election.isLeader());

async function specOf(server: TestApiServer) {
  const { cluster } = server;
  const api = createApiClient(cluster);
  const found = await api.get({
    group: 'coordination.k8s.io',
    version: 'v1',
    plural: 'leases',
    namespace: 'system',
    name: 'countersign',
  });
  await api.close();
  return found.ok ? found.value['spec'] : found.failure;
}

describe('leader election', () => {
  it('has one leader, who renews, and others who wait', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    const two = candidate(server, 'two');
    await rests(two);
    expect(leading(one, two)).toEqual([true, false]);
    await pass(60, one, two);
    expect(leading(one, two)).toEqual([true, false]);
    expect(two.election.state()).toEqual({ leader: 'one', failingSince: undefined });
    expect(await specOf(server)).toEqual({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: '2026-11-22T00:00:00.000000Z',
      renewTime: '2026-11-22T00:01:00.000000Z',
      leaseTransitions: 0,
    });
  });

  it('goes to another when the leader is gone, not before its lease is over', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    const two = candidate(server, 'two');
    await rests(two);
    await pass(14, two);
    expect(leading(two)).toEqual([false]);
    await pass(2, two);
    expect(leading(two)).toEqual([true]);
    expect(await specOf(server)).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
    // The first one was frozen and wakes up: its own clock stood still, its next attempt tells it.
    await pass(2, one);
    expect(leading(one, two)).toEqual([false, true]);
  });

  it('is lost when it cannot be renewed, before anybody else can have it', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    server.always(refuse(500));
    await pass(8, one);
    expect(leading(one)).toEqual([true]);
    expect(one.election.state().failingSince).toBeDefined();
    await pass(2, one);
    expect(leading(one)).toEqual([false]);
  });

  it('is lost while the process stands still, without an attempt to tell it so', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    server.always(() => true);
    one.clock.pass(9_999);
    expect(leading(one)).toEqual([true]);
    one.clock.pass(1);
    expect(leading(one)).toEqual([false]);
  });

  it('counts from when the renewal was asked for: an answer may have been long on its way', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    let answer = () => {};
    server.next('get', (asked, response) => {
      answer = () => void refuse(404, {}, statusObject(404, 'gone', 'NotFound'))(asked, response);
      return true;
    });
    one.clock.pass(2_000);
    await until(() => expect(server.log.filter((line) => line.startsWith('get'))).toHaveLength(2));
    server.remove(LEASES, 'system/countersign');
    one.clock.pass(4_000);
    answer();
    await rests(one);
    server.always(refuse(500));
    one.clock.pass(5_999);
    expect(leading(one)).toEqual([true]);
    one.clock.pass(1);
    expect(leading(one)).toEqual([false]);
  });

  it('comes back after an outage', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    const comeBack = await server.goAway();
    await pass(20, one);
    expect(leading(one)).toEqual([false]);
    await comeBack();
    await pass(2, one);
    expect(leading(one)).toEqual([true]);
    expect(one.election.state().failingSince).toBeUndefined();
  });

  it('is given back on close, so that the next one need not wait', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    const two = candidate(server, 'two');
    await rests(two);
    await one.election.close();
    expect(leading(one)).toEqual([false]);
    expect(await specOf(server)).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 });
    await pass(2, two);
    expect(leading(two)).toEqual([true]);
    expect(await specOf(server)).toMatchObject({
      holderIdentity: 'two',
      leaseDurationSeconds: 15,
      leaseTransitions: 1,
    });
  });

  it('is not given back by one who does not have it', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    await rests(one);
    const two = candidate(server, 'two');
    await rests(two);
    await two.election.close();
    expect(await specOf(server)).toMatchObject({ holderIdentity: 'one' });
  });

  it('has one leader where two reach for it at the same moment', async () => {
    const server = await apiServer();
    const candidates = ['one', 'two', 'three'].map((identity) => candidate(server, identity));
    for (const each of candidates) await rests(each);
    expect(leading(...candidates).filter(Boolean)).toHaveLength(1);
    for (let round = 0; round < 5; round++) {
      await pass(2, ...candidates);
      expect(leading(...candidates).filter(Boolean)).toHaveLength(1);
    }
  });

  it('does not go by wall clocks: a leader whose clock is hours away keeps its lease', async () => {
    const server = await apiServer();
    const one = candidate(server, 'one');
    one.clock.setWall(0);
    await rests(one);
    const two = candidate(server, 'two');
    await pass(30, one, two);
    expect(leading(one, two)).toEqual([true, false]);
  });

  it('waits as long as the lease of somebody else says, whatever its own', async () => {
    const server = await apiServer();
    server.put(LEASES, {
      metadata: { name: 'countersign', namespace: 'system' },
      spec: { holderIdentity: 'kept', leaseDurationSeconds: 40 },
    });
    const one = candidate(server, 'one');
    await pass(38, one);
    expect(leading(one)).toEqual([false]);
    await pass(2, one);
    expect(leading(one)).toEqual([true]);
  });

  it('is no leader by a 404 that does not come from the API server, and none by a reset', async () => {
    const server = await apiServer();
    server.next('get', refuse(404, {}, '<h1>not found</h1>'));
    const one = candidate(server, 'one');
    await rests(one);
    expect(leading(one)).toEqual([false]);
    expect(one.election.state().failingSince).toBeDefined();
    server.next('create', reset);
    await pass(2, one);
    expect(leading(one)).toEqual([false]);
    await pass(2, one);
    expect(leading(one)).toEqual([true]);
  });
});
