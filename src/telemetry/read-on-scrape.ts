import { Counter, Gauge, type Registry } from 'prom-client';

/** Registers a gauge whose value is read when it is scraped and costs nothing in between; undefined leaves it out. */
export function gaugeOnScrape(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  registry.registerMetric(
    new Gauge({
      name,
      help,
      registers: [],
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    }),
  );
}

/** Registers a counter that somebody else keeps, read when it is scraped. */
export function counterOnScrape(registry: Registry, name: string, help: string, read: () => number): void {
  registry.registerMetric(
    new Counter({
      name,
      help,
      registers: [],
      collect() {
        this.reset();
        this.inc(read());
      },
    }),
  );
}
