import { randomBytes } from 'node:crypto';
import type { Result } from '../codes/result.ts';
import type { Configuration } from '../config/configuration.ts';
import { type ApiClient, createApiClient } from '../kubernetes/api.ts';
import { inCluster } from '../kubernetes/cluster.ts';
import { fromKubeconfig } from '../kubernetes/kubeconfig.ts';
import { standForElection } from '../kubernetes/lease.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';

/** The cluster that the webhook serves, as a client of its API. */
export type OpenCluster = {
  readonly api: ApiClient;
  /** Where the process runs. */
  readonly namespace: string;
  /** Whether this replica is the one that renews certificates and writes status. */
  readonly isLeader: () => boolean;
  /** Gives the Lease back and cuts all connections. */
  readonly close: () => Promise<void>;
};

/**
 * Opens the cluster that a configuration names, and stands for its Lease if need be. Nothing is asked here yet: an API server that
 * is away keeps the process from being ready, and not from starting.
 * @returns why the configuration does not say how to reach one
 */
export async function openCluster(
  settings: Configuration['kubernetes'],
  around: {
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly instance: string;
    readonly logger: OperationalLogger;
    /** Whether there is anything for a leader to do; else no Lease is asked for. */
    readonly leads: boolean;
  },
): Promise<Result<OpenCluster, { readonly message: string }>> {
  const cluster =
    settings.kubeconfig === undefined
      ? await inCluster(undefined, around.environment)
      : await fromKubeconfig({ files: [settings.kubeconfig], allowPlugins: false });
  if (!cluster.ok) return cluster;
  const namespace = settings.namespace ?? cluster.value.namespace;
  if (namespace === undefined) {
    const message = 'it is not known which namespace the process runs in: set kubernetes.namespace.';
    return { ok: false, failure: { message } };
  }
  const api = createApiClient(cluster.value);
  const election = !around.leads
    ? undefined
    : standForElection(api, {
        namespace,
        name: settings.lease,
        // A restart in the same pod is another candidate.
        identity: `${around.instance}_${randomBytes(4).toString('hex')}`,
        logger: around.logger,
      });
  return {
    ok: true,
    value: {
      api,
      namespace,
      isLeader: election?.isLeader ?? (() => false),
      close: async () => {
        await election?.close();
        await api.close();
      },
    },
  };
}
