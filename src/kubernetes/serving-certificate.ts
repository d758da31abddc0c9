import { ok } from '../codes/result.ts';
import type { JsonObject } from '../encoding/strict-json.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { ApiClient } from './api.ts';
import { createBackOff } from './back-off.ts';
import { type Clock, pause, systemClock } from './clock.ts';
import { type HookPaths, readHooks, WEBHOOK_CONFIGURATIONS } from './serving-hooks.ts';
import { createMaker, LIFETIMES, type Lifetimes } from './serving-maker.ts';
import { secretTarget, servingObjects } from './serving-objects.ts';
import { type Hook, isTrusted, welcome } from './serving-roll-over.ts';
import { createRound, type ServingProblem } from './serving-round.ts';
import { readSecret } from './serving-secret.ts';
import { callersOf, type ServingState, signerOf } from './serving-state.ts';
import { type Watch, watchResource } from './watch.ts';

/** What a serving certificate is for, and where it is kept. */
export type ServingOptions = {
  readonly api: ApiClient;
  /** Where the process runs, and the Secret is. */
  readonly namespace: string;
  /** Name of the Secret. */
  readonly secret: string;
  /** DNS names, and IPv4 addresses, that the certificate is for. */
  readonly names: readonly string[];
  /** Names of the ValidatingWebhookConfigurations. */
  readonly configurations: readonly string[];
  readonly paths: HookPaths;
  /** Whether this replica is the one that renews and rolls over. Asked again and again. */
  readonly leads: () => boolean;
  readonly logger: OperationalLogger;
  readonly lifetimes?: Lifetimes;
  readonly clock?: Clock;
  readonly random?: () => number;
};

/** The pair to be served. Secret. */
export type ManagedPair = { readonly certificatePem: string; readonly privateKeyPem: string };

/** A serving certificate that is kept in the cluster by all replicas together. */
export type ManagedCertificate = {
  /** What is to be served; undefined until the Secret was read or made. */
  readonly current: () => ManagedPair | undefined;
  /** The path segments at which the API server may call now. Secret; to be compared in constant time. */
  readonly callers: () => readonly string[];
  /** Why the process should get no requests yet, or undefined. Once it was ready, trouble shows in {@link problems} alone. */
  readonly unready: () => string | undefined;
  /** What is wrong now; for metrics. */
  readonly problems: () => readonly ServingProblem[];
  /** Tells of each pair after the first look. */
  readonly onChange: (listener: () => void) => void;
  readonly close: () => Promise<void>;
};

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** How often a leader looks although nothing changed. */
const LOOK_EVERY_MS = 300_000;
/** How often it is asked whether this replica leads now. */
const ASK_EVERY_MS = 1_000;
/** Writes in a row; whoever comes here has a fight on, or a defect. */
const STEPS_IN_A_ROW = 20;

/**
 * Keeps a serving certificate, and what webhooks need to verify it and to be known by, in one Secret.
 *
 * Every replica watches Secret and webhooks and serves what stands there; a pair that webhooks would not verify is not
 * taken while one that they do verify is served. The leader alone renews and rolls over; where there is nothing yet,
 * whoever comes first makes it. While the API server is away, what was last seen is served.
 */
