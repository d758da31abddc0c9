import { describe, expect, it, vi } from 'vitest';
import type { Answer } from '../../src/server/create-server.ts';
import { SERVER_TIMEOUTS } from '../../src/server/create-server.ts';
import { createLoad } from '../../src/server/load.ts';
import { ask, echo, rawConnection, send, started } from './fixture.ts';

const KIB = 1024;
const small = { bodyBytes: 64 * KIB, bytesInFlight: 128 * KIB, concurrency: 2 };
const HEAD = 'POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

/** An answer that waits to be let go. */
function held(): { readonly answer: Answer; readonly waiting: () => number; readonly letGo: () => void } {
  const release = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    answer: async () => {
      waiting += 1;
      await release.promise;
      return { status: 200, body: '{}' };
    },
    waiting: () => waiting,
    letGo: release.resolve,
  };
}

describe('bounds on what comes in', () => {
  it('answers a review on a kept connection', async () => {
    const server = await started();
    for (let i = 0; i < 3; i++) {
      const got = await send(server, '/validate', { body: '{"a":1}' });
      expect(got.status).toBe(200);
      expect(got.headers.connection).toBe('keep-alive');
      expect(JSON.parse(got.text).review).toEqual({ a: 1 });
    }
  });

  it('refuses a body that declares more than the limit, before it comes [peers 51]', async () => {
    const server = await started({ limits: small });
    const got = await send(server, '/validate', { body: Buffer.alloc(small.bodyBytes + 1, ' ') });
    expect(got.status).toBe(413);
    expect(JSON.parse(got.text)).toMatchObject({ kind: 'Status', code: 413 });
    expect((await send(server, '/validate')).status).toBe(200);
  });

  it('refuses an endless body without a length, and ends the connection [peers 51]', async () => {
    const server = await started({ limits: small });
    const { socket, closed, until } = await rawConnection(server);
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const pour = setInterval(() => socket.write(`4000\r\n${' '.repeat(0x4000)}\r\n`), 1);
    expect(await until('\r\n\r\n')).toContain(' 413 ');
    await closed;
    clearInterval(pour);
    expect(await ask(server, '/metrics')).toMatchObject({
      text: expect.stringContaining('countersign_request_bytes_in_flight 0'),
    });
    expect((await send(server, '/validate')).status).toBe(200);
  });

  it('takes a body without a length that fits', async () => {
    const server = await started({ limits: small });
    const got = await send(server, '/validate', { headers: { 'transfer-encoding': 'chunked' }, body: '{"b":2}' });
    expect(JSON.parse(got.text).review).toEqual({ b: 2 });
  });

  it('sheds bodies beyond the bytes in flight with 429 and Retry-After, and takes them again after', async () => {
    const server = await started({ limits: { ...small, bytesInFlight: 100 * KIB } });
    const first = await rawConnection(server);
    first.socket.write(`${HEAD}content-length: ${60 * KIB}\r\n\r\n${' '.repeat(59 * KIB)}`);
    await vi.waitFor(async () =>
      expect((await ask(server, '/metrics')).text).toContain(`countersign_request_bytes_in_flight ${59 * KIB}`),
    );

    const body = JSON.stringify('x'.repeat(50 * KIB));
    const shed = await send(server, '/validate', { body });
    expect(shed.status).toBe(429);
    expect(shed.headers['retry-after']).toBe('1');
    expect(shed.headers.connection).toBe('keep-alive');
    expect((await send(server, '/validate', { headers: { 'transfer-encoding': 'chunked' }, body })).status).toBe(429);
    expect((await ask(server, '/metrics')).text).toContain('countersign_requests_shed_total{reason="bytes"} 2');

    first.socket.write(`${' '.repeat(KIB - 2)}{}`);
    await first.until('200 OK');
    expect((await send(server, '/validate', { body })).status).toBe(200);
  });

  it('lets nobody take room by announcing a body and not sending it', async () => {
    const server = await started({ limits: small });
    for (let i = 0; i < 4; i++)
      (await rawConnection(server)).socket.write(`${HEAD}content-length: ${60 * KIB}\r\n\r\n`);
    expect((await send(server, '/validate', { body: JSON.stringify('x'.repeat(50 * KIB)) })).status).toBe(200);
  });

  it('sheds what is beyond the concurrency with 429 and Retry-After: 1, which the API server repeats', async () => {
    const { answer, waiting, letGo } = held();
    const server = await started({ limits: small, routes: { '/validate': answer } });
    const going = [send(server, '/validate'), send(server, '/validate')];
    await vi.waitFor(() => expect(waiting()).toBe(2));
    const shed = await send(server, '/validate');
    expect(shed).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(JSON.parse(shed.text)).toMatchObject({ kind: 'Status', reason: 'TooManyRequests' });
    letGo();
    expect((await Promise.all(going)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await send(server, '/validate')).status).toBe(200);
  });

  it('gives back what a cut upload held, and answers the next request', async () => {
    const server = await started({ limits: small });
    for (let i = 0; i < 5; i++) {
      const { socket } = await rawConnection(server);
      socket.write(`${HEAD}content-length: ${60 * KIB}\r\n\r\n${' '.repeat(50 * KIB)}`);
      await vi.waitFor(async () =>
        expect((await ask(server, '/metrics')).text).toContain(`countersign_request_bytes_in_flight ${50 * KIB}`),
      );
      socket.destroy();
      await vi.waitFor(async () =>
        expect((await ask(server, '/metrics')).text).toContain('countersign_request_bytes_in_flight 0'),
      );
    }
    expect((await send(server, '/validate')).status).toBe(200);
  });

  it('gives up on clients that send their headers or bodies slowly', async () => {
    const server = await started({ timeouts: { ...SERVER_TIMEOUTS, headers: 100, request: 200, check: 20 } });
    const slowHead = await rawConnection(server);
    slowHead.socket.write('POST /validate HTTP/1.1\r\nhost: x\r\n');
    const slowBody = await rawConnection(server);
    slowBody.socket.write(`${HEAD}content-length: 100\r\n\r\n{`);
    expect(await slowHead.closed).toContain(' 408 ');
    expect(await slowBody.closed).toContain(' 408 ');
    expect((await send(server, '/validate')).status).toBe(200);
  });

  it('counts everything back to nothing, whatever is closed twice', () => {
    const load = createLoad({ bodyBytes: 10, bytesInFlight: 10, concurrency: 1 });
    const ticket = load.open();
    expect(load.receive(ticket, 10)).toBeUndefined();
    expect(load.receive(load.open(), 1)).toBe('bytes');
    expect(load.decide(ticket)).toBeUndefined();
    expect(load.decide(load.open())).toBe('concurrency');
    load.close(ticket);
    load.close(ticket);
    expect(load.inFlight()).toEqual({ requests: 0, bytes: 0 });
  });
});

