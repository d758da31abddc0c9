import type { CredentialsFor } from '../admission/pull-secrets.ts';
import { failed, type Result } from '../codes/result.ts';
import type { Configuration } from '../config/configuration.ts';
import { type CredentialSource, NO_CREDENTIALS } from '../config/credentials.ts';
import type { ApiClient } from '../kubernetes/api.ts';
import { createPullSecrets } from '../kubernetes/pull-secrets.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';

/** The pull secrets of the cluster that registries are read with. */
export type OpenPullSecrets = {
  /** Those of our own namespace that open registries for all pods. */
  readonly forAll: CredentialSource;
  /** Those of a pod; undefined where pods' secrets do not count. */
  readonly forPods: CredentialsFor | undefined;
  /** Why there should be no requests yet, or undefined. */
  readonly problem: () => string | undefined;
  /** What is wrong although requests are answered. */
  readonly notes: () => readonly string[];
  readonly close: () => void;
};

const REREAD_MS = 30_000;
const PATIENCE_MS = 15_000;

/**
 * Opens the pull secrets that a configuration names. Those for all pods are read at once and again every half minute.
 * While they cannot be read the last state holds; where there is none yet, every look-up that they might have opened
 * fails, since to be refused as a stranger may look like having no signatures.
 * @param every milliseconds between looks; for tests
 */
export function openPullSecrets(
  { pullSecrets: { fromPods, names } }: Configuration['kubernetes'],
  cluster: { readonly api: Pick<ApiClient, 'get'>; readonly namespace: string } | undefined,
  logger: OperationalLogger,
  every = REREAD_MS,
): OpenPullSecrets {
  if (cluster === undefined) {
    return {
      forAll: NO_CREDENTIALS,
      forPods: undefined,
      problem: () => undefined,
      notes: () => [],
      close: () => undefined,
    };
  }
  const secrets = createPullSecrets(cluster.api);
  const forPods: CredentialsFor = ({ namespace, serviceAccount, pullSecrets }, signal) =>
    secrets.credentialsFor(namespace, { names: pullSecrets, serviceAccount }, signal);

  let current: Result<CredentialSource> = failed(
    'CLUSTER_UNREACHABLE',
    'the pull secrets for all pods were not read yet',
  );
  let looked = names.length === 0;
  let trouble: string | undefined;
  const look = async (): Promise<void> => {
    const pod = { names, serviceAccount: undefined };
    const next = await secrets.credentialsFor(cluster.namespace, pod, AbortSignal.timeout(PATIENCE_MS));
    looked = true;
    if (next.ok || !current.ok) current = next;
    const said = next.ok ? undefined : `${next.failure.message} [${next.failure.code}]`;
    if (said !== undefined && said !== trouble)
      logger.error({ reason: said }, 'the pull secrets for all pods cannot be read');
    trouble = said;
  };
  const timer = names.length === 0 ? undefined : setInterval(() => void look(), every).unref();
  if (names.length > 0) void look();

  return {
    forAll:
      names.length === 0
        ? NO_CREDENTIALS
        : {
            id: (repository) => (current.ok ? current.value.id(repository) : 'unread'),
            candidates: (repository) => (current.ok ? current.value.candidates(repository) : Promise.resolve(current)),
          },
    forPods: fromPods ? forPods : undefined,
    problem: () => (looked ? undefined : 'the pull secrets for all pods were not read yet'),
    notes: () => (trouble === undefined ? [] : [`the pull secrets for all pods cannot be read: ${trouble}`]),
    close: () => clearInterval(timer),
  };
}
