import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** How a command ended and what it wrote. */
export type Run = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** What a command is given beside its arguments. */
export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
};

/** Runs a command to its end; a status other than 0 is an answer, not an exception. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const settings = {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
    };
    const child = execFile(command, args, settings, (error, stdout, stderr) => {
      if (error !== null && typeof error.code === 'string') reject(error);
      else resolve({ status: child.exitCode ?? 128, stdout, stderr });
    });
    // A command that ends without having read its input is no trouble of ours.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Runs a command that must end with 0, and gives what it wrote to standard output. */
export async function succeed(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** A process that runs until it is stopped. */
export type Service = {
  /** Ends it, by SIGTERM where nothing else is said, and waits until it is gone. */
  readonly stop: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
};

/** What a service is, and how one knows that it answers. */
export type ServiceOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly log: string;
  readonly ready: () => Promise<boolean>;
  readonly patience?: number;
};

/** Starts a service and waits until it answers; its output goes to a log file, which a failure names. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const child = spawn(options.command, options.args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(options.log);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const stop: Service['stop'] = (signal = 'SIGTERM') => stopProcess(child, signal).finally(() => log.end());
  try {
    await Promise.race([failed, answers(child, options)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

async function answers(child: ChildProcess, options: ServiceOptions): Promise<void> {
  const until = Date.now() + (options.patience ?? 20_000);
  while (!(await options.ready().catch(() => false))) {
    if (hasEnded(child)) throw new Error(`${options.command} ended with ${child.exitCode}: see ${options.log}`);
    if (Date.now() > until) throw new Error(`${options.command} does not answer: see ${options.log}`);
    await wait(100);
  }
}

async function stopProcess(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Whether a URL answers with a status below 500, whatever it says. */
export async function answersHttp(url: string): Promise<boolean> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status < 500;
}

/** A port of the loopback address that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
