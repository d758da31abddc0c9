import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Registry } from 'prom-client';
import { counterOnScrape, gaugeOnScrape } from './read-on-scrape.ts';

/**
 * Registers what the process costs, under Prometheus' usual names, read when scraped and not between: prom-client's own
 * default metrics keep a histogram timer and a garbage collection observer running.
 */
export function registerProcessMetrics(registry: Registry): void {
  counterOnScrape(registry, 'process_cpu_seconds_total', 'User and system CPU time spent, in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gaugeOnScrape(registry, 'process_resident_memory_bytes', 'Resident memory, in bytes.', () =>
    process.memoryUsage.rss(),
  );
  gaugeOnScrape(
    registry,
    'process_start_time_seconds',
    'When the process started, in seconds since the epoch.',
    () => performance.timeOrigin / 1000,
  );
  gaugeOnScrape(
    registry,
    'process_open_fds',
    'Open file descriptors; left out where the system does not tell.',
    openFiles,
  );
  gaugeOnScrape(
    registry,
    'nodejs_heap_size_used_bytes',
    'Heap in use, in bytes.',
    () => process.memoryUsage().heapUsed,
  );

  let before = performance.eventLoopUtilization();
  gaugeOnScrape(
    registry,
    'nodejs_eventloop_utilization',
    'Share of the time since the last scrape in which the event loop was busy, from 0 to 1.',
    () => {
      const now = performance.eventLoopUtilization();
      const since = performance.eventLoopUtilization(now, before);
      before = now;
      return since.utilization;
    },
  );
}

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
