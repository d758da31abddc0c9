import { describe, expect, it } from 'vitest';
import { boundedLabels } from '../../src/telemetry/bounded-labels.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

describe('metrics', () => {
  it('keep the number of registry hosts bounded', async () => {
    const metrics = createMetrics();
    for (let i = 0; i < 1000; i++) metrics.registryRequest(`${i}.example`, 'manifest');
    const series = (await metrics.render())
      .split('\n')
      .filter((line) => line.startsWith('countersign_registry_requests_total{'));
    expect(series).toHaveLength(101);
    expect(series).toContain('countersign_registry_requests_total{host="other",class="manifest"} 900');
  });

  it('keep telling apart what was seen before the bound was reached', () => {
    const bounded = boundedLabels(2);
    expect(['a', 'b', 'c', 'a', 'b', 'd'].map(bounded)).toEqual(['a', 'b', 'other', 'a', 'b', 'other']);
  });

  it('show a watch only where there is one', async () => {
    const metrics = createMetrics();
    expect(await metrics.render()).not.toContain('countersign_watch_last_event_seconds');
    metrics.observeWatches(() => [{ resource: 'imagepolicies', lastHeardAt: 5000, failingSince: 6000 }]);
    expect(await metrics.render()).toContain('countersign_watch_last_event_seconds{resource="imagepolicies"} 5');
    expect(await metrics.render()).toContain('countersign_watch_failing{resource="imagepolicies"} 1');
  });

  it('read caches anew at each scrape, without adding up', async () => {
    const metrics = createMetrics();
    let hits = 1;
    metrics.observeCache('lists', () => ({ hits, misses: 0, evictions: 0, entries: 0, bytes: 0 }));
    await metrics.render();
    hits = 3;
    await metrics.render();
    expect(await metrics.render()).toContain('countersign_cache_hits_total{cache="lists"} 3');
  });

  it('forget states in which no policy is any more', async () => {
    const metrics = createMetrics();
    metrics.policies({ ready: 1, broken: 2 });
    metrics.policies({ ready: 3 });
    const text = await metrics.render();
    expect(text).toContain('countersign_policies{state="ready"} 3');
    expect(text).toContain('countersign_policies{state="broken"} 0');
  });

  it('of two servers in one process are apart', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.shed('bytes');
    expect(await one.render()).toContain('countersign_requests_shed_total{reason="bytes"} 1');
    expect(await other.render()).toContain('countersign_requests_shed_total{reason="bytes"} 0');
  });

  it('time reviews in explicit buckets', async () => {
    const metrics = createMetrics();
    metrics.seconds(0.002);
    const text = await metrics.render();
    expect(text).toContain('countersign_review_seconds_bucket{le="0.001"} 0');
    expect(text).toContain('countersign_review_seconds_bucket{le="0.0025"} 1');
  });
});
