import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/image/digest.ts';
import type { Json } from '../admission/fixture.ts';
import { createOpenPgpSigner } from '../fixtures/openpgp/signer.ts';
import { expectVerified } from '../fixtures/webhook.ts';
import { containersWorld, expectRefused, folderOf, signatureOf, signedBy } from './containers-world.ts';

const vendor = createOpenPgpSigner({ userId: 'Vendor <security@vendor.example>' });
const keys = { 'vendor.asc': vendor.publicKeyArmored };
const scopes = { 'vendor.example': [signedBy('vendor.asc')] };

/** How a test says that vendor.example is read at HOST/copy, and that nobody goes to vendor.example itself. */
const WAYS: readonly (readonly [what: string, files: Readonly<Record<string, string>>, configuration: Json])[] = [
  [
    'registries.conf',
    {
      '.node/registries.conf': `
[[registry]]
prefix = "vendor.example"
location = "vendor.example"
blocked = true
[[registry.mirror]]
location = "HOST/copy"
insecure = true
`,
    },
    { registriesConf: ['FOLDER/.node/registries.conf'] },
  ],
  [
    'an ImageDigestMirrorSet among the policies',
    {
      'mirrors.yaml': JSON.stringify({
        apiVersion: 'config.openshift.io/v1',
        kind: 'ImageDigestMirrorSet',
        metadata: { name: 'vendor' },
        spec: {
          imageDigestMirrors: [
            { source: 'vendor.example', mirrors: ['HOST/copy'], mirrorSourcePolicy: 'NeverContactSource' },
          ],
        },
      }),
    },
    {},
  ],
];

/** A world in which the vendor's images are only to be had at a mirror. */
async function mirrored(
  [, files, configuration]: (typeof WAYS)[number],
  registriesD: Json = { docker: { 'HOST/copy': { lookaside: 'http://LOOKASIDE' } } },
) {
  const world = await containersWorld({ keys, scopes, registriesD, files, configuration });
  /** What the vendor signed, copied with its signature. */
  const copied = (name: string, below = `copy/${name}`): Digest => {
    const digest = world.push(`copy/${name}`);
    const message = signatureOf(vendor, digest, `vendor.example/${name}:v1`);
    world.lookaside.files.set(`${folderOf(below, digest)}/signature-1`, message);
    return digest;
  };
  return { ...world, copied };
}

describe.each(WAYS)('a mirrored cluster, by %s', (...way) => {
  it('keeps the policy, the signed name and the message of the public name, and reads at the mirror [peers 19]', async () => {
    const { run, copied, registry, lookaside, push } = await mirrored(way);
    const digest = copied('shop/web');
    const answer = await run([`vendor.example/shop/web@${digest}`]);
    expectVerified(answer);
    expect(answer.record.images).toMatchObject([{ image: `vendor.example/shop/web@${digest}`, digest }]);
    expect(registry.seen()).toContain(`GET /v2/copy/shop/web/manifests/${digest}`);
    expect(lookaside.requests[0]).toBe(`GET ${folderOf('copy/shop/web', digest)}/signature-1`);

    const bare = push('copy/shop/bare', 'bare');
    const refused = await run([`vendor.example/shop/bare@${bare}`]);
    expect(refused).toMatchObject({ allowed: false, code: 403 });
    expect(refused.message).toContain('refused by policy.json "vendor.example": ');
  });

  it('finds no signature by a registries.d that names the public registry alone, and lets nothing in', async () => {
    const section = { docker: { 'vendor.example': { lookaside: 'http://LOOKASIDE' } } };
    const { run, copied, lookaside } = await mirrored(way, section);
    const digest = copied('shop/web', 'shop/web');
    expect(await run([`vendor.example/shop/web@${digest}`])).toMatchObject({ allowed: false, code: 403 });
    expect(lookaside.requests).toEqual([]);
  });

  it('does not take a signature under the mirror’s own name', async () => {
    const { run, lookaside, push, at } = await mirrored(way);
    const digest = push('copy/shop/web');
    const message = signatureOf(vendor, digest, at('copy/shop/web:v1'));
    lookaside.files.set(`${folderOf('copy/shop/web', digest)}/signature-1`, message);
    expectRefused(await run([`vendor.example/shop/web@${digest}`]), 'vendor.example', 'untrusted', 'NAME_MISMATCH');
  });
});

it('pods that name the mirror itself are no business of the policy for the public name', async () => {
  const [way] = WAYS;
  if (way === undefined) throw new Error('no way');
  const { run, copied, at } = await mirrored(way);
  copied('shop/web');
  expect(await run([at('copy/shop/web:v1')])).toMatchObject({ allowed: true, requests: 0 });
});
