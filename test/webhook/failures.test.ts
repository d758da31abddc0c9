import { createServer, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { attach, publishImage, publishLayers, signImage } from '../../src/cli/demo/publish.ts';
import { bundleReferrer, createSigner, signedLayer, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import type { Json } from '../admission/fixture.ts';
import { expectDenied, expectVerified, keyPolicy, registryFor, stage } from '../fixtures/webhook.ts';

const release = createSigner();
const stranger = createSigner();

/** A registry with one signed image, and the policy that wants it signed. */
async function world(configuration: Json = {}) {
  const registry = await registryFor();
  const image = publishImage(registry, 'shop/web', 'web');
  signImage(registry, 'shop/web', image, release);
  const policies = [keyPolicy({ name: 'release', scopes: [registry.host, 'gone.invalid'], signer: release })];
  return { ...(await stage(registry, policies, configuration)), web: `${registry.host}/shop/web:v1`, image };
}

/** An address at which nothing listens. */
async function nowhere(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

describe('a registry that cannot be reached', () => {
  const unreachable = { policy: 'release', word: 'error', code: 'REGISTRY_UNREACHABLE' };

  /** A webhook whose policy names a registry that is not there. */
  async function gone(configuration: Json) {
    const host = await nowhere();
    const registry = await registryFor();
    const policies = [keyPolicy({ name: 'release', scopes: [host], signer: release })];
    const made = await stage(registry, policies, { registries: { [host]: { plainHttp: true } }, ...configuration });
    return { ...made, image: `${host}/shop/web:v1` };
  }

  it('refuses in deny mode, and says that it is unreachable [peers 61]', async () => {
    const { run, image } = await gone({});
    const answer = await run([image]);
    expectDenied(answer, { image, ...unreachable });
    expect(answer.message).toContain('ECONNREFUSED');
    expect(answer.message).not.toContain('nsigned');
  });

  it('is let in with a warning where the server only warns, and recorded where it audits [peers 61]', async () => {
    for (const [mode, warnings] of [
      ['warn', 1],
      ['audit', 0],
    ] as const) {
      const { run, image } = await gone({ mode });
      const answer = await run([image]);
      expect(answer).toMatchObject({
        allowed: true,
        record: { wouldDeny: true, images: [{ outcome: 'error', policies: [{ code: 'REGISTRY_UNREACHABLE' }] }] },
      });
      expect(answer.warnings).toHaveLength(warnings);
    }
  });

  it('is loosened by onError alone, which loosens nothing else [peers 61] [MODEL M6]', async () => {
    for (const onError of ['allow', 'warn']) {
      const { run, image } = await gone({ onError });
      const answer = await run([image]);
      expect(answer).toMatchObject({ allowed: true, record: { images: [{ outcome: 'error' }] } });
      expect(answer.warnings).toEqual([expect.stringContaining('[REGISTRY_UNREACHABLE]')]);
      const { run: ask, registry, web } = await world({ onError });
      registry.spoil({ fault: { kind: 'wrong-bytes' }, on: '/manifests/sha256' });
      expect(await ask([web])).toMatchObject({ allowed: false, code: 403 });
      expect(await ask([`${registry.host}/shop/missing:v1`])).toMatchObject({ allowed: false, code: 403 });
    }
  });
});

describe('a registry that limits requests', () => {
  it.each([429, 503])(
    'with %i twice is asked again within the deadline, and then admits [peers 62]',
    async (status) => {
      const { run, registry, web } = await world();
      registry.spoil({ on: '.sig', times: 2, fault: { kind: 'status', status, headers: { 'retry-after': '0' } } });
      const answer = await run([web], 'shop', '?timeout=10s');
      expectVerified(answer);
      expect(registry.seen().filter((line) => line.includes('.sig'))).toHaveLength(3);
    },
  );

  it.each([
    [429, 'REGISTRY_RATE_LIMITED', ''],
    [503, 'REGISTRY_UNAVAILABLE', ''],
    [429, 'REGISTRY_RATE_LIMITED', '.sig'],
    [503, 'REGISTRY_UNAVAILABLE', '.sig'],
    [429, 'REGISTRY_RATE_LIMITED', '/manifests/v1'],
    [429, 'REGISTRY_RATE_LIMITED', '/blobs/'],
  ])('with %i for good is called that, %s, and never unsigned: on %j [peers 62]', async (status, code, on) => {
    const { run, registry, web } = await world();
    registry.spoil({ on, fault: { kind: 'status', status, headers: { 'retry-after': '0' } } });
    const answer = await run([web]);
    expectDenied(answer, { image: web, policy: 'release', word: 'error', code });
    expect(answer.message).not.toContain('UNSIGNED');
    // Nothing of it was remembered.
    registry.behave();
    expectVerified(await run([web]));
  });
});

describe('a registry that hangs', () => {
  it.each(['', '/manifests/v1', '.sig', '/referrers/', '/blobs/'])(
    'on %j: an explicit denial before the timeout, counted as one [peers 63]',
    async (on) => {
      const { run, registry, web, metrics } = await world();
      registry.spoil({ on, fault: { kind: 'hang' } });
      const answer = await run([web], 'shop', '?timeout=1s');
      expect(answer.milliseconds).toBeLessThan(1000);
      // Referrers are beside what an OpenShift policy needs: what is signed under the tag is admitted without them.
      if (on === '/referrers/' && answer.allowed) return expectVerified(answer);
      expect(answer).toMatchObject({ allowed: false, code: 403, record: { images: [{ outcome: 'error' }] } });
      expect(answer.message).toMatch(/\[(?:REGISTRY_DEADLINE|DEADLINE_EXCEEDED)\]$/);
      expect(await metrics()).toMatch(/image_outcomes_total\{outcome="error",[^}]*code="[A-Z_]*DEADLINE[A-Z_]*"\} 1/);
      registry.behave();
      expectVerified(await run([web]));
      return undefined;
    },
  );

  it('does not hang what is audited: it is let in, recorded as an error [peers 63]', async () => {
    const { run, registry, web } = await world({ mode: 'audit' });
    registry.spoil({ fault: { kind: 'hang' } });
    const answer = await run([web], 'shop', '?timeout=500ms');
    expect(answer).toMatchObject({ allowed: true, record: { wouldDeny: true, images: [{ outcome: 'error' }] } });
    expect(answer.milliseconds).toBeLessThan(500);
  });
});

describe('a policy with a key', () => {
  it('opens no connection but to the registry, whatever it decides [peers 64]', async () => {
    const { run, registry, web, url } = await world();
    publishImage(registry, 'shop/unsigned', 'unsigned');
    const image = publishImage(registry, 'shop/stranger', 'stranger');
    signImage(registry, 'shop/stranger', image, stranger);
    const dialled = new Set<unknown>();
    // Every outgoing connection of this process goes through here, those of TLS and HTTP clients included.
    const connect: unknown = Reflect.get(Socket.prototype, 'connect');
    if (typeof connect !== 'function') throw new Error('sockets connect by another way now');
    Reflect.set(Socket.prototype, 'connect', function patched(this: Socket, ...args: readonly unknown[]): unknown {
      const [first] = args.flat();
      dialled.add(typeof first === 'object' && first !== null && 'port' in first ? String(first.port) : first);
      return Reflect.apply(connect, this, args);
    });
    onTestFinished(() => {
      Reflect.set(Socket.prototype, 'connect', connect);
    });
    expectVerified(await run([web]));
    expect((await run([`${registry.host}/shop/unsigned:v1`])).allowed).toBe(false);
    expect((await run([`${registry.host}/shop/stranger:v1`])).allowed).toBe(false);
    expect(dialled).toEqual(new Set([String(registry.port), new URL(url).port]));
  });
});

describe('more than is read', () => {
  it.each([
    ['an endless manifest', '/manifests/sha256:'],
    ['an endless list of referrers', '/referrers/'],
    ['an endless signature manifest', '.sig'],
    ['an endless signature', '/blobs/'],
  ])('%s is cut off and denied, in time and in bounds [peers 66]', async (_what, on) => {
    const { run, registry, web } = await world();
    registry.spoil({ on, method: 'GET', fault: { kind: 'endless' } });
    const answer = await run([web], 'shop', '?timeout=5s');
    if (on === '/referrers/' && answer.allowed) return expectVerified(answer);
    expect(answer).toMatchObject({ allowed: false, code: 403, record: { images: [{ outcome: 'error' }] } });
    expect(answer.message).toMatch(
      /\[(?:RESPONSE_TOO_LARGE|RESPONSE_MALFORMED|DEADLINE_EXCEEDED|REGISTRY_DEADLINE)\]$/,
    );
    registry.behave();
    expectVerified(await run([web]));
    return undefined;
  });

  it('a signature layer of 100 MiB is not fetched [peers 66]', async () => {
    const { run, registry, image, web } = await world();
    const layer = signedLayer(release, simpleSigningPayload(image.digest, web));
    const huge = { ...layer, bytes: Buffer.alloc(100 * 1024 * 1024, 0x20) };
    publishLayers(registry, 'shop/web', image, [huge]);
    const answer = await run([web]);
    expectDenied(answer, { image: web, policy: 'release', word: 'error', code: 'RESPONSE_TOO_LARGE' });
    expect(registry.seen().filter((line) => line.includes('/blobs/'))).toEqual([]);
  });

  it('1001 referrers are more than is looked at: an error, never unsigned and never admitted [peers 66]', async () => {
    const { registry, run } = await world();
    const evil = publishImage(registry, 'shop/evil', 'evil');
    const junk = Buffer.from('{}');
    for (let i = 0; i <= 1000; i++)
      attach(registry, 'shop/evil', bundleReferrer(evil, Buffer.concat([junk, Buffer.from(String(i))])));
    const answer = await run([`${registry.host}/shop/evil:v1`], 'shop', '?timeout=10s');
    expect(answer).toMatchObject({ allowed: false, code: 403 });
    expect(answer.record.images).toMatchObject([{ outcome: 'error', policies: [{ code: 'LIMIT_EXCEEDED' }] }]);
  });

  it('600 signatures of strangers under the tag are no way to make work without end [peers 66]', async () => {
    const { registry, run } = await world();
    const flooded = publishImage(registry, 'shop/flood', 'flood');
    const layers = Array.from({ length: 600 }, (_, i) =>
      signedLayer(stranger, simpleSigningPayload(flooded.digest, `${registry.host}/shop/flood`, { i })),
    );
    publishLayers(registry, 'shop/flood', flooded, layers);
    const answer = await run([`${registry.host}/shop/flood:v1`], 'shop', '?timeout=5s');
    expect(answer).toMatchObject({ allowed: false, code: 403 });
    expect(answer.requests).toBeLessThan(100);
    expect(answer.message).not.toContain('UNSIGNED');
  });
});
