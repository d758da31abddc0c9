import type { OperationalLogger } from '../telemetry/logger.ts';
import type { Clock } from './clock.ts';
import type { ApiFailure } from './failures.ts';
import type { LiveHooks, LiveSecret, ServingObjects } from './serving-objects.ts';
import {
  type Action,
  acted,
  adopted,
  breaks,
  fresh,
  type Maker,
  nextActions,
  type Rules,
  restored,
} from './serving-roll-over.ts';
import type { Found } from './serving-secret.ts';
import type { ServingState } from './serving-state.ts';

/** What is wrong with the serving certificate, and where: with its Secret, with the webhooks, or the way to the cluster. */
export type ServingProblem = { readonly kind: 'secret' | 'webhooks' | 'cluster'; readonly message: string };

/** What a round works with. */
export type RoundOptions = {
  readonly objects: ServingObjects;
  readonly maker: Maker;
  readonly rules: Rules;
  readonly clock: Clock;
  readonly logger: OperationalLogger;
};

/** Who goes round. */
export type Standing = {
  /** Whether this replica is the one that renews and rolls over. */
  readonly leads: boolean;
  /** What this replica serves. */
  readonly memory: ServingState | undefined;
  readonly signal: AbortSignal;
};

/** What a round came to. */
export type RoundOutcome = {
  /** What stands in the Secret; undefined where that is not known or cannot be served. */
  readonly state: ServingState | undefined;
  /** Something was written, or somebody else wrote in between: there may be more to do. */
  readonly again: boolean;
  readonly problems: readonly ServingProblem[];
  /** After how long it should be looked again at the latest, where that is sooner than usual. */
  readonly lookWithin: number | undefined;
  /** How long the API server wants to be left alone, where it did not do what was asked; undefined where it did. */
  readonly failedFor: number | undefined;
};

const LONGEST_ROUND_MS = 30_000;
const RESTORE_AFTER_MS = 30_000;
/** Somebody may well write over the webhooks once, as an upgrade does; whoever does it again and again is told of. */
const PATIENCE_MS = 5_000;

/**
 * Makes what goes round once: looks at the Secret and at the webhooks, and does the one thing that is next.
 *
 * Replicas may go round at once, and two may believe that they lead: everything is written against the state that was
 * read, and what was read half a minute ago is not acted on.
 */
