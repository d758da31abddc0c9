import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Answered, Usage } from './worker.ts';

/** Another process of the bench. */
export type Child<Ask> = {
  readonly ask: <Reply>(ask: Ask) => Promise<Reply>;
  /** What the process took so far; asked of the process itself. */
  readonly usage: () => Promise<Usage>;
  /** The first line on standard error that `find` makes something of. Rejects if the process ends before. */
  readonly said: <T>(find: (line: string) => T | undefined) => Promise<T>;
  readonly stop: () => Promise<void>;
};

/**
 * Loaded into every measured process before anything else, as plain JavaScript: a TypeScript file would bring Node's
 * type stripper along, and with it memory that is not the program's own.
 */
const REPORTER = `data:text/javascript,${encodeURIComponent(`
  process.on('message', ({ id, usage }) => {
    if (usage !== true) return;
    const { user, system } = process.cpuUsage();
    process.send({ id, reply: { cpu: user + system, rss: process.memoryUsage.rss() } });
  });
  process.on('disconnect', () => process.exit());
`)}`;

/** Starts a Node process with an IPC channel. Its standard error is kept for {@link Child.said} and for failures. */
export function startChild<Ask = never>(args: readonly string[], nodeArgs: readonly string[] = []): Child<Ask> {
  const child: ChildProcess = spawn(process.execPath, [...nodeArgs, '--import', REPORTER, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const waiting = new Map<number, { resolve: (reply: unknown) => void; reject: (error: Error) => void }>();
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  let next = 0;
  let stopping = false;
  let ended: Error | undefined;

  if (child.stderr !== null)
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      for (const listener of listeners) listener();
    });
  child.on('message', ({ id, reply, error }: Answered) => {
    const asker = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asker?.resolve(reply);
    else asker?.reject(new Error(error));
  });
  child.once('exit', (code, signal) => {
    ended = new Error(`${args.join(' ')} ended (${signal ?? code}):\n${lines.slice(-20).join('\n')}`);
    for (const { reject } of waiting.values()) reject(ended);
    for (const listener of listeners) listener();
    if (!stopping) process.exitCode = 1;
  });

  const request = <Reply>(message: object): Promise<Reply> =>
    new Promise<Reply>((resolve, reject) => {
      if (ended !== undefined) return reject(ended);
      const id = ++next;
      waiting.set(id, { resolve: (reply) => resolve(reply as Reply), reject });
      child.send({ id, ...message });
    });

  return {
    ask: <Reply>(ask: Ask) => request<Reply>({ ask }),
    usage: () => request<Usage>({ usage: true }),
    said: <T>(find: (line: string) => T | undefined) =>
      new Promise<T>((resolve, reject) => {
        let read = 0;
        const look = () => {
          for (; read < lines.length; read++) {
            const found = find(lines[read] ?? '');
            if (found === undefined) continue;
            listeners.delete(look);
            return resolve(found);
          }
          if (ended !== undefined) reject(ended);
        };
        listeners.add(look);
        look();
      }),
    stop: async () => {
      stopping = true;
      if (ended !== undefined) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const impatient = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await exited;
      clearTimeout(impatient);
    },
  };
}
