import { workloadKinds } from '../admission/workloads.ts';
import { type AuditSink, openAuditSink } from '../audit/sink.ts';
import { type Failure, ok, type Result } from '../codes/result.ts';
import type { Configuration } from '../config/configuration.ts';
import { readCa } from '../config/registries.ts';
import type { CallerCertificates } from '../server/callers.ts';
import { startServer } from '../server/start.ts';
import { createValidate } from '../server/validate.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createRootDates } from '../trust/sigstore/root-status.ts';
import { cacheStatistics } from '../verifier/caches.ts';
import { openCluster } from './cluster.ts';
import { dockerConfigPath } from './docker-config-path.ts';
import { createEngine, type Engine } from './engine.ts';
import { openPolicies } from './policies-in-force.ts';
import { openPullSecrets } from './pull-secrets.ts';
import { openServingSource } from './serving-source.ts';
import { version } from './version.ts';

/** What the webhook has around it, beside its configuration. */
export type Surroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: OperationalLogger;
  /** Who writes the audit records, among several replicas. */
  readonly instance: string;
  /** The audit log is broken for good: nothing may be admitted any more, so the process has to end. */
  readonly onAuditLost: (failure: Failure) => void;
};

/** The whole webhook, listening. */
export type Webhook = {
  /** `https://host:port`, with a host that can be connected to. */
  readonly url: string;
  /** The CA to trust, in self-signed mode. */
  readonly caPem: string | undefined;
  /** `http://host:port` of health and metrics. */
  readonly metricsUrl: string | undefined;
  /** Opens the audit log anew, after somebody moved it away. */
  readonly reopenAudit: () => void;
  /** Stops in order: accepting for as long as the configuration says, answering what is under way, gone. */
  readonly drain: () => Promise<void>;
  /** Stops without waiting for anybody to notice: answers what is under way, and is gone. */
  readonly close: () => Promise<void>;
};

type Close = () => unknown;

/**
 * Starts the webhook as a configuration says: policies that follow their files, the engine, the audit log, the server.
 * `serve`, the demo and the tests start it by this, so that what is shown and tested is what serves.
 * @returns why it cannot start; whatever was opened until then is closed again
 */
export async function startWebhook(
  configuration: Configuration,
  around: Surroundings,
): Promise<Result<Webhook, { readonly message: string }>> {
  const opened: Close[] = [];
  const closeAll = async (): Promise<void> => {
    // What was opened last rests on what was opened before.
    for (const close of opened.splice(0).toReversed()) await close();
  };
  const started = await start(configuration, around, opened);
  if (!started.ok) {
    await closeAll();
    return started;
  }
  const { server, sink } = started.value;
  return {
    ok: true,
    value: {
      url: server.url,
      caPem: server.caPem,
      metricsUrl: server.metricsUrl,
      reopenAudit: sink.reopen,
      drain: () => server.drain().then(closeAll),
      close: () => server.close().then(closeAll),
    },
  };
}