export function createRound(options: RoundOptions): (standing: Standing) => Promise<RoundOutcome> {
  const { objects, clock, logger, maker, rules } = options;
  const longestMs = Math.min(LONGEST_ROUND_MS, rules.settleMs / 4);
  // The Secret may be gone because everything is being uninstalled; what is served does not need it before long.
  const restoreAfterMs = Math.min(RESTORE_AFTER_MS, rules.settleMs);
  let goneSince: number | undefined;

  return async (standing) => {
    const { leads, signal } = standing;
    const began = clock.elapsed();
    const isLate = () => clock.elapsed() - began > longestMs;
    const secret = await objects.readSecret(signal);
    if (!secret.ok) return outcome({ failures: [secret.failure] });
    goneSince = secret.value.found.kind === 'nothing' ? (goneSince ?? clock.elapsed()) : undefined;

    const read = leads ? await objects.readHooks(signal) : undefined;
    const hooks = read?.ok === true ? read.value : undefined;
    const failures = read?.ok === false ? [read.failure] : [];
    const instead = replacement(secret.value, standing, hooks);
    if (instead !== undefined) {
      if (isLate()) return outcome({ failures, again: true });
      const written = await objects.writeSecret(secret.value, instead.state, signal);
      if (!written.ok) return outcome({ failures: [...failures, written.failure] });
      logger.info(instead.why);
      return outcome({ state: instead.state, again: true, failures });
    }
    const { found } = secret.value;
    if (found.kind !== 'state')
      return outcome({ failures, problems: [unusable(found)], lookWithin: restoreAfterMs / 3 });
    if (!leads) return outcome({ state: found.state });
    return act(secret.value, found.state, hooks, { ...standing, isLate, failures });
  };

  /** What should stand in the Secret instead of what was found; undefined where that may stay. */
  function replacement({ found }: LiveSecret, { leads, memory }: Standing, hooks: LiveHooks | undefined) {
    const now = clock.now();
    switch (found.kind) {
      case 'nothing':
        if (memory === undefined) return { state: fresh(maker, now), why: 'a serving certificate was made' };
        // Without webhooks nobody asks: they were uninstalled, and nothing is to be left behind.
        if (!leads || hooks === undefined || hooks.observed.length === 0) return undefined;
        if (clock.elapsed() - (goneSince ?? 0) < restoreAfterMs) return undefined;
        return { state: restored(memory, maker, now), why: 'the serving certificate was put back into its Secret' };
      case 'garbled':
        if (!leads) return undefined;
        if (memory === undefined) return { state: fresh(maker, now), why: 'a serving certificate was made anew' };
        return { state: restored(memory, maker, now), why: 'the serving certificate was put back into its Secret' };
      case 'foreign':
        return undefined;
      case 'state':
        if (!leads || memory === undefined || !breaks(hooks?.observed, memory, found.state)) return undefined;
        return { state: adopted(memory, found.state), why: 'what came into the Secret is to follow what is served' };
    }
  }

  /** Does what is next: at most one thing that changes the Secret, since after it another is next. */
  async function act(
    secret: LiveSecret,
    state: ServingState,
    hooks: LiveHooks | undefined,
    round: Standing & { readonly isLate: () => boolean; readonly failures: readonly ApiFailure[] },
  ): Promise<RoundOutcome> {
    const failures = [...round.failures];
    const problems: ServingProblem[] = [];
    let lookWithin: number | undefined;
    for (const action of nextActions(state, clock.now(), hooks?.observed, rules)) {
      if (round.isLate()) return outcome({ state, again: true, failures, problems });
      if (action.kind === 'point') {
        const pointed = await objects.point(hooks ?? { objects: [], observed: [] }, action, round.signal);
        if (pointed.ok && pointed.value.kind === 'written') {
          logger.info('caBundle and path were written into the webhooks');
          return outcome({ state, again: true, failures });
        }
        if (!pointed.ok) failures.push(pointed.failure);
        else if (pointed.value.kind === 'too-soon') {
          lookWithin = pointed.value.waitMs;
          if (lookWithin > PATIENCE_MS) problems.push(CONTESTED);
        }
        continue;
      }
      const written = await objects.writeSecret(secret, acted(state, action, maker, clock.now()), round.signal);
      if (written.ok) {
        logger.info({ step: action.kind }, STEPS[action.kind]);
        return outcome({ state: written.value, again: true, failures, problems });
      }
      failures.push(written.failure);
      // The time that runs must be stopped before webhooks are put right, or it would count from before.
      if (action.kind === 'settle') break;
    }
    return outcome({ state, failures, problems, lookWithin });
  }
}

const STEPS: Readonly<Record<Exclude<Action['kind'], 'point'>, string>> = {
  renew: 'the serving certificate was renewed',
  announce: 'the authority that follows was made; it is trusted before it is used',
  settle: 'whether all webhooks say what they should has changed',
  swap: 'the serving certificate is now of the authority that follows',
  finish: 'the old authority was dropped',
};

const CONTESTED: ServingProblem = {
  kind: 'webhooks',
  message: 'somebody else changes caBundle or path of the webhooks; countersign writes them again after a while',
};

function unusable(found: Exclude<Found, { readonly kind: 'state' }>): ServingProblem {
  switch (found.kind) {
    case 'nothing':
      return { kind: 'secret', message: 'the Secret is gone or empty' };
    case 'garbled':
      return { kind: 'secret', message: `the Secret cannot be read: ${found.reason}` };
    case 'foreign':
      return { kind: 'secret', message: `the Secret holds something else and is left alone: ${found.reason}` };
  }
}

function outcome(of: {
  readonly state?: ServingState;
  readonly again?: boolean;
  readonly problems?: readonly ServingProblem[];
  readonly failures?: readonly ApiFailure[];
  readonly lookWithin?: number | undefined;
}): RoundOutcome {
  const { state, again = false, problems = [], failures = [], lookWithin } = of;
  // To have been too late is no trouble: whoever was sooner did it.
  const conflict = failures.some(({ kind }) => kind === 'conflict');
  const troubles = failures.filter(({ kind }) => kind !== 'conflict');
  const waits = troubles.map((trouble) => (trouble.kind === 'failed' ? (trouble.retryAfterMs ?? 0) : 0));
  return {
    state,
    again: again || conflict,
    lookWithin,
    problems: [
      ...problems,
      ...troubles.map(({ failure }): ServingProblem => ({ kind: 'cluster', message: failure.message })),
    ],
    failedFor: waits.length === 0 ? undefined : Math.max(...waits),
  };
}
