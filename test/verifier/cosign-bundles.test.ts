import { dsse } from '@sigstore/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Artifact, emptyConfigArtifact } from '../../src/cli/demo/artifacts.ts';
import { attach, publishImage, publishLayers, signImage, signImageWithBundle } from '../../src/cli/demo/publish.ts';
import {
  BUNDLE_TYPE,
  bundleBytes,
  bundleReferrer,
  createSigner,
  type Signer,
  signatureReferrer,
  signStatement,
} from '../../src/cli/demo/signer.ts';
import { hexOf } from '../../src/image/digest.ts';
import type { Leaf, NamesRule, Requirement } from '../../src/model/requirement.ts';
import { COSIGN_SIGN_PREDICATE, EMPTY_TYPE, IN_TOTO_PAYLOAD } from '../../src/signatures/cosign/formats.ts';
import { signatureTag } from '../../src/signatures/cosign/tag.ts';
import { keyLeaf, policyOf, signedBy } from '../fixtures/keys.ts';
import { type MisbehavingRegistry, startRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import {
  decide,
  flipped,
  goodLayer,
  REPOSITORY,
  referrerWith,
  say,
  VERIFIED,
  without,
  withSignature,
} from '../signatures/fixture.ts';

const alice = createSigner();
const mallory = createSigner();
const bob = createSigner('Ed25519');

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const hello = (text = 'hello') => publishImage(world.server, REPOSITORY, text);
const put = (artifact: Artifact, artifactType?: string) => attach(world.server, REPOSITORY, artifact, artifactType);
const alicePolicy = policyOf(signedBy(alice));

/** The JSON of a good bundle, to be changed. */
function bundleOf(signer: Signer, statement: Uint8Array) {
  return JSON.parse(Buffer.from(bundleBytes(signer, statement)).toString('utf8')) as {
    mediaType: string;
    verificationMaterial: Record<string, unknown>;
    dsseEnvelope: { payload: unknown; payloadType: unknown; signatures: { sig: unknown; keyid?: string }[] };
  };
}

/** A bundle around any bytes, of any payload type, really signed. */
function signedAs(signer: Signer, payload: string | Uint8Array, payloadType = IN_TOTO_PAYLOAD) {
  const bytes = Buffer.from(payload);
  const bundle = bundleOf(signer, bytes);
  const sig = Buffer.from(signer.sign(dsse.preAuthEncoding(payloadType, bytes))).toString('base64');
  return {
    ...bundle,
    dsseEnvelope: { payload: bytes.toString('base64'), payloadType, signatures: [{ sig, keyid: '' }] },
  };
}

let images = 0;

/** What alice's policy says of an image whose only signature is this bundle. */
function sayOfBundle(make: (image: Artifact) => unknown, require: Requirement = signedBy(alice)) {
  const image = hello(`image ${images++}`);
  put(referrerWith(image, make(image)));
  return say(world, image, policyOf(require));
}

describe('a sigstore bundle', () => {
  it('admits the image that it signs, found by the API [peers 12]', async () => {
    const image = hello();
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    expect(await say(world, image, alicePolicy)).toEqual(VERIFIED);
  });

  it('of another signer is refused [peers 12, peers 3]', async () => {
    const image = hello();
    signImageWithBundle(world.server, REPOSITORY, image, mallory);
    expect(await say(world, image, alicePolicy)).toEqual({
      word: 'untrusted',
      code: 'SIGNATURE_MISMATCH',
      findings: ['SIGNATURE_MISMATCH'],
    });
  });

  it.each([[EMPTY_TYPE], [''], [BUNDLE_TYPE], ['application/vnd.dev.sigstore.bundle+json;version=0.2']])(
    'is found by the fallback tag whose writer called it "%s", where there is no API [peers 13]',
    async (artifactType) => {
      world.server.setReferrers('none');
      const image = hello();
      put(bundleReferrer(image, bundleBytes(alice, signStatement(image.digest))), artifactType);
      expect(await say(world, image, alicePolicy)).toEqual(VERIFIED);

      const other = hello('other');
      put(bundleReferrer(other, bundleBytes(mallory, signStatement(other.digest))), artifactType);
      expect(await say(world, other, alicePolicy)).toMatchObject({ word: 'untrusted' });
    },
  );

  it('is not read from a fallback tag that says it is for this image and was made for another', async () => {
    world.server.setReferrers('none');
    const [image, other] = [hello(), hello('other')];
    const stolen = bundleReferrer(other, bundleBytes(alice, signStatement(image.digest)));
    const listed = world.server.pushManifest(REPOSITORY, stolen.manifest);
    for (const blob of stolen.blobs) world.server.pushBlob(REPOSITORY, blob);
    const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [listed] };
    world.server.pushManifest(REPOSITORY, index, index.mediaType, `sha256-${hexOf(image.digest)}`);
    expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'unsigned' });
  });

  const versions = [
    'application/vnd.dev.sigstore.bundle+json;version=0.1',
    'application/vnd.dev.sigstore.bundle+json;version=0.2',
    'application/vnd.dev.sigstore.bundle+json;version=0.3',
    BUNDLE_TYPE,
  ];
  it.each(versions)('of media type %s is read, and its damaged twin refused', async (mediaType) => {
    expect(await sayOfBundle((image) => ({ ...bundleOf(alice, signStatement(image.digest)), mediaType }))).toEqual(
      VERIFIED,
    );
    expect(
      await sayOfBundle((image) => ({ ...bundleOf(mallory, signStatement(image.digest)), mediaType })),
    ).toMatchObject({ word: 'untrusted' });
  });

  it('is read where the manifest says its predicate type and where it does not', async () => {
    for (const predicate of [COSIGN_SIGN_PREDICATE, null]) {
      const image = hello(String(predicate));
      put(bundleReferrer(image, bundleBytes(alice, signStatement(image.digest)), predicate));
      expect(await say(world, image, alicePolicy)).toEqual(VERIFIED);
    }
  });
});

