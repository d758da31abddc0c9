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
  readonly writeAll: (bytes: Buffer, done: (result: Result<undefined>) => void) => void;
  readonly close: () => void;
};

const FILE_AT_ONCE = 65_536;
/** PIPE_BUF: up to this a pipe takes a write whole, so a line is never cut in two by another writer's. */
const PIPE_AT_ONCE = 4_096;
const RETRY_MILLISECONDS = 10;

/**
 * Opens an output.
 *
 * A record is written within the event loop where that cannot block: it costs 2 to 5 µs, against 9 to 41 µs by way of
 * the thread pool (sonic-boom's asynchronous mode, 32 and 1 reviews at a time). sonic-boom's synchronous mode is as fast,
 * but a reader that stalls would stall the event loop with it, health checks included. So a pipe is opened a second
 * time, non-blocking (its first description may be shared with other processes, which would be surprised by the flag), and only
 * what finds it full goes to the thread pool, which waits in the kernel.
 * @returns INTERNAL_ERROR where it cannot be opened
 */
export function openOutput(destination: Destination): Result<Output> {
  try {
    const fd = destination.kind === 'file' ? openSync(destination.path, 'a', 0o640) : destination.fd;
    const stat = fstatSync(fd);
    const second = stat.isFIFO() || stat.isCharacterDevice() ? secondNonBlocking(fd) : undefined;
    const fast = stat.isFile() ? fd : second;
    return ok({
      atOnce: stat.isFile() ? FILE_AT_ONCE : PIPE_AT_ONCE,
      writeNow: (bytes) => (fast === undefined ? ok(0) : writeNow(fast, bytes)),
      writeAll: (bytes, done) => writeAll(fd, bytes, done),
      close: () => {
        if (second !== undefined) closeSync(second);
        if (destination.kind === 'file') closeSync(fd);
      },
    });
  } catch (cause) {
    return broken(cause, 'opened');
  }
}

/** A second, non-blocking description of a pipe or device; undefined where the system has none to give. */
function secondNonBlocking(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK);
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

function writeAll(fd: number, bytes: Buffer, done: (result: Result<undefined>) => void): void {
  write(fd, bytes, 0, bytes.length, null, (cause, written) => {
    if (cause !== null && codeOf(cause) === 'EAGAIN') {
      // Somebody made the description itself non-blocking: the kernel cannot wait for us.
      setTimeout(writeAll, RETRY_MILLISECONDS, fd, bytes, done);
    } else if (cause !== null) done(broken(cause, 'written'));
    else if (written < bytes.length) writeAll(fd, bytes.subarray(written), done);
    else done(ok(undefined));
  });
}

function broken(cause: unknown, what: string): { readonly ok: false; readonly failure: Failure } {
  return failed('INTERNAL_ERROR', `the audit log cannot be ${what} (${codeOf(cause)})`, cause);
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
}
