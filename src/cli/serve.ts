import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { workloadKinds } from '../admission/workloads.ts';
import { openAuditSink } from '../audit/sink.ts';
import { loadConfiguration } from '../config/configuration.ts';
import type { LoadedPolicies } from '../policy/sources/load.ts';
import { describeProblem } from '../policy/sources/problem.ts';
import { watchPolicies } from '../policy/sources/watch.ts';
import { stopOnSignals } from '../server/drain.ts';
import { startServer } from '../server/start.ts';
import { createValidate } from '../server/validate.ts';
import { createLogger, type OperationalLogger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { cacheStatistics } from '../verifier/caches.ts';
import { type Command, USAGE_ERROR, usageError } from './command.ts';
import { dockerConfigPath } from './docker-config-path.ts';
import { createEngine, type Engine } from './engine.ts';
import { version } from './version.ts';

/** `countersign serve --config FILE`: the admission webhook, until it is told to stop. */
export const serve: Command = async (args, terminal) => {
  let file: string | undefined;
  try {
    file = parseArgs({ args: [...args], options: { config: { type: 'string', short: 'c' } } }).values.config;
  } catch (error) {
    return usageError(terminal, error instanceof Error ? error.message : 'the options cannot be read.');
  }
  if (file === undefined) return usageError(terminal, 'serve needs --config FILE.');
  const refuse = (message: string): number => {
    terminal.error(`countersign: ${message}\n`);
    return USAGE_ERROR;
  };

  const loaded = await loadConfiguration(file, terminal.environment);
  if (!loaded.ok) return refuse(loaded.failure.message);
  const configuration = loaded.value;
  if (configuration.tls === undefined)
    return refuse(
      'the configuration names no serving certificate: set tls.certFile and tls.keyFile, or tls.selfSigned.',
    );
  const logger = createLogger(configuration.logLevel);
  const metrics = createMetrics();

  const watch = await watchPolicies(configuration.policies, (now) => report(now, metrics, logger), configuration);
  if (!watch.ok) return refuse(watch.failure.message);
  report(watch.value.current(), metrics, logger);

  const engine = await createEngine({
    configuration,
    policies: () => ({ sets: watch.value.current().sets, exemptions: [] }),
    allowHelpers: false,
    dockerConfig: dockerConfigPath(terminal.environment, false),
    onRequest: ({ host, purpose }) => metrics.registryRequest(host, purpose),
    onDefect: (error) => logger.error({ err: error }, 'an image could not be verified because of a defect'),
  });
  if (!engine.ok) return refuse(engine.failure.message);
  observeCaches(engine.value, metrics);

  const sink = openAuditSink({
    destination:
      configuration.audit.output === 'stdout'
        ? { kind: 'descriptor', fd: 1 }
        : { kind: 'file', path: configuration.audit.output },
    onFatal: (failure) => {
      logger.fatal({ code: failure.code }, `the audit log cannot be written: ${failure.message}`);
      process.exit(1);
    },
  });
  if (!sink.ok) return refuse(sink.failure.message);

  const server = await startServer({
    listen: configuration.listen,
    metricsListen: configuration.metrics,
    tls: configuration.tls,
    limits: configuration.limits,
    deadline: configuration.deadline,
    drainSeconds: configuration.drainSeconds,
    routes: {
      '/validate': createValidate({
        verifier: engine.value.verifier,
        workloads: workloadKinds(configuration.workloads),
        serverMode: configuration.mode,
        namespaceModes: configuration.namespaces,
        readsBeyondImages: () => false,
        sink: sink.value,
        writer: { instance: hostname(), version },
        metrics,
        logger,
      }),
    },
    policiesProblem: () => undefined,
    auditCongested: sink.value.congested,
    metrics,
    logger,
  });
  if (!server.ok) return refuse(server.failure.message);
  logger.info(
    { url: server.value.url, metrics: server.value.metricsUrl, mode: configuration.mode, version },
    'countersign is listening',
  );

  // Whoever rotates the audit log moves the file away and says so.
  process.on('SIGHUP', sink.value.reopen);
  const { promise: stopped, resolve } = Promise.withResolvers<number>();
  stopOnSignals({
    stop: async () => {
      await server.value.drain();
      watch.value.close();
      await engine.value.verifier.close();
      await sink.value.close();
    },
    logger,
    exit: (status) => {
      resolve(status);
      process.exit(status);
    },
    process,
  });
  return stopped;
};

function observeCaches({ caches }: Engine, metrics: Metrics): void {
  metrics.observeCache('tags', () => cacheStatistics(caches).tags);
  metrics.observeCache('descriptors', () => cacheStatistics(caches).descriptors);
  metrics.observeCache('lists', () => cacheStatistics(caches).lists);
  metrics.observeCache('bytes', () => cacheStatistics(caches).bytes);
  metrics.observeCache('proofs', () => cacheStatistics(caches).proofs);
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
  for (const { origin, condition } of loaded.conflicts)
    logger.warn(`${origin.source}: ${origin.kind} "${origin.name}": ${condition.message}`);
}
