import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type LookupFunction, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startRegistryServer } from '../../src/cli/demo/registry-server.ts';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';
import { isForbiddenAddress, isForbiddenHostname } from '../../src/http/address.ts';
import { createHttpClient, type HttpClientOptions } from '../../src/http/client.ts';
import { createGate } from '../../src/http/gate.ts';
import { proxyFor } from '../../src/http/proxy.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  // Clients go before the servers that they hold connections to.
  for (const close of open.splice(0).toReversed()) await close();
});

async function serve(tls?: { certificatePem: string; privateKeyPem: string }) {
  const server = await startRegistryServer(tls === undefined ? {} : { tls });
  open.push(() => server.close());
  return server;
}

async function get(url: string, options: HttpClientOptions = {}, ms = 5_000): Promise<string> {
  const client = createHttpClient(options);
  open.push(() => client.close());
  const answer = await client.request({
    method: 'GET',
    url: new URL(url),
    headers: {},
    maxBytes: 1_000,
    signal: AbortSignal.timeout(ms),
  });
  return answer.ok ? String(answer.value.status) : answer.failure.code;
}

const only =
  (...hosts: readonly string[]) =>
  (host: string): boolean =>
    hosts.includes(host);

const resolvesTo =
  (...addresses: string[]): LookupFunction =>
  (_hostname, options, callback) => {
    const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all === true) callback(null, all);
    else callback(null, all[0]?.address ?? '', all[0]?.family);
  };

describe('addresses that only the configuration may name', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.0.1',
    '100.100.100.200',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::7f00:1',
    '64:ff9b::169.254.169.254',
    '2002:7f00:1::',
    'no address',
    '',
  ])('refuses %j', (address) => {
    expect(isForbiddenAddress(address)).toBe(true);
  });

  it.each([
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '8.8.8.8',
    '2001:db8::1',
    'fd12:3456::1',
    '::ffff:10.0.0.1',
    '64:ff9b::808:808',
  ])('lets %s be', (address) => {
    expect(isForbiddenAddress(address)).toBe(false);
  });

  it('knows them in every spelling that a URL allows', () => {
    for (const host of [
      '127.1',
      '0x7f.1',
      '2130706433',
      '0177.0.0.1',
      '127.0.0.1.',
      '[::1]',
      '[::ffff:127.0.0.1]',
      'localhost',
      'LOCALHOST',
      'a.localhost',
      'localhost.',
    ]) {
      expect([host, isForbiddenHostname(new URL(`https://${host}/`).hostname)]).toEqual([host, true]);
    }
    for (const host of ['ghcr.io', '10.0.0.1', 'localhost.example.com', '[2001:db8::1]']) {
      expect([host, isForbiddenHostname(new URL(`https://${host}/`).hostname)]).toEqual([host, false]);
    }
  });
});

