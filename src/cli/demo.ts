import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadKinds } from '../admission/workloads.ts';
import { type AuditSink, openAuditSink } from '../audit/sink.ts';
import type { Failure, Result } from '../codes/result.ts';
import { type Configuration, parseConfiguration } from '../config/configuration.ts';
import { loadPolicies } from '../policy/sources/load.ts';
import { type RunningServer, startServer } from '../server/start.ts';
import { createValidate } from '../server/validate.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { Command, Terminal } from './command.ts';
import { postReview, reviewOf } from './demo/kubectl-run.ts';
import { developerView, isAsExpected, type Played, styleFor, tableHead, tableRow } from './demo/programme.ts';
import { type RegistryServer, startRegistryServer } from './demo/registry-server.ts';
import { createCast, ENFORCED, prepareScenes, type Recorded, type Scene, writePolicies } from './demo/scenes.ts';
import { createEngine } from './engine.ts';
import { version } from './version.ts';

/**
 * `countersign demo`: a registry in this process with really signed images, the webhook over TLS in front of it, and the
 * reviews that `kubectl run` would cause. Exits 0 only if every decision is the expected one.
 */
export const demo: Command = async (_args, terminal) => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-demo-'));
  const registry = await startRegistryServer();
  try {
    const nowhere = await freeAddress();
    const cast = createCast();
    const scenes = prepareScenes(registry, cast, nowhere);
    await writePolicies(folder, registry.host, nowhere, cast);
    const stage = await startStage(folder, configurationFor(folder, [registry.host, nowhere]));
    if (!stage.ok) {
      terminal.error(`countersign: ${stage.failure.message}\n`);
      return 1;
    }
    try {
      return await play(scenes, registry, stage.value, terminal);
    } finally {
      await stage.value.close();
    }
  } finally {
    await registry.close();
    await rm(folder, { recursive: true });
  }
};

/** The webhook of the demo, and where its records go. */
type Stage = {
  readonly url: string;
  readonly caPem: string;
  readonly auditFile: string;
  readonly close: () => Promise<void>;
};

function configurationFor(
  folder: string,
  hosts: readonly string[],
): Result<Configuration, { readonly message: string }> {
  const registries = Object.fromEntries(hosts.map((host) => [host, { plainHttp: true }]));
  const text = JSON.stringify({
    listen: { host: '127.0.0.1', port: 0 },
    tls: { selfSigned: true },
    policies: [folder],
    mode: 'audit',
    namespaces: Object.fromEntries(ENFORCED.map((name) => [name, { mode: 'deny' }])),
    requireDigest: 'off',
    registries,
  });
  return parseConfiguration(text, 'the demo');
}

async function startStage(
  folder: string,
  read: Result<Configuration, { readonly message: string }>,
): Promise<Result<Stage, Pick<Failure, 'message'>>> {
  if (!read.ok) return read;
  const configuration = read.value;
  const policies = await loadPolicies(configuration.policies, configuration);
  if (!policies.ok) return policies;
  const engine = await createEngine({
    configuration,
    policies: () => ({ sets: policies.value.sets, exemptions: [] }),
    allowHelpers: false,
    dockerConfig: undefined,
    onDefect: (error) => {
      throw error;
    },
  });
  if (!engine.ok) return engine;
  const auditFile = join(folder, 'audit.jsonl');
  const sink = openAuditSink({
    destination: { kind: 'file', path: auditFile },
    onFatal: ({ message }) => process.emitWarning(message),
  });
  if (!sink.ok) return sink;
  const server = await startWebhook(configuration, engine.value.verifier, sink.value);
  if (!server.ok) return server;

  const close = async () => {
    await server.value.close();
    await engine.value.verifier.close();
    await sink.value.close();
  };
  return { ok: true, value: { url: server.value.url, caPem: server.value.caPem ?? '', auditFile, close } };
}

function startWebhook(
  configuration: Configuration,
  verifier: Parameters<typeof createValidate>[0]['verifier'],
  sink: AuditSink,
): Promise<Result<RunningServer, { readonly message: string }>> {
  const metrics = createMetrics();
  return startServer({
    listen: configuration.listen,
    metricsListen: undefined,
    tls: { selfSigned: true },
    limits: configuration.limits,
    deadline: configuration.deadline,
    drainSeconds: 0,
    routes: {
      '/validate': createValidate({
        verifier,
        workloads: workloadKinds(),
        serverMode: configuration.mode,
        namespaceModes: configuration.namespaces,
        readsBeyondImages: () => false,
        sink,
        writer: { instance: 'demo', version },
        metrics,
        logger: silentLogger,
      }),
    },
    policiesProblem: () => undefined,
    metrics,
    logger: silentLogger,
  });
}

async function play(
  scenes: readonly Scene[],
  registry: RegistryServer,
  stage: Stage,
  terminal: Terminal,
): Promise<number> {
  const style = styleFor(terminal.interactive);
  terminal.out(
    `${style.bold('countersign demo')}: really signed images, a real webhook over TLS, no cluster and no network\n\n`,
  );
  terminal.out(`${tableHead(style)}\n`);
  const played: Played[] = [];
  for (const scene of scenes) {
    const before = registry.requests.length;
    const answer = await postReview(stage.url, stage.caPem, reviewOf(scene));
    const recorded = await lastRecorded(stage.auditFile);
    const requests = registry.requests.length - before;
    const one: Played = { scene, answer, recorded, requests, asExpected: isAsExpected(scene, answer, recorded) };
    played.push(one);
    terminal.out(`${tableRow(one, style)}\n`);
  }

  terminal.out(`\n${style.bold('What a developer sees')}\n\n`);
  const shown = played.filter(({ answer }) => answer.message !== '' || answer.warnings.length > 0);
  terminal.out(`${shown.map((one) => developerView(one, style)).join('\n\n')}\n`);
  terminal.out(`\n${style.bold('What the audit log holds')} (first and last record)\n\n`);
  const records = (await readFile(stage.auditFile, 'utf8')).trim().split('\n');
  terminal.out(`${style.dim([records.at(0), records.at(-1)].join('\n'))}\n\n`);

  const surprises = played.filter(({ asExpected }) => !asExpected).length;
  terminal.out(
    surprises === 0
      ? `${style.green('✓')} ${played.length} decisions, each as expected.\n`
      : `${style.red('✗')} ${surprises} of ${played.length} decisions are not as expected.\n`,
  );
  return surprises === 0 ? 0 : 1;
}

/** What the newest audit record says: it is written before the answer is sent. */
async function lastRecorded(file: string): Promise<Recorded> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  const record: unknown = JSON.parse(lines.at(-1) ?? 'null');
  if (typeof record !== 'object' || record === null || !('decision' in record) || !('wouldDeny' in record))
    return 'denied';
  if (record.decision !== 'allowed') return 'denied';
  return record.wouldDeny === true ? 'would deny' : 'allowed';
}

/** A loopback address at which nothing listens any more. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}