describe('the statement of a bundle', () => {
  const statement = (image: Artifact) => ({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: hexOf(image.digest) } }] as unknown[],
    predicateType: COSIGN_SIGN_PREDICATE,
    predicate: {} as unknown,
  });
  const saying = (change: (said: ReturnType<typeof statement>) => unknown) => (image: Artifact) =>
    signedAs(alice, JSON.stringify(change(statement(image))));
  const elsewhere = { digest: { sha256: 'a'.repeat(64) } };

  const accepted: readonly (readonly [string, (image: Artifact) => unknown])[] = [
    ['has no predicate, as cosign 3.0.0 to 3.0.4 wrote it', saying((all) => without(all, 'predicate'))],
    ['has a predicate of null', saying((said) => ({ ...said, predicate: null }))],
    ['is of version 0.1', saying((said) => ({ ...said, _type: 'https://in-toto.io/Statement/v0.1' }))],
    ['is about several images, this one last', saying((said) => ({ ...said, subject: [elsewhere, ...said.subject] }))],
    [
      'names its subject',
      saying((said) => ({ ...said, subject: said.subject.map((one) => ({ name: 'x', ...(one as object) })) })),
    ],
    [
      'has more digests of its subject',
      saying((said) => ({
        ...said,
        subject: [{ digest: { sha512: 'b', ...(said.subject[0] as typeof elsewhere).digest } }],
      })),
    ],
  ];
  it.each(accepted)('is a signature where it %s', async (_how, make) => {
    expect(await sayOfBundle(make)).toEqual(VERIFIED);
  });

  const refused: readonly (readonly [string, string, string, (image: Artifact) => unknown])[] = [
    [
      'is about another digest',
      'invalid',
      'PAYLOAD_DIGEST_MISMATCH',
      saying((said) => ({ ...said, subject: [elsewhere] })),
    ],
    [
      'is about several others',
      'invalid',
      'PAYLOAD_DIGEST_MISMATCH',
      saying((said) => ({ ...said, subject: [elsewhere, elsewhere] })),
    ],
    [
      'names the digest in capitals',
      'invalid',
      'PAYLOAD_DIGEST_MISMATCH',
      saying((said) => ({
        ...said,
        subject: [{ digest: { sha256: (said.subject[0] as typeof elsewhere).digest.sha256.toUpperCase() } }],
      })),
    ],
    [
      'names the digest under another algorithm',
      'invalid',
      'PAYLOAD_DIGEST_MISMATCH',
      saying((said) => ({
        ...said,
        subject: [{ digest: { sha512: (said.subject[0] as typeof elsewhere).digest.sha256 } }],
      })),
    ],
    [
      'names the digest outside of digest',
      'invalid',
      'PAYLOAD_MALFORMED',
      saying((said) => ({ ...said, subject: [(said.subject[0] as typeof elsewhere).digest] })),
    ],
    ['is about nothing', 'invalid', 'PAYLOAD_MALFORMED', saying((said) => ({ ...said, subject: [] }))],
    ['has no subject', 'invalid', 'PAYLOAD_MALFORMED', saying((all) => without(all, 'subject'))],
    [
      'has a subject that is no list',
      'invalid',
      'PAYLOAD_MALFORMED',
      saying((said) => ({ ...said, subject: said.subject[0] })),
    ],
    [
      'has one malformed subject beside the right one',
      'invalid',
      'PAYLOAD_MALFORMED',
      saying((said) => ({ ...said, subject: [...said.subject, null] })),
    ],
    [
      'is no statement',
      'invalid',
      'PAYLOAD_MALFORMED',
      saying((said) => ({ ...said, _type: 'https://example.com/other' })),
    ],
    ['has no type', 'invalid', 'PAYLOAD_MALFORMED', saying((all) => without(all, '_type'))],
    ['has no predicate type', 'invalid', 'PAYLOAD_MALFORMED', saying((all) => without(all, 'predicateType'))],
    [
      'has a predicate type that is a list',
      'invalid',
      'PAYLOAD_MALFORMED',
      saying((said) => ({ ...said, predicateType: [said.predicateType] })),
    ],
    [
      'has its subject twice',
      'invalid',
      'PAYLOAD_MALFORMED',
      (image) => signedAs(alice, JSON.stringify(statement(image)).replace('{', '{"subject":[],')),
    ],
    ['is not JSON', 'invalid', 'PAYLOAD_MALFORMED', () => signedAs(alice, 'not JSON')],
    [
      'is an attestation',
      'unsigned',
      'UNSIGNED',
      saying((said) => ({ ...said, predicateType: 'https://slsa.dev/provenance/v1' })),
    ],
    [
      'is of a predicate type that begins alike',
      'unsigned',
      'UNSIGNED',
      saying((said) => ({ ...said, predicateType: `${COSIGN_SIGN_PREDICATE}.1` })),
    ],
  ];
  it.each(refused)('by the right key is refused where it %s', async (_how, word, code, make) => {
    expect(await sayOfBundle(make)).toMatchObject({ word, code });
  });

  it.each([
    'https://slsa.dev/provenance/v1',
    'https://spdx.dev/Document',
    'https://cosign.sigstore.dev/attestation/v1',
  ])(
    'that attests %s is no signature of the image, whatever its manifest calls it [GHSA-w6c6-c85g-mmv6, CVE-2022-35929]',
    async (predicateType) => {
      for (const called of [predicateType, COSIGN_SIGN_PREDICATE, null]) {
        const image = hello(`${predicateType} ${called}`);
        put(bundleReferrer(image, bundleBytes(alice, signStatement(image.digest, predicateType)), called));
        expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'unsigned', code: 'UNSIGNED' });
      }
    },
  );

  it('carries the annotations that the policy asks for on the subject of this image, not on another', async () => {
    const leaf = keyLeaf([alice], { conditions: [{ kind: 'annotation', name: 'env', value: 'prod' }] });
    const require: Requirement = { kind: 'some', leaf };
    const annotations = { env: 'prod' };
    const mine = (said: ReturnType<typeof statement>) => said.subject[0] as object;
    expect(
      await sayOfBundle(
        saying((said) => ({ ...said, subject: [{ ...mine(said), annotations }] })),
        require,
      ),
    ).toEqual(VERIFIED);
    expect(
      await sayOfBundle(
        saying((said) => ({ ...said, subject: [{ ...elsewhere, annotations }, mine(said)] })),
        require,
      ),
    ).toMatchObject({ word: 'rejected', code: 'ANNOTATION_MISMATCH' });
  });
});

