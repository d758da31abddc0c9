import { describe, expect, it } from 'vitest';
import { acted, type Hook, isTrusted, type Maker, nextActions } from '../../src/kubernetes/serving-roll-over.ts';
import { type Authority, type Leaf, type ServingState, signerOf } from '../../src/kubernetes/serving-state.ts';
import {
  beginning,
  type Disaster,
  faultsOf,
  following,
  isDone,
  keyOf,
  type Setting,
  type World,
} from './serving-model.ts';

type Walked = {
  readonly worlds: number;
  /** What went wrong, each with the steps that lead there. */
  readonly faults: ReadonlyMap<string, string>;
  /** Worlds from which all cannot be done any more. */
  readonly stuck: number;
};

/** Goes everywhere that one can get to, and back from where all is done: whoever is not met on the way back is stuck. */
function walk(setting: Setting): Walked {
  const start = beginning(setting);
  const worlds: World[] = [start];
  const index = new Map([[keyOf(start), 0]]);
  const cameFrom: number[][] = [[]];
  const steps: string[] = [''];
  const faults = new Map<string, string>();
  const storyOf = (at: number): string => (at === 0 ? '' : `${storyOf(cameFrom[at]?.[0] ?? 0)}, ${steps[at]}`);
  for (let i = 0; i < worlds.length; i += 1) {
    const world = worlds[i] ?? start;
    for (const fault of faultsOf(world)) if (!faults.has(fault)) faults.set(fault, storyOf(i));
    for (const [step, after] of following(world)) {
      const key = keyOf(after);
      const known = index.get(key);
      if (known !== undefined) cameFrom[known]?.push(i);
      else {
        index.set(key, worlds.length);
        worlds.push(after);
        cameFrom.push([i]);
        steps.push(step);
      }
    }
  }
  const safe = new Set(worlds.flatMap((world, i) => (isDone(world) ? [i] : [])));
  for (const at of safe) for (const before of cameFrom[at] ?? []) safe.add(before);
  return { worlds: worlds.length, faults, stuck: worlds.length - safe.size };
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe('a roll-over of the authority', () => {
  it('leaves each replica verifiable and the caller known at every moment, in every order of two leaders, crashes and late views', () => {
    const { worlds, faults, stuck } = walk({ disaster: 'none', leaders: 2 });
    expect(worlds).toBeGreaterThan(3000);
    expect([...faults]).toEqual([]);
    expect(stuck).toBe(0);
  });

  it.each<Disaster>(['secret deleted', 'webhook emptied', 'unknown authority', 'other secret put in'])(
    'comes to its end without a moment at which a replica cannot be verified, whenever this happens: %s',
    (disaster) => {
      const { worlds, faults, stuck } = walk({ disaster, leaders: 1 });
      expect(worlds).toBeGreaterThan(4000);
      expect([...faults]).toEqual([]);
      expect(stuck).toBe(0);
    },
  );

  it('is only as safe as it waits: without waiting, a replica is met that nobody can verify', () => {
    const { faults } = walk({ disaster: 'none', leaders: 1, settleMs: 0 });
    expect([...faults.keys()]).toContain('1 serves ca1, trusted are ca0');
    expect([...faults.keys()]).toContain('1 does not know caller1');
  });
});

describe('what is next', () => {
  const authority = (id: string, begins: number, days: number): Authority => ({
    ...{ id, notBefore: begins, notAfter: begins + days * DAY, certificatePem: id, privateKeyPem: '' },
  });
  const leafOf = (issuer: string, begins: number, days = 90): Leaf => ({
    ...{ issuer, names: ['host'], notBefore: begins, notAfter: begins + days * DAY },
    ...{ certificatePem: issuer, privateKeyPem: '' },
  });
  const old = authority('old', 0, 365);
  const steady: ServingState = { ca: old, caller: 'a', next: undefined, leaf: leafOf('old', 0), since: undefined };
  const rules = { names: ['host'], settleMs: 60 * MINUTE };
  const hook = (trusts: readonly string[], caller?: string): Hook => ({
    ...{ trusts, caller, garbled: false, takesCaller: true },
  });
  const well = [hook(['old'], 'a')];
  const kinds = (state: ServingState, now: number, observed: readonly Hook[] | undefined) =>
    nextActions(state, now, observed, rules).map(({ kind }) => kind);

  it('is nothing where all is well', () => {
    expect(kinds(steady, DAY, well)).toEqual([]);
    expect(kinds(steady, DAY, [])).toEqual([]);
  });

  it('renews the leaf when two thirds of its life are over, whatever is known of the webhooks', () => {
    expect(kinds(steady, 60 * DAY - 1, well)).toEqual([]);
    expect(kinds(steady, 60 * DAY, well)).toEqual(['renew']);
    expect(kinds(steady, 60 * DAY, undefined)).toEqual(['renew']);
  });

  it('renews a leaf for other names, and one that a clock from the future made', () => {
    expect(kinds({ ...steady, leaf: { ...steady.leaf, names: ['other'] } }, DAY, well)).toEqual(['renew']);
    expect(kinds({ ...steady, leaf: leafOf('old', 2 * DAY) }, DAY, well)).toEqual(['renew']);
  });

  it('announces another authority when two thirds of its life are over', () => {
    const state = { ...steady, leaf: leafOf('old', 240 * DAY) };
    expect(kinds(state, 243 * DAY, well)).toEqual([]);
    expect(kinds(state, 244 * DAY, well)).toEqual(['announce']);
  });

  it('leaves a webhook alone that says the same in another order', () => {
    const state = { ...steady, next: { authority: authority('new', DAY, 365), caller: 'b' }, since: DAY };
    expect(kinds(state, DAY + MINUTE, [hook(['new', 'old'], 'a')])).toEqual([]);
  });

  it.each([
    ['trusts nobody', hook([], 'a')],
    ['trusts somebody else', hook(['other'], 'a')],
    ['calls without a segment', hook(['old'])],
    ['calls with another segment', hook(['old'], 'b')],
    ['has something unreadable beside', { ...hook(['old'], 'a'), garbled: true }],
  ])('puts a webhook right that %s, and keeps whomever else it trusts', (_what, broken) => {
    expect(nextActions(steady, DAY, [...well, broken], rules)).toMatchObject([{ kind: 'point', others: 'stay' }]);
  });

  it('writes into no webhook that calls something else more than its caBundle needs', () => {
    expect(kinds(steady, DAY, [{ ...hook(['old']), takesCaller: false }])).toEqual([]);
  });

  it('drops whomever a webhook trusts beside after the wait alone: replicas of before may still serve', () => {
    const observed = [hook(['old', 'cert-manager'], 'a')];
    expect(nextActions(steady, DAY, observed, rules)).toEqual([{ kind: 'settle', since: DAY }]);
    const waiting = { ...steady, since: DAY };
    expect(kinds(waiting, DAY + 59 * MINUTE, observed)).toEqual([]);
    expect(nextActions(waiting, DAY + 60 * MINUTE, observed, rules)).toMatchObject([{ kind: 'point', others: 'go' }]);
  });

  it('stops the time that runs before it puts a webhook right that somebody changed amid a roll-over', () => {
    const state = { ...steady, next: { authority: authority('new', DAY, 365), caller: 'b' }, since: DAY };
    expect(nextActions(state, 2 * DAY, well, rules)).toMatchObject([
      { kind: 'settle', since: undefined },
      { kind: 'point' },
    ]);
  });

  it('takes a time to come, from a clock that went wrong, for now', () => {
    const next = { authority: authority('new', DAY, 365), caller: 'b' };
    const state = { ...steady, next, since: 300 * DAY };
    expect(nextActions(state, 2 * DAY, [hook(['old', 'new'], 'a')], rules)).toEqual([
      { kind: 'settle', since: 2 * DAY },
    ]);
  });

  it('does not go on while nobody knows what webhooks say', () => {
    const state = { ...steady, next: { authority: authority('new', DAY, 365), caller: 'b' }, since: DAY };
    expect(kinds(state, 20 * DAY, undefined)).toEqual([]);
  });

  it('does not wait for webhooks once the old authority has expired', () => {
    const next = { authority: authority('new', 300 * DAY, 365), caller: 'b' };
    const state = { ...steady, next, leaf: leafOf('old', 300 * DAY, 65) };
    expect(kinds(state, 366 * DAY, undefined)).toEqual(['swap']);
    expect(kinds({ ...state, leaf: leafOf('new', 366 * DAY) }, 366 * DAY, undefined)).toEqual(['finish']);
  });

  it('takes years in its stride: at no look is a leaf or an authority served that has expired', () => {
    let state = steady;
    let observed = well;
    let made = 0;
    const maker: Maker = {
      authority: (now) => authority(`ca${(made += 1)}`, now, 365),
      leaf: ({ id, notAfter }, now) => ({ ...leafOf(id, now), notAfter: Math.min(now + 90 * DAY, notAfter) }),
      caller: () => `caller${made}`,
    };
    const seen = new Set<string>();
    // A look every seven hours, which no life and no wait is a multiple of.
    for (let now = 0; now < 10 * 365 * DAY; now += 7 * 60 * MINUTE) {
      for (const action of nextActions(state, now, observed, rules)) {
        if (action.kind === 'point') {
          const ours = action.wanted.authorities.map(({ id }) => id);
          const others = action.others === 'stay' ? (observed[0]?.trusts ?? []) : [];
          observed = [hook([...new Set([...ours, ...others])], action.wanted.caller)];
        } else state = acted(state, action, maker, now);
      }
      seen.add(signerOf(state).id);
      expect(state.leaf.notAfter).toBeGreaterThan(now);
      expect(signerOf(state).notAfter).toBeGreaterThan(now);
      expect(isTrusted(observed, state)).toBe(true);
    }
    expect(seen.size).toBe(15);
  });
});
