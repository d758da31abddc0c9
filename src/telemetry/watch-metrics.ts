import { Gauge, type Registry } from 'prom-client';

/** How one watch of the cluster is, for the metrics. */
export type WatchHealth = {
  /** The resource's name, of which there are as many as kinds of policies. */
  readonly resource: string;
  /** When anything was last heard; milliseconds since the epoch. */
  readonly lastHeardAt: number | undefined;
  /** Since when the watch fails; undefined where all is well. */
  readonly failingSince: number | undefined;
};

/** Registers what is told of watches when somebody scrapes; without a watch there are no such metrics. */
export function registerWatchMetrics(registry: Registry, read: () => readonly WatchHealth[]): void {
  const gauge = (name: string, help: string, value: (of: WatchHealth) => number | undefined): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: ['resource'],
        registers: [],
        collect() {
          this.reset();
          for (const health of read()) {
            const seconds = value(health);
            if (seconds !== undefined) this.set({ resource: health.resource }, seconds);
          }
        },
      }),
    );
  };
  gauge(
    'countersign_watch_last_event_seconds',
    'When a watch last heard anything, in seconds since the epoch.',
    ({ lastHeardAt }) => (lastHeardAt === undefined ? undefined : lastHeardAt / 1000),
  );
  gauge(
    'countersign_watch_failing',
    'Whether a watch fails (1), so that the policies in force are those last seen.',
    ({ failingSince }) => (failingSince === undefined ? 0 : 1),
  );
}
