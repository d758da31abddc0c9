import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import { expectVerified } from '../fixtures/webhook.ts';
import { descriptorOf, expectRefused, notationSigner, notationWorld } from './notation-world.ts';

const acme = notationSigner();
const stranger = notationSigner();
const stores = { 'ca/acme/root.pem': acme.root.pem };
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };

describe('very many referrers', () => {
  it('of other types do not count: a good signature is found among thousands [notation-ratify 105, 114]', async () => {
    const world = await notationWorld({ stores });
    const image = world.push('shop/web');
    for (let n = 0; n < 5_000; n++) {
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
});

describe('very many signatures', () => {
  it('are tried up to the hundredth, which is good [notation-ratify 113]', async () => {
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
  });
});
