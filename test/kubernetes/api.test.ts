import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';
import { createApiClient } from '../../src/kubernetes/api.ts';
import type { ClusterAccess } from '../../src/kubernetes/cluster.ts';
import type { Target } from '../../src/kubernetes/resource.ts';
import { type Fault, refuse, reset, startTestApiServer, statusObject, type TestApiServer } from './api-server.ts';
import { createTestClock } from './test-clock.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const MAPS = { group: '', version: 'v1', plural: 'configmaps', namespace: 'a' };
const ONE: Target = { ...MAPS, name: 'one' };

async function client(access?: () => Promise<ClusterAccess>, tls?: Parameters<typeof startTestApiServer>[0]) {
  const server = await startTestApiServer(tls, access);
  open.push(() => server.close());
  const clock = createTestClock();
  const api = createApiClient(server.cluster, clock);
  open.push(() => api.close());
  return { server, clock, api };
}

/** Asks for one object of a server that answers with a fault. */
async function asking(fault: Fault, act: (server: TestApiServer) => void = () => undefined) {
  const { server, api } = await client();
  server.next('get', fault);
  act(server);
  return api.get(ONE, { timeoutMs: 5_000, maxBytes: 10_000 });
}

describe('the client of the API server', () => {
  it('makes, reads, changes and deletes an object', async () => {
    const { server, api } = await client();
    const made = await api.create(MAPS, { metadata: { name: 'one' }, data: { a: '1' } });
    expect(made).toMatchObject({ ok: true, value: { metadata: { name: 'one', namespace: 'a' } } });
    const read = await api.get(ONE);
    if (!read.ok) throw new Error(read.failure.failure.message);
    expect(read.value['data']).toEqual({ a: '1' });
    expect(await api.update(ONE, { ...read.value, data: { a: '2' } })).toMatchObject({ value: { data: { a: '2' } } });
    expect(await api.update(ONE, read.value)).toMatchObject({ failure: { kind: 'conflict' } });
    expect(await api.patch(ONE, 'merge', { data: { b: '3' } })).toMatchObject({ ok: true });
    expect(await api.patch({ ...ONE, subresource: 'status' }, 'apply', { status: {} })).toMatchObject({ ok: true });
    expect(await api.create(MAPS, { metadata: { name: 'one' } })).toMatchObject({ failure: { kind: 'conflict' } });
    expect(await api.delete(ONE, { uid: 'x' })).toMatchObject({ ok: true });
    expect(await api.get(ONE)).toMatchObject({ failure: { kind: 'absent', certain: true } });
    expect(server.log).toContain('patch /api/v1/namespaces/a/configmaps/one/status');
    const types = server.asked.map(({ request }) => request.headers['content-type']);
    expect(types).toContain('application/merge-patch+json');
    expect(types).toContain('application/apply-patch+yaml');
    expect(server.asked.find(({ verb }) => verb === 'delete')?.body).toContain('"preconditions":{"uid":"x"}');
  });

  it.each<[string, Fault, object]>([
    ['500', refuse(500), { kind: 'failed', failure: { code: 'CLUSTER_UNAVAILABLE' } }],
    ['429', refuse(429, { 'retry-after': '3' }), { kind: 'failed', retryAfterMs: 3_000 }],
    [
      '503 until a date',
      refuse(503, { 'retry-after': 'Sun, 22 Nov 2026 00:00:09 GMT' }),
      { kind: 'failed', retryAfterMs: 9_000 },
    ],
    ['an odd Retry-After', refuse(503, { 'retry-after': '-1e9' }), { kind: 'failed' }],
    ['401', refuse(401), { kind: 'failed', failure: { code: 'CLUSTER_FORBIDDEN' } }],
    ['403', refuse(403), { kind: 'failed', failure: { code: 'CLUSTER_FORBIDDEN' } }],
    ['404 of the API server', refuse(404, {}, statusObject(404, 'no', 'NotFound')), { kind: 'absent', certain: true }],
    ['404 of something else', refuse(404, {}, '<h1>not found</h1>'), { kind: 'absent', certain: false }],
    ['409', refuse(409), { kind: 'conflict' }],
    ['410', refuse(410), { kind: 'expired' }],
    ['422', refuse(422), { kind: 'failed', failure: { code: 'CLUSTER_REQUEST_REFUSED' } }],
    [
      'a redirect, which is not followed',
      refuse(307, { location: 'http://127.0.0.1:1/' }),
      { kind: 'failed', failure: { code: 'CLUSTER_ANSWER_UNUSABLE' } },
    ],
    ['a reset', reset, { kind: 'failed', failure: { code: 'CLUSTER_UNREACHABLE' } }],
    ['no JSON', refuse(200, {}, '{'), { kind: 'failed', failure: { code: 'CLUSTER_ANSWER_UNUSABLE' } }],
    ['a key twice', refuse(200, {}, '{"a":1,"a":2}'), { failure: { code: 'CLUSTER_ANSWER_UNUSABLE' } }],
    ['an array', refuse(200, {}, '[]'), { kind: 'failed', failure: { code: 'CLUSTER_ANSWER_UNUSABLE' } }],
    ['more than is read', refuse(200, {}, `"${'x'.repeat(20_000)}"`), { kind: 'oversized' }],
    ['a compressed answer', refuse(200, { 'content-encoding': 'gzip' }, '{}'), { kind: 'failed' }],
    ['an endless refusal', refuse(500, {}, 'x'.repeat(1_000_000)), { failure: { code: 'CLUSTER_UNAVAILABLE' } }],
  ])('tells %s from all else', async (_, fault, expected) => {
    expect(await asking(fault)).toMatchObject({ ok: false, failure: expected });
  });

  it('says what was asked and what the API server answered, with odd characters escaped', async () => {
    const answer = await asking(refuse(403, {}, statusObject(403, 'User "x" cannot get\u001b[2J')));
    if (answer.ok) throw new Error('no failure');
    expect(answer.failure.failure.message).toBe(
      'the API server answered 403 when asked to get configmaps one in namespace a: User "x" cannot get\\u001b[2J',
    );
  });

  it('does not repeat what the API server says about a secret that was sent to it', async () => {
    const { server, api } = await client();
    const invalid = refuse(422, {}, statusObject(422, 'data: Invalid value: "hunter2"'));
    server.next('create', invalid);
    server.next('update', invalid);
    const secrets = { ...MAPS, plural: 'secrets' };
    const created = await api.create(secrets, { metadata: { name: 'one' } });
    const updated = await api.update({ ...secrets, name: 'one' }, { metadata: { name: 'one' } });
    expect(JSON.stringify([created, updated])).not.toContain('hunter2');
    expect([created.ok, updated.ok]).toEqual([false, false]);
  });

  it.each(['..', '.', '', 'a/b', 'A', '-a', 'a..b', 'x'.repeat(254), 'a%2fb', 'é', 'a?b'])(
    'asks for nothing by the name %j, which no object has',
    async (name) => {
      const { server, api } = await client();
      expect(await api.get({ ...ONE, name })).toMatchObject({
        failure: { failure: { code: 'CLUSTER_REQUEST_REFUSED' } },
      });
      expect(await api.get({ ...ONE, namespace: name })).toMatchObject({ ok: false });
      expect(server.log).toEqual([]);
    },
  );

  it('gives up after its time, and when it is told to', async () => {
    const { server, clock, api } = await client();
    const stuck = () => new Promise<void>((resolve) => server.next('get', () => (resolve(), true)));
    const late = stuck();
    const asked = api.get(ONE, { timeoutMs: 7_000 });
    await late;
    clock.pass(7_000);
    expect(await asked).toMatchObject({ failure: { failure: { code: 'CLUSTER_UNREACHABLE' } } });
    const controller = new AbortController();
    const second = stuck();
    const cancelled = api.get(ONE, { signal: controller.signal });
    await second;
    controller.abort();
    expect(await cancelled).toMatchObject({ failure: { failure: { code: 'CLUSTER_UNREACHABLE' } } });
    expect(await api.get(ONE, { signal: AbortSignal.abort() })).toMatchObject({ ok: false });
    expect(clock.due()).toEqual([]);
  });

  it('gives up on a credential that does not come', async () => {
    const { clock, api } = await client(() => new Promise(() => undefined));
    const asked = api.get(ONE, { timeoutMs: 7_000 });
    clock.pass(7_000);
    expect(await asked).toMatchObject({ failure: { failure: { code: 'CLUSTER_UNREACHABLE' } } });
  });

  it('says what it is when nobody listens', async () => {
    const { server, api } = await client();
    await server.goAway();
    expect(await api.get(ONE)).toMatchObject({ failure: { failure: { code: 'CLUSTER_UNREACHABLE' } } });
  });
});

