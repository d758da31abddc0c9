import { Gauge, type Registry } from 'prom-client';
import { boundedLabels } from './bounded-labels.ts';

/** How fresh one trusted root is; in milliseconds since the epoch, undefined where nobody knows. */
export type TrustedRootDates = {
  readonly root: string;
  /** When its source last confirmed that it is the current one. */
  readonly refreshedAt: number | undefined;
  /** Until when its source vouches for that. */
  readonly expiresAt: number | undefined;
};

/** How many trusted roots are told apart. */
const MAX_ROOTS = 64;

/**
 * Registers age and expiry of trusted roots, read when scraped. A root of which nothing is known has no series: an age
 * of zero would keep an alert quiet. Of two roots with one name the worse figure is shown.
 * @returns says how to read them; until then there are none
 */
export function registerTrustedRootMetrics(
  registry: Registry,
  clock: () => number,
): (read: () => Promise<readonly TrustedRootDates[]>) => void {
  let source = (): Promise<readonly TrustedRootDates[]> => Promise.resolve([]);
  const bounded = boundedLabels(MAX_ROOTS);

  const gauge = (
    name: string,
    help: string,
    worse: (a: number, b: number) => number,
    value: (dates: TrustedRootDates, now: number) => number | undefined,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['root'],
      registers: [registry],
      async collect() {
        const now = clock();
        const worst = new Map<string, number>();
        for (const dates of await source()) {
          const root = bounded(dates.root);
          const seconds = value(dates, now);
          if (seconds !== undefined) worst.set(root, worse(seconds, worst.get(root) ?? seconds));
        }
        this.reset();
        for (const [root, seconds] of worst) this.set({ root }, seconds);
      },
    });

  gauge(
    'countersign_trusted_root_age_seconds',
    'Seconds since the source of a trusted root last confirmed that it is the current one.',
    Math.max,
    ({ refreshedAt }, now) => (refreshedAt === undefined ? undefined : (now - refreshedAt) / 1000),
  );
  gauge(
    'countersign_trusted_root_expiry_seconds',
    'Seconds until the source of a trusted root no longer vouches for it; negative afterwards.',
    Math.min,
    ({ expiresAt }, now) => (expiresAt === undefined ? undefined : (expiresAt - now) / 1000),
  );

  return (read) => {
    source = read;
  };
}