export function keepServingCertificate(options: ServingOptions): ManagedCertificate {
  const { api, logger, configurations, clock = systemClock, random = Math.random, lifetimes = LIFETIMES } = options;
  const rules = { names: options.names, settleMs: lifetimes.settleMs };
  const objects = servingObjects({ ...options, clock, random });
  const round = createRound({ objects, maker: createMaker(options.names, lifetimes), rules, clock, logger });
  const lookEveryMs = Math.min(LOOK_EVERY_MS, lifetimes.settleMs / 4);
  const backOff = createBackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, random);
  const controller = new AbortController();
  const { signal } = controller;
  const listeners: (() => void)[] = [];

  let memory: ServingState | undefined;
  /** What stands in the Secret and is not taken yet, and since when webhooks could verify it. */
  let held: { readonly state: ServingState; readonly since: number | undefined } | undefined;
  let wasTrusted = false;
  let found: readonly ServingProblem[] = [];
  const reported = new Map<ServingProblem['kind'], string>();

  const call: { pending: boolean; wake: AbortController } = { pending: false, wake: new AbortController() };
  /** Has the next turn come at once. */
  const nudge = () => {
    call.pending = true;
    call.wake.abort();
  };

  const target = secretTarget(options);
  const secretWatch = watchResource(
    api,
    { group: target.group, version: target.version, plural: target.plural, namespace: target.namespace },
    {
      fieldSelector: `metadata.name=${target.name}`,
      parse: (object) => ok(readSecret(object)),
      onChange: (all) => {
        const seen = all.get(`${target.namespace}/${target.name}`)?.object;
        if (seen?.ok === true && seen.value.kind === 'state') take(seen.value.state);
        nudge();
      },
      logger,
      clock,
      random,
    },
  );
  const hookWatches = configurations.map((name) => ({
    name,
    watch: watchResource(api, WEBHOOK_CONFIGURATIONS, {
      fieldSelector: `metadata.name=${name}`,
      parse: (object: JsonObject) => ok(readHooks(object, options.paths)),
      onChange: () => {
        if (held !== undefined) take(held.state);
        assess();
        nudge();
      },
      logger,
      clock,
      random,
    }),
  }));

  /** What the webhooks say, as far as that is known now. */
  function observed(): readonly Hook[] | undefined {
    const hooks: Hook[] = [];
    for (const { name, watch } of hookWatches) {
      const { synced, phase } = watch.state();
      const seen = watch.all().get(name)?.object;
      if (!synced || phase === 'failing' || seen?.ok === false) return undefined;
      hooks.push(...(seen?.value ?? []));
    }
    return hooks;
  }

  /** Serves what stands in the Secret, unless webhooks that can verify what is served now could not verify that. */
  function take(state: ServingState): void {
    const before = memory;
    held = before === undefined || clock.now() >= before.leaf.notAfter ? undefined : holding(before, state);
    if (held === undefined) memory = state;
    assess();
    if (memory?.leaf.certificatePem !== before?.leaf.certificatePem) for (const listener of listeners) listener();
  }

  function holding(before: ServingState, state: ServingState): typeof held {
    const answer = welcome(observed(), before, state);
    if (answer === 'now') return undefined;
    if (answer === 'no') return { state, since: undefined };
    const isSame = held !== undefined && signerOf(held.state).id === signerOf(state).id;
    const since = (isSame ? held?.since : undefined) ?? clock.elapsed();
    return clock.elapsed() - since >= lifetimes.settleMs / 2 ? undefined : { state, since };
  }

  function problems(): readonly ServingProblem[] {
    const watches: readonly Watch<unknown>[] = [secretWatch, ...hookWatches.map(({ watch }) => watch)];
    const away = watches.map((watch) => watch.state()).find(({ phase }) => phase === 'failing')?.reason;
    const hooks = observed();
    const all = [...found];
    if (away !== undefined) all.push({ kind: 'cluster', message: away.message });
    if (held !== undefined) all.push(HELD);
    else if (memory !== undefined && hooks !== undefined && !isTrusted(hooks, memory)) all.push(UNTRUSTED);
    return all.filter((one, i) => all.findIndex(({ message }) => message === one.message) === i);
  }

  /** Notes whether webhooks trust what is served, and tells of trouble that came or went. */
  function assess(): void {
    const hooks = observed();
    wasTrusted ||= memory !== undefined && hooks !== undefined && isTrusted(hooks, memory);
    const now = new Map(problems().map(({ kind, message }) => [kind, message]));
    for (const [kind, message] of now) {
      if (reported.get(kind) !== message) logger.warn({ problem: kind }, `the serving certificate: ${message}`);
      reported.set(kind, message);
    }
    for (const kind of [...reported.keys()].filter((kind) => !now.has(kind))) {
      reported.delete(kind);
      logger.info({ problem: kind }, 'the serving certificate: this trouble is over');
    }
  }

  /** Goes round if there is a reason to. @returns how long to rest, and whether there is more to do at once */
  async function turn(): Promise<{ readonly rest: number; readonly again: boolean }> {
    const leads = options.leads();
    if (held !== undefined) take(held.state);
    if (!leads && memory !== undefined) {
      found = [];
      assess();
      return { rest: ASK_EVERY_MS, again: false };
    }
    const came = await round({ leads, memory, signal });
    if (signal.aborted) return { rest: 0, again: false };
    found = came.problems;
    if (came.state === undefined) assess();
    else take(came.state);
    if (came.failedFor !== undefined) return { rest: backOff.next(came.failedFor), again: false };
    if (!came.again) backOff.reset();
    const rest = Math.min(memory === undefined ? ASK_EVERY_MS : lookEveryMs, came.lookWithin ?? lookEveryMs);
    return { rest: came.again ? 0 : rest, again: came.again };
  }

  async function run(): Promise<void> {
    let inARow = 0;
    while (!signal.aborted) {
      call.pending = false;
      let came = { rest: LONGEST_PAUSE_MS, again: false };
      try {
        came = await turn();
      } catch (error) {
        logger.error({ err: error }, 'a defect in keeping the serving certificate; it goes on');
      }
      inARow = came.again ? inARow + 1 : 0;
      await rest(inARow < STEPS_IN_A_ROW ? came.rest : LONGEST_PAUSE_MS);
    }
  }

  /** Rests until the time is over, something changed, or this replica is to lead. */
  async function rest(longest: number): Promise<void> {
    const until = clock.elapsed() + longest;
    const led = options.leads();
    while (!call.pending && !signal.aborted && clock.elapsed() < until && options.leads() === led) {
      call.wake = new AbortController();
      const milliseconds = Math.max(0, Math.min(until - clock.elapsed(), ASK_EVERY_MS));
      await pause(clock, milliseconds, AbortSignal.any([signal, call.wake.signal]));
    }
  }
  const running = run();

  return {
    current: () => memory?.leaf,
    callers: () => [
      ...new Set([memory, held?.state].flatMap((state) => (state === undefined ? [] : callersOf(state)))),
    ],
    unready: () => {
      if (memory === undefined) return `there is no serving certificate yet${reasonOf(problems())}`;
      return wasTrusted ? undefined : `no webhook is known to trust the serving certificate yet${reasonOf(problems())}`;
    },
    problems,
    onChange: (listener) => {
      listeners.push(listener);
    },
    close: async () => {
      controller.abort();
      await Promise.all([running, secretWatch.close(), ...hookWatches.map(({ watch }) => watch.close())]);
    },
  };
}

const HELD: ServingProblem = {
  kind: 'webhooks',
  message: 'the Secret holds a certificate that webhooks do not trust yet; the one before it is served',
};

const UNTRUSTED: ServingProblem = {
  kind: 'webhooks',
  message: 'not all webhooks have the authority of the certificate that is served in their caBundle',
};

function reasonOf(problems: readonly ServingProblem[]): string {
  const [first] = problems;
  return first === undefined ? '' : `: ${first.message}`;
}
