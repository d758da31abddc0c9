import { asObject, type JsonObject, stringAt } from '../encoding/strict-json.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { ApiClient } from './api.ts';
import { type Clock, pause, systemClock } from './clock.ts';
import type { ApiFailure, ApiResult } from './failures.ts';
import type { Target } from './resource.ts';

/** Who stands for election, and how. */
export type ElectionOptions = {
  readonly namespace: string;
  readonly name: string;
  /** Another for each process: the pod's name and something random, so that a restart is somebody else. */
  readonly identity: string;
  readonly logger: OperationalLogger;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** After so long without a renewal others take over (default 15,000). */
  readonly leaseMs?: number;
  /** After so long without a renewal this process stops leading (default 10,000); less than `leaseMs`. */
  readonly renewWithinMs?: number;
  /** Between two attempts (default 2,000). */
  readonly retryMs?: number;
};

/** One candidate. */
export type Election = {
  /**
   * Whether this process leads now. It tells by the clock at each call, so that a process that stood still for a while
   * does not go on leading when it wakes up.
   */
  readonly isLeader: () => boolean;
  readonly state: () => { readonly leader: string | undefined; readonly failingSince: number | undefined };
  /** Stops standing; a leader gives the lease back, so that the next one need not wait. */
  readonly close: () => Promise<void>;
};

/** The lease as somebody wrote it, and when we first saw it so. */
type Observed = {
  readonly holder: string;
  readonly leaseMs: number;
  readonly transitions: number;
  readonly object: JsonObject;
  readonly version: string;
  readonly seenAt: number;
};

const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' } as const;

/**
 * Stands for election by a Lease, as Kubernetes' own controllers do (client-go's leaderelection).
 *
 * Nobody's clock is compared with anybody else's: a lease is free when it was not changed for its own duration as
 * measured here. Every write carries the version that was read, so that of two candidates one meets a conflict.
 */
export function standForElection(
  api: Pick<ApiClient, 'get' | 'create' | 'update'>,
  options: ElectionOptions,
): Election {
  const { identity, logger, clock = systemClock, random = Math.random } = options;
  const leaseMs = options.leaseMs ?? 15_000;
  const renewWithinMs = options.renewWithinMs ?? 10_000;
  const retryMs = options.retryMs ?? 2_000;
  const target: Target = { ...LEASES, namespace: options.namespace, name: options.name };
  const controller = new AbortController();
  const { signal } = controller;

  let observed: Observed | undefined;
  /** When the renewal began that succeeded last, by elapsed time. */
  let renewedAt: number | undefined;
  let failingSince: number | undefined;
  let wasLeader = false;

  const isLeader = () => renewedAt !== undefined && clock.elapsed() - renewedAt < renewWithinMs;

  function observe(object: JsonObject): Observed {
    const metadata = asObject(object['metadata']) ?? {};
    const spec = asObject(object['spec']) ?? {};
    const version = stringAt(metadata, 'resourceVersion') ?? '';
    const seconds = spec['leaseDurationSeconds'];
    const transitions = spec['leaseTransitions'];
    return {
      object,
      version,
      holder: stringAt(spec, 'holderIdentity') ?? '',
      leaseMs: typeof seconds === 'number' ? seconds * 1000 : leaseMs,
      transitions: typeof transitions === 'number' ? transitions : 0,
      seenAt: observed?.version === version ? observed.seenAt : clock.elapsed(),
    };
  }

  function lease(holder: string, durationMs: number, before: Observed | undefined): JsonObject {
    const now = microTime(clock.now());
    const same = before?.holder === holder;
    const { metadata = { name: options.name }, spec = {}, ...rest } = before?.object ?? {};
    return {
      ...rest,
      apiVersion: `${LEASES.group}/${LEASES.version}`,
      kind: 'Lease',
      metadata,
      spec: {
        ...asObject(spec),
        holderIdentity: holder,
        leaseDurationSeconds: Math.ceil(durationMs / 1000),
        renewTime: now,
        ...(same ? {} : { acquireTime: now }),
        // Counts those who took it over; to give it back is not to be counted twice.
        leaseTransitions: (before?.transitions ?? 0) + (same || holder === '' || before === undefined ? 0 : 1),
      },
    };
  }

  /** Reads the lease, and takes or renews it where it is ours or free. */
  async function attempt(): Promise<ApiFailure | undefined> {
    // A request that hangs must not use up the time in which another could succeed.
    const request = { signal, timeoutMs: Math.min(5_000, renewWithinMs / 2) };
    const startedAt = clock.elapsed();
    const found = await api.get(target, request);
    let written: ApiResult<JsonObject>;
    if (found.ok) {
      observed = observe(found.value);
      const free = observed.holder === '' || clock.elapsed() - observed.seenAt >= observed.leaseMs;
      if (observed.holder !== identity && !free) {
        renewedAt = undefined;
        return undefined;
      }
      written = await api.update(target, lease(identity, leaseMs, observed), request);
    } else if (found.failure.kind === 'absent' && found.failure.certain) {
      written = await api.create(
        { ...LEASES, namespace: options.namespace },
        lease(identity, leaseMs, undefined),
        request,
      );
    } else return found.failure;

    if (!written.ok) return written.failure.kind === 'conflict' ? undefined : written.failure;
    observed = observe(written.value);
    renewedAt = startedAt;
    return undefined;
  }

  function tell(trouble: ApiFailure | undefined): void {
    const leads = isLeader();
    if (leads !== wasLeader) {
      logger.info({ lease: options.name, identity }, leads ? 'this replica leads now' : 'this replica leads no more');
    }
    wasLeader = leads;
    if (trouble === undefined) failingSince = undefined;
    else if (failingSince === undefined) {
      failingSince = clock.now();
      const { code, message } = trouble.failure;
      logger.warn({ lease: options.name, code, reason: message }, 'the lease cannot be read or written');
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const trouble = await attempt();
      if (signal.aborted) return;
      tell(trouble);
      // A leader keeps its rhythm; the others are spread, so that they do not all reach for a lease that falls free.
      const asked = trouble?.kind === 'failed' ? (trouble.retryAfterMs ?? 0) : 0;
      const spread = isLeader() ? 1 : 1 + random() * 0.2;
      await pause(clock, Math.max(retryMs * spread, Math.min(asked, leaseMs)), signal);
    }
  }
  const running = run();

  return {
    isLeader: () => isLeader() && !signal.aborted,
    state: () => ({ leader: observed?.holder || undefined, failingSince }),
    close: async () => {
      const led = isLeader();
      controller.abort();
      await running;
      if (!led || observed?.holder !== identity) return;
      // Others see a change and may take an empty lease at once; one second is the least that a Lease may say.
      const released = await api.update(target, lease('', 1_000, observed), { timeoutMs: 2_000 });
      if (!released.ok) logger.warn({ lease: options.name, reason: released.failure.failure.message }, 'not released');
    },
  };
}

/** RFC 3339 with microseconds, the one form that a Lease takes. */
function microTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, -1)}000Z`;
}