describe('TLS to the API server', () => {
  const authority = createCertificateAuthority();
  const other = createCertificateAuthority();
  const serving = (ca = authority) =>
    issueServerCertificate(ca, {
      dnsNames: ['localhost'],
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
    });
  const access = (ca: string) => () => Promise.resolve({ headers: {}, tls: { ca } });

  it('believes the CA that it was given, and no other', async () => {
    const trusted = await client(access(authority.certificatePem), serving());
    expect(await trusted.api.get(ONE)).toMatchObject({ failure: { kind: 'absent' } });
    const untrusted = await client(access(other.certificatePem), serving());
    expect(await untrusted.api.get(ONE)).toMatchObject({ failure: { failure: { code: 'CLUSTER_TLS_UNTRUSTED' } } });
    const unnamed = await client(() => Promise.resolve({ headers: {}, tls: {} }), serving());
    expect(await unnamed.api.get(ONE)).toMatchObject({ failure: { failure: { code: 'CLUSTER_TLS_UNTRUSTED' } } });
  });

  it('follows a CA that is replaced while it runs', async () => {
    let ca = other.certificatePem;
    const { api } = await client(() => Promise.resolve({ headers: {}, tls: { ca } }), serving());
    expect(await api.get(ONE)).toMatchObject({ failure: { failure: { code: 'CLUSTER_TLS_UNTRUSTED' } } });
    ca = authority.certificatePem;
    expect(await api.get(ONE)).toMatchObject({ failure: { kind: 'absent' } });
  });

  it('checks the name that a kubeconfig gives instead of the URL’s', async () => {
    const ca = authority.certificatePem;
    const wrong = await client(
      () => Promise.resolve({ headers: {}, tls: { ca, servername: 'elsewhere.test' } }),
      serving(),
    );
    expect(await wrong.api.get(ONE)).toMatchObject({ failure: { failure: { code: 'CLUSTER_TLS_UNTRUSTED' } } });
  });
});

