import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArtifactLayer, emptyConfigArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish, publishImage, publishLayers, signImage } from '../../src/cli/demo/publish.ts';
import {
  createSigner,
  type KeyKind,
  type Signer,
  signatureManifest,
  signedLayer,
  simpleSigningPayload,
} from '../../src/cli/demo/signer.ts';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import type { HashRule, Requirement } from '../../src/model/requirement.ts';
import { signatureTag } from '../../src/signatures/cosign/tag.ts';
import { everywhere, keyLeaf, policyOf, signedBy } from '../fixtures/keys.ts';
import { ask, startWorld, type World } from '../fixtures/world.ts';
import {
  decide,
  flipped,
  goodLayer,
  layerOver,
  REPOSITORY,
  say,
  signatureIn,
  VERIFIED,
  withSignature,
} from '../signatures/fixture.ts';

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const alice = createSigner();
const mallory = createSigner();

/** An image with these layers under its `.sig` tag. */
function imageWith(layersOf: (digest: Digest) => readonly ArtifactLayer[]) {
  const image = publishImage(world.server, REPOSITORY, 'hello');
  publishLayers(world.server, REPOSITORY, image, layersOf(image.digest));
  return image;
}

const layerFor = (signer: Signer, digest: Digest): ArtifactLayer =>
  signedLayer(signer, simpleSigningPayload(digest, 'registry.example/acme/app'));

/** What alice's policy says of an image with these layers. */
const sayOfLayers = (layersOf: (digest: Digest) => readonly ArtifactLayer[], require = signedBy(alice)) =>
  say(world, imageWith(layersOf), policyOf(require));

const anyOfKeys = (signers: readonly Signer[]): Requirement => ({ kind: 'some', leaf: keyLeaf(signers) });

/** A key that is given as PEM and used by nobody. */
const keyOnly = (publicKeyPem: string): Signer => ({ ...mallory, publicKeyPem });

describe('cosign key signatures', () => {
  it('admits an image signed with the policy key, in four requests by digest [peers 2]', async () => {
    const signer = createSigner();
    const image = publishImage(world.server, 'acme/app', 'hello');
    signImage(world.server, 'acme/app', image, signer);

    const decision = await ask(world.engine([everywhere(policyOf(signedBy(signer)))]), [
      `${world.server.host}/acme/app@${image.digest}`,
    ]);

    expect(decision).toMatchObject({ allowed: true, subjects: [{ headline: 'verified', digest: image.digest }] });
    expect(world.server.requests).toHaveLength(4);
  });

  it('calls an image without signatures unsigned and not mismatched, and names the tag [peers 1]', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    const decision = await decide(world, image, policyOf(signedBy(alice)));
    expect(decision).toMatchObject({ allowed: false, subjects: [{ headline: 'unsigned' }] });
    expect(decision.subjects[0]?.policies[0]?.reason).toContain(`tag ${signatureTag(image.digest, '')}`);
  });

  it('refuses the image of another signer, and says that the signature does not verify [peers 3]', async () => {
    expect(await sayOfLayers((digest) => [layerFor(mallory, digest)])).toEqual({
      word: 'untrusted',
      code: 'SIGNATURE_MISMATCH',
      findings: ['SIGNATURE_MISMATCH'],
    });
  });

  it.each([0, 7, 40, 200])(
    'refuses the image when bit 3 of byte %i of the payload is flipped [peers 2]',
    async (at) => {
      const said = await sayOfLayers((digest) => {
        const layer = layerFor(alice, digest);
        return [{ ...layer, bytes: flipped(layer.bytes, at, 3) }];
      });
      expect(said).toMatchObject({ word: 'untrusted', code: 'SIGNATURE_MISMATCH' });
    },
  );

  // Counted from its end as well: a signature of ECDSA is now and then some bytes shorter.
  it.each([10, 40, -1])('refuses the image when byte %i of the signature is flipped [peers 2]', async (at) => {
    const said = await sayOfLayers((digest) => {
      const layer = layerFor(alice, digest);
      const signature = Buffer.from(signatureIn(layer), 'base64');
      const place = at < 0 ? signature.length + at : at;
      return [withSignature(layer, Buffer.from(flipped(signature, place)).toString('base64'))];
    });
    expect(said).toMatchObject({ word: 'untrusted', code: 'SIGNATURE_MISMATCH' });
  });

  it('refuses a signature copied from another image of the same repository [CVE-2022-23649 class]', async () => {
    const other = publishImage(world.server, REPOSITORY, 'other', 'v2');
    expect(await sayOfLayers(() => [goodLayer(alice, other)])).toEqual({
      word: 'invalid',
      code: 'PAYLOAD_DIGEST_MISMATCH',
      findings: ['PAYLOAD_DIGEST_MISMATCH'],
    });
  });

  it('looks in the repository of the policy and nowhere else, where it names one [peers 11]', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    const layers = [goodLayer(alice, image)];
    const leaf = keyLeaf([alice]);
    const elsewhere = { host: world.server.host, path: 'acme/signatures' };
    const policy = policyOf({ kind: 'some', leaf: { ...leaf, where: { ...leaf.where, repository: elsewhere } } });

    publishLayers(world.server, REPOSITORY, image, layers);
    publishImage(world.server, 'acme/signatures', 'so that the repository is there');
    expect(await say(world, image, policy)).toMatchObject({ word: 'unsigned' });
    publishLayers(world.server, 'acme/signatures', image, layers);
    expect(await say(world, image, policy)).toEqual(VERIFIED);
  });

  it('looks under the prefixed tag where the policy has a prefix, and not under the bare one', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    const leaf = keyLeaf([alice]);
    const policy = policyOf({ kind: 'some', leaf: { ...leaf, where: { ...leaf.where, tagPrefix: 'release-' } } });
    const manifest = signatureManifest([goodLayer(alice, image)]);

    publish(world.server, REPOSITORY, manifest, signatureTag(image.digest, ''));
    expect(await say(world, image, policy)).toMatchObject({ word: 'unsigned' });
    publish(world.server, REPOSITORY, manifest, signatureTag(image.digest, 'release-'));
    expect(await say(world, image, policy)).toEqual(VERIFIED);
  });
});

