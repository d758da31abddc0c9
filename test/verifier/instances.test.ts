import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Artifact, type Instance, imageArtifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish, publishImage, signImage, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { Requirement } from '../../src/model/requirement.ts';
import type { SubjectRule } from '../../src/policy/policy.ts';
import { signatureTag } from '../../src/signatures/cosign/tag.ts';
import { keyLeaf, policyOf, signedBy } from '../fixtures/keys.ts';
import { type MisbehavingRegistry, startRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import { REPOSITORY, say } from '../signatures/fixture.ts';

const alice = createSigner();
const bob = createSigner();
const mallory = createSigner();

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const RULES = ['asResolved', 'indexOrEveryInstance', 'everyInstance'] as const;
const platform = (architecture: string, os = 'linux') => ({ os, architecture });
const child = (text: string) => publishImage(world.server, REPOSITORY, text, `child-${text}`);
const sign = (image: Artifact, signer = alice) => signImage(world.server, REPOSITORY, image, signer);

/** An index over images, pushed. */
function index(...instances: readonly Instance[]): Artifact {
  return publish(world.server, REPOSITORY, indexArtifact(instances), 'v1');
}

/** What each rule says of an image, by its word. */
async function words(image: Artifact, require: Requirement = signedBy(alice)) {
  const said = await Promise.all(
    RULES.map((subjectRule) => say(world, image, policyOf(require, { subjectRule }), { onError: 'allow' })),
  );
  return Object.fromEntries(RULES.map((rule, i) => [rule, said[i]?.word])) as Record<SubjectRule, string | undefined>;
}

const pair = () => [child('amd64'), child('arm64')] as const;
const over = (a: Artifact, b: Artifact) =>
  index({ image: a, platform: platform('amd64') }, { image: b, platform: platform('arm64') });

describe('an index over two images [MODEL M9, peers 17]', () => {
  it('that is signed itself: enough unless every instance must be', async () => {
    const image = over(...pair());
    sign(image);
    expect(await words(image)).toEqual({
      asResolved: 'verified',
      indexOrEveryInstance: 'verified',
      everyInstance: 'unsigned',
    });
  });

  it('that is signed itself by a bundle counts the same', async () => {
    const image = over(...pair());
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    expect(await words(image)).toMatchObject({ indexOrEveryInstance: 'verified', everyInstance: 'unsigned' });
  });

  it('whose images are all signed: enough unless the index must be', async () => {
    const [a, b] = pair();
    const image = over(a, b);
    sign(a);
    signImageWithBundle(world.server, REPOSITORY, b, alice);
    expect(await words(image)).toEqual({
      asResolved: 'unsigned',
      indexOrEveryInstance: 'verified',
      everyInstance: 'verified',
    });
  });

  it.each([0, 1])('of which only image %i is signed is refused under every rule', async (which) => {
    const images = pair();
    const image = over(...images);
    sign(images[which] ?? expect.fail('there are two'));
    expect(await words(image)).toEqual({
      asResolved: 'unsigned',
      indexOrEveryInstance: 'unsigned',
      everyInstance: 'unsigned',
    });
  });

  it('of which one image is signed by somebody else is refused', async () => {
    const [a, b] = pair();
    const image = over(a, b);
    sign(a);
    sign(b, mallory);
    const said = await words(image);
    expect(said.everyInstance).toBe('untrusted');
    expect(['unsigned', 'untrusted']).toContain(said.indexOrEveryInstance);
  });

  it('is admitted on its images although somebody else signed the index', async () => {
    const [a, b] = pair();
    const image = over(a, b);
    sign(image, mallory);
    sign(a);
    sign(b);
    expect(await words(image)).toEqual({
      asResolved: 'untrusted',
      indexOrEveryInstance: 'verified',
      everyInstance: 'verified',
    });
  });

  it('is not put together from halves: one signer on the index and another on the images is no allOf', async () => {
    const [a, b] = pair();
    const image = over(a, b);
    sign(image, alice);
    sign(a, bob);
    sign(b, bob);
    const both: Requirement = { kind: 'allOf', of: [signedBy(alice), signedBy(bob)] };
    expect((await words(image, both)).indexOrEveryInstance).not.toBe('verified');
    const quorum: Requirement = { kind: 'quorum', k: 2, of: [keyLeaf([alice]), keyLeaf([bob])] };
    expect((await words(image, quorum)).indexOrEveryInstance).not.toBe('verified');
  });

  it('lets each image meet an anyOf in its own way', async () => {
    const [a, b] = pair();
    sign(a, alice);
    sign(b, bob);
    const either: Requirement = { kind: 'anyOf', of: [signedBy(alice), signedBy(bob)] };
    expect((await words(over(a, b), either)).everyInstance).toBe('verified');
  });

  it('is not admitted on the signature of an image that it does not list', async () => {
    const [a, b] = pair();
    const other = child('other');
    sign(other);
    sign(a);
    expect((await words(over(a, b))).everyInstance).toBe('unsigned');
  });

  it('as a Docker manifest list is judged alike', async () => {
    const [a, b] = pair();
    const oci = indexArtifact([
      { image: a, platform: platform('amd64') },
      { image: b, platform: platform('arm64') },
    ]);
    const manifest = Buffer.from(
      Buffer.from(oci.manifest).toString('utf8').replace(MANIFEST_TYPES.ociIndex, MANIFEST_TYPES.dockerList),
    );
    const image = publish(world.server, REPOSITORY, {
      manifest,
      mediaType: MANIFEST_TYPES.dockerList,
      digest: digestOf(manifest),
      blobs: [],
    });
    sign(a);
    expect((await words(image)).everyInstance).toBe('unsigned');
    sign(b);
    expect((await words(image)).everyInstance).toBe('verified');
  });
});

describe('an entry of an index [MODEL M9]', () => {
  const signed = () => {
    const image = child('signed');
    sign(image);
    return { image, platform: platform('amd64') };
  };
  const unsigned = () => ({ image: child('unsigned') });

  it('is left out where os and architecture are both unknown, as build tools write attestations', async () => {
    const image = index(signed(), { ...unsigned(), platform: platform('unknown', 'unknown') });
    expect((await words(image)).everyInstance).toBe('verified');
  });

  const counted: readonly (readonly [string, Omit<Instance, 'image'>])[] = [
    ['only its os is unknown', { platform: platform('amd64', 'unknown') }],
    ['only its architecture is unknown', { platform: platform('unknown') }],
    ['unknown is spelt otherwise', { platform: platform('Unknown', 'Unknown') }],
    ['its platform is empty text', { platform: platform('', '') }],
    ['it has no platform', {}],
    [
      'it is annotated as an attestation',
      { platform: platform('arm64'), annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } },
    ],
    ['it is annotated and has no platform', { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }],
  ];
  it.each(counted)('counts where %s', async (_how, entry) => {
    const image = index(signed(), { ...unsigned(), ...entry });
    expect(await words(image)).toMatchObject({ everyInstance: 'unsigned', indexOrEveryInstance: 'unsigned' });
  });

  it('may stand there twice', async () => {
    const one = signed();
    expect((await words(index(one, one))).everyInstance).toBe('verified');
  });

  it('that is not in the registry is an error and no pass', async () => {
    const gone = imageArtifact('never pushed');
    const image = index(signed(), { image: gone, platform: platform('arm64') });
    expect(await words(image)).toMatchObject({ everyInstance: 'error', indexOrEveryInstance: 'error' });
  });

  it('that is not there does not rescue an unsigned one from a definite refusal', async () => {
    const gone = imageArtifact('never pushed');
    const image = index({ image: gone, platform: platform('arm64') }, { ...unsigned(), platform: platform('amd64') });
    expect((await words(image)).everyInstance).toBe('unsigned');
  });

  it('may lie about its media type: what it is, is read', async () => {
    const inner = indexArtifact([{ ...unsigned(), platform: platform('arm64') }]);
    publish(world.server, REPOSITORY, inner);
    const image = index(signed(), {
      image: { ...inner, mediaType: MANIFEST_TYPES.ociManifest },
      platform: platform('arm64'),
    });
    expect((await words(image)).everyInstance).not.toBe('verified');
  });
});