describe('the HTTP client', () => {
  it('sends nothing to loopback unless host and port stand in the configuration', async () => {
    const server = await serve();
    expect(await get(`http://${server.host}/v2/`)).toBe('ADDRESS_FORBIDDEN');
    expect(await get(`http://localhost:${server.port}/v2/`)).toBe('ADDRESS_FORBIDDEN');
    expect(await get(`http://${server.host}/v2/`, { isConfigured: only('127.0.0.1:1') })).toBe('ADDRESS_FORBIDDEN');
    expect(server.requests).toEqual([]);
    expect(await get(`http://${server.host}/v2/`, { isConfigured: only(server.host) })).toBe('200');
  });

  it('checks the address that DNS answers when it connects, and refuses an answer of which one is forbidden', async () => {
    const server = await serve();
    const url = `http://registry.example.com:${server.port}/v2/`;
    expect(await get(url, { lookup: resolvesTo('127.0.0.1') })).toBe('ADDRESS_FORBIDDEN');
    expect(await get(url, { lookup: resolvesTo('169.254.169.254') })).toBe('ADDRESS_FORBIDDEN');
    expect(await get(url, { lookup: resolvesTo('8.8.8.8', '::ffff:127.0.0.1') })).toBe('ADDRESS_FORBIDDEN');
    expect(server.requests).toEqual([]);
    const isConfigured = only(`registry.example.com:${server.port}`);
    expect(await get(url, { lookup: resolvesTo('127.0.0.1'), isConfigured })).toBe('200');
  });

  it('asks at each request whether a host is configured, and lends nobody the connection of one that was', async () => {
    const server = await serve();
    const host = `registry.example.com:${server.port}`;
    const configured = new Set([host]);
    const client = createHttpClient({ lookup: resolvesTo('127.0.0.1'), isConfigured: (name) => configured.has(name) });
    open.push(() => client.close());
    const ask = async (more: { readonly configured?: boolean } = {}) => {
      const url = new URL(`http://${host}/v2/`);
      const signal = AbortSignal.timeout(5_000);
      const answer = await client.request({ method: 'GET', url, headers: {}, maxBytes: 1_000, signal, ...more });
      return answer.ok ? String(answer.value.status) : answer.failure.code;
    };
    expect(await ask()).toBe('200');
    configured.clear();
    expect(await ask()).toBe('ADDRESS_FORBIDDEN');
    expect(await ask({ configured: true })).toBe('200');
    expect(await ask({ configured: false })).toBe('ADDRESS_FORBIDDEN');
    expect(server.requests).toHaveLength(2);
  });

  it('says unreachable where DNS knows no such name', async () => {
    const lookup: LookupFunction = (_hostname, _options, callback) =>
      callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), '', 4);
    expect(await get('https://nowhere.example.com/', { lookup })).toBe('REGISTRY_UNREACHABLE');
  });

  it('trusts a CA for the host it is configured for, or the extra one for all, and no other certificate', async () => {
    const ca = createCertificateAuthority();
    const other = createCertificateAuthority();
    const server = await serve(issueServerCertificate(ca, { ipAddresses: ['127.0.0.1'] }));
    const url = `https://${server.host}/v2/`;
    const isConfigured = only(server.host);
    expect(await get(url, { isConfigured })).toBe('REGISTRY_TLS_UNTRUSTED');
    expect(await get(url, { isConfigured, extraCa: other.certificatePem })).toBe('REGISTRY_TLS_UNTRUSTED');
    expect(await get(url, { isConfigured, caByHost: new Map([['other.test', ca.certificatePem]]) })).toBe(
      'REGISTRY_TLS_UNTRUSTED',
    );
    expect(await get(url, { isConfigured, caByHost: new Map([[server.host, ca.certificatePem]]) })).toBe('200');
    expect(await get(url, { isConfigured, extraCa: ca.certificatePem })).toBe('200');
  });

  it('refuses a certificate for another name or another time', async () => {
    const ca = createCertificateAuthority();
    const wrongName = await serve(issueServerCertificate(ca, { dnsNames: ['other.test'] }));
    const expired = await serve(
      issueServerCertificate(ca, {
        ipAddresses: ['127.0.0.1'],
        notBefore: new Date('2020-01-01'),
        notAfter: new Date('2021-01-01'),
      }),
    );
    for (const server of [wrongName, expired]) {
      const options = { isConfigured: only(server.host), extraCa: ca.certificatePem };
      expect(await get(`https://${server.host}/v2/`, options)).toBe('REGISTRY_TLS_UNTRUSTED');
    }
  });

  it('speaks no other protocol', async () => {
    expect(await get('ftp://example.com/')).toBe('RESPONSE_MALFORMED');
  });

  it('fails at its deadline, also one that has passed', async () => {
    const hanging = createServer();
    hanging.listen(0, '127.0.0.1');
    await once(hanging, 'listening');
    open.push(async () => {
      hanging.closeAllConnections();
      hanging.close();
      await once(hanging, 'close');
    });
    const address = hanging.address();
    const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    expect(await get(`http://${host}/`, { isConfigured: only(host) }, 50)).toBe('REGISTRY_DEADLINE');
    expect(await get(`http://${host}/`, { isConfigured: only(host) }, 0)).toBe('REGISTRY_DEADLINE');
  });

  it('keeps a bounded number of pools', async () => {
    const servers = await Promise.all([serve(), serve(), serve()]);
    const client = createHttpClient({ isConfigured: only(...servers.map((server) => server.host)), maxOrigins: 1 });
    open.push(() => client.close());
    const answers = await Promise.all(
      [...servers, ...servers].map((server) =>
        client.request({
          method: 'GET',
          url: new URL(`http://${server.host}/v2/`),
          headers: {},
          maxBytes: 100,
          signal: AbortSignal.timeout(5_000),
        }),
      ),
    );
    expect(answers.every((answer) => answer.ok)).toBe(true);
  });
});

