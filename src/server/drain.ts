import type { OperationalLogger } from '../telemetry/logger.ts';

/** How a server stops. */
export type DrainOptions = {
  /** How long requests are still accepted while readiness says no, in seconds: until no endpoint list names us any more. */
  readonly seconds: number;
  /** How long answers that are under way may then take, in seconds. */
  readonly graceSeconds: number;
  /** Stops listening, and is done when the last connection is. */
  readonly close: () => Promise<void>;
  /** Ends what is left. */
  readonly destroy: () => void;
};

/** Stopping, step by step. */
export type Drain = {
  /** Whether stopping has begun: readiness is 503 and every response closes its connection. */
  readonly draining: () => boolean;
  /** Stops; done when nothing is left. Called again it gives the same promise. `at-once` leaves out the first step. */
  readonly run: (how?: 'at-once') => Promise<void>;
};

/**
 * The order in which a webhook leaves without a request lost: not ready, still accepting; then closed, answering what is
 * under way; then gone.
 * @see reference/ecosystem.md §4.4
 */
export function createDrain(options: DrainOptions): Drain {
  let begun: Promise<void> | undefined;
  let hurry: (() => void) | undefined;

  const stop = async (seconds: number): Promise<void> => {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const hardStop = setTimeout(options.destroy, options.graceSeconds * 1000);
    await options.close();
    clearTimeout(hardStop);
  };

  return {
    draining: () => begun !== undefined,
    run: (how) => {
      begun ??= stop(how === 'at-once' ? 0 : options.seconds);
      if (how === 'at-once') hurry?.();
      return begun;
    },
  };
}

/** What a process is stopped by, and how it ends. */
export type StopOptions = {
  /** Drains and closes; the process exits with 0 after it. */
  readonly stop: () => Promise<void>;
  readonly logger: OperationalLogger;
  readonly exit: (status: number) => void;
  /** Where signals and stray errors come from. */
  readonly process: Pick<NodeJS.EventEmitter, 'on'>;
};

/**
 * Has SIGTERM and SIGINT stop the process in order, and a second one at once. An error that nobody caught ends it: a
 * process of which nobody knows what still works answers nobody's reviews.
 */
export function stopOnSignals({ stop, logger, exit, process }: StopOptions): void {
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) return exit(1);
      logger.info({ signal }, 'stopping: requests are still accepted until no one sends any');
      stop().then(
        () => exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'stopping failed');
          exit(1);
        },
      );
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      logger.fatal({ err: error }, `${event}: countersign stops`);
      exit(1);
    });
  }
}