describe('the envelope of a bundle', () => {
  type Bundle = ReturnType<typeof bundleOf>;
  const changed = (change: (bundle: Bundle) => unknown) => (image: Artifact) =>
    change(bundleOf(alice, signStatement(image.digest)));
  const envelope = (change: (envelope: Bundle['dsseEnvelope']) => unknown) =>
    changed((bundle) => ({ ...bundle, dsseEnvelope: change(bundle.dsseEnvelope) }));
  const sig = (change: (sig: string) => unknown) =>
    envelope((sent) => ({ ...sent, signatures: [{ sig: change(String(sent.signatures[0]?.sig)) }] }));
  const payload = (change: (payload: string) => unknown) =>
    envelope((sent) => ({ ...sent, payload: change(String(sent.payload)) }));
  const message = { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' };

  const refused: readonly (readonly [string, string, (image: Artifact) => unknown])[] = [
    ['is missing', 'SIGNATURE_MALFORMED', changed((all) => without(all, 'dsseEnvelope'))],
    ['is null', 'SIGNATURE_MALFORMED', envelope(() => null)],
    [
      'is replaced by a message signature',
      'SIGNATURE_MALFORMED',
      changed((all) => ({ ...without(all, 'dsseEnvelope'), messageSignature: message })),
    ],
    [
      'stands beside a message signature',
      'SIGNATURE_MALFORMED',
      changed((bundle) => ({ ...bundle, messageSignature: message })),
    ],
    [
      'has two signatures',
      'SIGNATURE_MALFORMED',
      envelope((sent) => ({ ...sent, signatures: [...sent.signatures, ...sent.signatures] })),
    ],
    ['has no signature', 'SIGNATURE_MALFORMED', envelope((sent) => ({ ...sent, signatures: [] }))],
    ['has an empty signature', 'SIGNATURE_MALFORMED', sig(() => '')],
    [
      'says another payload type',
      'PAYLOAD_TYPE_UNEXPECTED',
      envelope((sent) => ({ ...sent, payloadType: 'application/vnd.in-toto' })),
    ],
    [
      'says its payload type as a list',
      'SIGNATURE_MALFORMED',
      envelope((sent) => ({ ...sent, payloadType: [IN_TOTO_PAYLOAD] })),
    ],
    ['has an empty payload', 'SIGNATURE_MALFORMED', payload(() => '')],
    [
      'has a payload with junk in its base64',
      'SIGNATURE_MALFORMED',
      payload((text) => `${text.slice(0, 8)}*${text.slice(8)}`),
    ],
    ['has a payload with an extra =', 'SIGNATURE_MALFORMED', payload((text) => `${text}=`)],
    [
      'has a payload that is a list of bytes',
      'SIGNATURE_MALFORMED',
      payload((text) => [...Buffer.from(text, 'base64')]),
    ],
    [
      'has a payload that is a serialised buffer',
      'SIGNATURE_MALFORMED',
      payload((text) => Buffer.from(text, 'base64').toJSON()),
    ],
    ['has a signature with an extra =', 'SIGNATURE_MALFORMED', sig((text) => `${text}=`)],
    ['has a signature in the URL-safe alphabet', 'SIGNATURE_MALFORMED', sig((text) => `-_${text.slice(2)}`)],
    ['has a signature with a line end', 'SIGNATURE_MALFORMED', sig((text) => `${text}\n`)],
    ['has a signature that is a list of bytes', 'SIGNATURE_MALFORMED', sig((text) => [...Buffer.from(text, 'base64')])],
    ['comes without material', 'SIGNATURE_MALFORMED', changed((all) => without(all, 'verificationMaterial'))],
    [
      'comes in a bundle of another kind',
      'SIGNATURE_MALFORMED',
      changed((bundle) => ({ ...bundle, mediaType: 'application/json' })),
    ],
    ['comes in a list', 'SIGNATURE_MALFORMED', changed((bundle) => [bundle])],
  ];
  it.each(refused)('is refused by name where it %s', async (_how, code, make) => {
    expect(await sayOfBundle(make)).toEqual({ word: 'invalid', code, findings: [code] });
  });

  it('written twice in one bundle is malformed', async () => {
    const said = await sayOfBundle((image) =>
      Buffer.from(
        JSON.stringify(bundleOf(alice, signStatement(image.digest))).replace(
          '"dsseEnvelope"',
          '"dsseEnvelope":{},"dsseEnvelope"',
        ),
      ),
    );
    expect(said).toMatchObject({ word: 'invalid', code: 'SIGNATURE_MALFORMED' });
  });

  it('of another payload type is refused even where the key signed exactly that', async () => {
    for (const type of ['application/json', 'application/vnd.in-toto+json;v=1', '']) {
      expect(await sayOfBundle((image) => signedAs(alice, signStatement(image.digest), type))).toMatchObject({
        word: 'invalid',
        code: 'PAYLOAD_TYPE_UNEXPECTED',
      });
    }
  });

  const bombs: readonly (readonly [string, (image: Artifact) => unknown])[] = [
    ['payload', payload(() => ({ length: 50_000_000 }))],
    ['signature', sig(() => ({ length: 50_000_000 }))],
    [
      'certificate',
      changed((bundle) => ({ ...bundle, verificationMaterial: { certificate: { rawBytes: { length: 50_000_000 } } } })),
    ],
    [
      'log entry',
      changed((bundle) => ({
        ...bundle,
        verificationMaterial: {
          ...bundle.verificationMaterial,
          tlogEntries: [{ canonicalizedBody: { length: 50_000_000 } }],
        },
      })),
    ],
  ];
  it.each(bombs)('whose %s claims to be fifty million bytes does not hold the event loop', async (_where, make) => {
    const started = performance.now();
    expect(await sayOfBundle(make)).toMatchObject({ word: 'invalid', code: 'SIGNATURE_MALFORMED' });
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('a bundle that points at the policy key', () => {
  it('and does not verify is corrupt, which is more than untrusted', async () => {
    const said = await sayOfBundle((image) => {
      const bundle = bundleOf(alice, signStatement(image.digest));
      const sig = flipped(Buffer.from(String(bundle.dsseEnvelope.signatures[0]?.sig), 'base64'), 40);
      return {
        ...bundle,
        dsseEnvelope: { ...bundle.dsseEnvelope, signatures: [{ sig: Buffer.from(sig).toString('base64') }] },
      };
    });
    expect(said).toEqual({ word: 'invalid', code: 'SIGNATURE_CORRUPT', findings: ['SIGNATURE_CORRUPT'] });
  });

  it('and was signed by another is refused, whatever it claims', async () => {
    const said = await sayOfBundle((image) =>
      Buffer.from(bundleBytes({ ...mallory, keyHint: alice.keyHint }, signStatement(image.digest))),
    );
    expect(said).toMatchObject({ word: 'invalid', code: 'SIGNATURE_CORRUPT' });
  });

  it('or at none, or at another, is verified all the same: the hint is only a hint', async () => {
    for (const keyHint of ['', mallory.keyHint, 'no hash']) {
      expect(
        await sayOfBundle((image) => Buffer.from(bundleBytes({ ...alice, keyHint }, signStatement(image.digest)))),
      ).toEqual(VERIFIED);
    }
  });

  it('of kind Ed25519 verifies pure and says that it knows no prehashed variant', async () => {
    const require = signedBy(bob);
    expect(await sayOfBundle((image) => Buffer.from(bundleBytes(bob, signStatement(image.digest))), require)).toEqual(
      VERIFIED,
    );
    // What cosign writes with Ed25519ph is a signature over other bytes.
    const prehashed: Signer = { ...bob, sign: (data) => bob.sign(flipped(data, 0)) };
    expect(
      await sayOfBundle((image) => Buffer.from(bundleBytes(prehashed, signStatement(image.digest))), require),
    ).toEqual({ word: 'invalid', code: 'ALGORITHM_UNSUPPORTED', findings: ['ALGORITHM_UNSUPPORTED'] });
  });

  it('is refused as unusable trust where one key of the list cannot be loaded [openshift 63]', async () => {
    const require: Requirement = { kind: 'some', leaf: keyLeaf([alice, { ...mallory, publicKeyPem: 'no key' }]) };
    expect(
      await sayOfBundle((image) => Buffer.from(bundleBytes(alice, signStatement(image.digest))), require),
    ).toMatchObject({ word: 'error', code: 'TRUST_MATERIAL_UNAVAILABLE' });
  });
});

describe('an image with both a .sig tag and a bundle', () => {
  const bundled = (image: Artifact, signer: Signer) => signImageWithBundle(world.server, REPOSITORY, image, signer);
  const tagged = (image: Artifact, signer: Signer) => signImage(world.server, REPOSITORY, image, signer);
  const complete = policyOf(signedBy(alice), { evidence: 'complete' });

  it('is admitted by either, and a foreign one hides nothing [peers 12]', async () => {
    for (const [by, other] of [
      [tagged, bundled],
      [bundled, tagged],
    ] as const) {
      const image = hello(by === tagged ? 'tag' : 'bundle');
      by(image, alice);
      other(image, mallory);
      expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'verified' });
      expect(await say(world, image, complete)).toMatchObject({ word: 'verified' });
    }
  });

  it('is refused where both are of somebody else [peers 12]', async () => {
    const image = hello();
    tagged(image, mallory);
    bundled(image, mallory);
    expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'untrusted' });
  });

  const brokenTags: readonly (readonly [string, (image: Artifact) => void])[] = [
    [
      'is no OCI manifest',
      (image) =>
        world.server.pushManifest(
          REPOSITORY,
          { schemaVersion: 2, config: {}, layers: [] },
          'application/vnd.docker.distribution.manifest.v2+json',
          signatureTag(image.digest, ''),
        ),
    ],
    [
      'is not JSON',
      (image) => world.server.pushManifest(REPOSITORY, Buffer.from('{'), undefined, signatureTag(image.digest, '')),
    ],
    [
      'names a payload that is not there',
      (image) =>
        world.server.pushManifest(
          REPOSITORY,
          emptyConfigArtifact([goodLayer(mallory, hello('x'))], {}).manifest,
          undefined,
          signatureTag(image.digest, ''),
        ),
    ],
  ];
  it.each(brokenTags)(
    'is admitted under isolate and refused under complete where the .sig tag %s [MODEL M4]',
    async (_how, spoil) => {
      const image = hello();
      bundled(image, alice);
      spoil(image);
      expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'verified' });
      const said = await say(world, image, complete, { onError: 'allow' });
      expect(said).toMatchObject({ word: 'error' });
    },
  );

  it('is refused under complete where one payload of the .sig tag is gone, even beside a good one [MODEL M4]', async () => {
    const image = hello();
    const [good, gone] = [goodLayer(alice, image), goodLayer(alice, image, 'registry.example/gone')];
    publishLayers(world.server, REPOSITORY, image, [good]);
    world.server.pushManifest(
      REPOSITORY,
      emptyConfigArtifact([good, gone], {}).manifest,
      undefined,
      signatureTag(image.digest, ''),
    );
    expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'verified' });
    expect(await say(world, image, complete)).toMatchObject({ word: 'error', code: 'RESPONSE_MALFORMED' });
  });

  it('is admitted under complete beside a layer that is whole and no signature [MODEL M4]', async () => {
    const image = hello();
    publishLayers(world.server, REPOSITORY, image, [
      withSignature(goodLayer(alice, image), undefined),
      goodLayer(mallory, image),
      { ...goodLayer(alice, image), mediaType: 'text/plain' },
      goodLayer(alice, image),
    ]);
    expect(await say(world, image, complete)).toMatchObject({ word: 'verified' });
  });

  it('is admitted under complete whatever junk refers to it: containers/image reads no referrers [MODEL M4]', async () => {
    const image = hello();
    tagged(image, alice);
    put(referrerWith(image, Buffer.alloc(3 * 1024 * 1024, 'x')));
    put({ ...referrerWith(image, Buffer.from('gone')), blobs: [] });
    put(referrerWith(image, {}));
    expect(await say(world, image, complete)).toMatchObject({ word: 'verified' });
    expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'verified' });
  });
});