async function start(configuration: Configuration, around: Surroundings, opened: Close[]) {
  const { logger } = around;
  const { tls } = configuration;
  if (tls === undefined)
    return refused(
      'the configuration names no serving certificate: set tls.certFile and tls.keyFile, tls.managed, or tls.selfSigned.',
    );

  const metrics = createMetrics();
  const leads = needsLeader(configuration);
  const opening = leads || needsPullSecrets(configuration);
  const cluster = opening ? await openCluster(configuration.kubernetes, { ...around, leads }) : undefined;
  if (cluster?.ok === false) return cluster;
  if (cluster !== undefined) opened.push(cluster.value.close);
  const policies = await openPolicies(configuration, cluster?.value, { metrics, logger });
  if (!policies.ok) return policies;
  opened.push(policies.value.close);

  const secrets = openPullSecrets(configuration.kubernetes, cluster?.value, logger);
  opened.push(secrets.close);

  const engine = await createEngine({
    configuration,
    credentials: secrets.forAll,
    policies: () => {
      const { sets, storage } = policies.value.current();
      return { sets, exemptions: [], storage };
    },
    mirrors: policies.value.current,
    allowHelpers: false,
    dockerConfig: dockerConfigPath(around.environment, false),
    onRequest: ({ host, purpose }) => metrics.registryRequest(host, purpose),
    onDefect: (error) => logger.error({ err: error }, 'an image could not be verified because of a defect'),
  });
  if (!engine.ok) return engine;
  opened.push(engine.value.verifier.close);
  for (const warning of engine.value.warnings) logger.warn(warning);
  observeCaches(engine.value, metrics);
  metrics.observeTrustedRoots(createRootDates(() => policies.value.current().trustedRoots, Date.now));

  const sink = openSink(configuration, around);
  if (!sink.ok) return sink;
  opened.push(sink.value.close);

  const serving = openServingSource(tls, cluster?.value, { logger, metrics });
  if (serving.ok) opened.push(serving.value.close);
  if (!serving.ok) return serving;

  const certificates = await callerCertificates(configuration.callers);
  if (!certificates.ok) return certificates;

  const validate = createValidate({
    verifier: engine.value.verifier,
    workloads: workloadKinds(configuration.workloads),
    serverMode: configuration.mode,
    namespaceModes: configuration.namespaces,
    readsBeyondImages: () => false,
    credentialsFor: secrets.forPods,
    sink: sink.value,
    writer: { instance: around.instance, version },
    metrics,
    logger,
  });
  const server = await startServer({
    listen: configuration.listen,
    metricsListen: configuration.metrics,
    tls: serving.value.source,
    limits: configuration.limits,
    deadline: configuration.deadline,
    drainSeconds: configuration.drainSeconds,
    routes: {
      '/validate': validate,
      // For namespaces in deny: the path of a webhook behind a Service can have no query.
      '/validate/deny': (body, asked) => validate(body, { ...asked, tighten: 'deny' }),
    },
    callers: { segments: serving.value.callers, certificates: certificates.value },
    policiesProblem: () => policies.value.problem() ?? secrets.problem(),
    unanswerable: () => {
      if (policies.value.problem() !== undefined) return 'policies';
      return sink.value.congested() ? 'audit' : undefined;
    },
    notes: () => [...policies.value.notes(), ...secrets.notes()],
    metrics,
    logger,
  });
  if (!server.ok) return server;
  logger.info(
    { url: server.value.url, metrics: server.value.metricsUrl, mode: configuration.mode, version },
    'countersign is listening',
  );
  return { ok: true, value: { server: server.value, sink: sink.value } } as const;
}

/** Whether one of the replicas has to write into the cluster. */
function needsLeader({ tls, kubernetes }: Configuration): boolean {
  return kubernetes.watch || tls?.managed !== undefined;
}

function needsPullSecrets({ kubernetes: { pullSecrets } }: Configuration): boolean {
  return pullSecrets.fromPods || pullSecrets.names.length > 0;
}

async function callerCertificates(
  callers: Configuration['callers'],
): Promise<Result<CallerCertificates | undefined, { readonly message: string }>> {
  if (callers === undefined) return ok(undefined);
  const ca = await readCa(callers.caFile);
  return ca.ok ? ok({ caPem: ca.value, names: callers.names }) : ca;
}

function refused(message: string): { readonly ok: false; readonly failure: { readonly message: string } } {
  return { ok: false, failure: { message } };
}

function openSink({ audit }: Configuration, { logger, onAuditLost }: Surroundings): Result<AuditSink> {
  return openAuditSink({
    destination: audit.output === 'stdout' ? { kind: 'descriptor', fd: 1 } : { kind: 'file', path: audit.output },
    onFatal: (failure) => {
      logger.fatal({ code: failure.code }, `the audit log cannot be written: ${failure.message}`);
      onAuditLost(failure);
    },
  });
}

function observeCaches({ caches }: Engine, metrics: Metrics): void {
  metrics.observeCache('tags', () => cacheStatistics(caches).tags);
  metrics.observeCache('descriptors', () => cacheStatistics(caches).descriptors);
  metrics.observeCache('lists', () => cacheStatistics(caches).lists);
  metrics.observeCache('bytes', () => cacheStatistics(caches).bytes);
  metrics.observeCache('proofs', () => cacheStatistics(caches).proofs);
}
