import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCertificateAuthority, issueServerCertificate } from '../../src/encoding/certificate-writer.ts';
import { checkPair } from '../../src/server/certificate-pair.ts';
import { openCertificate } from '../../src/server/certificates.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { ask, send, started } from './fixture.ts';

const DAY = 86_400_000;
const ca = createCertificateAuthority();
const issue = (times: { notBefore?: Date; notAfter?: Date } = {}, dnsNames = ['localhost']) =>
  issueServerCertificate(ca, { dnsNames, ipAddresses: ['127.0.0.1'], ...times });

type Pem = ReturnType<typeof issue>;

/** A folder as the kubelet mounts a Secret: files are links through `..data`, which is swapped as a whole. */
async function secretMount(first: Pem) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-tls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  let generation = 0;
  const write = async ({ certificatePem, privateKeyPem }: Pem) => {
    const name = `..${(generation += 1)}`;
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'tls.crt'), certificatePem);
    await writeFile(join(folder, name, 'tls.key'), privateKeyPem);
    await symlink(name, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await write(first);
  for (const file of ['tls.crt', 'tls.key']) await symlink(join('..data', file), join(folder, file));
  return { folder, write, source: { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') } };
}

/** When the certificate that a new connection gets expires. */
function served(url: string): Promise<number> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: ca.certificatePem }, () => {
      resolve(Date.parse(socket.getPeerCertificate().valid_to));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

const expiring = (days: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + days * DAY);

describe('the serving certificate', () => {
  it('is swapped under load without a request lost, kept connections and new ones alike', async () => {
    const first = expiring(10);
    const second = expiring(20);
    const mount = await secretMount(issue({ notAfter: first }));
    const started_ = await started({ tls: mount.source });
    const server = { ...started_, caPem: ca.certificatePem };
    expect(await served(server.url)).toBe(first.getTime());

    const stop = new AbortController();
    const statuses: number[] = [];
    const kept = async () => {
      while (!stop.signal.aborted) statuses.push((await send(server, '/validate')).status);
    };
    const fresh = async () => {
      while (!stop.signal.aborted) {
        const agent = new Agent();
        statuses.push((await send(server, '/validate', { agent })).status);
        agent.destroy();
      }
    };
    const load = [kept(), kept(), fresh(), fresh()];
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThan(20));
    await mount.write(issue({ notAfter: second }));
    await vi.waitFor(async () => expect(await served(server.url)).toBe(second.getTime()), 5000);
    const before = statuses.length;
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThan(before + 20));
    stop.abort();
    await Promise.all(load);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect((await ask(server, '/metrics')).text).toContain(
      `countersign_certificate_expiry_seconds ${second.getTime() / 1000}`,
    );
  });

  it('is never replaced by a pair that does not match, and follows once it does', async () => {
    const first = expiring(10);
    const last = expiring(30);
    const mount = await secretMount(issue({ notAfter: first }));
    const { url, refreshCertificate, metricsUrl } = await started({ tls: mount.source });
    const mixed = {
      certificatePem: issue({ notAfter: expiring(20) }).certificatePem,
      privateKeyPem: issue().privateKeyPem,
    };
    await mount.write(mixed);
    await refreshCertificate();
    expect(await served(url)).toBe(first.getTime());
    expect((await ask({ metricsUrl }, '/readyz')).status).toBe(200);
    await mount.write(issue({ notAfter: last }));
    await refreshCertificate();
    expect(await served(url)).toBe(last.getTime());
  });

  it.each([
    ['expired', () => issue({ notAfter: new Date(Date.now() - 1000) })],
    ['not yet valid', () => issue({ notBefore: new Date(Date.now() + DAY) })],
    ['no certificate', () => ({ ...issue(), certificatePem: 'hello' })],
    ['no key', () => ({ ...issue(), privateKeyPem: '' })],
  ])('is kept when the new one is %s', async (_what, bad) => {
    const first = expiring(10);
    const mount = await secretMount(issue({ notAfter: first }));
    const { url, refreshCertificate } = await started({ tls: mount.source });
    await mount.write(bad());
    await refreshCertificate();
    expect(await served(url)).toBe(first.getTime());
  });

  it('is kept when its files are gone', async () => {
    const first = expiring(10);
    const mount = await secretMount(issue({ notAfter: first }));
    const { url, refreshCertificate } = await started({ tls: mount.source });
    await rm(join(mount.folder, 'tls.key'));
    await refreshCertificate();
    expect(await served(url)).toBe(first.getTime());
  });

  it('is found by polling where there are no file events', async () => {
    const mount = await secretMount(issue({ notAfter: expiring(10) }));
    const opened = await openCertificate(mount.source, { logger: silentLogger, pollEvery: 20 });
    if (!opened.ok) throw new Error(opened.failure.message);
    onTestFinished(opened.value.close);
    const changed = new Promise<number>((resolve) => opened.value.onChange(({ notAfter }) => resolve(notAfter)));
    const last = expiring(20);
    await mount.write(issue({ notAfter: last }));
    expect(await changed).toBe(last.getTime());
  });

  it('makes the server not ready once it has expired', async () => {
    let now = Date.now();
    const mount = await secretMount(issue({ notAfter: expiring(1) }));
    const opened = await openCertificate(mount.source, { logger: silentLogger, now: () => now });
    if (!opened.ok) throw new Error(opened.failure.message);
    onTestFinished(opened.value.close);
    expect(opened.value.problem()).toBeUndefined();
    now += 2 * DAY;
    expect(opened.value.problem()).toContain('expired');
  });

  it('renews what it issued itself under the same CA before it expires', async () => {
    let now = Date.now();
    const opened = await openCertificate({ selfSigned: true }, { logger: silentLogger, now: () => now });
    if (!opened.ok) throw new Error(opened.failure.message);
    onTestFinished(opened.value.close);
    const first = opened.value.current();
    await opened.value.refresh();
    expect(opened.value.current()).toBe(first);
    now += 300 * DAY;
    await opened.value.refresh();
    expect(opened.value.current().notAfter).toBeGreaterThan(first.notAfter);
    expect(opened.value.problem()).toBeUndefined();
  });

  it('that cannot be used keeps the server from starting, with a reason', async () => {
    const mount = await secretMount({ certificatePem: issue().certificatePem, privateKeyPem: issue().privateKeyPem });
    await expect(started({ tls: mount.source })).rejects.toThrow('the key does not belong to the certificate');
    await expect(started({ tls: { certFile: '/nowhere/tls.crt', keyFile: '/nowhere/tls.key' } })).rejects.toThrow(
      '/nowhere/tls.crt',
    );
  });

  it('that others keep may come after the server: until then it is not ready, says why, and no client trusts it', async () => {
    const kept: { pair: Pem | undefined; listeners: (() => void)[] } = { pair: undefined, listeners: [] };
    const managed = {
      current: () => kept.pair,
      unready: () =>
        kept.pair === undefined ? 'there is no serving certificate yet: the API server is away' : undefined,
      onChange: (listener: () => void) => void kept.listeners.push(listener),
    };
    const bring = (pair: Pem) => {
      kept.pair = pair;
      for (const listener of kept.listeners) listener();
    };
    const { url, metricsUrl } = await started({ tls: { managed } });
    const before = await ask({ metricsUrl }, '/readyz');
    expect([before.status, before.text]).toEqual([503, expect.stringContaining('the API server is away')]);
    await expect(served(url)).rejects.toThrow();
    expect((await ask({ metricsUrl }, '/healthz')).status).toBe(200);

    const first = expiring(10);
    bring(issue({ notAfter: first }));
    await vi.waitFor(async () => expect(await served(url)).toBe(first.getTime()));
    expect((await ask({ metricsUrl }, '/readyz')).status).toBe(200);
    expect((await ask({ metricsUrl }, '/metrics')).text).toContain(
      `countersign_certificate_expiry_seconds ${first.getTime() / 1000}`,
    );

    bring({ certificatePem: issue().certificatePem, privateKeyPem: issue().privateKeyPem });
    const last = expiring(20);
    expect(await served(url)).toBe(first.getTime());
    bring(issue({ notAfter: last }));
    await vi.waitFor(async () => expect(await served(url)).toBe(last.getTime()));
  });

  it('needs a subject alternative name, as Go clients read no other', () => {
    const { certificatePem, privateKeyPem } = issueServerCertificate(ca, {});
    expect(checkPair(certificatePem, privateKeyPem, Date.now())).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('subject alternative name') },
    });
  });

  it('is served over TLS 1.2 or newer and HTTP/1.1 alone', async () => {
    const server = await started();
    const { hostname: host, port } = new URL(server.url);
    const socket = connect({ host, port: Number(port), ca: server.caPem, ALPNProtocols: ['h2', 'http/1.1'] });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
    const old = connect({
      host,
      port: Number(port),
      ca: server.caPem,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const error = await new Promise<Error>((resolve) => old.once('error', resolve));
    expect(error.message).toMatch(/protocol version|unsupported protocol/i);
  });
});
