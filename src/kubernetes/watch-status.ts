import type { Failure } from '../codes/result.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { Clock } from './clock.ts';

/** How one watch is, for readiness, metrics and whoever asks. */
export type WatchState = {
  /**
   * `listed`: all is known, changes are about to be followed. `failing`: it is not known what the API server has now;
   * what was last seen is kept. `absent`: there is no such kind.
   */
  readonly phase: 'starting' | 'listed' | 'watching' | 'failing' | 'absent' | 'closed';
  /** Whether everything was seen at least once; that a kind is absent counts, for then there is nothing. */
  readonly synced: boolean;
  /** When anything was last heard: a list, an event, a bookmark. Milliseconds since the epoch. */
  readonly lastHeardAt: number | undefined;
  readonly failingSince: number | undefined;
  readonly reason: Failure | undefined;
  readonly objects: number;
  /** How many of them do not parse. */
  readonly broken: number;
  readonly lists: number;
  readonly failures: number;
  readonly handlerErrors: number;
  /** Whether the handler failed with the newest objects and is to be tried again. */
  readonly undelivered: boolean;
};

/** What the loop reports. */
export type WatchStatus = {
  /** A sign of life: an event or bookmark. */
  readonly heard: () => void;
  /** Everything was listed. */
  readonly listed: () => void;
  /** A watch was accepted: from here on changes come by themselves. */
  readonly following: () => void;
  readonly absent: () => void;
  readonly failed: (failure: Failure) => void;
  readonly closed: () => void;
  readonly current: () => Pick<
    WatchState,
    'phase' | 'synced' | 'lastHeardAt' | 'failingSince' | 'reason' | 'lists' | 'failures'
  >;
};

/** Keeps the state of one watch, and writes to the log when trouble begins, changes and ends: not each time it is met. */
export function createWatchStatus(name: string, clock: Clock, logger: OperationalLogger): WatchStatus {
  let phase: WatchState['phase'] = 'starting';
  let synced = false;
  let lastHeardAt: number | undefined;
  let trouble: { readonly since: number; readonly reason: Failure } | undefined;
  let lists = 0;
  let failures = 0;

  const well = (now: 'listed' | 'watching' | 'absent') => {
    if (trouble !== undefined) {
      const seconds = Math.round((clock.now() - trouble.since) / 1000);
      logger.info({ watch: name, seconds }, 'the API server is heard again');
    }
    if (now === 'absent' && phase !== 'absent') logger.info({ watch: name }, 'the cluster has no such kind');
    trouble = undefined;
    phase = now;
    lastHeardAt = clock.now();
  };

  return {
    heard: () => {
      lastHeardAt = clock.now();
    },
    listed: () => {
      lists++;
      synced = true;
      well('listed');
    },
    following: () => well('watching'),
    absent: () => {
      synced = true;
      well('absent');
    },
    failed: (reason) => {
      failures++;
      if (trouble?.reason.code !== reason.code) {
        logger.warn({ watch: name, code: reason.code, reason: reason.message }, 'a watch fails; what was seen is kept');
      }
      trouble = { since: trouble?.since ?? clock.now(), reason };
      phase = 'failing';
    },
    closed: () => {
      phase = 'closed';
    },
    current: () => ({
      phase,
      synced,
      lastHeardAt,
      failingSince: trouble?.since,
      reason: trouble?.reason,
      lists,
      failures,
    }),
  };
}
