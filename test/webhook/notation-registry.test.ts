import { describe, expect, it } from 'vitest';
import { signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { MisbehavingRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { expectVerified, registryFor } from '../fixtures/webhook.ts';
import { descriptorOf, expectRefused, notationSigner, notationWorld } from './notation-world.ts';

const acme = notationSigner();
const stranger = notationSigner();
const stores = { 'ca/acme/root.pem': acme.root.pem };
const OTHER = digestOf(Buffer.from('another image'));
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };

/** Paths asked for, without the repository, digests of their kind as `…`. */
const asked = (registry: MisbehavingRegistry): readonly string[] =>
  registry.requests
    .map(({ method, path }) => `${method} ${path.replace('/v2/shop/web/', '').replace(/sha256[:-][0-9a-f]{64}/, '…')}`)
    .sort();

describe('where signatures are found', () => {
  it('by the referrers API: four requests beside the tag’s, and none when the digest comes again', async () => {
    const world = await notationWorld({ stores });
    const { digest } = world.signed('shop/web', acme);
    const cold = await world.run([world.at(`shop/web@${digest}`)]);
    expectVerified(cold);
    expect(cold.requests).toBe(4);
    expect(asked(world.registry)).toEqual(['GET blobs/…', 'GET manifests/…', 'GET manifests/…', 'GET referrers/…']);
    expect((await world.run([world.at(`shop/web@${digest}`)])).requests).toBe(0);
    // Of a tag it must be asked in deny mode where it points to.
    const tagged = await world.run([world.at('shop/web:v1')]);
    expectVerified(tagged);
    expect(tagged.requests).toBe(1);
    expect(asked(world.registry)).toContain('HEAD manifests/v1');
  });

  it('by the fallback tag, where the registry has no such API [notation-ratify 100]', async () => {
    const registry = await registryFor({ referrers: 'none' });
    const world = await notationWorld({ stores, registry });
    const { digest } = world.signed('shop/web', acme);
    const cold = await world.run([world.at(`shop/web@${digest}`)]);
    expectVerified(cold);
    expect(cold.requests).toBe(5);
    expect((await world.run([world.at(`shop/web@${digest}`)])).requests).toBe(0);
  });

  it('by the fallback tag, where a page answers instead of the API [notation-ratify 102]', async () => {
    const registry = await registryFor({ referrers: 'none' });
    const world = await notationWorld({ stores, registry });
    registry.spoil({ on: '/referrers/', fault: { kind: 'html' } });
    world.signed('shop/web', acme);
    expectVerified(await world.run([world.at('shop/web:v1')]));
  });

  it('nowhere, where there is neither API nor tag: unsigned [notation-ratify 103]', async () => {
    const registry = await registryFor({ referrers: 'none' });
    const world = await notationWorld({ stores, registry });
    world.push('shop/web');
    expectRefused(await world.run([world.at('shop/web:v1')]), 'unsigned', 'UNSIGNED');
  });

  it('not where the API says that the repository is unknown: an error, and the tag is not asked [notation-ratify 101]', async () => {
    const registry = await registryFor({ referrers: 'none' });
    const world = await notationWorld({ stores, registry });
    registry.spoil({
      on: '/referrers/',
      fault: {
        kind: 'status',
        status: 404,
        headers: { 'content-type': 'application/json' },
        body: '{"errors":[{"code":"NAME_UNKNOWN"}]}',
      },
    });
    world.signed('shop/web', acme);
    expectRefused(await world.run([world.at('shop/web:v1')]), 'error', 'IMAGE_NOT_FOUND');
  });

  it('on any of several pages [notation-ratify 104]', async () => {
    const registry = await registryFor({ pageSize: 2 });
    const world = await notationWorld({ stores, registry });
    const image = world.push('shop/web');
    for (let n = 0; n < 4; n++) world.attach('shop/web', image, stranger);
    world.attach('shop/web', image, acme);
    expectVerified(await world.run([world.at('shop/web:v1')]));
    expect(asked(registry).filter((one) => one === 'GET referrers/…')).toHaveLength(3);
  });
});

describe('a referrer that is no good signature', () => {
  it('is none of this image if its manifest names another subject, whatever the list says [notation-ratify 107]', async () => {
    const registry = await registryFor({ referrers: 'none' });
    const world = await notationWorld({ stores, registry });
    const image = world.push('shop/web');
    const other = world.push('shop/web', 'other', 'v2');
    // The list that a client wrote names the signature of the one image under the other.
    world.attach('shop/web', other, acme);
    const listed = registry.pushManifest('shop/web', Buffer.from('{}'), MANIFEST);
    expect(listed.size).toBe(2);
    const manifest = registry.attachReferrer('shop/web', {
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: 'application/vnd.cncf.notary.signature',
      config: EMPTY,
      layers: [{ mediaType: 'application/jose+json', digest: OTHER, size: 1 }],
      subject: descriptorOf(other),
    });
    registry.pushManifest(
      'shop/web',
      { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [manifest] },
      'application/vnd.oci.image.index.v1+json',
      image.digest.replace(':', '-'),
    );
    const answer = await world.run([world.at('shop/web:v1')]);
    expectRefused(answer, 'unsigned', 'UNSIGNED');
    expect(answer.message).toContain('It carries one attachment that is not a signature.');
    expect(registry.seen()).not.toContain(`GET /v2/shop/web/blobs/${OTHER}`);
  });

  it('is refused with two layers, or none, or a layer that is no envelope [notation-ratify 108]', async () => {
    for (const layers of [
      (one: unknown) => [one, one],
      () => [],
      (one: unknown) => [{ ...(typeof one === 'object' ? one : {}), mediaType: 'application/octet-stream' }],
    ]) {
      const world = await notationWorld({ stores });
      world.signed('shop/web', acme, {
        manifest: (same) => ({
          ...same,
          layers: layers(Array.isArray(same['layers']) ? same['layers'][0] : undefined),
        }),
      });
      expectRefused(await world.run([world.at('shop/web:v1')]), 'invalid', 'SIGNATURE_MALFORMED');
    }
  });

  it('is an error where its blob is another than the manifest names [notation-ratify 109]', async () => {
    const world = await notationWorld({ stores });
    world.signed('shop/web', acme);
    world.registry.spoil({
      on: '/blobs/',
      fault: { kind: 'content-type', type: 'application/octet-stream', body: '{}' },
    });
    const answer = await world.run([world.at('shop/web:v1')]);
    expect(answer).toMatchObject({ allowed: false, record: { images: [{ outcome: 'error' }] } });
    expect(answer.message).toMatch(/\[(DIGEST_MISMATCH|RESPONSE_MALFORMED)\]$/);
  });

  it('is an error that costs no more than the limit where its blob is too large [notation-ratify 110]', async () => {
    const world = await notationWorld({ stores });
    world.signed('shop/web', acme, {
      manifest: (same) => ({
        ...same,
        layers: [{ mediaType: 'application/jose+json', digest: OTHER, size: 33 * 1024 * 1024 }],
      }),
    });
    expectRefused(await world.run([world.at('shop/web:v1')]), 'error', 'RESPONSE_TOO_LARGE');
    expect(world.registry.seen()).not.toContain(`GET /v2/shop/web/blobs/${OTHER}`);
    // One that lies about its size is cut off at what it said.
    const endless = await notationWorld({ stores });
    endless.signed('shop/web', acme);
    endless.registry.spoil({ on: '/blobs/', fault: { kind: 'endless' } });
    const answer = await endless.run([endless.at('shop/web:v1')]);
    expect(answer).toMatchObject({ allowed: false, record: { images: [{ outcome: 'error' }] } });
    expect(answer.milliseconds).toBeLessThan(2_000);
  });

  it.each<[what: string, break_: (registry: MisbehavingRegistry, signature: string, blob: string) => void]>([
    [
      'whose manifest is gone',
      (registry, signature) => registry.spoil({ on: signature, fault: { kind: 'status', status: 404 } }),
    ],
    [
      'whose manifest cannot be had',
      (registry, signature) => registry.spoil({ on: signature, fault: { kind: 'status', status: 500 } }),
    ],
    [
      'whose manifest is another',
      (registry, signature) => registry.spoil({ on: signature, fault: { kind: 'wrong-bytes' } }),
    ],
    ['whose blob is gone', (registry, _, blob) => registry.spoil({ on: blob, fault: { kind: 'status', status: 404 } })],
    [
      'whose blob cannot be had',
      (registry, _, blob) => registry.spoil({ on: blob, fault: { kind: 'status', status: 503 } }),
    ],
    [
      'whose blob is another',
      (registry, _, blob) => registry.spoil({ on: blob, fault: { kind: 'content-type', type: 'a/b', body: 'x' } }),
    ],
  ])(
    'hides no good one beside it, %s; alone it is an error and no unsigned image [notation-ratify 111]',
    async (_, spoil) => {
      for (const hasGood of [true, false]) {
        const world = await notationWorld({ stores });
        const image = world.push('shop/web');
        const before = new Set<string>();
        world.attach('shop/web', image, acme, {
          manifest: (same) => {
            before.add(JSON.stringify(same));
            return same;
          },
        });
        const [text = ''] = before;
        const blob = /"digest":"(sha256:[0-9a-f]{64})","size":[0-9]+\}\],"subject"/.exec(text)?.[1] ?? '';
        expect(blob).not.toBe('');
        spoil(world.registry, digestOf(Buffer.from(text)), blob);
        if (hasGood) world.attach('shop/web', image, acme, { kind: 'cose' });
        const answer = await world.run([world.at('shop/web:v1')]);
        if (hasGood) expectVerified(answer);
        else expect(answer).toMatchObject({ allowed: false, record: { images: [{ outcome: 'error' }] } });
      }
    },
  );

  it('of a hostile kind hides no good one either', async () => {
    const world = await notationWorld({ stores });
    const image = world.push('shop/web');
    world.attach('shop/web', image, stranger);
    world.attach('shop/web', image, acme, { payload: { ...descriptorOf(image), digest: OTHER } });
    world.attach('shop/web', image, acme, { manifest: (same) => ({ ...same, layers: [] }) });
    world.attach('shop/web', image, acme);
    expectVerified(await world.run([world.at('shop/web:v1')]));
  });
});