describe('a bundle carries no name, and a policy that compares names', () => {
  const under = (names: NamesRule) =>
    sayOfBundle((image) => Buffer.from(bundleBytes(alice, signStatement(image.digest))), signedBy(alice, names));
  const named = [
    { kind: 'matchExact' },
    { kind: 'matchRepoDigestOrExact' },
    { kind: 'matchRepository' },
    { kind: 'exactReference', reference: 'registry.example/acme/app:v1' },
    { kind: 'exactRepository', repository: 'registry.example/acme/app' },
    { kind: 'remapIdentity', prefix: 'registry.example', signedPrefix: 'other.example' },
  ] as const;

  it.each(named)('refuses it by name under $kind [MODEL M10]', async (rule) => {
    expect(await under(rule)).toEqual({ word: 'untrusted', code: 'NAME_ABSENT', findings: ['NAME_ABSENT'] });
  });

  it.each(named)('takes it under ifNamed $kind, and says so in a warning [MODEL M10]', async (rule) => {
    const image = hello();
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    const decision = await decide(world, image, policyOf(signedBy(alice, { kind: 'ifNamed', rule })));
    expect(decision).toMatchObject({ allowed: true, subjects: [{ headline: 'verified' }] });
    expect(decision.warnings).toHaveLength(1);
    expect(decision.warnings[0]).toContain('carries no image name');
  });

  it('still refuses a .sig layer with a wrong name under ifNamed [MODEL M10]', async () => {
    const image = hello();
    publishLayers(world.server, REPOSITORY, image, [goodLayer(alice, image, 'registry.example/other')]);
    const names: NamesRule = { kind: 'ifNamed', rule: { kind: 'matchRepository' } };
    expect(await say(world, image, policyOf(signedBy(alice, names)))).toMatchObject({
      word: 'untrusted',
      code: 'NAME_MISMATCH',
    });
  });

  it('does not warn where names are not compared', async () => {
    const image = hello();
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    expect((await decide(world, image, alicePolicy)).warnings).toEqual([]);
  });
});