describe('a key of kind', () => {
  const kinds: readonly KeyKind[] = ['P-256', 'P-384', 'P-521', 'RSA-2048', 'RSA-4096', 'Ed25519'];
  it.each(kinds)('%s verifies what it signed and nothing else [peers 2, peers 4, openshift 94]', async (kind) => {
    const signer = createSigner(kind);
    const layer = (digest: Digest) => layerFor(signer, digest);
    expect(await sayOfLayers((digest) => [layer(digest)], signedBy(signer))).toEqual(VERIFIED);
    const damaged = (digest: Digest) => ({ ...layer(digest), bytes: flipped(layer(digest).bytes, 20) });
    expect(await sayOfLayers((digest) => [damaged(digest)], signedBy(signer))).toMatchObject({ word: 'untrusted' });
  });

  const hashed = (curve: 'P-384' | 'P-521', hash: 'sha384' | 'sha512') => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
    const signer: Signer = {
      ...mallory,
      publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }),
      sign: (data) => sign(hash, data, privateKey),
    };
    const under = (rule: HashRule): Requirement => {
      const leaf = keyLeaf([signer]);
      return {
        kind: 'some',
        leaf: { ...leaf, proof: { ...leaf.proof, kind: 'keys', hash: rule } as typeof leaf.proof },
      };
    };
    return { signer, under };
  };

  it.each([
    ['P-384', 'sha384'],
    ['P-521', 'sha512'],
  ] as const)(
    '%s signing with %s is refused under the SHA-256 rule and admitted under by-curve',
    async (curve, hash) => {
      const { signer, under } = hashed(curve, hash);
      const layers = (digest: Digest) => [layerFor(signer, digest)];
      expect(await sayOfLayers(layers, under('sha256'))).toMatchObject({
        word: 'untrusted',
        code: 'SIGNATURE_MISMATCH',
      });
      expect(await sayOfLayers(layers, under('by-curve'))).toEqual(VERIFIED);
      expect(await sayOfLayers(layers, under(hash))).toEqual(VERIFIED);
    },
  );

  const pem = (key: { readonly publicKey: KeyObject }) => key.publicKey.export({ format: 'pem', type: 'spki' });
  const unusable: readonly (readonly [string, () => string])[] = [
    ['RSA-1024', () => pem(generateKeyPairSync('rsa', { modulusLength: 1024 }))],
    ['RSA-PSS', () => pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }))],
    ['secp256k1', () => pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }))],
    ['P-224', () => pem(generateKeyPairSync('ec', { namedCurve: 'secp224r1' }))],
    ['DSA', () => pem(generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }))],
    ['X25519', () => pem(generateKeyPairSync('x25519'))],
    ['no PEM', () => 'no key at all'],
    ['two blocks', () => alice.publicKeyPem + mallory.publicKeyPem],
    ['a private key', () => generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })],
  ];
  it.each(unusable)('%s is no key to verify with, and the signed image is refused for it', async (_kind, make) => {
    const said = await sayOfLayers((digest) => [layerFor(alice, digest)], anyOfKeys([keyOnly(make())]));
    expect(said).toMatchObject({ word: 'error', code: 'TRUST_MATERIAL_UNAVAILABLE' });
  });

  it.each(unusable)(
    '%s does not make an unsigned image look unsigned: nobody could have signed it',
    async (_kind, make) => {
      const said = await sayOfLayers(() => [], anyOfKeys([keyOnly(make())]));
      expect(said).toMatchObject({ word: 'error', code: 'TRUST_MATERIAL_UNAVAILABLE' });
    },
  );

  it('no kind that can be had is loosened by onError: allow', async () => {
    const image = imageWith((digest) => [layerFor(alice, digest)]);
    const decision = await decide(world, image, policyOf(anyOfKeys([keyOnly('no key')])), { onError: 'allow' });
    expect(decision.allowed).toBe(false);
  });
});