describe('very many referrers', () => {
  it('of other types do not count: a good signature is found among hundreds [notation-ratify 105]', async () => {
    const world = await notationWorld({ stores });
    const image = world.push('shop/web');
    for (let n = 0; n < 900; n++) {
      world.registry.pushManifest('shop/web', {
        schemaVersion: 2,
        mediaType: MANIFEST,
        artifactType: 'application/vnd.example.sbom',
        config: EMPTY,
        layers: [],
        subject: descriptorOf(image),
        annotations: { n: String(n) },
      });
    }
    world.attach('shop/web', image, acme);
    const answer = await world.run([world.at('shop/web:v1')]);
    expectVerified(answer);
    expect(answer.requests).toBe(5);
  });

  it('that are signatures are tried up to the hundredth, which is good [notation-ratify 113]', async () => {
    const world = await notationWorld({ stores });
    const image = world.push('shop/web');
    for (let n = 1; n < 100; n++) world.attach('shop/web', image, stranger);
    world.attach('shop/web', image, acme);
    const answer = await world.run([world.at('shop/web:v1')]);
    expectVerified(answer);
    expect(answer.milliseconds).toBeLessThan(4_000);
    expect((await world.run([world.at(`shop/web@${image.digest}`)])).requests).toBe(0);
  });

  it('are not tried beyond it: what lies there is an error that names the limit [notation-ratify 112]', async () => {
    const world = await notationWorld({ stores });
    const image = world.push('shop/web');
    for (let n = 0; n < 101; n++) world.attach('shop/web', image, stranger);
    world.attach('shop/web', image, acme);
    const answer = await world.run([world.at('shop/web:v1')]);
    expectRefused(answer, 'error', 'LIMIT_EXCEEDED');
    expect(answer.message).toContain('102 notation signatures refer to the image; the first 100 were read');
    // The image's own manifest, and a hundred.
    const read = world.registry.seen().filter((one) => /^GET .*\/manifests\/sha256:/.test(one));
    expect(read).toHaveLength(101);
    expect(answer.milliseconds).toBeLessThan(4_000);
  });
});

describe('beside signatures of another tool', () => {
  it('each policy looks at its own kind', async () => {
    const registry = await registryFor();
    const cosign = createSigner();
    const world = await notationWorld({ stores, registry });
    const image = world.signed('shop/web', acme);
    signImage(registry, 'shop/web', image, cosign);
    expectVerified(await world.run([world.at('shop/web:v1')]));
    const onlyCosign = world.push('shop/api', 'api');
    signImage(registry, 'shop/api', onlyCosign, cosign);
    expectRefused(await world.run([world.at('shop/api:v1')]), 'unsigned', 'UNSIGNED');
  });
});
