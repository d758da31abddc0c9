import { readFile, rename, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { expectToMeetSchema } from '../audit/fixture.ts';
import { keyPolicy, postTo, registryFor, runOf } from '../fixtures/webhook.ts';
import { until, yaml } from '../policy/sources/folder.ts';
import { authority } from './certificates.ts';
import { filesIn, inProcess, serving } from './process.ts';

const release = createSigner();

/** A `serve` process with a certificate, a policy, and a registry with a signed and an unsigned image. */
async function served(configuration: object = {}) {
  const registry = await registryFor();
  signImage(registry, 'shop/signed', publishImage(registry, 'shop/signed', 'signed'), release);
  publishImage(registry, 'shop/unsigned', 'unsigned');
  const folder = await filesIn({
    'policy.yaml': yaml(keyPolicy({ name: 'release', scopes: [registry.host], signer: release })),
  });
  const { caPem, issue } = authority();
  const { certFile, keyFile, certificatePem } = await issue(folder);
  const running = await serving({
    tls: { certFile, keyFile },
    policies: [join(folder, 'policy.yaml')],
    registries: { [registry.host]: { plainHttp: true } },
    audit: { output: join(folder, 'audit.jsonl') },
    ...configuration,
  });
  const agent = new Agent({ keepAlive: true, ca: caPem });
  onTestFinished(() => agent.destroy());
  const review = (image: string, timeout = '5s') =>
    postTo(`${running.url}/validate?timeout=${timeout}`, agent, JSON.stringify(runOf([image])));
  return {
    ...running,
    registry,
    folder,
    caPem,
    certificatePem,
    issue: () => issue(folder),
    review,
    signed: `${registry.host}/shop/signed:v1`,
    unsigned: `${registry.host}/shop/unsigned:v1`,
    records: async () =>
      (await readFile(join(folder, 'audit.jsonl'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    health: async (path: string) => {
      const response = await fetch(`${running.metricsUrl}${path}`);
      return { status: response.status, text: await response.text() };
    },
  };
}

/** The certificate that a new connection is shown, as base64 of its DER. */
function shown(url: string, caPem: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: caPem }, () => {
      resolve(socket.getPeerCertificate().raw.toString('base64'));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('serve does not start', () => {
  const tls = { selfSigned: true };
  const local = { host: '127.0.0.1', port: 0 };

  it.each([
    ['without a certificate', { policies: [] }, ['tls.certFile']],
    [
      'with a key that it does not know',
      { tls, policy: ['x'], listen: { prot: 1 } },
      ['policy: unknown key', 'listen.prot: unknown key'],
    ],
    ['with a value of the wrong type', { tls, mode: 'enforce' }, ['mode: ']],
    ['with half a certificate', { tls: { certFile: '/nonexistent' } }, ['tls: give certFile and keyFile']],
    [
      'with a certificate that is not there',
      { tls: { certFile: '/nonexistent/a', keyFile: '/nonexistent/b' }, listen: local, metrics: local },
      ['/nonexistent/a'],
    ],
    ['with a policy that is not there', { tls, policies: ['/nonexistent/p'] }, ['/nonexistent/p']],
    ['with a watch outside of any cluster', { tls, kubernetes: { watch: true } }, ['KUBERNETES_SERVICE_HOST']],
    ['with an audit log that cannot be written', { tls, audit: { output: '/nonexistent/audit' } }, ['audit log']],
  ])('%s, and names it', async (_what, configuration, says) => {
    const folder = await filesIn({ 'config.yaml': JSON.stringify({ logLevel: 'silent', ...configuration }) });
    const { status, out, error } = await inProcess(['serve', '--config', join(folder, 'config.yaml')]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    for (const each of says) expect(error).toContain(each);
  });

  it('on a policy file that does not parse, naming file and line', async () => {
    const folder = await filesIn({ 'p.yaml': 'kind: [\n' });
    const config = await filesIn({
      'c.yaml': JSON.stringify({ tls, logLevel: 'silent', policies: [join(folder, 'p.yaml')] }),
    });
    const { status, error } = await inProcess(['serve', '--config', join(config, 'c.yaml')]);
    expect(status).toBe(2);
    expect(error).toContain(`${join(folder, 'p.yaml')}: the YAML is wrong at line`);
  });

  it('on a configuration that is not there or no YAML', async () => {
    const folder = await filesIn({ 'c.yaml': 'a: [' });
    for (const name of ['c.yaml', 'd.yaml']) {
      const { status, error } = await inProcess(['serve', '--config', join(folder, name)]);
      expect(status).toBe(2);
      expect(error).toContain(join(folder, name));
    }
  });

  it('on an address that is taken', async () => {
    const { url } = await served();
    const config = await filesIn({
      'c.yaml': JSON.stringify({
        tls,
        logLevel: 'silent',
        metrics: local,
        audit: { output: '/dev/null' },
        listen: { host: '127.0.0.1', port: Number(new URL(url).port) },
      }),
    });
    const { status, error } = await inProcess(['serve', '--config', join(config, 'c.yaml')]);
    expect(status).toBe(2);
    expect(error).toContain('EADDRINUSE');
  });

  it('refuses an image whose credentials only a helper has, naming the entry, and runs no helper', async () => {
    const docker = await filesIn({});
    const { registry, review, signed } = await (async () => {
      const at = await registryFor();
      await writeFile(join(docker, 'config.json'), JSON.stringify({ credHelpers: { [at.host]: 'nonexistent' } }));
      const made = await served({
        registries: { [at.host]: { plainHttp: true, credentials: { dockerConfig: join(docker, 'config.json') } } },
      });
      await writeFile(
        join(made.folder, 'policy.yaml'),
        yaml(keyPolicy({ name: 'release', scopes: [at.host], signer: release })),
      );
      return { ...made, registry: at, signed: `${at.host}/shop/signed:v1` };
    })();
    let message = '';
    const end = performance.now() + 3000;
    while (!message.includes('REGISTRY_CREDENTIAL_UNUSABLE') && performance.now() < end)
      message = JSON.stringify((await review(signed)).body);
    expect(message).toContain('REGISTRY_CREDENTIAL_UNUSABLE');
    expect(message).toContain(registry.host);
    expect(registry.seen()).toEqual([]);
  });
});

describe('serve', () => {
  it('decides, records to its file, and says how it is without naming images or users', async () => {
    const { review, signed, unsigned, records, health, out } = await served();
    expect((await review(signed)).body).toMatchObject({ response: { allowed: true } });
    expect((await review(unsigned)).body).toMatchObject({ response: { allowed: false } });
    const written = await records();
    for (const record of written) expectToMeetSchema(record);
    expect(written.map(({ decision }) => decision)).toEqual(['allowed', 'denied']);
    expect(out()).toBe('');

    expect(await health('/healthz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await health('/readyz')).toEqual({ status: 200, text: 'ready\n' });
    const { text } = await health('/metrics');
    for (const line of [
      'countersign_reviews_total{decision="denied",mode="deny"} 1',
      'countersign_image_outcomes_total{outcome="unsigned",policy="ClusterImagePolicy/release",code="UNSIGNED"} 1',
      'countersign_review_seconds_count 2',
      'countersign_policies{state="ready"} 1',
      'countersign_policies{state="broken"} 0',
    ])
      expect(text).toContain(line);
    for (const name of [
      'countersign_registry_requests_total',
      'countersign_certificate_expiry_seconds',
      'countersign_cache_hits_total',
      'countersign_cache_misses_total',
    ])
      expect(text).toMatch(new RegExp(`^${name}[{ ]`, 'm'));
    const labels = new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label));
    for (const label of labels)
      expect([
        'decision',
        'mode',
        'outcome',
        'policy',
        'code',
        'le',
        'host',
        'class',
        'cache',
        'state',
        'reason',
        'root',
      ]).toContain(label);
    for (const secret of ['sha256', 'shop/', 'jane']) expect(text).not.toContain(secret);
  });

  it('answers what is in flight after SIGTERM, and exits 0', async () => {
    const { review, signed, registry, child, ended } = await served();
    registry.spoil({ on: '/blobs/', fault: { kind: 'hang' } });
    const inFlight = review(signed, '1s');
    await until(() => registry.seen().some((line) => line.includes('/blobs/')), 'the review is under way');
    child.kill('SIGTERM');
    // The signature never comes: the review is refused at its deadline, and not cut off.
    expect((await inFlight).body).toMatchObject({ response: { allowed: false, status: { code: 403 } } });
    expect((await ended).status).toBe(0);
  });

  it('is not ready while it drains, and answers all the same', async () => {
    const { review, signed, child, ended, health } = await served({ drainSeconds: 1 });
    child.kill('SIGTERM');
    let ready = 200;
    const end = performance.now() + 900;
    while (ready === 200 && performance.now() < end) ready = (await health('/readyz')).status;
    expect(ready).toBe(503);
    expect((await review(signed)).body).toMatchObject({ response: { allowed: true } });
    expect((await ended).status).toBe(0);
  });

  it('ends with a status when nobody reads its audit log any more, and admits nothing unrecorded', async () => {
    const { review, signed, child, ended } = await served({ audit: { output: 'stdout' } });
    expect((await review(signed)).body).toMatchObject({ response: { allowed: true } });
    child.stdout?.destroy();
    const answer = await review(signed).catch(() => 'cut off');
    if (answer !== 'cut off') expect(JSON.stringify(answer)).not.toContain('"allowed":true');
    expect((await ended).status).not.toBe(0);
  });

  it('takes a new certificate while it serves, drops no connection, and no pair that does not fit', async () => {
    const { review, signed, url, caPem, certificatePem, issue, folder } = await served();
    expect((await review(signed)).body).toMatchObject({ response: { allowed: true } });
    const base64 = (pem: string) => pem.replaceAll(/-----[^-]+-----|\s/g, '');
    expect(await shown(url, caPem)).toBe(base64(certificatePem));

    const next = await issue();
    let failed = 0;
    const end = performance.now() + 6000;
    while ((await shown(url, caPem)) !== base64(next.certificatePem) && performance.now() < end)
      await review(signed).catch(() => {
        failed += 1;
      });
    expect(await shown(url, caPem)).toBe(base64(next.certificatePem));
    expect(failed).toBe(0);

    const other = await authority().issue(await filesIn({}));
    await writeFile(join(folder, 'tls.key'), await readFile(other.keyFile, 'utf8'));
    for (let i = 0; i < 20; i++) expect(await shown(url, caPem)).toBe(base64(next.certificatePem));
    expect((await review(signed)).body).toMatchObject({ response: { allowed: true } });
  });

  it('goes on in a new audit file after SIGHUP', async () => {
    const { review, signed, child, folder, records } = await served();
    await review(signed);
    await rename(join(folder, 'audit.jsonl'), join(folder, 'old.jsonl'));
    child.kill('SIGHUP');
    const end = performance.now() + 3000;
    for (;;) {
      await review(signed);
      const written = await records().catch(() => []);
      if (written.length > 0 || performance.now() > end) break;
    }
    expect((await records()).length).toBeGreaterThan(0);
  });
});
