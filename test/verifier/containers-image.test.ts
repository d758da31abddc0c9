import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact, ArtifactLayer } from '../../src/cli/demo/artifacts.ts';
import { publishLayers } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { NamesRule, ProofRule, Requirement, SignerRule } from '../../src/model/requirement.ts';
import { keyLeaf, policyOf } from '../fixtures/keys.ts';
import { describeVectors } from '../fixtures/vectors.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import { codeAt, fulcioProof, fulcioSubject, inline, pkiProof } from '../signatures/certified.ts';
import { decide, REPOSITORY, say } from '../signatures/fixture.ts';

const exact = (wanted: string) => ({ kind: 'exact', text: wanted }) as const;

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

  const text = (file: string) => readFileSync(join(fixtures, file), 'utf8');
  const certified = (proof: ProofRule, signer: SignerRule | 'any', repository: string) => {
    const names: NamesRule = { kind: 'exactRepository', repository };
    return policyOf(
      { kind: 'some', leaf: { ...keyLeaf([createSigner()]), proof, signer, names } },
      { evidence: 'complete' },
    );
  };
  const NOW = Date.parse('2026-01-01T00:00:00Z');

  describe('dir-img-cosign-fulcio-rekor-valid', () => {
    const folder = 'dir-img-cosign-fulcio-rekor-valid';
    const repository = '192.168.64.2:5000/cosign-signed/fulcio-rekor-1';
    const proof = () => fulcioProof([text('fulcio_v1.crt.pem')], [text('rekor.pub')]);
    const subject = fulcioSubject('mitr@redhat.com', 'https://github.com/login/oauth');

    it('is admitted by the roots, the log and the subject that belong to it', async () => {
      expect(await codeAt(world, imageOf(folder), certified(proof(), subject, repository), NOW)).toBe('verified');
    });

    it('is refused where any one of them is another', async () => {
      const say = (by: ProofRule, signer: SignerRule, name = repository) =>
        codeAt(world, imageOf(folder), certified(by, signer, name), NOW);
      const issuer = 'https://github.com/login/oauth';
      expect(await say(proof(), fulcioSubject('mitr@example.com', issuer))).toBe('IDENTITY_MISMATCH');
      expect(await say(proof(), fulcioSubject('mitr@redhat.com', 'https://github.com'))).toBe('IDENTITY_MISMATCH');
      expect(await say(proof(), subject, `${repository}x`)).toBe('NAME_MISMATCH');
      const otherLog = fulcioProof([text('fulcio_v1.crt.pem')], [text('cosign.pub')]);
      expect(await say(otherLog, subject)).toBe('LOG_ENTRY_INVALID');
      const otherRoot = fulcioProof([text('pki_root_crts.pem')], [text('rekor.pub')]);
      expect(await say(otherRoot, subject)).toBe('CERTIFICATE_UNTRUSTED');
      const rsaLog = fulcioProof([text('fulcio_v1.crt.pem')], [text('some-rsa-key.pub')]);
      expect(await say(rsaLog, subject)).toBe('TRUST_MATERIAL_UNAVAILABLE');
      expect(
        await say(pkiProof(text('fulcio_v1.crt.pem')), {
          kind: 'subject',
          email: exact('mitr@redhat.com'),
          hostname: 'any',
        }),
      ).toBe('CERTIFICATE_EXPIRED');
    });
  });

  describe('dir-img-cosign-key-rekor-valid', () => {
    const logged = (keys: readonly string[], log: string) => {
      const [first = '', ...rest] = keys.map(text);
      return certified(
        {
          kind: 'keys',
          keys: [inline(first), ...rest.map(inline)],
          hash: 'sha256',
          transparency: { kind: 'rekor', logs: [inline(text(log))] },
        },
        'any',
        '192.168.64.2:5000/cosign-signed/key-1',
      );
    };
    const say = (keys: readonly string[], log: string, folder = 'dir-img-cosign-key-rekor-valid') =>
      codeAt(world, imageOf(folder), logged(keys, log), NOW);

    it('is admitted by its key and log, whichever key stands first [openshift 62]', async () => {
      expect(await say(['cosign2.pub'], 'rekor.pub')).toBe('verified');
      expect(await say(['cosign.pub', 'cosign2.pub'], 'rekor.pub')).toBe('verified');
    });

    it('is refused by another log, and a signature without an entry by any', async () => {
      expect(await say(['cosign2.pub'], 'cosign.pub')).toBe('LOG_ENTRY_INVALID');
      expect(await say(['cosign2.pub'], 'some-rsa-key.pub')).toBe('TRUST_MATERIAL_UNAVAILABLE');
      expect(await say(['cosign.pub'], 'rekor.pub')).toBe('SIGNATURE_MISMATCH');
      expect(await say(['cosign.pub'], 'rekor.pub', 'dir-img-cosign-valid')).toBe('LOG_ENTRY_MISSING');
    });
  });

  describe('dir-img-cosign-pki-valid', () => {
    const folder = 'dir-img-cosign-pki-valid';
    const say = (mail: string | undefined, host: string | undefined, proof: ProofRule, at = NOW) => {
      const signer: SignerRule = {
        kind: 'subject',
        email: mail === undefined ? 'any' : exact(mail),
        hostname: host === undefined ? 'any' : exact(host),
      };
      return codeAt(world, imageOf(folder), certified(proof, signer, 'localhost:5000/test'), at);
    };
    const both = () => pkiProof(text('pki_root_crts.pem'), text('pki_intermediate_crts.pem'));

    it('is admitted by its address, its host or both [openshift 77] [openshift 78] [openshift 93]', async () => {
      expect(await say('qiwan@redhat.com', 'myhost.example.com', both())).toBe('verified');
      expect(await say('qiwan@redhat.com', undefined, both())).toBe('verified');
      expect(await say(undefined, 'myhost.example.com', both())).toBe('verified');
      expect(await say('qiwan@redhat.com', undefined, pkiProof(text('pki_root_crts.pem')))).toBe('verified');
    });

    it('is refused under other names, roots and times', async () => {
      expect(await say('qiwan@redhat.com', 'other.example.com', both())).toBe('IDENTITY_MISMATCH');
      expect(await say('other@redhat.com', 'myhost.example.com', both())).toBe('IDENTITY_MISMATCH');
      expect(await say('qiwan@redhat.com', undefined, pkiProof(text('fulcio_v1.crt.pem')))).toBe(
        'CERTIFICATE_UNTRUSTED',
      );
      const early = Date.parse('2024-01-01T00:00:00Z');
      expect(await say('qiwan@redhat.com', undefined, both(), early)).toBe('CERTIFICATE_NOT_YET_VALID');
      const late = Date.parse('2053-01-01T00:00:00Z');
      expect(await say('qiwan@redhat.com', undefined, both(), late)).toBe('CERTIFICATE_EXPIRED');
    });
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