describe('an index without anything that could run [MODEL §3.3]', () => {
  it.each(RULES.filter((rule) => rule !== 'asResolved'))('is refused under %s, empty or all unknown', async (rule) => {
    const attestation = { image: child('attestation'), platform: platform('unknown', 'unknown') };
    sign(attestation.image);
    for (const image of [index(), index(attestation), index(attestation, attestation)]) {
      const policy = policyOf(signedBy(alice), { subjectRule: rule });
      expect(await say(world, image, policy, { onError: 'allow' })).toMatchObject({
        word: 'error',
        code: 'INDEX_WITHOUT_INSTANCES',
      });
    }
  });

  it('is admitted on its own signature where that is enough, and where each instance must be never', async () => {
    const image = index();
    sign(image);
    expect(await words(image)).toEqual({
      asResolved: 'verified',
      indexOrEveryInstance: 'verified',
      everyInstance: 'error',
    });
  });

  it('is refused also as one of the entries of another', async () => {
    const empty = publish(world.server, REPOSITORY, indexArtifact([]));
    const good = child('good');
    sign(good);
    const image = index({ image: good, platform: platform('amd64') }, { image: empty });
    expect((await words(image)).everyInstance).toBe('error');
  });
});

describe('an index in an index [MODEL M9]', () => {
  const nested = (image: Artifact, depth: number): Artifact =>
    depth === 0 ? image : publish(world.server, REPOSITORY, indexArtifact([{ image: nested(image, depth - 1) }]));

  it('is followed once, and not further: the third is a limit, not a pass', async () => {
    const image = child('deep');
    sign(image);
    const said = (depth: number) =>
      say(world, nested(image, depth), policyOf(signedBy(alice), { subjectRule: 'everyInstance' }), {
        onError: 'allow',
      });
    expect(await said(1)).toMatchObject({ word: 'verified' });
    expect(await said(2)).toMatchObject({ word: 'verified' });
    expect(await said(3)).toMatchObject({ word: 'error', code: 'LIMIT_EXCEEDED' });
  });

  it('hides no unsigned image', async () => {
    const [good, bad] = [child('good'), child('bad')];
    sign(good);
    const inner = publish(world.server, REPOSITORY, indexArtifact([{ image: good }, { image: bad }]));
    sign(inner);
    expect((await words(index({ image: good }, { image: inner }))).everyInstance).toBe('unsigned');
  });

  it('that lists itself is impossible by its digest, and one that lists its twin ends', async () => {
    const image = child('twin');
    sign(image);
    const inner = publish(world.server, REPOSITORY, indexArtifact([{ image }, { image }]));
    expect((await words(index({ image: inner }, { image: inner }))).everyInstance).toBe('verified');
  });
});

