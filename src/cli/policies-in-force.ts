import type { Result } from '../codes/result.ts';
import type { Configuration } from '../config/configuration.ts';
import { type ClusterMirrors, watchClusterMirrors } from '../policy/mirrors/cluster-mirrors.ts';
import { type ClusterPolicies, watchClusterPolicies } from '../policy/sources/cluster.ts';
import { createStatusWriter } from '../policy/sources/cluster-status.ts';
import type { LoadedPolicies } from '../policy/sources/load.ts';
import { describeProblem } from '../policy/sources/problem.ts';
import { watchPolicies } from '../policy/sources/watch.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { OpenCluster } from './cluster.ts';

/** The policies that the webhook decides by, from files and from the cluster, followed. */
export type PoliciesInForce = {
  readonly current: () => LoadedPolicies;
  /** Why nothing can be decided yet, or undefined. */
  readonly problem: () => string | undefined;
  /** What is wrong although everything is decided, for readiness. */
  readonly notes: () => readonly string[];
  readonly close: () => Promise<void>;
};

/**
 * Opens the policies that a configuration names. Files are read before it returns; the cluster's are read once it answers,
 * and until then {@link PoliciesInForce.problem} says so.
 * @returns what is wrong with a file
 */
export async function openPolicies(
  configuration: Configuration,
  cluster: OpenCluster | undefined,
  { metrics, logger }: { readonly metrics: Metrics; readonly logger: OperationalLogger },
): Promise<Result<PoliciesInForce, { readonly message: string }>> {
  // Until the files are read there is nothing to render the cluster's policies with.
  let refresh = (): void => undefined;
  const objects =
    cluster === undefined || !configuration.kubernetes.watch
      ? undefined
      : watchClusterPolicies(cluster.api, { defaults: configuration, onChange: () => refresh(), logger });
  const mirrors =
    cluster === undefined || !configuration.kubernetes.watch
      ? undefined
      : watchClusterMirrors(cluster.api, { onChange: () => refresh(), logger });
  const status =
    cluster === undefined || objects === undefined
      ? undefined
      : createStatusWriter(cluster.api, cluster.isLeader, logger);
  const onChange = (loaded: LoadedPolicies): void => {
    report(loaded, metrics, logger);
    if (objects !== undefined) status?.report(objects.reported(), loaded.conflicts);
  };

  const files = await watchPolicies(configuration.policies, onChange, configuration, () => ({
    members: objects?.members() ?? [],
    mirrors: mirrors?.sets() ?? [],
  }));
  const close = async (): Promise<void> => {
    status?.close();
    if (files.ok) files.value.close();
    await Promise.all([objects?.close(), mirrors?.close()]);
  };
  if (!files.ok) {
    await close();
    return files;
  }
  refresh = files.value.refresh;
  // What came from the cluster while the files were read.
  refresh();
  const followed = [objects, mirrors].filter((one) => one !== undefined);
  if (objects !== undefined)
    metrics.observeWatches(() =>
      followed.flatMap((one) => one.states().map(({ resource, state }) => ({ resource, ...state }))),
    );
  return {
    ok: true,
    value: {
      current: files.value.current,
      problem: () => {
        if (objects?.isSynced() === false) return "the cluster's policies were not read yet";
        return mirrors?.isSynced() === false ? "the cluster's mirror sets were not read yet" : undefined;
      },
      notes: () => [...followed.flatMap(troubles), ...(mirrors?.notes() ?? [])],
      close,
    },
  };
}

/** What is told of watches that fail: what was last seen stays in force. */
function troubles(followed: ClusterPolicies | ClusterMirrors): readonly string[] {
  return followed.states().flatMap(({ resource, state: { failingSince, reason } }) => {
    if (failingSince === undefined) return [];
    const since = new Date(failingSince).toISOString();
    return [`${resource} cannot be followed since ${since}: ${reason?.message ?? 'unknown trouble'}`];
  });
}

function report(loaded: LoadedPolicies, metrics: Metrics, logger: OperationalLogger): void {
  const policies = loaded.sets.flatMap((set) => set.policies);
  const broken = policies.filter((policy) => policy.state.kind === 'broken').length;
  metrics.policies({ ready: policies.length - broken, broken });
  logger.info({ ready: policies.length - broken, broken }, 'policies are in force');
  for (const problem of loaded.problems)
    logger.error(
      { code: problem.code },
      `a policy is broken and refuses what is in its reach: ${describeProblem(problem)}`,
    );
  for (const { origin, message } of loaded.warnings)
    logger.warn(`${origin.source}: ${origin.kind} "${origin.name}": ${message}`);
}
