import { describe, expect, it } from 'vitest';
import { type Artifact, imageArtifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import {
  attach,
  publish,
  publishImage,
  publishLayers,
  signImage,
  signImageWithBundle,
} from '../../src/cli/demo/publish.ts';
import {
  bundleBytes,
  bundleReferrer,
  createSigner,
  type KeyKind,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../src/cli/demo/signer.ts';
import { deployment, review } from '../admission/fixture.ts';
import { sha256 } from '../fixtures/registry/misbehaving-registry.ts';
import { expectDenied, expectVerified, keyPolicy, registryFor, stage } from '../fixtures/webhook.ts';
import { until } from '../policy/sources/folder.ts';

const release = createSigner();
const stranger = createSigner();
const BUNDLES = { 'countersign.dev/unnamed-signatures': 'accept' };
const LINUX = { os: 'linux', architecture: 'arm64' };

/** A webhook with one policy, `release`, for everything under `shop`. */
async function shop(how: Partial<Parameters<typeof keyPolicy>[0]> = {}, options = {}, configuration = {}) {
  const registry = await registryFor(options);
  const at = (rest: string) => `${registry.host}/shop/${rest}`;
  const policy = keyPolicy({ name: 'release', scopes: [`${registry.host}/shop`], signer: release, ...how });
  return { ...(await stage(registry, [policy], configuration)), at };
}

describe('what is signed and what is not', () => {
  it('denies an unsigned image as unsigned, not as a mismatch [peers 1]', async () => {
    const { run, registry, at } = await shop();
    const { digest } = publishImage(registry, 'shop/web', 'web');
    const answer = await run([at('web:v1')]);
    expectDenied(answer, { image: at('web:v1'), policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
    expect(answer.message).toContain(
      `No cosign signature for ${digest} in ${at('web')} (looked at tag ${digest.replace(':', '-')}.sig and referrers).`,
    );
    expect(answer.record.images).toMatchObject([{ image: at('web:v1'), digest, signers: [] }]);
  });

  it('admits what the configured key signed, and says who it was [peers 2]', async () => {
    const { run, registry, at } = await shop();
    const image = publishImage(registry, 'shop/web', 'web');
    signImage(registry, 'shop/web', image, release);
    const answer = await run([at('web:v1')]);
    expectVerified(answer);
    expect(answer.warnings).toEqual([]);
    expect(answer.record.images).toMatchObject([
      { digest: image.digest, signers: [expect.stringMatching(/^key sha256:/)] },
    ]);
  });

  it('denies it when one bit of the payload is flipped [peers 2, hostile]', async () => {
    const { run, registry, at } = await shop();
    const image = publishImage(registry, 'shop/web', 'web');
    const layer = signedLayer(release, simpleSigningPayload(image.digest, at('web')));
    const flipped = Buffer.from(layer.bytes);
    const last = flipped.length - 3;
    flipped[last] = (flipped[last] ?? 0) ^ 1;
    publishLayers(registry, 'shop/web', image, [{ ...layer, bytes: flipped }]);
    const answer = await run([at('web:v1')]);
    expectDenied(answer, { image: at('web:v1'), policy: 'release', word: 'untrusted', code: 'SIGNATURE_MISMATCH' });
  });

  it('denies a signature that names another digest of the same repository [CVE-2022-23649]', async () => {
    const { run, registry, at } = await shop();
    const signed = publishImage(registry, 'shop/web', 'web');
    const evil = publishImage(registry, 'shop/web', 'evil', 'v2');
    const layer = signedLayer(release, simpleSigningPayload(signed.digest, at('web')));
    publishLayers(registry, 'shop/web', evil, [layer]);
    expectDenied(await run([at('web:v2')]), {
      image: at('web:v2'),
      policy: 'release',
      word: 'invalid',
      code: 'PAYLOAD_DIGEST_MISMATCH',
    });
  });

  it('denies what another key signed, saying that the signature does not verify [peers 3]', async () => {
    const { run, registry, at } = await shop();
    signImage(registry, 'shop/web', publishImage(registry, 'shop/web', 'web'), stranger);
    const answer = await run([at('web:v1')]);
    expectDenied(answer, { image: at('web:v1'), policy: 'release', word: 'untrusted', code: 'SIGNATURE_MISMATCH' });
    expect(answer.message).toMatch(/verif/i);
  });

  it.each<KeyKind>(['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'])(
    'admits a %s signature and denies that of another such key [peers 4]',
    async (kind) => {
      const [ours, theirs] = [createSigner(kind), createSigner(kind)];
      const { run, registry, at } = await shop({ signer: ours });
      signImage(registry, 'shop/ours', publishImage(registry, 'shop/ours', 'ours'), ours);
      signImage(registry, 'shop/theirs', publishImage(registry, 'shop/theirs', 'theirs'), theirs);
      expectVerified(await run([at('ours:v1')]));
      expectDenied(await run([at('theirs:v1')]), {
        image: at('theirs:v1'),
        policy: 'release',
        word: 'untrusted',
        code: 'SIGNATURE_MISMATCH',
      });
    },
  );
});

describe('sigstore bundles', () => {
  it('admit where the policy takes signatures without a name, and only there [peers 12]', async () => {
    const lax = await shop({ annotations: BUNDLES });
    signImageWithBundle(lax.registry, 'shop/web', publishImage(lax.registry, 'shop/web', 'web'), release);
    const admitted = await lax.run([lax.at('web:v1')]);
    expectVerified(admitted);

    const strict = await shop();
    signImageWithBundle(strict.registry, 'shop/web', publishImage(strict.registry, 'shop/web', 'web'), release);
    expectDenied(await strict.run([strict.at('web:v1')]), {
      image: strict.at('web:v1'),
      policy: 'release',
      word: 'untrusted',
      code: 'NAME_ABSENT',
    });
  });

  it('by a stranger, or about another digest, are denied [peers 12, hostile]', async () => {
    const { run, registry, at } = await shop({ annotations: BUNDLES });
    signImageWithBundle(registry, 'shop/web', publishImage(registry, 'shop/web', 'web'), stranger);
    const refusal = { image: at('web:v1'), policy: 'release', word: 'untrusted', code: 'SIGNATURE_MISMATCH' };
    expectDenied(await run([at('web:v1')]), refusal);

    const copied = publishImage(registry, 'shop/copied', 'copied');
    const about = imageArtifact('something else').digest;
    attach(registry, 'shop/copied', bundleReferrer(copied, bundleBytes(release, signStatement(about))));
    const answer = await run([at('copied:v1')]);
    expect(answer).toMatchObject({ allowed: false, code: 403 });
    expect(answer.message).toContain('invalid. ');
  });

  it('count beside a v2 signature, whichever of the two is the trusted one [peers 12]', async () => {
    const { run, registry, at } = await shop({ annotations: BUNDLES });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => publishImage(registry, `shop/${name}`, name)) as [
      Artifact,
      Artifact,
      Artifact,
    ];
    signImage(registry, 'shop/a', a, release);
    signImageWithBundle(registry, 'shop/a', a, stranger);
    signImage(registry, 'shop/b', b, stranger);
    signImageWithBundle(registry, 'shop/b', b, release);
    signImage(registry, 'shop/c', c, stranger);
    signImageWithBundle(registry, 'shop/c', c, stranger);
    expectVerified(await run([at('a:v1'), at('b:v1')]));
    expect(await run([at('c:v1')])).toMatchObject({ allowed: false, code: 403 });
  });

  it('are found by the fallback tag, whatever type its index gives them [peers 13]', async () => {
    const { run, registry, at } = await shop({ annotations: BUNDLES }, { referrers: 'none' });
    for (const [repository, signer] of [
      ['shop/ours', release],
      ['shop/theirs', stranger],
    ] as const) {
      const image = publishImage(registry, repository, repository);
      const bundle = bundleReferrer(image, bundleBytes(signer, signStatement(image.digest)));
      attach(registry, repository, bundle, 'application/vnd.oci.empty.v1+json');
    }
    expectVerified(await run([at('ours:v1')]));
    expectDenied(await run([at('theirs:v1')]), {
      image: at('theirs:v1'),
      policy: 'release',
      word: 'untrusted',
      code: 'SIGNATURE_MISMATCH',
    });
  });
});

describe('images of several platforms', () => {
  const instances = (...texts: readonly string[]) =>
    texts.map((text, i) => ({
      image: imageArtifact(text),
      platform: { ...LINUX, architecture: ['arm64', 'amd64'][i] ?? 's390x' },
    }));

  /** Publishes an index over two instances and signs some of what there is. */
  async function multi(signs: readonly ('index' | 0 | 1)[], annotations: Readonly<Record<string, string>> = {}) {
    const world = await shop({ annotations });
    const both = instances('arm', 'amd');
    for (const { image } of both) publish(world.registry, 'shop/multi', image);
    const index = publish(world.registry, 'shop/multi', indexArtifact(both), 'v1');
    for (const which of signs) {
      const target = which === 'index' ? index : both[which]?.image;
      if (target !== undefined) signImage(world.registry, 'shop/multi', target, release);
    }
    return { answer: await world.run([world.at('multi:v1')]), image: world.at('multi:v1'), index };
  }

  it('pass by the signature of their index [peers 17]', async () => {
    const { answer, index } = await multi(['index']);
    expectVerified(answer);
    expect(answer.record.images).toMatchObject([{ digest: index.digest }]);
  });

  it('pass where each instance is signed, and not where one is not [peers 17]', async () => {
    expectVerified((await multi([0, 1])).answer);
    const { answer, image } = await multi([0]);
    expectDenied(answer, { image, policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
  });

  it('pass under instances: every only where each instance is signed [peers 17]', async () => {
    const every = { 'countersign.dev/instances': 'every' };
    expectVerified((await multi([0, 1], every)).answer);
    for (const signs of [['index'], ['index', 1], [0]] as const) {
      const { answer, image } = await multi(signs, every);
      expectDenied(answer, { image, policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
    }
  });
});

describe('how an image is named', () => {
  it('by tag, by digest, by both: the digest decides where they disagree [peers 30]', async () => {
    const { run, registry, at } = await shop();
    const signed = publishImage(registry, 'shop/web', 'signed', 'v1');
    signImage(registry, 'shop/web', signed, release);
    const unsigned = publishImage(registry, 'shop/web', 'unsigned', 'v2');
    for (const name of ['web:v1', `web@${signed.digest}`, `web:v1@${signed.digest}`, `web:v2@${signed.digest}`]) {
      const answer = await run([at(name)]);
      expectVerified(answer);
      expect(answer.record.images).toMatchObject([{ digest: signed.digest }]);
    }
    for (const name of ['web:v2', `web@${unsigned.digest}`, `web:v1@${unsigned.digest}`])
      expectDenied(await run([at(name)]), { image: at(name), policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
  });

  it('on Docker Hub in three spellings: one policy for all of them, by whichever it is written [peers 31]', async () => {
    for (const scope of ['docker.io/library/busybox', 'index.docker.io/library/busybox']) {
      const registry = await registryFor();
      const { run } = await stage(registry, [keyPolicy({ name: 'hub', scopes: [scope], signer: release })], {
        registries: { [registry.host]: { plainHttp: true }, 'docker.io': { mirrors: [registry.host] } },
      });
      const image = publishImage(registry, 'library/busybox', 'busybox', '1');
      signImage(registry, 'library/busybox', image, release, 'docker.io/library/busybox:1');
      const evil = publishImage(registry, 'library/busybox', 'evil', '2');
      // With referrers of their own in the mirror, nobody asks Docker Hub itself.
      signImage(registry, 'library/busybox', evil, stranger);
      for (const each of [image, evil]) signImageWithBundle(registry, 'library/busybox', each, stranger);
      expectVerified(await run([`busybox@${image.digest}`]));
      for (const name of [
        'busybox',
        'docker.io/busybox',
        'docker.io/library/busybox',
        'index.docker.io/library/busybox',
      ]) {
        const admitted = await run([`${name}@${image.digest}`]);
        expectVerified(admitted);
        // By any name there is nothing more to fetch: one cache entry.
        expect(admitted.requests).toBe(0);
        const denied = await run([`${name}@${evil.digest}`]);
        expectDenied(denied, {
          image: `${name}@${evil.digest}`,
          policy: 'hub',
          word: 'untrusted',
          code: 'SIGNATURE_MISMATCH',
        });
      }
    }
  });

  it('not at all: a pod with an empty image is denied, a template with one is warned about [peers 32]', async () => {
    const { ask, run } = await shop();
    expectDenied(await run(['']), {
      image: '',
      policy: 'configuration/reference',
      word: 'error',
      code: 'REFERENCE_EMPTY',
    });
    const template = await ask(review(deployment([''])));
    expect(template).toMatchObject({ allowed: true, record: { note: 'no-images' } });
    expect(template.warnings).toEqual([expect.stringContaining('spec.template.spec.containers[0].image is empty')]);
  });

  it('wrongly: what does not exist is not found, and not unsigned [peers 33]', async () => {
    const { run, registry, at } = await shop();
    publishImage(registry, 'shop/web', 'web');
    for (const name of ['nowhere:v1', 'web:v9', `web@${sha256('nothing')}`]) {
      const refusal = { image: at(name), policy: 'release', word: 'error', code: 'IMAGE_NOT_FOUND' };
      const answer = await run([at(name)]);
      if (name.startsWith('web')) expectDenied(answer, refusal);
      // A repository that the registry does not know stays what it is: NAME_UNKNOWN may also mean "not for you".
      else expect(answer).toMatchObject({ allowed: false, code: 403 });
      expect(answer.message).not.toContain('[UNSIGNED]');
      expect(answer.record.images).toMatchObject([{ outcome: 'error' }]);
    }
  });

  it('with the scope inside another name: the scope does not match there [peers 34] [Portieris 0.14.2]', async () => {
    const { run, registry } = await shop();
    publishImage(registry, 'x/shop/web', 'x');
    const port = String(registry.port);
    for (const image of [
      `${registry.host}/x/shop/web:v1`,
      `${registry.host}/shopping/web:v1`,
      `attacker.example/${registry.host.replace(':', '.')}/shop/web:v1`,
      `127.0.0.1.attacker.example:${port}/shop/web:v1`,
    ])
      expect(await run([image])).toMatchObject({
        allowed: true,
        requests: 0,
        record: { images: [{ outcome: 'unmatched' }] },
      });
  });

  it('by a wildcard of hosts: subdomains match, look-alikes and paths do not [peers 34]', async () => {
    const registry = await registryFor();
    const { run } = await stage(
      registry,
      [keyPolicy({ name: 'wild', scopes: ['*.registry.invalid'], signer: release })],
      {
        registries: {
          [registry.host]: { plainHttp: true },
          'a.registry.invalid': { mirrors: [registry.host] },
          'a.b.registry.invalid': { mirrors: [registry.host] },
        },
      },
    );
    const image = publishImage(registry, 'y', 'y', '1');
    signImage(registry, 'y', image, stranger);
    signImageWithBundle(registry, 'y', image, stranger);
    for (const host of ['a.registry.invalid', 'a.b.registry.invalid'])
      expectDenied(await run([`${host}/y:1`]), {
        image: `${host}/y:1`,
        policy: 'wild',
        word: 'untrusted',
        code: 'SIGNATURE_MISMATCH',
      });
    for (const name of ['attacker.invalid/a.registry.invalid/y:1', 'aregistry.invalid/y:1', 'registry.invalid/y:1'])
      expect(await run([name])).toMatchObject({ allowed: true, record: { images: [{ outcome: 'unmatched' }] } });
  });

  it('by a tag that moves: the approval of the old digest never admits the new one [peers 36] [GHSA-2r43-6962-xcw5]', async () => {
    const { run, registry, at } = await shop();
    signImage(registry, 'shop/web', publishImage(registry, 'shop/web', 'good'), release);
    expectVerified(await run([at('web:v1')]));
    const evil = publishImage(registry, 'shop/web', 'evil');
    const answer = await run([at('web:v1')]);
    expectDenied(answer, { image: at('web:v1'), policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
    expect(answer.record.images).toMatchObject([{ digest: evil.digest }]);
  });

  it('by a tag that answers differently each time: it is resolved once, and what was verified is recorded [CVE-2022-47633]', async () => {
    const { run, registry, at } = await shop();
    const good = publishImage(registry, 'shop/web', 'good');
    signImage(registry, 'shop/web', good, release);
    const evil = publishImage(registry, 'shop/web', 'evil', 'other');
    for (const [first, then] of [
      [good, evil],
      [evil, good],
    ] as const) {
      registry.setTag('shop/web', 'v1', first.digest);
      const asked = run([at('web:v1')]);
      const seen = registry.requests.length;
      await until(() => registry.requests.slice(seen).some(({ path }) => path.endsWith('/v1')), 'the tag is asked for');
      registry.setTag('shop/web', 'v1', then.digest);
      const answer = await asked;
      const tags = registry.requests.slice(seen).filter(({ path }) => path.endsWith('/manifests/v1'));
      expect(tags).toHaveLength(1);
      expect(answer.allowed).toBe(answer.record.images[0]?.digest === good.digest);
    }
  });
});

describe('which policy an image is under', () => {
  it('the most specific scope alone decides, whoever signed for the broader one [peers 26]', async () => {
    const registry = await registryFor();
    const at = (rest: string) => `${registry.host}/${rest}`;
    const { run } = await stage(registry, [
      keyPolicy({ name: 'broad', scopes: [at('shop')], signer: stranger }),
      keyPolicy({ name: 'narrow', scopes: [at('shop/web')], signer: release }),
    ]);
    signImage(registry, 'shop/web', publishImage(registry, 'shop/web', 'web'), release);
    signImage(registry, 'shop/api', publishImage(registry, 'shop/api', 'api'), release);
    expectVerified(await run([at('shop/web:v1')]));
    expectDenied(await run([at('shop/api:v1')]), {
      image: at('shop/api:v1'),
      policy: 'broad',
      word: 'untrusted',
      code: 'SIGNATURE_MISMATCH',
    });
  });

  it('none: the configuration decides, and no request is made [peers 27]', async () => {
    const image = 'other.invalid/web:v1';
    const allow = await (await shop()).run([image]);
    expect(allow).toMatchObject({ allowed: true, warnings: [], requests: 0 });
    expect(allow.record.images).toMatchObject([{ outcome: 'unmatched', digest: null }]);

    const warn = await (await shop({}, {}, { unmatched: 'warn' })).run([image]);
    expect(warn).toMatchObject({ allowed: true, requests: 0, warnings: [expect.stringContaining('[UNMATCHED]')] });

    const deny = await (await shop({}, {}, { unmatched: 'deny' })).run([image]);
    expectDenied(deny, { image, policy: 'configuration/unmatched', word: 'unmatched', code: 'UNMATCHED' });
    expect(deny.requests).toBe(0);
  });
});