describe('an index of many images [MODEL M9]', () => {
  const many = (count: number, prefix = 'one of many') =>
    Array.from({ length: count }, (_, i) => {
      const image = child(`${prefix.replaceAll(' ', '-')}-${i}`);
      sign(image);
      return { image, platform: platform('amd64') };
    });
  const said = (image: Artifact) =>
    say(world, image, policyOf(signedBy(alice), { subjectRule: 'everyInstance' }), { onError: 'allow' });

  it('is admitted with 64 and a limit with 65, all of them signed', async () => {
    const all = many(65);
    expect(await said(index(...all.slice(0, 64)))).toMatchObject({ word: 'verified' });
    expect(await said(index(...all))).toMatchObject({ word: 'error', code: 'LIMIT_EXCEEDED' });
  });

  it('is the same limit for all that nested ones list together: else a deadline would end it, which onError loosens', async () => {
    const [a, b] = [many(33, 'a'), many(33, 'b')].map((all) => publish(world.server, REPOSITORY, indexArtifact(all)));
    if (a === undefined || b === undefined) return expect.fail('there are two');
    expect(await said(index({ image: a }))).toMatchObject({ word: 'verified' });
    expect(await said(index({ image: a }, { image: b }))).toMatchObject({ word: 'error', code: 'LIMIT_EXCEEDED' });
  });
});

describe('trouble with one instance [MODEL §3.4]', () => {
  let registry: MisbehavingRegistry;
  let spoilt: World;
  beforeEach(async () => {
    registry = await startRegistry();
    const hosts = new Map([[registry.host, { plainHttp: true, ca: undefined, mirrors: [] }]]);
    spoilt = await startWorld({ client: { hosts, limits: { retries: 0 } } });
  });
  afterEach(() => Promise.all([spoilt.close(), registry.close()]));

  const outage = (image: Artifact) =>
    registry.spoil({ on: signatureTag(image.digest, ''), fault: { kind: 'status', status: 503 } });
  const said = (image: Artifact, subjectRule: SubjectRule) =>
    say({ ...spoilt, server: registry }, image, policyOf(signedBy(alice), { subjectRule }));

  it.each(['everyInstance', 'indexOrEveryInstance'] as const)(
    'is the gravest under %s: an outage at one does not hide that another is not there',
    async (rule) => {
      const good = publishImage(registry, REPOSITORY, 'good');
      const gone = imageArtifact('never pushed');
      for (const order of [
        [good, gone],
        [gone, good],
      ]) {
        const image = publish(registry, REPOSITORY, indexArtifact(order.map((one) => ({ image: one }))));
        outage(good);
        expect(await said(image, rule)).toMatchObject({ word: 'error', code: 'IMAGE_NOT_FOUND' });
      }
    },
  );

  it('does not hide behind an outage at the index', async () => {
    const gone = imageArtifact('never pushed');
    const image = publish(registry, REPOSITORY, indexArtifact([{ image: gone }]));
    outage(image);
    expect(await said(image, 'indexOrEveryInstance')).toMatchObject({ word: 'error', code: 'IMAGE_NOT_FOUND' });
  });

  it('leaves an outage alone what it is', async () => {
    const good = publishImage(registry, REPOSITORY, 'good');
    const image = publish(registry, REPOSITORY, indexArtifact([{ image: good }]));
    outage(good);
    expect(await said(image, 'everyInstance')).toMatchObject({ word: 'error', code: 'REGISTRY_UNAVAILABLE' });
  });
});

describe('an instance whose manifest is far larger than any image needs', () => {
  it('is refused as too large, whatever onError says, while the same image by itself is read', async () => {
    const large = imageArtifact('x'.repeat(10));
    const manifest = Buffer.from(
      Buffer.from(large.manifest)
        .toString()
        .replace('{', `{"annotations":{"a":"${'x'.repeat(600_000)}"},`),
    );
    const artifact = publish(world.server, REPOSITORY, { ...large, manifest, digest: digestOf(manifest) }, 'large');
    sign(artifact);
    expect(await words(artifact)).toMatchObject({ asResolved: 'verified' });
    expect(await words(index({ image: artifact, platform: platform('amd64') }))).toMatchObject({
      everyInstance: 'error',
    });
  });
});
