import { failure, type Result } from '../codes/result.ts';
import type { JsonObject } from '../encoding/strict-json.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { ApiClient, Selection } from './api.ts';
import { createBackOff } from './back-off.ts';
import { type Clock, pause, systemClock } from './clock.ts';
import { createDelivery } from './delivery.ts';
import type { ApiFailure } from './failures.ts';
import { type ListBounds, listAll, tooMuch } from './list-all.ts';
import { type Resource, shownResource } from './resource.ts';
import { isServed } from './served.ts';
import { createStore, type Watched } from './store.ts';
import { isOlder, type WatchEvent } from './watch-event.ts';
import { createWatchStatus, type WatchState } from './watch-status.ts';
import { readEvents } from './watch-stream.ts';

/** What is watched, and who is told. */
export type WatchOptions<T> = Selection & {
  /** Makes of an object what is kept. An object that fails stays in the map as a failure. */
  readonly parse: (object: JsonObject) => Result<T>;
  /**
   * Told of all objects, by `namespace/name` or name, after the first list and after each change; events that arrive
   * together are told together. It may throw: it is logged and counted, and the handler is called again after a while.
   */
  readonly onChange: (all: ReadonlyMap<string, Watched<T>>) => void | Promise<void>;
  readonly logger: OperationalLogger;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Everything is listed again this often (default 10 minutes), against whatever a watch may have missed. */
  readonly resyncMs?: number;
  readonly bounds?: ListBounds;
};

/** A watch that goes on until it is closed. */
export type Watch<T> = {
  /** Resolves when everything was seen once, with true, or when the watch was closed before, with false. */
  readonly synced: Promise<boolean>;
  readonly state: () => WatchState;
  /** The objects as they were last seen. */
  readonly all: () => ReadonlyMap<string, Watched<T>>;
  readonly close: () => Promise<void>;
};

const WATCH_SECONDS = 290;
const WATCH_JITTER_SECONDS = 60;
/** What a stream may be late beyond its announced end. */
const GRACE_MS = 30_000;
const RESYNC_MS = 600_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A kind that is absent is looked for again after half of this, and as much again at random. */
const ABSENT_PAUSE_MS = 60_000;
const REQUEST_MS = 60_000;
/** A watch that ends sooner and without a word is none: to open the next at once would be a storm of requests. */
const SHORTEST_WATCH_MS = 1_000;
/** After so many failures in a row it is listed: the version to resume from may be what the API server cannot serve. */
const RESUMES = 2;
const MAX_EVENT_BYTES = 8 * 1024 * 1024;
const BOUNDS: ListBounds = { objects: 20_000, bytes: 64 * 1024 * 1024 };

/** What one step of the loop came to. */
type Step =
  | { readonly kind: 'went-on' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'trouble'; readonly failure: ApiFailure };

/**
 * Lists a resource and follows its changes for ever (reference/ecosystem.md §1.2).
 *
 * While the API server is away, refuses or answers nonsense, what was last seen stays, and the state says since when and
 * why. A list is taken at the latest state; what is not in it is gone. A kind that does not exist is no trouble: it is
 * looked for again within a minute.
 */