describe('a list of keys', () => {
  it('admits what the second key signed [openshift 62]', async () => {
    expect(await sayOfLayers((digest) => [layerFor(alice, digest)], anyOfKeys([mallory, alice]))).toEqual(VERIFIED);
  });

  it('refuses what none of them signed [openshift 62]', async () => {
    const others = [createSigner(), createSigner()];
    expect(await sayOfLayers((digest) => [layerFor(alice, digest)], anyOfKeys(others))).toMatchObject({
      word: 'untrusted',
    });
  });

  it.each([0, 1, 2])('refuses if key %i cannot be loaded, even if another matches [openshift 63]', async (place) => {
    const signers = [alice, alice, alice].map((signer, i) => (i === place ? keyOnly('no key') : signer));
    expect(await sayOfLayers((digest) => [layerFor(alice, digest)], anyOfKeys(signers))).toMatchObject({
      word: 'error',
      code: 'TRUST_MATERIAL_UNAVAILABLE',
    });
  });
});

describe('several layers', () => {
  it('admits the good one after a bad one [openshift 60]', async () => {
    expect(await sayOfLayers((digest) => [layerFor(mallory, digest), layerFor(alice, digest)])).toMatchObject({
      word: 'verified',
    });
  });

  it('admits duplicates of a good one', async () => {
    const said = await sayOfLayers((digest) => [layerFor(alice, digest), layerFor(alice, digest)]);
    expect(said).toEqual({ word: 'verified', code: undefined, findings: ['accepted', 'accepted'] });
  });

  it('tells two layers apart that share their payload and not their signature', async () => {
    const said = await sayOfLayers((digest) => {
      const good = layerFor(alice, digest);
      return [withSignature(good, signatureIn(layerFor(mallory, digest))), good];
    });
    expect(said).toMatchObject({ word: 'verified' });
  });

  it('is not two signers where one key signed twice [peers 23]', async () => {
    const twice = (digest: Digest) => [layerFor(alice, digest), layerFor(alice, digest)];
    const leaf = keyLeaf([alice]);
    const two: Requirement = { kind: 'quorum', k: 2, of: [leaf, { ...leaf, name: 'again' }] };
    expect(await sayOfLayers(twice, two)).toMatchObject({ word: 'untrusted', code: 'QUORUM_NOT_REACHED' });
    const leaves: Requirement = { kind: 'quorum', k: 2, of: [leaf, keyLeaf([mallory])] };
    expect(await sayOfLayers((digest) => [layerFor(alice, digest), layerFor(mallory, digest)], leaves)).toMatchObject({
      word: 'verified',
    });
  });

  it('reads as many as the policy tries, and calls the rest a limit: junk hides the good one, never admits it', async () => {
    const leaf = keyLeaf([alice]);
    const two: Requirement = { kind: 'some', leaf: { ...leaf, where: { ...leaf.where, attempts: 2 } } };
    const junk = (digest: Digest) => [layerFor(mallory, digest), layerFor(mallory, digest)];
    expect(await sayOfLayers((digest) => [...junk(digest), layerFor(alice, digest)], two)).toMatchObject({
      word: 'error',
      code: 'LIMIT_EXCEEDED',
    });
    expect(await sayOfLayers((digest) => [layerFor(alice, digest), ...junk(digest)], two)).toMatchObject({
      word: 'verified',
    });
  });
});

