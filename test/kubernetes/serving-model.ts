import {
  type Action,
  acted,
  adopted,
  breaks,
  fresh,
  type Hook,
  isTrusted,
  type Maker,
  nextActions,
  restored,
  welcome,
} from '../../src/kubernetes/serving-roll-over.ts';
import { type Authority, callersOf, type ServingState, signerOf } from '../../src/kubernetes/serving-state.ts';

/**
 * All that two replicas, an API server and somebody else can do, in every order, with a serving certificate: for tests
 * that walk through all of it. Both replicas believe that they lead, each acts on what it read some time ago, and the API
 * server looks at the webhooks when it likes. Nobody is behind by more than the time that a roll-over waits.
 */

/** A moment at which the first authority is due and its leaf is not. */
const NOW = 1_000_000;
const SETTLE = 100;
/** What is seen is younger than two of these. */
const STEP = SETTLE / 4;

/** What somebody else does once, at any moment. */
export type Disaster = 'none' | 'secret deleted' | 'webhook emptied' | 'other secret put in' | 'unknown authority';

type Webhook = { readonly trusts: readonly string[]; readonly caller: string | undefined };
type Snapshot = {
  readonly version: number;
  readonly secret: ServingState | undefined;
  readonly webhook: Webhook | undefined;
  readonly webhookVersion: number;
};
type Replica = {
  readonly memory: ServingState | undefined;
  readonly held: ServingState | undefined;
  /** For how many steps webhooks have been able to verify what is held. */
  readonly heldFor: number;
  /** What it last saw, and how many steps of the clock ago. */
  readonly seesSecret: number;
  readonly secretAge: number;
  readonly seesWebhook: Webhook;
  readonly webhookAge: number;
  /** What it has read to act on. */
  readonly read: Snapshot | undefined;
};
export type World = {
  readonly secret: ServingState | undefined;
  readonly version: number;
  readonly webhook: Webhook;
  readonly webhookVersion: number;
  readonly asks: Webhook;
  readonly asksAge: number;
  readonly replicas: readonly Replica[];
  readonly left: Disaster;
  /** What is made next has this number. */
  readonly made: number;
  readonly setting: Setting;
};

/** What a walk is about. */
export type Setting = {
  readonly disaster: Disaster;
  /** How many replicas believe that they lead. */
  readonly leaders: 1 | 2;
  /** How long a roll-over waits, in place of what is safe. */
  readonly settleMs?: number;
};

const OLD = { notBefore: 0, notAfter: NOW + NOW / 3 };
const NEW = { notBefore: NOW, notAfter: NOW * 100 };

function maker(number: number): Maker {
  const pem = { certificatePem: '', privateKeyPem: '' };
  return {
    authority: () => ({ id: `ca${number}`, ...NEW, ...pem }),
    leaf: (authority) => ({ issuer: authority.id, names: ['host'], ...NEW, ...pem, certificatePem: authority.id }),
    caller: () => `caller${number}`,
  };
}

const authority = (id: string, life = NEW): Authority => ({ id, ...life, certificatePem: '', privateKeyPem: '' });

/** A world in which all is well, and the authority is due. */
export function beginning(setting: Setting): World {
  const leaf = { issuer: 'ca0', names: ['host'], ...NEW, certificatePem: 'ca0', privateKeyPem: '' };
  const secret: ServingState = {
    ca: authority('ca0', OLD),
    caller: 'caller0',
    next: undefined,
    leaf,
    since: undefined,
  };
  const webhook: Webhook = { trusts: ['ca0'], caller: 'caller0' };
  const replica: Replica = {
    memory: secret,
    held: undefined,
    heldFor: 0,
    seesSecret: 0,
    secretAge: 0,
    seesWebhook: webhook,
    webhookAge: 0,
    read: undefined,
  };
  const replicas = [replica, replica];
  return {
    ...{ secret, version: 0, webhook, webhookVersion: 0, asks: webhook, asksAge: 0, replicas },
    ...{ left: setting.disaster, made: 1, setting },
  };
}

const hooksOf = (webhook: Webhook): readonly Hook[] => [{ ...webhook, garbled: false, takesCaller: true }];

/** What a replica serves after it has seen a state; see serving-certificate.ts. */
function take(replica: Replica, state: ServingState, settleMs: number): Replica {
  const taken = { ...replica, held: undefined, heldFor: 0, memory: state };
  if (replica.memory === undefined) return taken;
  const answer = welcome(hooksOf(replica.seesWebhook), replica.memory, state);
  if (answer === 'now') return taken;
  const isSame = replica.held !== undefined && signerOf(replica.held).id === signerOf(state).id;
  const heldFor = answer === 'later' && isSame ? replica.heldFor : 0;
  return answer === 'later' && heldFor * STEP >= settleMs / 2 ? taken : { ...replica, held: state, heldFor };
}

