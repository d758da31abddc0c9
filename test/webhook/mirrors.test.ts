import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { startWebhook } from '../../src/cli/webhook.ts';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { MisbehavingRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { expectDenied, expectVerified, keyPolicy, registryFor, type Stage, stage } from '../fixtures/webhook.ts';
import { startTestApiServer } from '../kubernetes/api-server.ts';
import { type Mirrored, mirrorSet } from '../policy/mirrors/objects.ts';
import { written } from '../policy/openshift/objects.ts';
import { folder, yaml } from '../policy/sources/folder.ts';

const signer = createSigner();
const plain = (...registries: readonly MisbehavingRegistry[]) =>
  Object.fromEntries(registries.map(({ host }) => [host, { plainHttp: true }]));

/** A registry under whose name everybody knows the images, and one that has copies of them under `copies/`. */
async function pair() {
  const source = await registryFor();
  const mirror = await registryFor();
  const at = (name: string) => `${source.host}/shop/${name}`;
  return {
    source,
    mirror,
    at,
    /** Puts an image and, where a name is given, a signature that carries it, at the mirror; returns its digest. */
    copy: (name: string, signedAs?: string) => {
      const image = publishImage(mirror, `copies/shop/${name}`, name);
      if (signedAs !== undefined) signImage(mirror, `copies/shop/${name}`, image, signer, signedAs);
      return image.digest;
    },
    release: keyPolicy({ name: 'release', signer, scopes: [source.host] }),
    entry: { source: `${source.host}/shop`, mirrors: [`${mirror.host}/copies/shop`] } satisfies Mirrored,
  };
}

const files = (policy: ReturnType<typeof keyPolicy>, ...sets: readonly object[]) => ({
  'policies.yaml': yaml(policy),
  'mirrors.yaml': sets.map((set) => JSON.stringify(set)).join('\n---\n'),
});

/** Repositories that were asked for. */
const asked = (registry: MisbehavingRegistry) =>
  new Set(
    registry.requests
      .map(({ path }) => path)
      .flatMap((path) => /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(path)?.[1] ?? []),
  );

describe('a policy for the public name in a mirrored cluster', () => {
  it('holds for an image that is read, with its signature, at the mirror while the source is down', async () => {
    const { source, mirror, at, copy, release, entry } = await pair();
    const signed = copy('web', at('web'));
    const bare = copy('bare');
    await source.close();
    const set = mirrorSet('ImageDigestMirrorSet', 'copies', entry);
    const { run } = await stage(mirror, files(release, set), { registries: plain(source, mirror) });
    const good = await run([`${at('web')}@${signed}`]);
    expectVerified(good);
    expect(good.record.images).toMatchObject([{ image: `${at('web')}@${signed}`, digest: signed }]);
    expect(asked(mirror)).toEqual(new Set(['copies/shop/web']));
    expect(mirror.seen().some((line) => line.endsWith(`/manifests/${signed.replace(':', '-')}.sig`))).toBe(true);
    // The mirror has no signature, and whether the source has one nobody can tell.
    const image = `${at('bare')}@${bare}`;
    expectDenied(await run([image]), { image, policy: 'release', word: 'error', code: 'REGISTRY_UNREACHABLE' });
  });

  it('compares the name in the signature with the one that the pod asks for, not with the mirror’s', async () => {
    const { mirror, source, at, copy, release, entry } = await pair();
    const digest = copy('web', `${mirror.host}/copies/shop/web`);
    publishImage(source, 'shop/web', 'web');
    const set = mirrorSet('ImageDigestMirrorSet', 'copies', entry);
    const { run } = await stage(mirror, files(release, set), { registries: plain(source, mirror) });
    const image = `${at('web')}@${digest}`;
    expectDenied(await run([image]), { image, policy: 'release', word: 'untrusted', code: 'NAME_MISMATCH' });
  });

  it('is selected by the name that the pod asks for: a scope of the mirror’s name is not the image’s', async () => {
    const { mirror, source, at, copy, entry } = await pair();
    const digest = copy('web');
    const policy = keyPolicy({ name: 'copies', signer, scopes: [mirror.host] });
    const set = mirrorSet('ImageDigestMirrorSet', 'copies', entry);
    const { run } = await stage(mirror, files(policy, set), { registries: plain(source, mirror) });
    const unmatched = await run([`${at('web')}@${digest}`]);
    expect(unmatched).toMatchObject({ allowed: true, requests: 0, record: { images: [{ outcome: 'unmatched' }] } });
    const image = `${mirror.host}/copies/shop/web@${digest}`;
    expectDenied(await run([image]), { image, policy: 'copies', word: 'unsigned', code: 'UNSIGNED' });
  });

  it('remaps what pods ask at the mirror itself to the name that the vendor signed, and refuses it otherwise [55] [peers 19]', async () => {
    const { mirror, copy } = await pair();
    const digest = copy('web', 'vendor.example/shop/web:v1');
    const policy = (name: string, scope: string, signedIdentity: object) =>
      keyPolicy({ name, signer, scopes: [`${mirror.host}/${scope}`], signedIdentity });
    const remap = (prefix: string) => ({
      matchPolicy: 'RemapIdentity',
      remapIdentity: { prefix: `${mirror.host}/${prefix}`, signedPrefix: 'vendor.example' },
    });
    const tagged = `${mirror.host}/copies/shop/web:v1`;
    const pinned = `${mirror.host}/copies/shop/web@${digest}`;
    const under = async (signedIdentity: object) =>
      (await stage(mirror, [policy('remapped', 'copies', signedIdentity)])).run([tagged, pinned]);

    expectVerified(await under(remap('copies')));
    for (const identity of [remap('cop'), { matchPolicy: 'MatchRepoDigestOrExact' }]) {
      const refused = { policy: 'remapped', word: 'untrusted', code: 'NAME_MISMATCH' };
      expectDenied(
        await under(identity),
        { ...refused, image: tagged },
        { ...refused, image: pinned, path: 'spec.containers[1].image' },
      );
    }
  });

  it('asks no mirror for digests what a tag means, and one for tags alone', async () => {
    const { source, mirror, at, copy, release, entry } = await pair();
    copy('web', at('web'));
    await source.close();
    const digests = mirrorSet('ImageDigestMirrorSet', 'copies', entry);
    const registries = plain(source, mirror);
    const image = `${at('web')}:v1`;
    const first = await stage(mirror, files(release, digests), { registries });
    expectDenied(await first.run([image]), { image, policy: 'release', word: 'error', code: 'REGISTRY_UNREACHABLE' });
    expect(mirror.requests).toEqual([]);
    const tags = mirrorSet('ImageTagMirrorSet', 'copies', entry);
    const second = await stage(mirror, files(release, digests, tags), { registries });
    expectVerified(await second.run([image]));
  });

  it('never contacts a source that is not to be contacted, whatever the mirror lacks', async () => {
    const { source, mirror, at, release, entry, copy } = await pair();
    const image = publishImage(source, 'shop/web', 'web');
    signImage(source, 'shop/web', image, signer);
    copy('bare');
    const never = { ...entry, mirrorSourcePolicy: 'NeverContactSource' };
    const set = mirrorSet('ImageDigestMirrorSet', 'copies', never);
    const { run } = await stage(mirror, files(release, set), { registries: plain(source, mirror) });
    for (const missing of [`${at('web')}@${image.digest}`, `${at('web')}:v1`]) {
      const answer = await run([missing]);
      expectDenied(answer, { image: missing, policy: 'release', word: 'error', code: 'REGISTRY_BLOCKED' });
    }
    expect(source.requests).toEqual([]);
  });
});

describe('registries.conf of a node', () => {
  it('is followed, plain HTTP and loopback included, before mirror sets with the same prefix', async () => {
    const { source, mirror, at, copy, release, entry } = await pair();
    const digest = copy('web', at('web'));
    const elsewhere = { ...entry, mirrors: ['mirror.invalid/copies'] };
    const conf = await folder();
    onTestFinished(() => conf[Symbol.asyncDispose]());
    await conf.write({
      'registries.conf': `[[registry]]\nlocation = "${source.host}/shop"\nblocked = true\n[[registry.mirror]]\nlocation = "nowhere.invalid"\n`,
      'd/mirrors.conf': `[[registry]]\nlocation = "${source.host}/shop"\nblocked = true\n[[registry.mirror]]\nlocation = "${mirror.host}/copies/shop"\ninsecure = true\n`,
    });
    const set = mirrorSet('ImageDigestMirrorSet', 'copies', elsewhere);
    const { run } = await stage(mirror, files(release, set), {
      registries: {},
      registriesConf: [`${conf.path}/registries.conf`, `${conf.path}/d`],
    });
    expectVerified(await run([`${at('web')}@${digest}`, `${at('web')}:v1`]));
    expect(source.requests).toEqual([]);
  });

  it('that is wrong keeps the webhook from starting, naming file and table', async () => {
    const conf = await folder();
    onTestFinished(() => conf[Symbol.asyncDispose]());
    await conf.write({ 'node.conf': '[[registry]]\nlocation = "a.example"\nblokced = true' });
    const configuration = parseConfiguration(
      JSON.stringify({ tls: { selfSigned: true }, registriesConf: [`${conf.path}/node.conf`] }),
      'test',
    );
    if (!configuration.ok) throw new Error(configuration.failure.message);
    const started = await startWebhook(configuration.value, {
      environment: {},
      logger: silentLogger,
      instance: 'test',
      onAuditLost: () => undefined,
    });
    expect(started).toEqual({
      ok: false,
      failure: {
        code: 'CONFIGURATION_INVALID',
        message: `${conf.path}/node.conf: [[registry]] 1: blokced: unknown key`,
      },
    });
  });
});

describe('mirror sets of the cluster', () => {
  const SETS = '/apis/config.openshift.io/v1/imagedigestmirrorsets';

  /** The webhook beside an API server that serves mirror sets. */
  async function beside(release: ReturnType<typeof keyPolicy>, mirror: MisbehavingRegistry, registries: object) {
    const server = await startTestApiServer();
    onTestFinished(() => server.close());
    server.served.add('config.openshift.io/v1/imagedigestmirrorsets');
    const config = await folder();
    onTestFinished(() => config[Symbol.asyncDispose]());
    await config.write({
      'kubeconfig.yaml': JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'x',
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'countersign' } }],
        clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${server.port}` } }],
        users: [{ name: 'u', user: {} }],
      }),
    });
    const kubernetes = { watch: true, kubeconfig: `${config.path}/kubeconfig.yaml` };
    const start = (): Promise<Stage> =>
      stage(mirror, { 'policies.yaml': JSON.stringify(written(release)) }, { kubernetes, registries });
    return { server, start };
  }

  it('are followed: an edit is in force on the next request', async () => {
    const { source, mirror, at, copy, release, entry } = await pair();
    const digest = copy('web', at('web'));
    await source.close();
    const { server, start } = await beside(release, mirror, plain(source, mirror));
    const { run, health } = await start();
    await vi.waitFor(async () => expect(await health()).toMatch(/^ready/), 5000);
    const image = `${at('web')}@${digest}`;
    expectDenied(await run([image]), { image, policy: 'release', word: 'error', code: 'REGISTRY_UNREACHABLE' });
    server.put(SETS, mirrorSet('ImageDigestMirrorSet', 'copies', entry));
    await vi.waitFor(async () => expectVerified(await run([image])), 5000);
    server.put(SETS, {
      ...mirrorSet('ImageDigestMirrorSet', 'wrong'),
      spec: { imageDigestMirrors: [{ source: '!' }] },
    });
    await vi.waitFor(async () =>
      expect(await health()).toMatch(
        /^ready\n- the ImageDigestMirrorSet "wrong" cannot be read: .*; it is passed over/,
      ),
    );
    expectVerified(await run([image]));
  });

  it('may name no address of our own network: only a configuration file may', async () => {
    const { source, mirror, at, copy, release, entry } = await pair();
    const digest = copy('web', at('web'));
    const { server, start } = await beside(release, mirror, plain(source));
    const never = { ...entry, mirrorSourcePolicy: 'NeverContactSource' };
    server.put(SETS, mirrorSet('ImageDigestMirrorSet', 'copies', never));
    const { run, health } = await start();
    await vi.waitFor(async () => expect(await health()).toMatch(/^ready/), 5000);
    const image = `${at('web')}@${digest}`;
    expectDenied(await run([image]), { image, policy: 'release', word: 'error', code: 'ADDRESS_FORBIDDEN' });
    expect([...source.requests, ...mirror.requests]).toEqual([]);
  });

  it('keep nothing from being ready where the API server forbids them, and are told', async () => {
    const { source, mirror, release } = await pair();
    const { server, start } = await beside(release, mirror, plain(source, mirror));
    server.always(({ path }, response) => {
      if (!path.includes('mirrorsets')) return false;
      response.writeHead(403, { 'content-type': 'application/json' }).end('{"kind":"Status","code":403}');
      return true;
    });
    const { health } = await start();
    await vi.waitFor(
      async () => expect(await health()).toMatch(/^ready\n- image.*mirrorsets.* cannot be followed/),
      5000,
    );
  });
});