describe('the annotations of a layer', () => {
  it('may be empty where cosign writes none of them [sigstore-policy-controller §2.1]', async () => {
    const empty = {
      'dev.sigstore.cosign/certificate': '',
      'dev.sigstore.cosign/chain': '',
      'dev.sigstore.cosign/bundle': '',
      'dev.sigstore.cosign/rfc3161timestamp': '',
    };
    const said = await sayOfLayers((digest) => {
      const layer = layerFor(alice, digest);
      return [{ ...layer, annotations: { ...layer.annotations, ...empty } }];
    });
    expect(said).toEqual(VERIFIED);
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
  ])('with a signature that is %s refuse that layer and no other [openshift §4]', async (_how, signature) => {
    const bare = (digest: Digest) => withSignature(layerFor(alice, digest), signature);
    expect(await sayOfLayers((digest) => [bare(digest)])).toEqual({
      word: 'invalid',
      code: 'SIGNATURE_MALFORMED',
      findings: ['SIGNATURE_MALFORMED'],
    });
    expect(await sayOfLayers((digest) => [bare(digest), layerFor(alice, digest)])).toMatchObject({ word: 'verified' });
  });

  const spellings: readonly (readonly [string, (text: string) => string])[] = [
    ['an extra =', (text) => `${text}=`],
    ['two more bytes of padding', (text) => `${text}==`],
    ['the last character missing', (text) => text.slice(0, -1)],
    ['half of it missing', (text) => text.slice(0, 48)],
    ['spaces around it', (text) => ` ${text} `],
    ['the URL-safe alphabet', (text) => `${text.slice(0, 20)}-_${text.slice(22)}`],
    ['a character of no alphabet', (text) => `${text.slice(0, 20)}*${text.slice(21)}`],
    ['hexadecimal instead', (text) => Buffer.from(text, 'base64').toString('hex').slice(0, 141)],
    [
      'bytes behind the signature',
      (text) => Buffer.concat([Buffer.from(text, 'base64'), Buffer.from('x')]).toString('base64'),
    ],
  ];
  it.each(spellings)('with %s refuse the signature [openshift 61]', async (_how, change) => {
    const said = await sayOfLayers((digest) => {
      const layer = layerFor(alice, digest);
      return [withSignature(layer, change(signatureIn(layer)))];
    });
    expect(['invalid', 'untrusted']).toContain(said.word);
    expect(['SIGNATURE_MALFORMED', 'SIGNATURE_MISMATCH']).toContain(said.code);
  });

  it('with line ends, as base64(1) writes them and Go reads them, verify [openshift 61]', async () => {
    const said = await sayOfLayers((digest) => {
      const layer = layerFor(alice, digest);
      const text = signatureIn(layer);
      return [withSignature(layer, `${text.slice(0, 76)}\n${text.slice(76)}\n`)];
    });
    expect(said).toEqual(VERIFIED);
  });
});

describe('layers of other media types', () => {
  it.each(['text/plain', 'application/vnd.dsse.envelope.v1+json', 'APPLICATION/vnd.dev.cosign.simplesigning.v1+json'])(
    'are attachments and no signatures: "%s" [openshift 65]',
    async (mediaType) => {
      const image = imageWith((digest) => [{ ...layerFor(alice, digest), mediaType }]);
      const decision = await decide(world, image, policyOf(signedBy(alice)));
      expect(decision).toMatchObject({ allowed: false, subjects: [{ headline: 'unsigned' }] });
      expect(decision.subjects[0]?.policies[0]?.reason).toContain('one attachment that is not a signature');
    },
  );

  it('do not hide the signature beside them', async () => {
    const said = await sayOfLayers((digest) => [
      { ...layerFor(mallory, digest), mediaType: 'text/plain' },
      layerFor(alice, digest),
    ]);
    expect(said).toEqual(VERIFIED);
  });
});