/** What the round of a leader does with what it read; see serving-round.ts. */
function actions(
  read: Snapshot,
  memory: ServingState | undefined,
  make: Maker,
  settleMs: number,
): readonly (Action | ServingState)[] {
  if (read.webhook === undefined) return [];
  const hooks = hooksOf(read.webhook);
  if (read.secret === undefined) return [memory === undefined ? fresh(make, NOW) : restored(memory, make, NOW)];
  if (memory !== undefined && breaks(hooks, memory, read.secret)) return [adopted(memory, read.secret)];
  return nextActions(read.secret, NOW, hooks, { names: ['host'], settleMs });
}

/** All that can happen next, each with its name. */
export function following(world: World): readonly (readonly [string, World])[] {
  const next: (readonly [string, World])[] = [];
  const settleMs = world.setting.settleMs ?? SETTLE;
  world.replicas.forEach((replica, i) => {
    const become = (after: Replica): World => ({ ...world, replicas: world.replicas.with(i, after) });
    if (world.secret !== undefined && replica.seesSecret !== world.version) {
      const seen = { ...take(replica, world.secret, settleMs), seesSecret: world.version, secretAge: 0 };
      next.push([`${i} sees the Secret`, become(seen)]);
    }
    if (replica.held !== undefined && replica.heldFor > 0) {
      next.push([`${i} looks at what it holds`, become(take(replica, replica.held, settleMs))]);
    }
    if (replica.seesWebhook !== world.webhook || replica.webhookAge > 0) {
      const seeing = { ...replica, seesWebhook: world.webhook, webhookAge: 0 };
      next.push([
        `${i} sees the webhook`,
        become(seeing.held === undefined ? seeing : take(seeing, seeing.held, settleMs)),
      ]);
    }
    const leads = i < world.setting.leaders;
    if (leads && replica.read === undefined) {
      const { version, secret, webhookVersion } = world;
      next.push([
        `${i} reads the Secret`,
        become({ ...replica, read: { version, secret, webhook: undefined, webhookVersion } }),
      ]);
    } else if (replica.read !== undefined && replica.read.webhook === undefined) {
      const { webhook, webhookVersion } = world;
      next.push([`${i} reads the webhook`, become({ ...replica, read: { ...replica.read, webhook, webhookVersion } })]);
    } else if (replica.read !== undefined) next.push(...acts(world, i, replica, replica.read));
    // A crash: what it knew is gone, and it begins with what stands in the Secret; if no webhook trusts that, nobody asks it.
    if (world.secret !== undefined && isTrusted(hooksOf(world.webhook), world.secret)) {
      const begun = { memory: world.secret, held: undefined, heldFor: 0, seesSecret: world.version, secretAge: 0 };
      const seeing = { seesWebhook: world.webhook, webhookAge: 0 };
      next.push([`${i} crashes`, become({ ...begun, ...seeing, read: undefined })]);
    } else if (replica.read !== undefined) next.push([`${i} breaks off`, become({ ...replica, read: undefined })]);
  });
  if (world.asks !== world.webhook || world.asksAge > 0) {
    next.push(['the API server looks', { ...world, asks: world.webhook, asksAge: 0 }]);
  }
  if (canClockGoOn(world)) next.push(['the clock goes on', clockWentOn(world)]);
  const struck = strike(world);
  if (struck !== undefined) next.push([world.left, struck]);
  return next;
}

function acts(world: World, i: number, replica: Replica, read: Snapshot): readonly (readonly [string, World])[] {
  const settleMs = world.setting.settleMs ?? SETTLE;
  const [first] = actions(read, replica.memory, maker(world.made), settleMs);
  const done = { ...replica, read: undefined };
  const lost: World = { ...world, replicas: world.replicas.with(i, done) };
  if (first === undefined) return [[`${i} has nothing to do`, lost]];
  if ('kind' in first && first.kind === 'point') {
    if (read.webhookVersion !== world.webhookVersion) return [[`${i} is too late for the webhook`, lost]];
    const ours = first.wanted.authorities.map(({ id }) => id);
    const others = first.others === 'stay' ? world.webhook.trusts.filter((id) => !ours.includes(id)) : [];
    const webhook = { trusts: [...ours, ...others], caller: first.wanted.caller };
    return [[`${i} points`, { ...lost, webhook, webhookVersion: world.webhookVersion + 1 }]];
  }
  if (read.version !== world.version) return [[`${i} is too late for the Secret`, lost]];
  const secret = 'kind' in first ? read.secret && acted(read.secret, first, maker(world.made), NOW) : first;
  if (secret === undefined) return [[`${i} has nothing to do`, lost]];
  const written: World = { ...lost, secret, version: world.version + 1, made: world.made + 1 };
  const own = { ...take(done, secret, settleMs), seesSecret: written.version, secretAge: 0 };
  return [
    [`${i} writes ${'kind' in first ? first.kind : 'anew'}`, { ...written, replicas: written.replicas.with(i, own) }],
  ];
}

