import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Artifact, ArtifactLayer } from '../../src/cli/demo/artifacts.ts';
import { publishLayers } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { NamesRule, Requirement } from '../../src/model/requirement.ts';
import { keyLeaf, policyOf } from '../fixtures/keys.ts';
import { describeVectors } from '../fixtures/vectors.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import { decide, REPOSITORY, say } from '../signatures/fixture.ts';

const MAGIC = '\0sigstore-json\n';
/** What the one fixture without a media type is. */
const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
const SAMPLE = '192.168.64.2:5000/cosign-signed-single-sample';

/** A lookaside blob of containers/image as the layer that it was made from (openshift-containers.md §3.2). */
function layerIn(file: string): ArtifactLayer {
  const text = readFileSync(file, 'utf8');
  if (!text.startsWith(MAGIC)) throw new Error(`${file} is no sigstore signature`);
  const { mimeType, payload, annotations } = JSON.parse(text.slice(MAGIC.length)) as {
    mimeType: string;
    payload: string;
    annotations: Record<string, string>;
  };
  return { bytes: Buffer.from(payload, 'base64'), mediaType: mimeType, annotations };
}

describeVectors('containers-image/fixtures', 'the sigstore signatures of containers/image by a key', (fixtures) => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  const key = (file: string) => ({ ...createSigner(), publicKeyPem: readFileSync(join(fixtures, file), 'utf8') });
  const signaturesIn = (folder: string) =>
    readdirSync(join(fixtures, folder))
      .filter((name) => name.startsWith('signature-'))
      .sort()
      .map((name) => layerIn(join(fixtures, folder, name)));

  /** The folder as an image in the registry, with its signatures under the `.sig` tag. */
  function imageOf(folder: string, signatures = signaturesIn(folder)): Artifact {
    const manifest = readFileSync(join(fixtures, folder, 'manifest.json'));
    const mediaType: string = JSON.parse(manifest.toString('utf8')).mediaType ?? SCHEMA_1;
    const image = { manifest, mediaType, digest: digestOf(manifest), blobs: [] };
    world.server.pushManifest(REPOSITORY, manifest, mediaType);
    publishLayers(world.server, REPOSITORY, image, signatures);
    return image;
  }

  /** OpenShift's rule: SHA-256, every piece must be readable, the signed name is compared. */
  const policy = (files: readonly string[], names: NamesRule = { kind: 'exactRepository', repository: SAMPLE }) => {
    const require: Requirement = { kind: 'some', leaf: keyLeaf(files.map(key), { names }) };
    return policyOf(require, { evidence: 'complete', subjectRule: 'indexOrEveryInstance' });
  };

  const admitted: readonly (readonly [string, string, string])[] = [
    ['dir-img-cosign-valid', 'cosign.pub', SAMPLE],
    ['dir-img-cosign-valid-2', 'cosign.pub', SAMPLE],
    ['dir-img-cosign-valid-with-tag', 'cosign.pub', '192.168.64.2:5000/skopeo-signed'],
    ['dir-img-cosign-key-rekor-valid', 'cosign2.pub', '192.168.64.2:5000/cosign-signed/key-1'],
    ['dir-img-cosign-mixed', 'cosign.pub', SAMPLE],
  ];
  it.each(admitted)('admits %s with %s', async (folder, file, repository) => {
    const said = await say(world, imageOf(folder), policy([file], { kind: 'exactRepository', repository }));
    expect(said).toMatchObject({ word: 'verified' });
  });

  it.each(admitted)('refuses %s with the other key than %s', async (folder, file, repository) => {
    const other = file === 'cosign.pub' ? 'cosign2.pub' : 'cosign.pub';
    const names: NamesRule = { kind: 'exactRepository', repository };
    expect(await say(world, imageOf(folder), policy([other], names))).toMatchObject({
      word: 'untrusted',
      code: 'SIGNATURE_MISMATCH',
    });
    expect(await say(world, imageOf(folder), policy([other, file], names))).toMatchObject({ word: 'verified' });
  });

  it.each(admitted)('refuses %s under the name of another repository', async (folder, file) => {
    const names: NamesRule = { kind: 'exactRepository', repository: '192.168.64.2:5000/other' };
    expect(await say(world, imageOf(folder), policy([file], names))).toMatchObject({
      word: 'untrusted',
      code: 'NAME_MISMATCH',
    });
  });

  it('judges the first of two before the second, and both good ones are findings', async () => {
    expect((await say(world, imageOf('dir-img-cosign-valid-2'), policy(['cosign.pub']))).findings).toEqual([
      'accepted',
      'accepted',
    ]);
    expect((await say(world, imageOf('dir-img-cosign-mixed'), policy(['cosign.pub']))).findings.toSorted()).toEqual([
      'SIGNATURE_MISMATCH',
      'accepted',
    ]);
  });

  it('compares the tag that skopeo signed, and finds none in what cosign signed', async () => {
    const tagged = (reference: string): NamesRule => ({ kind: 'exactReference', reference });
    const skopeo = 'dir-img-cosign-valid-with-tag';
    const right = tagged('192.168.64.2:5000/skopeo-signed:tag');
    expect(await say(world, imageOf(skopeo), policy(['cosign.pub'], right))).toMatchObject({ word: 'verified' });
    const wrong = tagged('192.168.64.2:5000/skopeo-signed:othertag');
    expect(await say(world, imageOf(skopeo), policy(['cosign.pub'], wrong))).toMatchObject({ code: 'NAME_MISMATCH' });
    const cosign = tagged(`${SAMPLE}:latest`);
    expect(await say(world, imageOf('dir-img-cosign-valid'), policy(['cosign.pub'], cosign))).toMatchObject({
      code: 'NAME_MISMATCH',
    });
  });

  it('compares with the asked name where nothing else is said, so a copy elsewhere is refused', async () => {
    for (const kind of ['matchRepository', 'matchRepoDigestOrExact', 'matchExact'] as const) {
      const said = await say(world, imageOf('dir-img-cosign-valid'), policy(['cosign.pub'], { kind }));
      expect(said).toMatchObject({ word: 'untrusted', code: 'NAME_MISMATCH' });
    }
    const remap: NamesRule = {
      kind: 'remapIdentity',
      prefix: `${world.server.host}/${REPOSITORY}`,
      signedPrefix: '192.168.64.2:5000/skopeo-signed',
    };
    const tagged = imageOf('dir-img-cosign-valid-with-tag');
    expect(await say(world, tagged, policy(['cosign.pub'], remap))).toMatchObject({ word: 'verified' });
  });

  it('refuses dir-img-cosign-modified-manifest: the signature is for the manifest as it was', async () => {
    expect(await say(world, imageOf('dir-img-cosign-modified-manifest'), policy(['cosign.pub']))).toMatchObject({
      word: 'invalid',
      code: 'PAYLOAD_DIGEST_MISMATCH',
    });
  });

  it('refuses dir-img-cosign-no-manifest: there is no image to have a signature', async () => {
    expect(existsSync(join(fixtures, 'dir-img-cosign-no-manifest', 'manifest.json'))).toBe(false);
    const manifest = readFileSync(join(fixtures, 'dir-img-cosign-valid', 'manifest.json'));
    const image = { manifest, mediaType: MANIFEST_TYPES.dockerManifest, digest: digestOf(manifest), blobs: [] };
    publishLayers(world.server, REPOSITORY, image, signaturesIn('dir-img-cosign-no-manifest'));
    expect(await say(world, image, policy(['cosign.pub']), { onError: 'allow' })).toMatchObject({
      word: 'error',
      code: 'IMAGE_NOT_FOUND',
    });
  });

  it('refuses dir-img-cosign-manifest-digest-error: a manifest of no known kind', async () => {
    const image = imageOf('dir-img-cosign-manifest-digest-error');
    expect(await say(world, image, policy(['cosign.pub']), { onError: 'allow' })).toMatchObject({
      word: 'error',
      code: 'MEDIA_TYPE_UNSUPPORTED',
    });
  });

  it('refuses dir-img-cosign-other-attachment: something is attached, and it is no signature [openshift 65]', async () => {
    const decision = await decide(world, imageOf('dir-img-cosign-other-attachment'), policy(['cosign.pub']));
    expect(decision).toMatchObject({ allowed: false, subjects: [{ headline: 'unsigned' }] });
    expect(decision.subjects[0]?.policies[0]?.reason).toContain('one attachment that is not a signature');
  });

  it('refuses unknown-cosign-key.signature, alone and beside nothing else', async () => {
    const unknown = [layerIn(join(fixtures, 'unknown-cosign-key.signature'))];
    expect(await say(world, imageOf('dir-img-cosign-valid', unknown), policy(['cosign.pub']))).toEqual({
      word: 'untrusted',
      code: 'SIGNATURE_MISMATCH',
      findings: ['SIGNATURE_MISMATCH'],
    });
  });

  it('refuses the signatures of certificates, which no key of the policy made', async () => {
    for (const folder of ['dir-img-cosign-fulcio-rekor-valid', 'dir-img-cosign-pki-valid']) {
      expect(await say(world, imageOf(folder), policy(['cosign.pub', 'cosign2.pub']))).toMatchObject({
        word: 'untrusted',
        code: 'SIGNATURE_MISMATCH',
      });
    }
  });

  it('refuses every one of them where a key of the list is no public key [openshift 63]', async () => {
    const broken = keyLeaf([key('cosign.pub'), key('fulcio_v1.crt.pem')]);
    for (const [folder] of admitted) {
      expect(await say(world, imageOf(folder), policyOf({ kind: 'some', leaf: broken }))).toMatchObject({
        word: 'error',
        code: 'TRUST_MATERIAL_UNAVAILABLE',
      });
    }
  });

  it('knows every folder of signatures that these fixtures have', () => {
    const tried = [
      ...admitted.map(([folder]) => folder),
      'dir-img-cosign-fulcio-rekor-valid',
      'dir-img-cosign-manifest-digest-error',
      'dir-img-cosign-modified-manifest',
      'dir-img-cosign-no-manifest',
      'dir-img-cosign-other-attachment',
      'dir-img-cosign-pki-valid',
    ];
    const there = readdirSync(fixtures).filter((name) => name.startsWith('dir-img-cosign-'));
    expect(there.toSorted()).toEqual(tried.toSorted());
  });
});