describe('the manifest of the .sig tag', () => {
  const good = (digest: Digest) => signatureManifest([layerFor(alice, digest)]);
  const withManifest = (change: (manifest: string) => string, mediaType: string = MANIFEST_TYPES.ociManifest) => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    const sound = good(image.digest);
    const manifest = Buffer.from(change(Buffer.from(sound.manifest).toString('utf8')));
    publish(
      world.server,
      REPOSITORY,
      { ...sound, manifest, mediaType, digest: digestOf(manifest) },
      signatureTag(image.digest, ''),
    );
    return image;
  };
  const docker = (text: string) => text.replaceAll(MANIFEST_TYPES.ociManifest, MANIFEST_TYPES.dockerManifest);

  it('is an error of class content where it is no OCI image manifest, also under onError: allow [openshift §4]', async () => {
    const image = withManifest(docker, MANIFEST_TYPES.dockerManifest);
    const policy = policyOf(signedBy(alice));
    expect(await say(world, image, policy)).toMatchObject({ word: 'error', code: 'MEDIA_TYPE_UNSUPPORTED' });
    expect(await say(world, image, policy, { onError: 'allow' })).toMatchObject({ word: 'error' });
  });

  const broken: readonly (readonly [string, (text: string) => string])[] = [
    ['is an index', (text) => text.replace('"layers"', '"manifests"').replace('"config"', '"setup"')],
    ['has a key twice', (text) => text.replace('{', '{"layers":[],')],
    ['has no layers', (text) => text.replace('"layers"', '"strata"')],
    ['has a layer without a digest', (text) => text.replaceAll('"digest"', '"hash"')],
    ['has a layer of negative size', (text) => text.replaceAll(/"size":(\d+)/g, '"size":-$1')],
    ['has an annotation that is no text', (text) => text.replaceAll('/chain":""', '/chain":7')],
    ['ends early', (text) => text.slice(0, -1)],
    ['goes on', (text) => `${text}{}`],
  ];
  it.each(broken)('is an error and never unsigned where it %s', async (_how, change) => {
    const said = await say(world, withManifest(change), policyOf(signedBy(alice)));
    expect(said).toMatchObject({ word: 'error' });
    expect(['RESPONSE_MALFORMED', 'MEDIA_TYPE_UNSUPPORTED']).toContain(said.code);
  });

  it('may carry fields that nobody knows', async () => {
    const image = withManifest((text) => text.replace('{', '{"extra":{"layers":[]},'));
    expect(await say(world, image, policyOf(signedBy(alice)))).toEqual(VERIFIED);
  });

  it('names a blob that is not there: unread, and not unsigned', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    publish(world.server, REPOSITORY, { ...good(image.digest), blobs: [] }, signatureTag(image.digest, ''));
    expect(await say(world, image, policyOf(signedBy(alice)))).toEqual({
      word: 'error',
      code: 'RESPONSE_MALFORMED',
      findings: ['unread RESPONSE_MALFORMED'],
    });
  });

  it('says that its payload has another size than it has, or one that nobody reads', async () => {
    for (const size of [5, 2_000_000_000]) {
      const image = withManifest((text) => text.replaceAll(/"size":2\d\d/g, `"size":${size}`));
      const said = await say(world, image, policyOf(signedBy(alice)), { onError: 'allow' });
      expect(said.word).toBe('error');
      expect(said.code).toMatch(/^RESPONSE_|^DIGEST_/);
    }
  });

  it('without layers is a listing of nothing: unsigned', async () => {
    const image = publishImage(world.server, REPOSITORY, 'hello');
    publish(world.server, REPOSITORY, emptyConfigArtifact([], {}), signatureTag(image.digest, ''));
    expect(await say(world, image, policyOf(signedBy(alice)))).toMatchObject({ word: 'unsigned', code: 'UNSIGNED' });
  });

  it('with more layers than are read says so, and still admits a good one among the first', async () => {
    const leaf = keyLeaf([alice]);
    const all: Requirement = { kind: 'some', leaf: { ...leaf, where: { ...leaf.where, attempts: 1000 } } };
    const many = Array.from({ length: 300 });
    const junk = (digest: Digest) => many.map(() => withSignature(layerFor(mallory, digest), undefined));
    expect(await sayOfLayers((digest) => junk(digest), all)).toMatchObject({ word: 'error', code: 'LIMIT_EXCEEDED' });
    expect(await sayOfLayers((digest) => [layerFor(alice, digest), ...junk(digest)], all)).toMatchObject({
      word: 'verified',
    });
  });
});