/** Whoever is behind by one step must have caught up before the next; nobody acts on what was read before a step. */
function canClockGoOn(world: World): boolean {
  const isCurrent = ({ secretAge, webhookAge, read }: Replica) => secretAge < 1 && webhookAge < 1 && read === undefined;
  return world.asksAge < 1 && world.replicas.every(isCurrent) && world.secret?.since !== undefined;
}

function clockWentOn(world: World): World {
  const { secret } = world;
  // The clock of lives stands still; what goes by is the time since.
  const since = secret?.since === undefined ? undefined : Math.max(NOW - SETTLE, secret.since - STEP);
  const aged = (webhook: Webhook) => (webhook === world.webhook ? 0 : 1);
  const state = secret === undefined ? undefined : { ...secret, since };
  return {
    ...world,
    secret: state,
    asksAge: aged(world.asks),
    replicas: world.replicas.map((replica) => ({
      ...replica,
      heldFor: Math.min(replica.heldFor + (isHoldingLater(replica) ? 1 : 0), 2),
      memory: replica.memory === secret ? state : replica.memory,
      secretAge: secret === undefined || replica.seesSecret === world.version ? 0 : 1,
      webhookAge: aged(replica.seesWebhook),
    })),
  };
}

function isHoldingLater({ memory, held, seesWebhook }: Replica): boolean {
  return memory !== undefined && held !== undefined && welcome(hooksOf(seesWebhook), memory, held) === 'later';
}

function strike(world: World): World | undefined {
  const webhookVersion = world.webhookVersion + 1;
  const version = world.version + 1;
  switch (world.left) {
    case 'none':
      return undefined;
    case 'secret deleted':
      return { ...world, left: 'none', secret: undefined, version };
    case 'webhook emptied':
      return { ...world, left: 'none', webhook: { trusts: [], caller: undefined }, webhookVersion };
    case 'unknown authority':
      return {
        ...world,
        left: 'none',
        webhook: { ...world.webhook, trusts: [...world.webhook.trusts, 'other'] },
        webhookVersion,
      };
    case 'other secret put in':
      return { ...world, left: 'none', secret: fresh(maker(-1), NOW), version };
  }
}

/** What is wrong in a world: a replica that the API server could not verify, or that would not know it. */
export function faultsOf(world: World): readonly string[] {
  const hooks = hooksOf(world.asks);
  return world.replicas.flatMap(({ memory, held }, i) => {
    if (memory === undefined || world.asks.trusts.length === 0) return [];
    const faults: string[] = [];
    if (!isTrusted(hooks, memory))
      faults.push(`${i} serves ${signerOf(memory).id}, trusted are ${world.asks.trusts.join()}`);
    const callers = [memory, held].flatMap((state) => (state === undefined ? [] : callersOf(state)));
    if (!callers.includes(world.asks.caller ?? '')) faults.push(`${i} does not know ${world.asks.caller}`);
    return faults;
  });
}

/** Whether everything is done: a new authority, and it alone, everywhere. */
export function isDone({ secret, webhook, asks, replicas }: World): boolean {
  const id = secret?.ca.id;
  return (
    secret !== undefined &&
    id !== 'ca0' &&
    secret.next === undefined &&
    secret.since === undefined &&
    webhook.trusts.length === 1 &&
    webhook.trusts[0] === id &&
    asks === webhook &&
    replicas.every(({ memory }) => memory !== undefined && signerOf(memory).id === id)
  );
}

/** A world as text, so that two of the same kind are one: versions count only by whether they are the newest. */
export function keyOf(world: World): string {
  const { version, webhookVersion, ...rest } = world;
  const names = new Map<string, string>();
  const name = (id: string) => {
    const known = names.get(id) ?? `n${names.size}`;
    names.set(id, known);
    return known;
  };
  const state = (of: ServingState | undefined) =>
    of && [
      name(of.ca.id),
      of.ca.notAfter,
      name(of.caller),
      of.next && [name(of.next.authority.id), name(of.next.caller)],
      name(of.leaf.issuer),
      of.since,
    ];
  const hook = (of: Webhook | undefined) => of && [of.trusts.map(name).toSorted(), of.caller && name(of.caller)];
  const replica = (of: Replica) => [
    state(of.memory),
    state(of.held),
    of.heldFor,
    of.seesSecret === version,
    of.secretAge,
    hook(of.seesWebhook),
    of.webhookAge,
    of.read && [
      state(of.read.secret),
      hook(of.read.webhook),
      of.read.version === version,
      of.read.webhookVersion === webhookVersion,
    ],
  ];
  const both = rest.replicas.map((each) => JSON.stringify(replica(each)));
  // With two leaders the replicas are alike.
  if (world.setting.leaders === 2) both.sort();
  return JSON.stringify([state(rest.secret), hook(rest.webhook), hook(rest.asks), rest.asksAge, both, rest.left]);
}
