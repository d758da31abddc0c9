import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../codes/result.ts';
import { parseConfiguration } from '../config/configuration.ts';
import { printable } from '../encoding/escape.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { type Command, type Terminal, usageError } from './command.ts';
import { type GpgScenes, prepareGpgScenes } from './demo/gpg-scenes.ts';
import { postReview, reviewOf } from './demo/kubectl-run.ts';
import { developerView, isAsExpected, type Played, styleFor, tableHead, tableRow } from './demo/programme.ts';
import { type RegistryServer, startRegistryServer } from './demo/registry-server.ts';
import { createCast, ENFORCED, prepareScenes, type Recorded, type Scene, writePolicies } from './demo/scenes.ts';
import { startWebhook, type Webhook } from './webhook.ts';

/**
 * `countersign demo`: a registry in this process with really signed images, the webhook over TLS in front of it, and the
 * reviews that `kubectl run` would cause. Exits 0 only if every decision is the expected one.
 */
export const demo: Command = async (args, terminal) => {
  const [first] = args;
  if (first !== undefined) return usageError(terminal, `demo takes no arguments, and was given ${printable(first)}.`);
  const folder = await mkdtemp(join(tmpdir(), 'countersign-demo-'));
  const registry = await startRegistryServer();
  try {
    const nowhere = await freeAddress();
    const cast = createCast();
    const gpg = await prepareGpgScenes(registry, folder);
    const scenes = [...prepareScenes(registry, cast, nowhere), ...gpg.scenes];
    const policies = join(folder, 'policies');
    await mkdir(policies);
    await writePolicies(policies, registry.host, nowhere, cast);
    const stage = await startStage(folder, [registry.host, nowhere], gpg.entry);
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
type Stage = Webhook & { readonly auditFile: string };

async function startStage(
  folder: string,
  hosts: readonly string[],
  gpg: GpgScenes['entry'],
): Promise<Result<Stage, { readonly message: string }>> {
  const auditFile = join(folder, 'audit.jsonl');
  const local = { host: '127.0.0.1', port: 0 };
  const text = JSON.stringify({
    listen: local,
    metrics: local,
    tls: { selfSigned: true },
    policies: [join(folder, 'policies'), gpg],
    mode: 'audit',
    namespaces: Object.fromEntries(ENFORCED.map((name) => [name, { mode: 'deny' }])),
    requireDigest: 'off',
    registries: Object.fromEntries(hosts.map((host) => [host, { plainHttp: true }])),
    audit: { output: auditFile },
  });
  const configuration = parseConfiguration(text, 'the demo');
  if (!configuration.ok) return configuration;
  const webhook = await startWebhook(configuration.value, {
    environment: {},
    logger: silentLogger,
    instance: 'demo',
    onAuditLost: ({ message }) => process.emitWarning(message),
  });
  return webhook.ok ? { ok: true, value: { ...webhook.value, auditFile } } : webhook;
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
    const answer = await postReview(stage.url, stage.caPem ?? '', reviewOf(scene));
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