describe('the signed payload', () => {
  const sound = (digest: Digest) => ({
    critical: {
      identity: { 'docker-reference': 'registry.example/acme/app' },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
    optional: null as unknown,
  });
  const json = (change: (payload: ReturnType<typeof sound>) => unknown) => (digest: Digest) =>
    JSON.stringify(change(sound(digest)));
  const critical = (change: (critical: ReturnType<typeof sound>['critical']) => unknown) =>
    json((payload) => ({ ...payload, critical: change(payload.critical) }));
  const optional = (value: unknown) => json((payload) => ({ ...payload, optional: value }));

  const refused: readonly (readonly [string, (digest: Digest) => string, string])[] = [
    ['is not JSON', () => 'This is not JSON\n', 'PAYLOAD_MALFORMED'],
    ['is empty of meaning', () => '{}', 'PAYLOAD_MALFORMED'],
    ['is a list', () => '[]', 'PAYLOAD_MALFORMED'],
    ['is null', () => 'null', 'PAYLOAD_MALFORMED'],
    ['starts with a byte order mark', (digest) => `\uFEFF${JSON.stringify(sound(digest))}`, 'PAYLOAD_MALFORMED'],
    ['is followed by more', (digest) => `${JSON.stringify(sound(digest))}{}`, 'PAYLOAD_MALFORMED'],
    ['has an extra member', json((payload) => ({ ...payload, extra: 1 })), 'PAYLOAD_MALFORMED'],
    ['has no optional', json(({ critical }) => ({ critical })), 'PAYLOAD_MALFORMED'],
    ['has no critical', json(({ optional }) => ({ optional })), 'PAYLOAD_MALFORMED'],
    [
      'spells a key another way',
      json(({ critical, optional }) => ({ Critical: critical, optional })),
      'PAYLOAD_MALFORMED',
    ],
    ['has an optional that is a list', optional([]), 'PAYLOAD_MALFORMED'],
    ['has an optional that is text', optional('x'), 'PAYLOAD_MALFORMED'],
    ['has a creator that is a number', optional({ creator: 1 }), 'PAYLOAD_MALFORMED'],
    ['has a timestamp of 1.5', optional({ timestamp: 1.5 }), 'PAYLOAD_MALFORMED'],
    ['has a timestamp beyond 64 bits', optional({ timestamp: 2 ** 63 }), 'PAYLOAD_MALFORMED'],
    ['has a timestamp that is text', optional({ timestamp: '1' }), 'PAYLOAD_MALFORMED'],
    ['has an extra critical member', critical((c) => ({ ...c, extra: 1 })), 'PAYLOAD_MALFORMED'],
    ['has no type', critical(({ identity, image }) => ({ identity, image })), 'PAYLOAD_MALFORMED'],
    [
      'is of the OpenPGP type',
      critical((c) => ({ ...c, type: 'atomic container signature' })),
      'PAYLOAD_TYPE_UNEXPECTED',
    ],
    [
      'is of no known type',
      critical((c) => ({ ...c, type: 'COSIGN container image signature' })),
      'PAYLOAD_TYPE_UNEXPECTED',
    ],
    ['is of a type that is a list', critical((c) => ({ ...c, type: [c.type] })), 'PAYLOAD_TYPE_UNEXPECTED'],
    ['has no image', critical((c) => ({ ...c, image: null })), 'PAYLOAD_MALFORMED'],
    ['has no digest', critical((c) => ({ ...c, image: {} })), 'PAYLOAD_MALFORMED'],
    ['has a second digest', critical((c) => ({ ...c, image: { ...c.image, sha512: 'x' } })), 'PAYLOAD_MALFORMED'],
    [
      'has its digest in capitals',
      critical((c) => ({ ...c, image: { 'docker-manifest-digest': c.image['docker-manifest-digest'].toUpperCase() } })),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has a sha512 digest',
      critical((c) => ({ ...c, image: { 'docker-manifest-digest': `sha512:${'a'.repeat(128)}` } })),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has a digest of another image',
      critical((c) => ({ ...c, image: { 'docker-manifest-digest': `sha256:${'a'.repeat(64)}` } })),
      'PAYLOAD_DIGEST_MISMATCH',
    ],
    ['has no identity', critical((c) => ({ ...c, identity: {} })), 'PAYLOAD_MALFORMED'],
    [
      'has a name that is no text',
      critical((c) => ({ ...c, identity: { 'docker-reference': null } })),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has an identity with more in it',
      critical((c) => ({ ...c, identity: { ...c.identity, 'docker-digest': 'x' } })),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has its digest twice',
      (digest) =>
        JSON.stringify(sound(digest)).replace(
          '"docker-manifest-digest"',
          `"docker-manifest-digest":"sha256:${'a'.repeat(64)}","docker-manifest-digest"`,
        ),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has its digest twice, once escaped',
      (digest) =>
        JSON.stringify(sound(digest)).replace(
          '"docker-manifest-digest"',
          `"docker-manifest-diges\\u0074":"sha256:${'a'.repeat(64)}","docker-manifest-digest"`,
        ),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has critical twice',
      (digest) => JSON.stringify(sound(digest)).replace('{', '{"critical":{},'),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has an optional member twice',
      (digest) => JSON.stringify(sound(digest)).replace('null', '{"a":1,"a":1}'),
      'PAYLOAD_MALFORMED',
    ],
    ['hides members in a prototype', (digest) => `{"__proto__":${JSON.stringify(sound(digest))}}`, 'PAYLOAD_MALFORMED'],
    [
      'nests without end',
      (digest) => JSON.stringify(sound(digest)).replace('null', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`),
      'PAYLOAD_MALFORMED',
    ],
    [
      'has half a surrogate pair',
      (digest) => JSON.stringify(sound(digest)).replace('acme/app', 'acme/\\ud800'),
      'PAYLOAD_MALFORMED',
    ],
  ];
  it.each(refused)(
    'by the right key is refused where it %s [openshift 56, openshift 64]',
    async (_how, payload, code) => {
      const said = await sayOfLayers((digest) => [layerOver(alice, payload(digest))]);
      expect(said).toEqual({ word: 'invalid', code, findings: [code] });
    },
  );

  const accepted: readonly (readonly [string, (digest: Digest) => string])[] = [
    ['has optional null', optional(null)],
    ['has optional {}', optional({})],
    ['has annotations in optional', optional({ build: '7', nested: { a: [1, null] } })],
    ['has a creator and a timestamp', optional({ creator: 'x', timestamp: 1_657_296_609 })],
    ['has a timestamp that is null', optional({ timestamp: null })],
    ['has a creator that is null', optional({ creator: null })],
    ['has the least timestamp of 64 bits', optional({ timestamp: -(2 ** 63) })],
    ['writes its timestamp as 1e3', (digest) => JSON.stringify(sound(digest)).replace('null', '{"timestamp":1e3}')],
    ['is indented and ends with white space', (digest) => `${JSON.stringify(sound(digest), null, 2)}\n \t`],
    ['escapes what it need not', (digest) => JSON.stringify(sound(digest)).replace('critical', 'critic\\u0061l')],
  ];
  it.each(accepted)('is read as containers/image reads it where it %s [openshift 56]', async (_how, payload) => {
    expect(await sayOfLayers((digest) => [layerOver(alice, payload(digest))])).toEqual(VERIFIED);
  });

  it('says nothing before its signature holds: another key’s malformed payload is only untrusted', async () => {
    expect(await sayOfLayers(() => [layerOver(mallory, '{}')])).toMatchObject({ word: 'untrusted' });
  });

  it('must carry the annotations that the policy asks for, as text and under their own name', async () => {
    const leaf = keyLeaf([alice], { conditions: [{ kind: 'annotation', name: 'env', value: 'prod' }] });
    const under = (value: unknown) =>
      sayOfLayers((digest) => [layerOver(alice, optional(value)(digest))], { kind: 'some', leaf });
    expect(await under({ env: 'prod' })).toEqual(VERIFIED);
    for (const value of [null, {}, { env: 'dev' }, { env: ['prod'] }, { ENV: 'prod' }, { other: { env: 'prod' } }])
      expect(await under(value)).toMatchObject({ word: 'rejected', code: 'ANNOTATION_MISMATCH' });
  });

  it('does not meet an annotation by what every object inherits', async () => {
    const leaf = keyLeaf([alice], { conditions: [{ kind: 'annotation', name: 'constructor', value: '' }] });
    const said = await sayOfLayers((digest) => [layerOver(alice, optional({})(digest))], { kind: 'some', leaf });
    expect(said).toMatchObject({ word: 'rejected', code: 'ANNOTATION_MISMATCH' });
  });
});
