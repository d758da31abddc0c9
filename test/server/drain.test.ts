import { EventEmitter } from 'node:events';
import { Agent } from 'node:https';
import { describe, expect, it, vi } from 'vitest';
import type { Answer } from '../../src/server/create-server.ts';
import { createDrain, stopOnSignals } from '../../src/server/drain.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { ask, send, started } from './fixture.ts';

describe('stopping', () => {
  it('answers what is under way, accepts new requests, closes every connection and is not ready', async () => {
    const release = Promise.withResolvers<void>();
    const slow: Answer = async () => {
      await release.promise;
      return { status: 200, body: '{"slow":true}' };
    };
    const quick: Answer = async () => ({ status: 200, body: '{}' });
    const server = await started({ drainSeconds: 0.3, routes: { '/validate': quick, '/slow': slow } });
    expect((await send(server, '/validate')).headers.connection).toBe('keep-alive');
    expect((await ask(server, '/readyz')).status).toBe(200);

    const underWay = send(server, '/slow');
    await vi.waitFor(async () =>
      expect((await ask(server, '/metrics')).text).toContain('countersign_reviews_in_flight 1'),
    );
    const drained = server.drain();

    const ready = await ask(server, '/readyz');
    expect(ready).toMatchObject({ status: 503, text: expect.stringContaining('shutting down') });
    expect((await ask(server, '/healthz')).status).toBe(200);
    const kept = await send(server, '/validate');
    expect(kept).toMatchObject({ status: 200, headers: { connection: 'close' } });
    const fresh = await send(server, '/validate', { agent: new Agent() });
    expect(fresh).toMatchObject({ status: 200, headers: { connection: 'close' } });
    expect((await send(server, '/nowhere')).headers.connection).toBe('close');

    release.resolve();
    expect(await underWay).toMatchObject({ status: 200, text: '{"slow":true}', headers: { connection: 'close' } });
    await drained;
    await expect(send(server, '/validate', { agent: new Agent() })).rejects.toThrow('ECONNREFUSED');
    await expect(ask(server, '/healthz')).rejects.toThrow('ECONNREFUSED');
  });

  it('sheds with 503 and Retry-After while it is shutting down', async () => {
    const release = Promise.withResolvers<void>();
    const server = await started({
      drainSeconds: 5,
      limits: { bodyBytes: 1024, bytesInFlight: 1024, concurrency: 1 },
      routes: { '/validate': () => release.promise.then(() => ({ status: 200, body: '{}' })) },
    });
    const first = send(server, '/validate');
    await vi.waitFor(async () =>
      expect((await ask(server, '/metrics')).text).toContain('countersign_reviews_in_flight 1'),
    );
    void server.drain();
    expect(await send(server, '/validate')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1', connection: 'close' },
    });
    release.resolve();
    expect((await first).status).toBe(200);
  });

  it('answers a request that is under way when it closes, and one that comes on its connection', async () => {
    const release = Promise.withResolvers<void>();
    const server = await started({
      routes: { '/validate': () => release.promise.then(() => ({ status: 200, body: '{}' })) },
    });
    const underWay = send(server, '/validate');
    await vi.waitFor(async () =>
      expect((await ask(server, '/metrics')).text).toContain('countersign_reviews_in_flight 1'),
    );
    const closed = server.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    release.resolve();
    expect(await underWay).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await closed;
  });

  it('ends what does not end by itself', async () => {
    const server = await started({ graceSeconds: 0.1, routes: { '/validate': () => new Promise(() => undefined) } });
    const hanging = expect(send(server, '/validate')).rejects.toThrow();
    await vi.waitFor(async () =>
      expect((await ask(server, '/metrics')).text).toContain('countersign_reviews_in_flight 1'),
    );
    await server.close();
    await hanging;
  });

  it('can be hurried while it waits', async () => {
    const close = vi.fn(async () => undefined);
    const drain = createDrain({ seconds: 60, graceSeconds: 1, close, destroy: () => undefined });
    const slow = drain.run();
    expect(drain.draining()).toBe(true);
    expect(close).not.toHaveBeenCalled();
    await drain.run('at-once');
    await slow;
    expect(close).toHaveBeenCalledTimes(1);
  });
});

describe('a process', () => {
  const arranged = (stop: () => Promise<void>) => {
    const process = new EventEmitter();
    const exit = vi.fn();
    stopOnSignals({ stop, exit, process, logger: silentLogger });
    return { process, exit };
  };

  it.each(['SIGTERM', 'SIGINT'])('stops in order on %s, and at once on the second signal', async (signal) => {
    const stopped = Promise.withResolvers<void>();
    const { process, exit } = arranged(() => stopped.promise);
    process.emit(signal);
    expect(exit).not.toHaveBeenCalled();
    process.emit(signal);
    expect(exit).toHaveBeenLastCalledWith(1);
    stopped.resolve();
    await vi.waitFor(() => expect(exit).toHaveBeenLastCalledWith(0));
  });

  it.each(['uncaughtException', 'unhandledRejection'])('ends on an %s', (event) => {
    const { process, exit } = arranged(async () => undefined);
    process.emit(event, new Error('stray'));
    expect(exit).toHaveBeenCalledWith(1);
  });
});
