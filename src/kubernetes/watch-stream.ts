import { failure } from '../codes/result.ts';
import type { Clock } from './clock.ts';
import type { Stream } from './connection.ts';
import type { ApiFailure } from './failures.ts';
import { createLineReader } from './lines.ts';
import { readEvent, type WatchEvent } from './watch-event.ts';

/** How a stream is read. */
export type StreamOptions = {
  readonly clock: Clock;
  /** Milliseconds without a whole event after which the stream is cut: it may be dead without anybody having said so. */
  readonly silenceMs: number;
  /** Bytes of one event at most. */
  readonly maxEventBytes: number;
  /** Gets the events that came together. @returns why the stream is not to be read any more, or undefined to go on */
  readonly onEvents: (events: readonly WatchEvent[]) => ApiFailure | 'enough' | undefined;
};

/** How a stream came to its end: as announced, because `onEvents` had enough, or by trouble. */
export type StreamEnd = 'ended' | 'enough' | ApiFailure;

/** Reads the events of a watch until it ends. Never throws what the connection or the server brings about. */
export async function readEvents(stream: Stream, options: StreamOptions): Promise<StreamEnd> {
  const lines = createLineReader(options.maxEventBytes);
  const cut: { silent: boolean } = { silent: false };
  const armed = () =>
    options.clock.after(options.silenceMs, () => {
      cut.silent = true;
      stream.cut();
    });
  let disarm = armed();
  const chunks = stream.chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await nextChunk(chunks, stream);
      if (next.kind === 'failed') return cut.silent ? silence(options.silenceMs) : next.failure;
      if (next.kind === 'done') break;

      const whole = lines.push(next.chunk);
      if (!whole.ok) return { kind: 'failed', failure: whole.failure };
      const read = whole.value.filter((line) => line.length > 0).map(readEvent);
      // What came before the trouble is believed; the trouble is told after it.
      const trouble = read.findIndex((event) => !event.ok);
      const events = (trouble < 0 ? read : read.slice(0, trouble)).flatMap((event) => (event.ok ? [event.value] : []));
      const end = events.length > 0 ? options.onEvents(events) : undefined;
      const bad = read[trouble];
      if (end !== undefined) return end;
      if (bad !== undefined && !bad.ok) return bad.failure;
      if (events.length === 0) continue;
      // Only a whole event is a sign of life: bytes can trickle for ever.
      disarm();
      disarm = armed();
    }
  } finally {
    disarm();
    stream.cut();
  }
  if (lines.pending() === 0) return 'ended';
  return { kind: 'failed', failure: failure('CLUSTER_UNREACHABLE', 'the API server ended a watch within an event') };
}

type Next = { kind: 'chunk'; chunk: Uint8Array } | { kind: 'done' } | { kind: 'failed'; failure: ApiFailure };

/** Only what the connection throws is caught: an exception of ours is a defect and must not look like a lost connection. */
async function nextChunk(chunks: AsyncIterator<Uint8Array>, stream: Stream): Promise<Next> {
  try {
    const next = await chunks.next();
    return next.done === true ? { kind: 'done' } : { kind: 'chunk', chunk: next.value };
  } catch (error) {
    return { kind: 'failed', failure: stream.failureOf(error) };
  }
}

function silence(milliseconds: number): ApiFailure {
  const seconds = Math.round(milliseconds / 1000);
  return {
    kind: 'failed',
    failure: failure('CLUSTER_UNREACHABLE', `the API server was silent on a watch for ${seconds} seconds`),
  };
}
