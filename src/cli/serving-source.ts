import type { Result } from '../codes/result.ts';
import type { Configuration } from '../config/configuration.ts';
import { keepServingCertificate } from '../kubernetes/serving-certificate.ts';
import type { CertificateSource } from '../server/certificates.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { OpenCluster } from './cluster.ts';

/** Where the serving pair comes from, and who may call. */
export type ServingSource = {
  readonly source: CertificateSource;
  /** The path segments by which the API server is known now; none where nothing writes them. Secret. */
  readonly callers: () => readonly string[];
  /** To be called before the cluster is closed. */
  readonly close: () => Promise<void>;
};

/** Opens the source of the serving pair that a configuration describes; a managed one is kept in the cluster. */
export function openServingSource(
  tls: NonNullable<Configuration['tls']>,
  cluster: OpenCluster | undefined,
  around: { readonly logger: OperationalLogger; readonly metrics: Pick<Metrics, 'observeCertificate'> },
): Result<ServingSource, { readonly message: string }> {
  const { managed } = tls;
  if (managed === undefined) {
    return { ok: true, value: { source: tls, callers: () => [], close: () => Promise.resolve() } };
  }
  if (cluster === undefined) return { ok: false, failure: { message: 'tls.managed needs a cluster.' } };
  const host = `${managed.service}.${cluster.namespace}.svc`;
  const certificate = keepServingCertificate({
    api: cluster.api,
    namespace: cluster.namespace,
    secret: managed.secret,
    names: [host, `${host}.cluster.local`, ...managed.names],
    configurations: managed.webhookConfigurations,
    paths: managed.paths,
    leads: cluster.isLeader,
    logger: around.logger,
  });
  around.metrics.observeCertificate(certificate.problems);
  const { callers, close } = certificate;
  return { ok: true, value: { source: { managed: certificate }, callers, close } };
}