describe('the oci-1-1 form of a signature', () => {
  const only = (stores: Leaf['where']['stores']): Requirement => {
    const leaf = keyLeaf([alice]);
    return { kind: 'some', leaf: { ...leaf, where: { ...leaf.where, stores } } };
  };

  it('is admitted, and refused of another signer or with a bit flipped [peers 11]', async () => {
    const cases = [
      ['verified', (image: Artifact) => goodLayer(alice, image)],
      ['untrusted', (image: Artifact) => goodLayer(mallory, image)],
      [
        'untrusted',
        (image: Artifact) => ({ ...goodLayer(alice, image), bytes: flipped(goodLayer(alice, image).bytes, 9) }),
      ],
    ] as const;
    for (const [i, [word, layer]] of cases.entries()) {
      const image = hello(`${i}`);
      put(signatureReferrer(image, [layer(image)]));
      expect(await say(world, image, alicePolicy)).toMatchObject({ word });
    }
  });

  it('is refused where its payload names another digest than the image it refers to [peers 11]', async () => {
    const image = hello();
    put(signatureReferrer(image, [goodLayer(alice, hello('other'))]));
    expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'invalid', code: 'PAYLOAD_DIGEST_MISMATCH' });
  });

  it('counts only where the policy looks for that form, and a bundle only where it looks for bundles', async () => {
    const [legacy, modern] = [hello('legacy'), hello('modern')];
    put(signatureReferrer(legacy, [goodLayer(alice, legacy)]));
    signImageWithBundle(world.server, REPOSITORY, modern, alice);
    expect(await say(world, legacy, policyOf(only(['cosign-referrer'])))).toEqual(VERIFIED);
    expect(await say(world, legacy, policyOf(only(['sigstore-bundle'])))).toMatchObject({ word: 'unsigned' });
    expect(await say(world, legacy, policyOf(only(['cosign-tag'])))).toMatchObject({ word: 'unsigned' });
    expect(await say(world, modern, policyOf(only(['sigstore-bundle'])))).toEqual(VERIFIED);
    expect(await say(world, modern, policyOf(only(['cosign-referrer'])))).toMatchObject({ word: 'unsigned' });
  });
});