describe('what is no review', () => {
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json-patch+json', 'json', ''])(
    'answers 415 to content type %o',
    async (type) => {
      const server = await started();
      expect(await send(server, '/validate', { headers: { 'content-type': type } })).toMatchObject({ status: 415 });
    },
  );

  it('answers 415 to no content type at all, with a body and without', async () => {
    const server = await started();
    for (const body of ['{}', '']) {
      const { socket, until } = await rawConnection(server);
      socket.write(`POST /validate HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      expect(await until('}')).toContain(' 415 ');
    }
  });

  it('takes application/json with a charset', async () => {
    const server = await started();
    expect(
      (await send(server, '/validate', { headers: { 'content-type': 'application/json; charset=utf-8' } })).status,
    ).toBe(200);
  });

  it.each([
    ['GET', '/validate'],
    ['PUT', '/validate'],
    ['POST', '/'],
    ['POST', '/validate/x'],
    ['GET', '/metrics'],
  ])('answers 404 to %s %s, without reading a body', async (method, path) => {
    const server = await started();
    expect((await send(server, path, { method })).status).toBe(404);
    expect((await send(server, '/validate')).status).toBe(200);
  });

  it.each(['', '{', '{"a":1}}', '{"a":1,}', '\u{feff}{}', '{"__proto__":{}}', '{"a":[{"\\u005f_proto__":1}]}'])(
    'answers 400 to the body %o, well-formed [peers 48]',
    async (body) => {
      const server = await started();
      const got = await send(server, '/validate', { body });
      expect(got.status).toBe(400);
      expect(JSON.parse(got.text)).toMatchObject({ kind: 'Status', status: 'Failure', code: 400 });
      expect((await send(server, '/validate')).status).toBe(200);
    },
  );

  it('answers 400 to bytes that are no UTF-8 [peers 48]', async () => {
    const server = await started();
    expect((await send(server, '/validate', { body: Buffer.from([0x22, 0xff, 0x22]) })).status).toBe(400);
  });

  it('takes a value that only looks like a prototype, and deep nesting', async () => {
    const server = await started();
    expect(
      (await send(server, '/validate', { body: '{"a":"\\"__proto__\\": 1","constructor":{"prototype":1}}' })).status,
    ).toBe(200);
    const deep = `${'['.repeat(100_000)}"\\u005f"${']'.repeat(100_000)}`;
    const server2 = await started({ routes: { '/validate': async () => ({ status: 200, body: '{}' }) } });
    expect((await send(server2, '/validate', { body: deep })).status).toBe(200);
  });

  it('refuses the review when the answer throws, and lives on', async () => {
    const server = await started({
      routes: {
        '/validate': () => {
          throw new Error('hunter2');
        },
        '/echo': echo,
      },
    });
    const known = await send(server, '/validate', { body: '{"request":{"uid":"u-1"}}' });
    expect(known.status).toBe(200);
    expect(JSON.parse(known.text)).toMatchObject({
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      response: { uid: 'u-1', allowed: false, status: { code: 403 } },
    });
    expect(known.text).toContain('INTERNAL_ERROR');
    expect(known.text).not.toContain('hunter2');
    expect((await send(server, '/validate', { body: 'null' })).status).toBe(500);
    expect((await send(server, '/echo')).status).toBe(200);
  });

  it.each([
    ['garbage', 'hello\r\n\r\n', ' 400 '],
    ['a plain TLS client hello inside TLS', '\x16\x03\x01\x02\x00\x01', ' 400 '],
    ['a length and chunks at once', `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, ' 400 '],
    ['two lengths', `${HEAD}content-length: 5\r\ncontent-length: 6\r\n\r\n`, ' 400 '],
    ['a negative length', `${HEAD}content-length: -5\r\n\r\n`, ' 400 '],
    ['a length beyond all numbers', `${HEAD}content-length: 99999999999999999999999\r\n\r\n`, ' 4'],
    ['endless headers', `${HEAD}x: ${'y'.repeat(40_000)}`, ' 431 '],
    ['a broken escape in the path', 'POST /%ff HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n', ' 40'],
  ])('survives %s [peers 48]', async (_what, bytes, status) => {
    const server = await started();
    const { socket, until } = await rawConnection(server);
    socket.write(bytes);
    expect(await until('\r\n\r\n')).toContain(`HTTP/1.1${status}`);
    expect((await send(server, '/validate')).status).toBe(200);
  });

  it('answers pipelined requests in their order', async () => {
    const server = await started();
    const { socket, until } = await rawConnection(server);
    socket.write([1, 2, 3].map((n) => `${HEAD}content-length: 1\r\n\r\n${n}`).join(''));
    const got = await until('"review":3');
    expect([...got.matchAll(/"review":(\d)/g)].map((match) => match[1])).toEqual(['1', '2', '3']);
  });
});
