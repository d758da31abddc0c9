import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { until } from '../policy/sources/folder.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** What a command printed and how it ended. */
export type Ran = { readonly status: number | null; readonly out: string; readonly error: string };

/** Environment without anybody's credentials or proxies. */
const CLEAN = { PATH: process.env['PATH'], HOME: '/nonexistent', NO_PROXY: '127.0.0.1' };

/** Runs the command line in this process, as `main` is called by the real one. */
export async function inProcess(args: readonly string[], input = '', interactive = false): Promise<Ran> {
  let out = '';
  let error = '';
  const status = await main(args, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
    environment: { HOME: CLEAN.HOME, DOCKER_CONFIG: CLEAN.HOME },
    interactive,
    readStandardInput: () => Promise.resolve(input),
  });
  return { status, out, error };
}

/** A process of the command line. */
export type Running = {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly error: () => string;
  readonly ended: Promise<Ran>;
};

/** Starts the command line as a process of its own; it ends with the test at the latest. */
export function start(args: readonly string[], nodeOptions: readonly string[] = []): Running {
  const child = spawn(process.execPath, [...nodeOptions, MAIN, ...args], { env: CLEAN, stdio: 'pipe' });
  let out = '';
  let error = '';
  child.stdout.on('data', (piece: Buffer) => {
    out += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    error += piece.toString();
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ended = once(child, 'close').then(([status]) => ({
    status: typeof status === 'number' ? status : null,
    out,
    error,
  }));
  return { child, out: () => out, error: () => error, ended };
}

/** Runs the command line as a process of its own, under options of Node's where some are given. */
export function run(args: readonly string[], input = '', nodeOptions: readonly string[] = []): Promise<Ran> {
  const { child, ended } = start(args, nodeOptions);
  child.stdin?.end(input);
  return ended;
}

/** Writes files into a folder that goes with the test, and gives its path. */
export async function filesIn(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'countersign-cli-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

/** A `serve` process that listens. */
export type Serving = Running & { readonly url: string; readonly metricsUrl: string };

/** Starts `serve` and waits until it listens; what it logs says where. */
export async function serving(configuration: Readonly<Record<string, unknown>>): Promise<Serving> {
  const local = { host: '127.0.0.1', port: 0 };
  const text = JSON.stringify({
    listen: local,
    metrics: local,
    drainSeconds: 0,
    requireDigest: 'off',
    ...configuration,
  });
  const folder = await filesIn({ 'config.yaml': text });
  const running = start(['serve', '--config', join(folder, 'config.yaml')]);
  const line = () =>
    running
      .error()
      .split('\n')
      .find((each) => each.includes('countersign is listening'));
  await until(() => line() !== undefined || running.child.exitCode !== null, 'serve listens', 10_000);
  const said = line();
  if (said === undefined) throw new Error(`serve ended: ${running.error()}`);
  const { url, metrics } = JSON.parse(said) as { readonly url: string; readonly metrics: string };
  return { ...running, url, metricsUrl: metrics };
}