describe('many referrers', () => {
  const junk = (count: number, image: Artifact) => {
    for (let i = 0; i < count; i++) put(referrerWith(image, { junk: i }));
  };

  it('that are junk, 101 of them, are a limit and never a pass, also under onError: allow [peers 66]', async () => {
    const image = hello();
    junk(101, image);
    const said = await say(world, image, alicePolicy, { onError: 'allow' });
    expect(said).toMatchObject({ word: 'error', code: 'LIMIT_EXCEEDED' });
  });

  it('do not hide a good one among the first, nor a .sig tag', async () => {
    const [image, other] = [hello(), hello('other')];
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    junk(101, image);
    junk(101, other);
    signImage(world.server, REPOSITORY, other, alice);
    expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'verified' });
    expect(await say(world, other, alicePolicy)).toMatchObject({ word: 'verified' });
  });

  it('of other kinds are not fetched and use up no attempt', async () => {
    const image = hello();
    for (let i = 0; i < 101; i++) {
      const sbom = { bytes: Buffer.from(`${i}`), mediaType: 'application/spdx+json' };
      const subject = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
      put(emptyConfigArtifact([sbom], { artifactType: 'application/spdx+json', subject }));
    }
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    world.server.requests.length = 0;
    expect(await say(world, image, alicePolicy)).toEqual(VERIFIED);
    expect(world.server.requests.length).toBeLessThan(7);
  });

  it('that are attestations by their own word are not fetched beyond their manifest', async () => {
    const image = hello();
    const sbom = bundleBytes(
      alice,
      signStatement(image.digest, 'https://spdx.dev/Document', { big: 'x'.repeat(3_000_000) }),
    );
    put(bundleReferrer(image, sbom, 'https://spdx.dev/Document'));
    signImageWithBundle(world.server, REPOSITORY, image, alice);
    expect(await say(world, image, alicePolicy)).toEqual(VERIFIED);
    expect(world.server.requests.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(1);
  });

  it('with two bundles in one manifest are no signatures', async () => {
    const image = hello();
    const bundle = { bytes: bundleBytes(alice, signStatement(image.digest)), mediaType: BUNDLE_TYPE };
    const subject = { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
    put(emptyConfigArtifact([bundle, bundle], { artifactType: BUNDLE_TYPE, subject }));
    expect(await say(world, image, alicePolicy)).toMatchObject({ word: 'unsigned' });
  });
});

