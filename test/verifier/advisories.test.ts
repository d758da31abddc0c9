import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Artifact, imageArtifact } from '../../src/cli/demo/artifacts.ts';
import {
  attach,
  publish,
  publishImage,
  publishLayers,
  signImage,
  signImageWithBundle,
} from '../../src/cli/demo/publish.ts';
import type { FaultHook } from '../../src/cli/demo/registry-server.ts';
import { bundleBytes, bundleReferrer, createSigner, signStatement } from '../../src/cli/demo/signer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import type { NonEmpty, Requirement } from '../../src/model/requirement.ts';
import { ANNOTATIONS, SIMPLE_SIGNING_TYPE } from '../../src/signatures/cosign/formats.ts';
import { signatureTag } from '../../src/signatures/cosign/tag.ts';
import { everywhere, keyLeaf, policyOf, signedBy } from '../fixtures/keys.ts';
import { type Fault, type MisbehavingRegistry, startRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { ask, startWorld, type World } from '../fixtures/world.ts';
import { goodLayer, REPOSITORY, say, VERIFIED } from '../signatures/fixture.ts';

/**
 * The advisories of the field (reference/peers.md §5) that key signatures, references and reading registries could
 * repeat. Those on log entries and certificates come with the code that reads them; those on selection, admission and
 * credentials are tested where these are.
 */

const alice = createSigner();
const mallory = createSigner();
const policy = policyOf(signedBy(alice));

let registry: MisbehavingRegistry;
let world: World;
let hook: FaultHook | undefined;
beforeEach(async () => {
  hook = undefined;
  registry = await startRegistry({ fault: (...args) => hook?.(...args) ?? false });
  const hosts = new Map([[registry.host, { plainHttp: true, ca: undefined, mirrors: [] }]]);
  const started = await startWorld({ client: { hosts, limits: { retries: 0 } } });
  world = { ...started, server: registry };
});
afterEach(() => Promise.all([world.close(), registry.close()]));

const pushed = (text: string, tag?: string) => publishImage(registry, REPOSITORY, text, tag);
const sign = (image: Artifact) => signImage(registry, REPOSITORY, image, alice);
const byTag = `${REPOSITORY}:v1`;

describe('a registry that answers a tag in turns [CVE-2022-47633, GHSA-m3cq-xcx9-3gvm]', () => {
  /** The tag means one image to the first request, the other to the second, and so on. */
  function alternate(first: Artifact, second: Artifact): () => number {
    let asked = 0;
    hook = (record, _request, response) => {
      if (!record.path.endsWith('/manifests/v1')) return false;
      const { manifest, mediaType, digest } = asked++ % 2 === 0 ? first : second;
      response.writeHead(200, {
        'content-type': mediaType,
        'content-length': manifest.length,
        'docker-content-digest': digest,
      });
      response.end(record.method === 'HEAD' ? undefined : manifest);
      return true;
    };
    return () => asked;
  }

  it('is asked once: what is decided on is what was verified', async () => {
    const [good, bad] = [pushed('good'), pushed('bad')];
    sign(good);
    for (const [first, second, headline] of [
      [good, bad, 'verified'],
      [bad, good, 'unsigned'],
    ] as const) {
      const asked = alternate(first, second);
      const decision = await ask(world.engine([everywhere(policy, policy)]), [`${registry.host}/${byTag}`]);
      expect(decision.subjects).toMatchObject([{ headline, digest: first.digest }]);
      expect(asked()).toBe(1);
    }
  });

  it('gives each of two containers one digest, and both the same', async () => {
    const [good, bad] = [pushed('good'), pushed('bad')];
    sign(good);
    alternate(good, bad);
    const image = `${registry.host}/${byTag}`;
    const { allowed, subjects } = await ask(world.engine([everywhere(policy)]), [image, image]);
    const digests = new Set(subjects.map((subject) => subject.digest));
    expect(allowed).toBe(digests.size === 1 && digests.has(good.digest));
  });
});

describe('a registry that sends other bytes than the digest names [CVE-2023-47630]', () => {
  const instead = (of: string, mediaType: string, bytes: Uint8Array) => {
    hook = (record, _request, response) => {
      if (!record.path.includes(of)) return false;
      response.writeHead(200, { 'content-type': mediaType, 'docker-content-digest': of }).end(bytes);
      return true;
    };
  };

  it('does not have the unsigned image taken for a signed one', async () => {
    const [good, bad] = [pushed('good'), pushed('bad')];
    sign(good);
    instead(bad.digest, good.mediaType, good.manifest);
    expect(await say(world, bad, policy)).toMatchObject({ word: 'error', code: 'DIGEST_MISMATCH' });
  });

  it('does not have another payload taken for the one that the signature manifest names', async () => {
    const image = pushed('image');
    const [named, signed] = [
      goodLayer(mallory, image, 'registry.example/a'),
      goodLayer(alice, image, 'registry.example/b'),
    ];
    publishLayers(registry, REPOSITORY, image, [{ ...named, annotations: signed.annotations ?? {} }]);
    instead('/blobs/', 'application/octet-stream', signed.bytes);
    expect(await say(world, image, policy)).toMatchObject({ word: 'error', code: 'DIGEST_MISMATCH' });
  });

  it('does not have a bundle taken whose manifest is another than the list names', async () => {
    const [image, other] = [pushed('image'), pushed('other')];
    const [listed, sent] = [
      bundleReferrer(image, bundleBytes(mallory, signStatement(image.digest))),
      bundleReferrer(image, bundleBytes(alice, signStatement(image.digest))),
    ];
    attach(registry, REPOSITORY, listed);
    for (const blob of sent.blobs) registry.pushBlob(REPOSITORY, blob);
    instead(listed.digest, sent.mediaType, sent.manifest);
    expect(await say(world, image, policy)).toMatchObject({ word: 'error', code: 'DIGEST_MISMATCH' });
    signImageWithBundle(registry, REPOSITORY, other, alice);
    expect(await say(world, other, policy)).toEqual(VERIFIED);
  });

  it('does not have a tag’s bytes taken under the digest of its header', async () => {
    const [good, bad] = [pushed('good'), pushed('bad', 'v1')];
    sign(good);
    hook = (record, _request, response) => {
      if (!record.path.endsWith('/manifests/v1')) return false;
      response.writeHead(200, {
        'content-type': MANIFEST_TYPES.ociManifest,
        'docker-content-digest': good.digest,
        'content-length': bad.manifest.length,
      });
      response.end(record.method === 'HEAD' ? undefined : bad.manifest);
      return true;
    };
    const decision = await ask(world.engine([everywhere(policy)]), [`${registry.host}/${byTag}`]);
    // What is decided on is the digest, by which alone the bytes are then read.
    expect(decision).toMatchObject({ allowed: true, subjects: [{ digest: good.digest }] });
    expect(registry.seen()).toContain(`GET /v2/${REPOSITORY}/manifests/${good.digest}`);
  });
});

describe('a tag that moves after its image was admitted [GHSA-2r43-6962-xcw5]', () => {
  it('is not admitted by what is remembered, and is again once it moves back', async () => {
    const [good, bad] = [pushed('good'), pushed('bad')];
    sign(good);
    const engine = world.engine([everywhere(policy)]);
    const allowed = async (image: Artifact) => {
      registry.setTag(REPOSITORY, 'v1', image.digest);
      return (await ask(engine, [`${registry.host}/${byTag}`])).allowed;
    };
    expect(await allowed(good)).toBe(true);
    expect(await allowed(bad)).toBe(false);
    expect(await allowed(good)).toBe(true);
    expect(await allowed(bad)).toBe(false);
  });
});

describe('a registry that does not end [CVE-2023-42813, CVE-2023-42814, CVE-2023-42815, CVE-2023-42816]', () => {
  const endless: Fault = { kind: 'endless' };
  const places: readonly (readonly [string, (image: Artifact) => string])[] = [
    ['manifest', (image) => `/manifests/${image.digest}`],
    ['signature manifest', (image) => signatureTag(image.digest, '')],
    ['signed payload', () => '/blobs/'],
    ['list of referrers', () => '/referrers/'],
  ];
  it.each(places)('in its %s is read so far and refused, also under onError: allow', async (_what, on) => {
    const image = pushed('image');
    signImage(registry, REPOSITORY, image, on(image) === '/referrers/' ? mallory : alice);
    registry.spoil({ on: on(image), fault: endless });
    const before = process.memoryUsage().arrayBuffers;
    expect(await say(world, image, policy, { onError: 'allow' })).toMatchObject({
      word: 'error',
      code: expect.stringMatching(/^RESPONSE_TOO_LARGE|^RESPONSE_MALFORMED/),
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('lists of signatures without end [CVE-2023-46737, GHSA-88jx-383q-w4qc, GHSA-95pr-fxf5-86gv, GHSA-9m3v-v4r5-ppx7]', () => {
  it('in pages are read so far, and are a limit that onError does not loosen', async () => {
    const image = pushed('image');
    let page = 0;
    hook = (record, _request, response) => {
      if (!record.path.includes('/referrers/')) return false;
      response.writeHead(200, {
        'content-type': MANIFEST_TYPES.ociIndex,
        link: `<${record.path}?page=${++page}>; rel="next"`,
      });
      response.end(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPES.ociIndex, manifests: [] }));
      return true;
    };
    expect(await say(world, image, policy, { onError: 'allow' })).toMatchObject({
      word: 'error',
      code: 'LIMIT_EXCEEDED',
    });
    expect(page).toBeLessThan(100);
  });

  it('in one manifest are verified so far: a thousand layers cost no thousand reads', async () => {
    const image = pushed('image');
    const junk = Array.from({ length: 1_000 }, (_, i) => goodLayer(mallory, image, `registry.example/${i}`));
    publishLayers(registry, REPOSITORY, image, junk);
    registry.requests.length = 0;
    expect(await say(world, image, policy, { onError: 'allow' })).toMatchObject({
      word: 'error',
      code: 'LIMIT_EXCEEDED',
    });
    expect(registry.requests.length).toBeLessThan(80);
  });

  it('in many bundles are read so far, and hide no signature under the tag', async () => {
    const image = pushed('image');
    for (let i = 0; i < 200; i++) {
      const statement = signStatement(image.digest, undefined, { i });
      attach(registry, REPOSITORY, bundleReferrer(image, bundleBytes(mallory, statement)));
    }
    registry.requests.length = 0;
    expect(await say(world, image, policy, { onError: 'allow' })).toMatchObject({ word: 'error' });
    expect(registry.requests.length).toBeLessThan(200);
    sign(image);
    expect(await say(world, image, policy)).toMatchObject({ word: 'verified' });
  });
});

describe('an attestation by the trusted key [CVE-2022-35929, GHSA-vjxv-45g9-9296, GHSA-w6c6-c85g-mmv6, GHSA-739f-hw6h-7wq8]', () => {
  it.each([
    'https://slsa.dev/provenance/v1',
    'https://cyclonedx.org/bom',
    'https://in-toto.io/attestation/vulns/v0.1',
    'https://sigstore.dev/cosign/sign/v2',
    'HTTPS://sigstore.dev/cosign/sign/v1',
    'https://sigstore.dev/cosign/sign/v1/',
  ])('of type %s is no signature of the image', async (predicateType) => {
    const image = pushed(predicateType);
    const bundle = bundleBytes(alice, signStatement(image.digest, predicateType));
    attach(registry, REPOSITORY, bundleReferrer(image, bundle, null));
    attach(registry, REPOSITORY, bundleReferrer(image, bundle));
    expect(await say(world, image, policy)).toMatchObject({ word: 'unsigned' });
  });

  it('is no signature either as a layer of the .sig tag', async () => {
    const image = pushed('image');
    const statement = signStatement(image.digest);
    const layer = {
      bytes: statement,
      mediaType: SIMPLE_SIGNING_TYPE,
      annotations: { [ANNOTATIONS.signature]: Buffer.from(alice.sign(statement)).toString('base64') },
    };
    publishLayers(registry, REPOSITORY, image, [layer]);
    expect(await say(world, image, policy)).toMatchObject({ word: 'invalid', code: 'PAYLOAD_MALFORMED' });
  });
});

describe('a verifier with nothing to check [d104fc40]', () => {
  const nothing = [] as unknown as NonEmpty<never>;
  it.each([
    ['no requirement at all', { kind: 'allOf', of: nothing }],
    ['none of several', { kind: 'kOf', k: 0, of: [signedBy(alice)] }],
    ['no signer', { kind: 'quorum', k: 0, of: [keyLeaf([alice])] }],
  ] satisfies [string, Requirement][])('admits nothing: %s', async (_what, require) => {
    const image = pushed('image');
    sign(image);
    expect(await say(world, image, policyOf(require), { onError: 'allow' })).toMatchObject({
      word: 'error',
      code: 'POLICY_BROKEN',
    });
  });
});

describe('trust that the signature brings along [GHSA-fx35-mq7g-6g98]', () => {
  it('counts for nothing: a key in the certificate annotation, a certificate in the bundle', async () => {
    const [tagged, bundled] = [pushed('tagged'), pushed('bundled')];
    const layer = goodLayer(mallory, tagged);
    const annotations = {
      ...layer.annotations,
      [ANNOTATIONS.certificate]: mallory.publicKeyPem,
      [ANNOTATIONS.chain]: mallory.publicKeyPem,
    };
    publishLayers(registry, REPOSITORY, tagged, [{ ...layer, annotations }]);
    expect(await say(world, tagged, policy)).toMatchObject({ word: 'untrusted', code: 'SIGNATURE_MISMATCH' });

    const bundle = JSON.parse(
      Buffer.from(bundleBytes(mallory, signStatement(bundled.digest))).toString('utf8'),
    ) as object;
    const rawBytes = Buffer.from(mallory.publicKeyPem).toString('base64');
    const verificationMaterial = { certificate: { rawBytes }, tlogEntries: [] };
    attach(
      registry,
      REPOSITORY,
      bundleReferrer(bundled, Buffer.from(JSON.stringify({ ...bundle, verificationMaterial }))),
    );
    expect(await say(world, bundled, policy)).toMatchObject({ word: 'untrusted', code: 'SIGNATURE_MISMATCH' });
  });
});

describe('text that makes a regular expression backtrack [Connaisseur ≤ 3.3.0]', () => {
  it.each([
    ['path', `registry.example/${'a'.repeat(50_000)}!`],
    ['separators', `registry.example/a${'_'.repeat(50_000)}!`],
    ['components', `${'a/'.repeat(50_000)}!`],
    ['dots', `${'a.'.repeat(50_000)}!/a`],
  ])('as the %s of a signed name takes no time', async (_what, name) => {
    const image = pushed('image');
    publishLayers(registry, REPOSITORY, image, [goodLayer(alice, image, name)]);
    const compared = policyOf(signedBy(alice, { kind: 'matchRepository' }));
    const before = process.threadCpuUsage();
    expect(await say(world, image, compared)).toMatchObject({ word: 'untrusted', code: 'NAME_MISMATCH' });
    expect(process.threadCpuUsage(before).user / 1_000).toBeLessThan(500);
  });
});

describe('an image that is not there [Kyverno #15705 class]', () => {
  it('is an error, never unsigned and never nothing to check', async () => {
    pushed('so that the repository is there');
    const gone = imageArtifact('never pushed');
    publish(registry, REPOSITORY, { ...gone, manifest: Buffer.from('{}') });
    sign(gone);
    expect(await say(world, gone, policy, { onError: 'allow' })).toMatchObject({
      word: 'error',
      code: 'IMAGE_NOT_FOUND',
    });
  });
});