export function watchResource<T>(api: ApiClient, resource: Resource, options: WatchOptions<T>): Watch<T> {
  const { logger, clock = systemClock, random = Math.random, bounds = BOUNDS } = options;
  const name = shownResource(resource);
  const selection: Selection = {
    ...(options.labelSelector !== undefined && { labelSelector: options.labelSelector }),
    ...(options.fieldSelector !== undefined && { fieldSelector: options.fieldSelector }),
  };
  const controller = new AbortController();
  const { signal } = controller;
  const status = createWatchStatus(name, clock, logger);
  const delivery = createDelivery(options.onChange, { name, clock, random, logger });
  let parserErrors = 0;
  const store = createStore(options.parse, (error, { key }) => {
    parserErrors++;
    logger.error({ err: error, watch: name, object: key }, 'an object could not be read');
  });
  const synced = Promise.withResolvers<boolean>();
  const backOff = createBackOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, random);

  /** Where the next watch goes on; undefined where only a list can tell. */
  let position: string | undefined;
  let listedAt = 0;
  let failuresInARow = 0;

  const allIsWell = () => {
    failuresInARow = 0;
    backOff.reset();
  };
  const tell = (changed: boolean) => {
    if (changed || !status.current().synced) delivery.hand(store.all());
  };
  const isResyncDue = () => clock.elapsed() - listedAt >= (options.resyncMs ?? RESYNC_MS);

  async function list(): Promise<Step> {
    const found = await listAll(api, resource, { ...selection, bounds, signal, timeoutMs: REQUEST_MS });
    if (found.ok) {
      tell(store.replace(found.value.objects));
      status.listed();
      synced.resolve(true);
      position = found.value.resourceVersion;
      listedAt = clock.elapsed();
      return { kind: 'went-on' };
    }
    if (found.failure.kind !== 'absent') return { kind: 'trouble', failure: found.failure };
    const served = await isServed(api, resource, signal);
    if (!served.ok) return { kind: 'trouble', failure: served.failure };
    if (served.value) return { kind: 'trouble', failure: found.failure };
    tell(store.replace([]));
    status.absent();
    synced.resolve(true);
    return { kind: 'absent' };
  }

  async function follow(from: string): Promise<Step> {
    const timeoutSeconds = WATCH_SECONDS + Math.round((random() - 0.5) * WATCH_JITTER_SECONDS);
    const opened = await api.watch(
      resource,
      { ...selection, resourceVersion: from, timeoutSeconds },
      { signal, timeoutMs: REQUEST_MS },
    );
    if (!opened.ok) {
      // Gone or unknown to the API server: only a list can say what there is now.
      if (opened.failure.kind !== 'failed') position = undefined;
      return { kind: 'trouble', failure: opened.failure };
    }
    status.following();
    const openedAt = clock.elapsed();
    const seen: { events: boolean } = { events: false };
    const end = await readEvents(opened.value, {
      clock,
      silenceMs: timeoutSeconds * 1000 + GRACE_MS,
      maxEventBytes: MAX_EVENT_BYTES,
      onEvents: (events) => {
        seen.events = true;
        allIsWell();
        return take(events) ?? (isResyncDue() ? 'enough' : undefined);
      },
    });
    const lasted = clock.elapsed() - openedAt;
    if (lasted >= LONGEST_PAUSE_MS) allIsWell();
    if (end === 'enough' || isResyncDue()) position = undefined;
    if (end === 'enough') return { kind: 'went-on' };
    if (end !== 'ended') {
      // Lost connections resume; what the API server says is wrong, or says wrongly, begins anew.
      if (end.kind !== 'failed' || end.failure.code !== 'CLUSTER_UNREACHABLE') position = undefined;
      return { kind: 'trouble', failure: end };
    }
    if (seen.events || lasted >= SHORTEST_WATCH_MS) return { kind: 'went-on' };
    const atOnce = failure('CLUSTER_UNAVAILABLE', 'the API server ended a watch as soon as it began');
    return { kind: 'trouble', failure: { kind: 'failed', failure: atOnce } };
  }

  /** Takes events in their order. @returns why the stream is not to be believed any more */
  function take(events: readonly WatchEvent[]): ApiFailure | undefined {
    let changed = false;
    let doubt: ApiFailure | undefined;
    for (const event of events) {
      if (position !== undefined && isOlder(event.resourceVersion, position)) {
        const of = failure('CLUSTER_ANSWER_UNUSABLE', 'the API server sent an event from before the one before it');
        doubt = { kind: 'failed', failure: of };
        break;
      }
      if (event.kind === 'changed') changed = store.put(event.of) || changed;
      if (event.kind === 'removed') changed = store.remove(event.of.header.key) || changed;
      position = event.resourceVersion;
    }
    status.heard();
    tell(changed);
    const { objects, bytes } = store.statistics();
    if (changed && (objects > bounds.objects || bytes > bounds.bytes)) return tooMuch(resource, bounds).failure;
    return doubt;
  }

  async function step(): Promise<Step> {
    try {
      return position === undefined ? await list() : await follow(position);
    } catch (error) {
      // Nothing in here throws; if something does, a dead watch must not look like a quiet cluster.
      logger.error({ err: error, watch: name }, 'a defect in a watch; it goes on');
      position = undefined;
      return {
        kind: 'trouble',
        failure: { kind: 'failed', failure: failure('INTERNAL_ERROR', 'a defect in the watch') },
      };
    }
  }

  async function run(): Promise<void> {
    for (;;) {
      const came = await step();
      if (signal.aborted) return;
      if (came.kind === 'went-on') continue;
      if (came.kind === 'absent') {
        allIsWell();
        await pause(clock, ABSENT_PAUSE_MS * (0.5 + random() / 2), signal);
        continue;
      }
      const { failure: trouble } = came;
      failuresInARow++;
      // The API server forgets old versions as a matter of course; only to be told so again and again is trouble.
      if (trouble.kind === 'expired' && failuresInARow === 1) continue;
      status.failed(trouble.failure);
      if (failuresInARow >= RESUMES) position = undefined;
      await pause(clock, backOff.next(trouble.kind === 'failed' ? trouble.retryAfterMs : 0), signal);
    }
  }
  const running = run();

  return {
    synced: synced.promise,
    all: store.all,
    state: () => {
      const { objects, broken } = store.statistics();
      const handlerErrors = delivery.errors() + parserErrors;
      return { ...status.current(), objects, broken, handlerErrors, undelivered: delivery.undelivered() };
    },
    close: async () => {
      controller.abort();
      await running;
      delivery.close();
      status.closed();
      synced.resolve(false);
    },
  };
}