describe('a referrer that cannot be read', () => {
  let registry: MisbehavingRegistry;
  let spoilt: World;
  beforeEach(async () => {
    // The registry that misbehaves is put in the place of the world's own.
    registry = await startRegistry();
    spoilt = await startWorld({
      client: {
        hosts: new Map([[registry.host, { plainHttp: true, ca: undefined, mirrors: [] }]]),
        limits: { retries: 0 },
      },
    });
  });
  afterEach(() => Promise.all([spoilt.close(), registry.close()]));

  const ways: readonly (readonly [string, string, (path: string) => void])[] = [
    ['is missing', 'RESPONSE_MALFORMED', (on) => registry.spoil({ on, fault: { kind: 'status', status: 404 } })],
    [
      'is answered with 500',
      'REGISTRY_UNAVAILABLE',
      (on) => registry.spoil({ on, fault: { kind: 'status', status: 500 } }),
    ],
    [
      'is answered with 403',
      'REGISTRY_UNAUTHORISED',
      (on) => registry.spoil({ on, fault: { kind: 'status', status: 403 } }),
    ],
    [
      'is answered with 429',
      'REGISTRY_RATE_LIMITED',
      (on) => registry.spoil({ on, fault: { kind: 'status', status: 429 } }),
    ],
    ['does not end', 'RESPONSE_TOO_LARGE', (on) => registry.spoil({ on, fault: { kind: 'endless' } })],
    ['is another than its digest', 'DIGEST_MISMATCH', (on) => registry.spoil({ on, fault: { kind: 'wrong-bytes' } })],
    ['is cut short', 'REGISTRY_UNREACHABLE', (on) => registry.spoil({ on, fault: { kind: 'truncated' } })],
  ];
  it.each(ways)(
    'because it %s is a finding of its own, never unsigned, and hides no good one',
    async (_how, code, spoil) => {
      const inSpoilt: World = { ...spoilt, server: registry };
      const image = publishImage(registry, REPOSITORY, 'hello');
      const bad = bundleReferrer(image, bundleBytes(alice, signStatement(image.digest)));
      attach(registry, REPOSITORY, bad);
      spoil(bad.digest);
      expect(await say(inSpoilt, image, alicePolicy)).toEqual({ word: 'error', code, findings: [`unread ${code}`] });

      attach(registry, REPOSITORY, bundleReferrer(image, bundleBytes(alice, signStatement(image.digest)), null));
      expect(await say(inSpoilt, image, alicePolicy)).toMatchObject({
        word: 'verified',
        findings: ['accepted', `unread ${code}`],
      });
    },
  );
});