describe('proxies', () => {
  const settings = { httpsProxy: 'http://proxy.test:3128', httpProxy: 'http://plain.test:3128' };
  const through = (url: string, noProxy = '') => proxyFor(new URL(url), { ...settings, noProxy });

  it('are chosen by protocol and left out as NO_PROXY says', () => {
    expect(through('https://ghcr.io/')).toBe('http://proxy.test:3128');
    expect(through('http://ghcr.io/')).toBe('http://plain.test:3128');
    expect(proxyFor(new URL('https://ghcr.io/'), {})).toBeUndefined();
    for (const noProxy of ['*', 'ghcr.io', 'a.test, GHCR.io', 'io', '.io', '*.io', 'ghcr.io:443'])
      expect(through('https://ghcr.io/', noProxy)).toBeUndefined();
    for (const noProxy of ['.ghcr.io', 'hcr.io', 'ghcr.io:5000', 'x', 'ghcr.io.', '10.0.0.0/8'])
      expect(through('https://ghcr.io/', noProxy)).toBe('http://proxy.test:3128');
    expect(through('https://10.1.2.3/', '10.0.0.0/8')).toBeUndefined();
    expect(through('https://11.1.2.3/', '10.0.0.0/8,10.0.0.0/x,/')).toBe('http://proxy.test:3128');
    expect(through('https://[2001:db8::1]:5000/', '2001:db8::/32')).toBeUndefined();
    expect(through('https://[2001:db8::1]:5000/', '[2001:db8::1]:5000')).toBeUndefined();
  });

  it('are never asked for loopback', () => {
    for (const host of ['localhost', '127.0.0.1:5000', '[::1]']) expect(through(`https://${host}/`)).toBeUndefined();
  });

  it('carry https through a tunnel, with the certificate of the registry checked', async () => {
    const ca = createCertificateAuthority();
    const server = await serve(issueServerCertificate(ca, { dnsNames: ['registry.example.com'] }));
    const tunnels: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      const upstream = connect(server.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    open.push(async () => {
      proxy.close();
      await once(proxy, 'close');
    });
    const address = proxy.address();
    const httpsProxy = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    const url = 'https://registry.example.com/v2/';
    expect(await get(url, { proxy: { httpsProxy }, extraCa: ca.certificatePem })).toBe('200');
    expect(await get(url, { proxy: { httpsProxy } })).toBe('REGISTRY_TLS_UNTRUSTED');
    expect(new Set(tunnels)).toEqual(new Set(['registry.example.com:443']));
    const before = tunnels.length;
    expect(await get('https://169.254.169.254/latest/', { proxy: { httpsProxy } })).toBe('ADDRESS_FORBIDDEN');
    expect(tunnels).toHaveLength(before);
  });
});

describe('the gate', () => {
  const never = new AbortController().signal;

  it('lets so many run at once, in all and for each key, and lets others pass a key that is full', async () => {
    const gate = createGate({ total: 3, perKey: 2 });
    const running: string[] = [];
    let most = 0;
    const releases: (() => void)[] = [];
    const run = (key: string) =>
      gate.run(key, never, async () => {
        running.push(key);
        most = Math.max(most, running.length);
        await new Promise<void>((resolve) => releases.push(resolve));
        running.splice(running.indexOf(key), 1);
      });
    const all = ['a', 'a', 'a', 'a', 'b', 'b'].map(run);
    await Promise.resolve();
    expect(running).toEqual(['a', 'a', 'b']);
    while (releases.length > 0) {
      releases.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(all);
    expect(most).toBe(3);
  });

  it('lets go of those who give up while they wait, and of those whose task throws', async () => {
    const gate = createGate({ total: 1, perKey: 1 });
    await expect(gate.run('a', never, () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    let release = () => {};
    const first = gate.run('a', never, () => new Promise<void>((resolve) => (release = resolve)));
    const controller = new AbortController();
    const second = gate.run('a', controller.signal, () => Promise.resolve('ran'));
    controller.abort();
    expect(await second).toMatchObject({ ok: false, failure: { code: 'REGISTRY_DEADLINE' } });
    expect(await gate.run('a', controller.signal, () => Promise.resolve('ran'))).toMatchObject({ ok: false });
    release();
    await first;
    expect(await gate.run('a', never, () => Promise.resolve('ran'))).toEqual({ ok: true, value: 'ran' });
  });
});

describe('connections', () => {
  /** Sends requests one after another through one client, and counts the connections that arrive. */
  async function ask(methods: readonly ('GET' | 'HEAD')[], onHead: (socket: Socket) => void) {
    const server = createServer((request, response) => {
      response.setHeader('x-answer-to', request.method ?? '');
      response.setHeader('content-length', request.method === 'HEAD' ? 6 : 2);
      response.end(request.method === 'HEAD' ? undefined : 'ok');
      if (request.method === 'HEAD') onHead(request.socket);
    });
    let connections = 0;
    server.on('connection', () => connections++);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = new URL(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`);
    const client = createHttpClient({ isConfigured: only(url.host) });
    open.push(async () => {
      server.close();
      server.closeAllConnections();
    });
    open.push(() => client.close());
    const answers: string[] = [];
    for (const method of methods) {
      const signal = AbortSignal.timeout(5_000);
      const answer = await client.request({ method, url, headers: {}, maxBytes: 1_000, signal });
      answers.push(
        answer.ok ? `${answer.value.header('x-answer-to')} ${answer.value.body.length}` : answer.failure.code,
      );
    }
    return { answers, connections };
  }

  it('are kept between requests, after a HEAD too: a tag is asked for at every review', async () => {
    const methods = Array.from({ length: 20 }, (_none, index) => (index % 4 === 3 ? 'GET' : 'HEAD'));
    const { answers, connections } = await ask(methods, () => undefined);
    expect(answers).toEqual(methods.map((method) => (method === 'GET' ? 'GET 2' : 'HEAD 0')));
    // A second one may be opened before the first is seen to be free.
    expect(connections).toBeLessThanOrEqual(2);
  });

  it('on which a HEAD is followed by a body give no later request that body for an answer', async () => {
    const forged = 'HTTP/1.1 200 OK\r\nx-answer-to: nobody\r\ncontent-length: 6\r\n\r\nforged';
    const { answers } = await ask(['HEAD', 'GET', 'HEAD', 'GET'], (socket) => socket.write(forged));
    expect(answers.filter((answer) => answer.startsWith('nobody'))).toEqual([]);
    expect(answers.at(-1)).toMatch(/^(GET 2|REGISTRY_UNREACHABLE)$/);
  });
});