describe('a proxy that a kubeconfig names', () => {
  it('carries the connection, and sees nothing of what is asked in it', async () => {
    const authority = createCertificateAuthority();
    const serving = issueServerCertificate(authority, { dnsNames: ['localhost'] });
    const seen: string[] = [];
    const proxy = createHttp((request, response) => {
      seen.push(request.url ?? '');
      response.end();
    });
    proxy.on('connect', ({ url, headers }, socket) => {
      seen.push(url ?? '', String(headers.authorization));
      const port = Number((url ?? '').split(':')[1]);
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    open.push(async () => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const address = proxy.address();
    const through = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    const { server, api } = await client(
      () =>
        Promise.resolve({
          headers: { authorization: 'Bearer secret' },
          tls: { ca: authority.certificatePem },
          proxy: through,
        }),
      serving,
    );
    expect(await api.get(ONE)).toMatchObject({ failure: { kind: 'absent' } });
    expect(server.asked[0]?.request.headers.authorization).toBe('Bearer secret');
    expect(seen).toEqual([`localhost:${server.port}`, 'undefined']);
  });
});

describe('a server that is none', () => {
  it('gets a value for whatever it sends', async () => {
    for (const bytes of ['SSH-2.0-OpenSSH\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}', 'HTTP/1.1 20', '']) {
      const raw = createServer((socket: Socket) => {
        socket.on('error', () => socket.destroy());
        socket.once('data', () => socket.end(bytes));
      });
      raw.listen(0, '127.0.0.1');
      await once(raw, 'listening');
      const address = raw.address();
      const server = new URL(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
      const access = () => Promise.resolve({ ok: true as const, value: { headers: {}, tls: {} } });
      const api = createApiClient({ server, namespace: undefined, access }, createTestClock());
      const answer = await api.get(ONE);
      expect(answer.ok ? '' : answer.failure.failure.code).toMatch(/^CLUSTER_(?:UNREACHABLE|ANSWER_UNUSABLE)$/);
      await api.close();
      raw.close();
    }
  });
});
