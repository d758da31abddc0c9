import { closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { type Failure, failed, ok, type Result } from '../codes/result.ts';

/** Where the audit log goes. */
export type Destination =
  | { readonly kind: 'descriptor'; readonly fd: number }
  | { readonly kind: 'file'; readonly path: string };

/** An open output. Nothing here ever blocks the event loop on a slow reader. */
export type Output = {
  /** How many bytes are written at once at most; on a pipe as many as are written whole or not at all. */
  readonly atOnce: number;
  /** Writes what goes without waiting, and says how much that was. */
  readonly writeNow: (bytes: Buffer) => Result<number>;
  /** Writes everything, waiting for the reader as long as it takes. */
  readonly writeAll: (bytes: Buffer, done: Done) => void;
  readonly close: () => void;
};

type Done = (result: Result<undefined>) => void;

const FILE_AT_ONCE = 65_536;
/** PIPE_BUF: up to this a pipe takes a write whole, so a line this long is never cut in two by another writer. */
const PIPE_AT_ONCE = 4_096;
/** A full pipe holds 64 KiB, so trying this often lets some 13 MB a second through: more than a reader that was too slow takes. */
const RETRY_MILLISECONDS = 5;

const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
/** Non-blocking for the sake of named pipes, which without a reader would not even open; files do not mind. */
const FILE_FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK;

/**
 * Opens an output.
 *
 * A record is written within the event loop where that cannot block: it costs 2 to 5 µs, against 9 to 41 µs by way of
 * the thread pool (sonic-boom's asynchronous mode, 32 and 1 reviews at a time). sonic-boom's synchronous mode is as fast,
 * but a reader that stalls would stall the event loop with it, health checks included; and a thread that waits in the
 * kernel for the reader keeps the process from ending (measured: `process.exit` waits for it). So a pipe is opened a
 * second time, non-blocking: its first description may be shared with processes that the flag would surprise.
 * @returns INTERNAL_ERROR where it cannot be opened
 */
export function openOutput(destination: Destination): Result<Output> {
  try {
    const fd = destination.kind === 'file' ? openSync(destination.path, FILE_FLAGS, 0o640) : destination.fd;
    const stat = fstatSync(fd);
    const shared = destination.kind === 'descriptor' && !stat.isFile();
    const second = shared ? secondNonBlocking(fd) : undefined;
    const fast = shared ? second : fd;
    return ok({
      atOnce: stat.isFile() ? FILE_AT_ONCE : PIPE_AT_ONCE,
      writeNow: (bytes) => (fast === undefined ? ok(0) : writeNow(fast, bytes)),
      writeAll: (bytes, done) => (fast === undefined ? writeInPool(fd, bytes, done) : writeInTurns(fast, bytes, done)),
      close: () => {
        if (second !== undefined) closeSync(second);
        if (destination.kind === 'file') closeSync(fd);
      },
    });
  } catch (cause) {
    return broken(cause, 'opened');
  }
}

/** A second, non-blocking description of a pipe or device; undefined where there is none to be had, as for sockets. */
function secondNonBlocking(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_APPEND | O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function writeNow(fd: number, bytes: Buffer): Result<number> {
  try {
    return ok(writeSync(fd, bytes));
  } catch (cause) {
    return codeOf(cause) === 'EAGAIN' ? ok(0) : broken(cause, 'written');
  }
}

/** Tries again until the reader has made room; nothing is stuck in the kernel meanwhile, so the process can still end. */
function writeInTurns(fd: number, bytes: Buffer, done: Done): void {
  const result = writeNow(fd, bytes);
  if (!result.ok) done(result);
  else if (result.value === bytes.length) done(ok(undefined));
  else setTimeout(writeInTurns, RETRY_MILLISECONDS, fd, bytes.subarray(result.value), done);
}

/** For what has no second description (sockets, systems without /proc): a thread waits in the kernel. */
function writeInPool(fd: number, bytes: Buffer, done: Done): void {
  write(fd, bytes, 0, bytes.length, null, (cause, written) => {
    if (cause !== null && codeOf(cause) === 'EAGAIN') {
      // Somebody made the description itself non-blocking: the kernel does not wait for us.
      setTimeout(writeInPool, RETRY_MILLISECONDS, fd, bytes, done);
    } else if (cause !== null) done(broken(cause, 'written'));
    else if (written < bytes.length) writeInPool(fd, bytes.subarray(written), done);
    else done(ok(undefined));
  });
}

function broken(cause: unknown, what: string): { readonly ok: false; readonly failure: Failure } {
  return failed('INTERNAL_ERROR', `the audit log cannot be ${what} (${codeOf(cause)})`, cause);
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}
