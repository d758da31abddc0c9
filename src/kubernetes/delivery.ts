import type { OperationalLogger } from '../telemetry/logger.ts';
import { createBackOff } from './back-off.ts';
import type { Clock } from './clock.ts';

/** Hands values to a handler that may fail. */
export type Delivery<V> = {
  /** Hands over what is so now. What the handler throws goes nowhere; it gets the newest value again after a while. */
  readonly hand: (value: V) => void;
  /** How often the handler failed. */
  readonly errors: () => number;
  /** Whether the handler failed with the newest value: what it made of an older one is still in force. */
  readonly undelivered: () => boolean;
  readonly close: () => void;
};

/** Handlers are tried again after a second, then ever less often, at least once a minute. */
const FIRST_MS = 2_000;
const CAP_MS = 60_000;

/** Makes a delivery; `name` is for the log. */
export function createDelivery<V>(
  handler: (value: V) => void | Promise<void>,
  options: {
    readonly name: string;
    readonly clock: Clock;
    readonly random: () => number;
    readonly logger: OperationalLogger;
  },
): Delivery<V> {
  const { clock, logger, name } = options;
  const backOff = createBackOff(FIRST_MS, CAP_MS, options.random);
  let errors = 0;
  let round = 0;
  let undelivered = false;
  let callOff = () => {};

  const failedWith = (error: unknown, value: V, inRound: number) => {
    errors++;
    logger.error({ err: error, watch: name }, 'what changed in the cluster could not be put in force; trying again');
    // A newer value was handed over meanwhile, and its fate is what counts.
    if (inRound !== round) return;
    undelivered = true;
    callOff();
    callOff = clock.after(backOff.next(), () => attempt(value));
  };
  const succeeded = (inRound: number) => {
    if (inRound !== round) return;
    undelivered = false;
    backOff.reset();
  };
  const attempt = (value: V) => {
    const inRound = ++round;
    try {
      const returned = handler(value);
      if (returned instanceof Promise) {
        returned.then(
          () => succeeded(inRound),
          (error: unknown) => failedWith(error, value, inRound),
        );
      } else succeeded(inRound);
    } catch (error) {
      failedWith(error, value, inRound);
    }
  };

  return {
    hand: (value) => {
      callOff();
      attempt(value);
    },
    errors: () => errors,
    undelivered: () => undelivered,
    close: () => {
      round++;
      callOff();
    },
  };
}
