import { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { Artifact, ArtifactLayer } from '../../src/cli/demo/artifacts.ts';
import { attach, publishImage, publishLayers, signImage } from '../../src/cli/demo/publish.ts';
import { bundleReferrer, createSigner } from '../../src/cli/demo/signer.ts';
import { ANNOTATIONS } from '../../src/signatures/cosign/formats.ts';
import { renderRefreshStatus } from '../../src/trust/sigstore/refresh-status.ts';
import { sha256Of } from '../../src/trust/sigstore/root-status.ts';
import type { Json } from '../admission/fixture.ts';
import { newKeys } from '../fixtures/certificates.ts';
import type { MisbehavingRegistry } from '../fixtures/registry/misbehaving-registry.ts';
import { createSigstore, trustedRootJson } from '../fixtures/sigstore/instance.ts';
import { entryAnnotation, logEntry } from '../fixtures/sigstore/logs.ts';
import { type Form, type Signing, signImage as signKeyless } from '../fixtures/sigstore/signatures.ts';
import { expectDenied, expectVerified, registryFor, stage } from '../fixtures/webhook.ts';
import { publicPem } from '../signatures/certified.ts';
import { hashedRekord1 } from '../signatures/sigstore/instance.ts';

/** Everything was signed an hour ago, so its certificates have long expired. */
const sigstore = createSigstore(Math.floor(Date.now() / 1000) * 1000 - 3_600_000);

/** A policy of our own over the registry, in force beside the trusted root that it names. */
function policies(
  registry: MisbehavingRegistry,
  signature: Json,
  require: Json = { signature },
): Readonly<Record<string, string>> {
  const spec = { images: [`${registry.host}/**`], require };
  return {
    'release.yaml': JSON.stringify({
      apiVersion: 'countersign.dev/v1alpha1',
      kind: 'ClusterImagePolicy',
      metadata: { name: 'release' },
      spec,
    }),
    'trusted_root.json': JSON.stringify(trustedRootJson(sigstore)),
  };
}

const trustedRoot = { file: 'trusted_root.json' };

/** Signed by Ann as her issuer says. */
const keyless = (
  identity: Json = { subject: 'ann@example.com', issuer: 'https://issuer.example' },
  more: Json = {},
) => ({
  keyless: { identities: [identity] },
  trustedRoot,
  ...more,
});

/** Takes the certificate from a layer: a key's holder brings none. */
const bare: Signing['finish'] = (annotations) => {
  delete annotations[ANNOTATIONS.certificate];
  delete annotations[ANNOTATIONS.chain];
};

/** Publishes an image and signs it in one of the forms, in its own repository or in another. */
function publishSigned(
  registry: MisbehavingRegistry,
  form: Form,
  signing: Signing = {},
  signatures = 'shop/web',
): Artifact {
  const image = publishImage(registry, 'shop/web', 'web');
  const made = signKeyless(sigstore, form, { digest: image.digest, repository: `${registry.host}/shop/web` }, signing);
  if (form === 'layer') publishLayers(registry, signatures, image, [made as ArtifactLayer]);
  else attach(registry, signatures, bundleReferrer(image, Buffer.from(JSON.stringify(made))));
  return image;
}

/** The webhook's answer to a pod with the signed image. */
async function answered(form: Form, signature: Json, signing: Signing = {}) {
  const registry = await registryFor();
  publishSigned(registry, form, signing);
  const image = `${registry.host}/shop/web:v1`;
  const { run } = await stage(registry, policies(registry, signature));
  return { answer: await run([image]), image };
}

describe.each(['layer', 'bundle', 'tiles'] as const)('a keyless signature in form of a %s, over TLS', (form) => {
  it('by the right issuer and subject admits [peers 7]', async () => {
    const { answer } = await answered(form, keyless());
    expectVerified(answer);
    expect(answer.record.images[0]?.signers).toEqual(['ann@example.com (https://issuer.example)']);
  });

  it.each([
    ['issuer', { subject: 'ann@example.com', issuer: 'https://other.example' }],
    ['subject', { subject: 'bob@example.com', issuer: 'https://issuer.example' }],
  ])('by another %s is refused, and the message names both sides [peers 8]', async (_what, identity) => {
    const { answer, image } = await answered(form, keyless(identity));
    expectDenied(answer, { image, policy: 'release', word: 'untrusted', code: 'IDENTITY_MISMATCH' });
    expect(answer.message).toContain('"ann@example.com" by the issuer "https://issuer.example"');
    expect(answer.message).toContain(identity.subject);
  });

  it.each([
    ['.*@example[.]com', 'https://.*[.]example', true],
    ['ann', 'https://issuer[.]example', false],
    ['ann@example[.]com', 'issuer', false],
    ['bob@.*', 'https://.*', false],
  ])('matches %s by %s as a whole [peers 9]', async (subjectPattern, issuerPattern, admits) => {
    const { answer, image } = await answered(form, keyless({ subjectPattern, issuerPattern }));
    if (admits) expectVerified(answer);
    else expectDenied(answer, { image, policy: 'release', word: 'untrusted', code: 'IDENTITY_MISMATCH' });
  });

  it('in the repository that the policy names is found there, and looked for nowhere else [peers 11]', async () => {
    const registry = await registryFor();
    publishSigned(registry, form, {}, 'signatures/shop');
    const elsewhere = { from: { repository: `${registry.host}/signatures/shop` } };
    const image = `${registry.host}/shop/web:v1`;
    expectVerified(await (await stage(registry, policies(registry, keyless(undefined, elsewhere)))).run([image]));
    const own = await (await stage(registry, policies(registry, keyless()))).run([image]);
    expectDenied(own, { image, policy: 'release', word: 'unsigned', code: 'UNSIGNED' });
  });
});

describe('a key’s signature, over TLS', () => {
  const keys = newKeys();
  const material = { keys: { anyOf: [{ pem: publicPem(keys.publicKey) }] } };
  const logged: Signing = {
    signer: keys,
    finish: bare,
  };
  /** The layer with an entry that names the key. */
  const withEntry: Signing = {
    ...logged,
    entries: [
      {
        body: (body) => ({
          ...body,
          spec: { ...body.spec, signature: { ...body.spec.signature, publicKey: { content: pemOf() } } },
        }),
      },
    ],
  };
  const pemOf = () => Buffer.from(publicPem(keys.publicKey)).toString('base64');

  it.each([
    ['an entry', 'asks for none', withEntry, {}, 'verified'],
    ['an entry', 'asks for one', withEntry, { transparencyLog: { threshold: 1 }, trustedRoot }, 'verified'],
    ['no entry', 'asks for none', { ...logged, entries: [] }, {}, 'verified'],
    [
      'no entry',
      'asks for one',
      { ...logged, entries: [] },
      { transparencyLog: { threshold: 1 }, trustedRoot },
      'LOG_ENTRY_MISSING',
    ],
  ] as const)('with %s, under a policy that %s [peers 6]', async (_entry, _asks, signing, more, wanted) => {
    const { answer, image } = await answered('layer', { ...material, ...more }, signing);
    if (wanted === 'verified') expectVerified(answer);
    else expectDenied(answer, { image, policy: 'release', word: 'invalid', code: wanted });
  });

  it('with a timestamp instead of an entry admits, and without it is refused [peers 10]', async () => {
    const timed = { ...material, time: { threshold: 1, by: 'authorities' }, trustedRoot };
    expectVerified((await answered('layer', timed, { ...logged, entries: [], timestamps: [{}] })).answer);
    const { answer, image } = await answered('layer', timed, { ...logged, entries: [], timestamps: [] });
    expectDenied(answer, { image, policy: 'release', word: 'invalid', code: 'TIME_UNPROVEN' });
  });
});

describe('without a network beyond the registry', () => {
  it.each(['a key', 'a trusted root', 'the public-good instance'])(
    'a policy of %s connects to the registry alone [peers 64]',
    async (what) => {
      const registry = await registryFor();
      const signer = createSigner();
      signImage(registry, 'shop/key', publishImage(registry, 'shop/key', 'key'), signer);
      publishSigned(registry, 'bundle');
      const signature = {
        'a key': { keys: { anyOf: [{ pem: signer.publicKeyPem }] } },
        'a trusted root': keyless(),
        'the public-good instance': keyless(undefined, { trustedRoot: { publicGood: {} } }),
      }[what];
      const connected = vi.spyOn(Socket.prototype, 'connect');
      const { run, url } = await stage(registry, policies(registry, signature ?? {}));
      const { allowed } = await run([`${registry.host}/shop/${what === 'a key' ? 'key' : 'web'}:v1`]);
      expect(allowed).toBe(what !== 'the public-good instance');
      const ports = new Set(
        connected.mock.calls.flatMap(([options]) => JSON.stringify(options).match(/"port":"?(\d+)/)?.[1] ?? []),
      );
      vi.restoreAllMocks();
      expect([...ports].sort()).toEqual([new URL(url).port, registry.host.split(':')[1] ?? ''].sort());
    },
  );
});

describe('two signers in a policy of our own, over TLS', () => {
  const keys = newKeys();
  const quorum = {
    count: 2,
    of: [
      { name: 'build', keys: { anyOf: [{ pem: publicPem(keys.publicKey) }] } },
      { name: 'ann', ...keyless() },
      { name: 'ann again', ...keyless({ subjectPattern: '.*@example[.]com', issuer: 'https://issuer.example' }) },
    ],
  };

  it('are two, and never one who signed twice in different forms', async () => {
    const registry = await registryFor();
    publishSigned(registry, 'bundle');
    publishSigned(registry, 'layer');
    const image = `${registry.host}/shop/web:v1`;
    const files = policies(registry, {}, { quorum });
    const { run } = await stage(registry, files);
    expectDenied(await run([image]), { image, policy: 'release', word: 'untrusted', code: 'QUORUM_NOT_REACHED' });
    publishSigned(registry, 'layer', { signer: keys, entries: [], finish: bare });
    const later = await stage(registry, files);
    expectVerified(await later.run([image]));
  });
});

describe('how old trusted roots are', () => {
  it('stands in the metrics for those that policies name, until they name others [peers 65]', async () => {
    const registry = await registryFor();
    const files = policies(registry, keyless());
    const root = files['trusted_root.json'] ?? '';
    const refreshedAt = Date.now() - 3_600_000;
    const status = {
      source: 'https://tuf.example',
      refreshedAt,
      expiresAt: Date.now() + 7_200_000,
      sha256: sha256Of(Buffer.from(root)),
    };
    const { metrics } = await stage(registry, {
      ...files,
      '.trusted_root.json.status.json': renderRefreshStatus(status),
    });
    const text = await metrics();
    const figure = (name: string) =>
      Number(
        new RegExp(`^countersign_trusted_root_${name}_seconds{root="trusted_root.json"} (.*)$`, 'm').exec(text)?.[1],
      );
    expect(figure('age')).toBeCloseTo(3600, -2);
    expect(figure('expiry')).toBeCloseTo(7200, -2);
    expect(text).not.toContain('root="public-good"');
    const shipped = await stage(registry, policies(registry, keyless(undefined, { trustedRoot: { publicGood: {} } })));
    expect(await shipped.metrics()).toContain('countersign_trusted_root_age_seconds{root="public-good"}');
  });
});

// The entry of a key is made here once by hand, so that the helper above cannot hide what it is about.
it('an entry for another key does not vouch for this one', async () => {
  const keys = newKeys();
  const other = newKeys();
  const material = {
    keys: { anyOf: [{ pem: publicPem(keys.publicKey) }] },
    transparencyLog: { threshold: 1 },
    trustedRoot,
  };
  const foreign: Signing = {
    signer: keys,
    finish: (annotations) => {
      const signature = Buffer.from(annotations[ANNOTATIONS.signature], 'base64');
      const body = hashedRekord1(Buffer.from('x'), signature, publicPem(other.publicKey));
      const entry = logEntry(body, { log: sigstore.rekor, at: sigstore.at });
      annotations[ANNOTATIONS.rekorBundle] = JSON.stringify(entryAnnotation(entry));
    },
  };
  const { answer, image } = await answered('layer', material, foreign);
  expectDenied(answer, { image, policy: 'release', word: 'invalid', code: 'LOG_ENTRY_MISMATCH' });
});
