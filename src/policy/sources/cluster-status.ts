import { printable } from '../../encoding/escape.ts';
import { asArray, asObject, type JsonObject, stringAt } from '../../encoding/strict-json.ts';
import type { ApiClient } from '../../kubernetes/api.ts';
import { type Clock, systemClock } from '../../kubernetes/clock.ts';
import { pathOf, type Target } from '../../kubernetes/resource.ts';
import { leavesOf } from '../../model/leaves.ts';
import type { OperationalLogger } from '../../telemetry/logger.ts';
import { createMaterialLoader } from '../../trust/proof-material.ts';
import { createTrustStore } from '../../trust/trust-store.ts';
import type { CompiledPolicy } from '../compiled.ts';
import type { Conflict } from '../dialects/openshift/conflicts.ts';

/** What countersign says of a policy object, under a type of its own: machine-config-operator's conditions are its own. */
export type PolicyCondition = {
  readonly status: 'True' | 'False';
  readonly reason: 'InForce' | 'ScopesOverridden' | 'Broken';
  readonly message: string;
  readonly observedGeneration: number | undefined;
};

/** An object of the cluster with what stands in its status now. */
export type ReportedPolicy = {
  readonly target: Target;
  readonly compiled: CompiledPolicy;
  readonly written: PolicyCondition | undefined;
};

/** Writes what became of each policy into its status. */
export type StatusWriter = {
  /** Takes the policies as they are now; only the leader writes, and only what differs. */
  readonly report: (policies: readonly ReportedPolicy[], conflicts: readonly Conflict[]) => void;
  readonly close: () => void;
};

const CONDITION = 'countersign.dev/InForce';

/** A status that could not be written, or that another leader left behind, is looked at again after this; milliseconds. */
const AGAIN = 30_000;

/** How soon it is noticed that this replica leads; milliseconds. */
const NOTICED = 500;

/** Messages of a condition; the API server takes 32 KiB, people read less. */
const MAXIMUM_MESSAGE = 1024;

/** Reads countersign's condition out of an object. */
export function conditionIn(object: JsonObject): PolicyCondition | undefined {
  const conditions = asArray(asObject(object['status'])?.['conditions']) ?? [];
  const own = conditions.map(asObject).find((one) => one !== undefined && stringAt(one, 'type') === CONDITION);
  if (own === undefined) return undefined;
  const status = stringAt(own, 'status');
  const reason = REASONS.find((one) => one === stringAt(own, 'reason'));
  if ((status !== 'True' && status !== 'False') || reason === undefined) return undefined;
  const generation = own['observedGeneration'];
  return {
    status,
    reason,
    message: stringAt(own, 'message') ?? '',
    observedGeneration: typeof generation === 'number' ? generation : undefined,
  };
}

const REASONS = ['InForce', 'ScopesOverridden', 'Broken'] as const;

/** What is to be said of a policy. */
function conditionOf(
  { policy, problems }: CompiledPolicy,
  conflict: Conflict | undefined,
  materialOf: ReturnType<typeof createMaterialLoader>,
): PolicyCondition {
  const observedGeneration = policy.origin.generation;
  if (policy.state.kind === 'broken') {
    const why = problems.length === 0 ? policy.state.failure.message : problems.map(({ text }) => text).join('; ');
    const message = `images in its scopes are refused: ${why}`;
    return { status: 'False', reason: 'Broken', message: shortened(message), observedGeneration };
  }
  // A key that does not load is no broken policy, but each image is refused for it all the same.
  const unusable = leavesOf(policy.state.require)
    .map(({ proof }) => materialOf(proof))
    .find(({ ok }) => !ok);
  if (unusable?.ok === false) {
    const message = `images in its scopes are refused: ${unusable.failure.message}`;
    return { status: 'False', reason: 'Broken', message: shortened(message), observedGeneration };
  }
  if (conflict !== undefined)
    return {
      status: 'True',
      reason: 'ScopesOverridden',
      message: shortened(conflict.condition.message),
      observedGeneration,
    };
  return { status: 'True', reason: 'InForce', message: 'applied to the images in its scopes', observedGeneration };
}

/** Makes the writer. What cannot be written stays unwritten, is logged once and tried again; no decision depends on it. */
export function createStatusWriter(
  api: Pick<ApiClient, 'patch'>,
  isLeader: () => boolean,
  logger: OperationalLogger,
  clock: Clock = systemClock,
): StatusWriter {
  const controller = new AbortController();
  const materialOf = createMaterialLoader(createTrustStore());
  let latest: readonly (ReportedPolicy & { readonly wanted: PolicyCondition })[] = [];
  /** What was sent of late: the watch has not told of it yet, and it need not be sent again. */
  const sent = new Map<string, { readonly condition: PolicyCondition; readonly at: number }>();
  let running = false;
  let complaint: string | undefined;

  const write = async ({ target, wanted }: (typeof latest)[number]): Promise<void> => {
    const { observedGeneration, ...said } = wanted;
    const condition = {
      type: CONDITION,
      ...said,
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
      lastTransitionTime: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
    };
    const { group, version, name, namespace } = target;
    const patch = {
      apiVersion: `${group}/${version}`,
      kind: namespace === undefined ? 'ClusterImagePolicy' : 'ImagePolicy',
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      status: { conditions: [condition] },
    };
    const done = await api.patch({ ...target, subresource: 'status' }, 'apply', patch, { signal: controller.signal });
    if (done.ok || controller.signal.aborted) return;
    const why = done.failure.failure.message;
    if (why !== complaint) logger.warn(`the status of a policy cannot be written: ${why}`);
    complaint = why;
  };

  const nextToWrite = () => {
    if (controller.signal.aborted) return undefined;
    return latest.find(({ target, written, wanted }) => {
      if (isSame(written, wanted)) return false;
      const before = sent.get(pathOf(target));
      return before === undefined || !isSame(before.condition, wanted) || clock.elapsed() - before.at >= AGAIN;
    });
  };

  const turn = async (): Promise<void> => {
    if (running || !isLeader() || controller.signal.aborted) return;
    running = true;
    try {
      // One after the other: a status is worth no burst of requests. What is reported meanwhile is written in the same turn.
      for (let one = nextToWrite(); one !== undefined; one = nextToWrite()) {
        sent.set(pathOf(one.target), { condition: one.wanted, at: clock.elapsed() });
        await write(one);
      }
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void turn(), AGAIN).unref();
  let led = false;
  // Whoever comes to lead writes what was reported before, without waiting for the next report.
  const election = setInterval(() => {
    const leads = isLeader();
    if (leads && !led) void turn();
    led = leads;
  }, NOTICED).unref();

  return {
    report: (policies, conflicts) => {
      const byPolicy = new Map(conflicts.map((conflict) => [conflict.origin, conflict]));
      latest = policies.map((one) => ({
        ...one,
        wanted: conditionOf(one.compiled, byPolicy.get(one.compiled.policy.origin), materialOf),
      }));
      const standing = new Set(policies.map(({ target }) => pathOf(target)));
      for (const path of sent.keys()) if (!standing.has(path)) sent.delete(path);
      void turn();
    },
    close: () => {
      clearInterval(timer);
      clearInterval(election);
      controller.abort();
    },
  };
}

function isSame(a: PolicyCondition | undefined, b: PolicyCondition): boolean {
  return (
    a?.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}

function shortened(message: string): string {
  return printable(message, MAXIMUM_MESSAGE);
}
