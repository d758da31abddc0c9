import { describe, expect, it } from 'vitest';
import { ask, send, started } from './fixture.ts';

describe('the metrics port', () => {
  it('says that the process lives, whatever else', async () => {
    const server = await started({ policiesProblem: () => 'no policies yet' });
    expect(await ask(server, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await ask(server, '/healthz?x=1')).toMatchObject({ status: 200 });
  });

  it('is ready once the policies are, and says what is missing', async () => {
    let problem: string | undefined = 'policies are being read';
    const server = await started({ policiesProblem: () => problem });
    expect(await ask(server, '/readyz')).toMatchObject({
      status: 503,
      text: expect.stringContaining('policies are being read'),
    });
    problem = undefined;
    expect(await ask(server, '/readyz')).toMatchObject({ status: 200 });
  });

  it('shows the metrics under their names', async () => {
    const server = await started();
    await send(server, '/validate');
    server.metrics.observeCache('proofs', () => ({ hits: 1, misses: 2, evictions: 3, entries: 4, bytes: 5 }));
    server.metrics.policies({ ready: 2 });
    const { text, headers } = await ask(server, '/metrics');
    expect(headers['content-type']).toContain('text/plain');
    for (const name of [
      'countersign_reviews_total',
      'countersign_image_outcomes_total',
      'countersign_review_seconds',
      'countersign_registry_requests_total',
      'countersign_cache_hits_total{cache="proofs"} 1',
      'countersign_cache_misses_total{cache="proofs"} 2',
      'countersign_cache_evictions_total{cache="proofs"} 3',
      'countersign_cache_entries{cache="proofs"} 4',
      'countersign_cache_bytes{cache="proofs"} 5',
      'countersign_policies{state="ready"} 2',
      'countersign_policies{state="broken"} 0',
      'countersign_certificate_expiry_seconds 1',
      'countersign_requests_shed_total{reason="bytes"} 0',
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
    ]) {
      expect(text).toContain(name);
    }
    expect(text).not.toContain('countersign_watch_last_event_seconds');
  });

  it('answers nothing else', async () => {
    const server = await started();
    expect((await ask(server, '/')).status).toBe(404);
    expect((await ask(server, '/metrics', 'POST')).status).toBe(405);
    expect(await ask(server, '/healthz', 'HEAD')).toMatchObject({ status: 200, text: '' });
  });
});

describe('starting', () => {
  it('says which address it cannot have, and leaves nothing behind', async () => {
    const { url, metricsUrl } = await started();
    const taken = (address: string) => ({ host: '127.0.0.1', port: Number(new URL(address).port) });
    await expect(started({ listen: taken(url) })).rejects.toThrow('EADDRINUSE');
    await expect(started({ metricsListen: taken(metricsUrl) })).rejects.toThrow('EADDRINUSE');
  });

  it('names addresses that can be connected to', async () => {
    const server = await started({
      listen: { host: '0.0.0.0', port: 0 },
      metricsListen: { host: 'localhost', port: 0 },
    });
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect((await send(server, '/validate')).status).toBe(200);
    expect((await ask(server, '/healthz')).status).toBe(200);
  });
});
