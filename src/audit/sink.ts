import { type Failure, ok, type Result } from '../codes/result.ts';
import { type Destination, openOutput } from './output.ts';
import { type AuditRecord, auditLine } from './record.ts';

/** The audit log. */
export type AuditSink = {
  /**
   * Resolves once the operating system has the record, and never before: whoever waits for it before answering admits
   * nothing without its record. Never rejects. A blocked output is waited for; after a broken one nothing resolves any more.
   */
  readonly write: (record: AuditRecord) => Promise<void>;
  /** Whether more waits to be written than should: the server then sheds load before it decides anything. */
  readonly congested: () => boolean;
  /** Opens the file anew, after somebody moved it away. For a descriptor, nothing. */
  readonly reopen: () => void;
  /** Resolves once everything is written, or never will be. After it nothing is taken any more. */
  readonly close: () => Promise<void>;
};

/** How the audit log is kept. */
export type SinkOptions = {
  readonly destination: Destination;
  /**
   * Called once when the output is broken (EPIPE, ENOSPC, EIO): nothing can be recorded any more, so the process has to
   * end and be started anew.
   */
  readonly onFatal: (failure: Failure) => void;
};

/** Some thousand records: a healthy output never holds back more than those of one turn of the event loop. */
const CONGESTED_BYTES = 1_048_576;

type Waiting = { readonly line: string; readonly written: () => void };

/**
 * Opens the audit log. The records of one turn of the event loop are written together.
 * @returns INTERNAL_ERROR where the output cannot be opened
 */
export function openAuditSink(options: SinkOptions): Result<AuditSink> {
  const opened = openOutput(options.destination);
  if (!opened.ok) return opened;

  let output = opened.value;
  let queue: Waiting[] = [];
  let waitingBytes = 0;
  let state: 'idle' | 'scheduled' | 'waiting' | 'ended' = 'idle';
  let reopenWanted = false;
  const closing: (() => void)[] = [];

  const broken = (failure: Failure) => {
    state = 'ended';
    queue = [];
    options.onFatal(failure);
    settle();
  };

  const flush = () => {
    const lines = queue;
    queue = [];
    for (let next = 0; next < lines.length; ) {
      const batch = takeBatch(lines, next, output.atOnce);
      next += batch.lines.length;
      const result = output.writeNow(batch.bytes);
      if (!result.ok) return broken(result.failure);
      if (result.value === batch.bytes.length) {
        done(batch);
        continue;
      }
      state = 'waiting';
      queue = lines.slice(next);
      output.writeAll(batch.bytes.subarray(result.value), (all) => {
        if (!all.ok) return broken(all.failure);
        done(batch);
        flush();
      });
      return;
    }
    state = 'idle';
    if (reopenWanted) reopen();
    settle();
  };

  const settle = () => {
    for (const resolve of closing.splice(0)) resolve();
  };

  const done = (batch: Batch) => {
    waitingBytes -= batch.bytes.length;
    for (const { written } of batch.lines) written();
  };

  const reopen = () => {
    reopenWanted = false;
    const again = openOutput(options.destination);
    if (!again.ok) return broken(again.failure);
    output.close();
    output = again.value;
  };

  return ok({
    write: (record) =>
      new Promise((resolve) => {
        // Nothing is recorded any more, so nothing may be admitted any more: this stays open until the process ends.
        if (state === 'ended') return;
        const line = auditLine(record);
        waitingBytes += Buffer.byteLength(line);
        queue.push({ line, written: resolve });
        if (state !== 'idle') return;
        state = 'scheduled';
        setImmediate(flush);
      }),
    congested: () => waitingBytes > CONGESTED_BYTES,
    reopen: () => {
      if (options.destination.kind === 'descriptor' || state === 'ended') return;
      if (state === 'waiting') reopenWanted = true;
      else reopen();
    },
    close: async () => {
      if (state === 'scheduled' || state === 'waiting') await new Promise<void>((resolve) => closing.push(resolve));
      if (state === 'ended') return;
      state = 'ended';
      output.close();
    },
  });
}

type Batch = { readonly lines: readonly Waiting[]; readonly bytes: Buffer };

/** As many whole lines as are written at once, and at least one. */
function takeBatch(lines: readonly Waiting[], from: number, atOnce: number): Batch {
  let text = '';
  let size = 0;
  let to = from;
  for (let line = lines[to]; line !== undefined; line = lines[++to]) {
    size += Buffer.byteLength(line.line);
    if (to > from && size > atOnce) break;
    text += line.line;
  }
  return { lines: lines.slice(from, to), bytes: Buffer.from(text) };
}
