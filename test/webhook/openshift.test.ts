import { describe, expect, it } from 'vitest';
import { publishImage, publishLayers, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner, signedLayer, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import type { Json } from '../admission/fixture.ts';
import { dns, email, issue, issueRoot, leafExtensions } from '../fixtures/certificates.ts';
import {
  expectDenied,
  expectVerified,
  type KeyPolicy,
  keyPolicy,
  type Refusal,
  registryFor,
  stage,
} from '../fixtures/webhook.ts';
import { yaml } from '../policy/sources/folder.ts';
import { certifiedLayer, intermediate, type LayerOptions, publicPem, rekor, root } from '../signatures/certified.ts';

const ours = createSigner();
const theirs = createSigner();

type Signed = readonly (readonly [repository: string, signer: typeof ours, name?: string])[];

/** A registry with signed images, and policies over it; scopes begin with the registry's host. */
async function world(
  signed: Signed,
  policies: readonly (Partial<KeyPolicy> & { readonly name: string; readonly scopes: readonly string[] })[],
  configuration: Json = {},
) {
  const registry = await registryFor();
  const at = (rest: string) => `${registry.host}/${rest}`;
  for (const [repository, signer, name] of signed)
    signImage(
      registry,
      repository,
      publishImage(registry, repository, repository),
      signer,
      name?.replace('HOST', registry.host),
    );
  const all = policies.map(({ scopes, ...how }) =>
    keyPolicy({ signer: ours, ...how, scopes: scopes.map((scope) => scope.replace('HOST', registry.host)) }),
  );
  return { ...(await stage(registry, all, configuration)), at };
}

const mismatch = (policy: string, image: string): Refusal => ({
  image,
  policy,
  word: 'untrusted',
  code: 'SIGNATURE_MISMATCH',
});

describe('policies on one image', () => {
  it('of equal scope are all required, each by its own signature', async () => {
    const { run, at, registry } = await world(
      [['shop/one', ours]],
      [
        { name: 'ours', scopes: ['HOST/shop'] },
        { name: 'theirs', scopes: ['HOST/shop'], signer: theirs },
      ],
    );
    expectDenied(await run([at('shop/one:v1')]), mismatch('theirs', at('shop/one:v1')));
    const both = publishImage(registry, 'shop/both', 'both');
    const payload = simpleSigningPayload(both.digest, at('shop/both'));
    publishLayers(registry, 'shop/both', both, [signedLayer(ours, payload), signedLayer(theirs, payload)]);
    const answer = await run([at('shop/both:v1')]);
    expectVerified(answer);
    expect(answer.record.images[0]?.policies.map(({ policy }) => policy).sort()).toEqual([
      'ClusterImagePolicy/ours',
      'ClusterImagePolicy/theirs',
    ]);
  });

  it.each([
    ['an equal scope', 'HOST/shop', 'HOST/shop'],
    ['a nested repository', 'HOST/shop', 'HOST/shop/web'],
    ['a nested tag', 'HOST/shop', 'HOST/shop/web:v1'],
    ['a tag of the same repository', 'HOST/shop/web', 'HOST/shop/web:v1'],
  ])('a cluster scope beats %s of a namespace', async (_what, cluster, namespaced) => {
    const { run, at } = await world(
      [['shop/web', theirs]],
      [
        { name: 'cluster', scopes: [cluster] },
        { name: 'tenant', scopes: [namespaced], namespace: 'team', signer: theirs },
      ],
    );
    expectDenied(await run([at('shop/web:v1')], 'team'), mismatch('cluster', at('shop/web:v1')));
  });

  it('a cluster scope beats a digest of a namespace, however the image is written', async () => {
    const registry = await registryFor();
    const image = publishImage(registry, 'shop/web', 'web');
    signImage(registry, 'shop/web', image, theirs);
    const pinned = `${registry.host}/shop/web@${image.digest}`;
    const { run } = await stage(registry, [
      keyPolicy({ name: 'cluster', scopes: [`${registry.host}/shop`], signer: ours }),
      keyPolicy({ name: 'tenant', scopes: [pinned], namespace: 'team', signer: theirs }),
    ]);
    for (const name of [pinned, `${registry.host}/shop/web:v1@${image.digest}`])
      expectDenied(await run([name], 'team'), mismatch('cluster', name));
  });

  it('a namespace’s narrower scope outside of the cluster’s decides in its namespace alone', async () => {
    const { run, at } = await world(
      [['team/web', theirs]],
      [
        { name: 'cluster', scopes: ['HOST/shop'] },
        { name: 'tenant', scopes: ['HOST/team'], namespace: 'team', signer: theirs },
        { name: 'other', scopes: ['HOST/team'], namespace: 'other' },
      ],
    );
    expectVerified(await run([at('team/web:v1')], 'team'));
    expectDenied(await run([at('team/web:v1')], 'other'), {
      ...mismatch('other', at('team/web:v1')),
      namespace: 'other',
    });
    expect(await run([at('team/web:v1')], 'third')).toMatchObject({ allowed: true, requests: 0 });
  });

  it('a tag scope holds for its tag and not beside it, and pinning the tag does not shed it', async () => {
    const { run, at } = await world(
      [
        ['shop/web', theirs],
        ['shop/api', theirs],
      ],
      [
        { name: 'tag', scopes: ['HOST/shop/web:v1'] },
        { name: 'rest', scopes: ['HOST/shop'], signer: theirs },
      ],
    );
    const denied = await run([at('shop/web:v1')]);
    expectDenied(denied, mismatch('tag', at('shop/web:v1')));
    expectVerified(await run([at('shop/api:v1')]));
    const digest = denied.record.images[0]?.digest;
    const pinned = await run([at(`shop/web:v1@${digest}`)]);
    expect(pinned).toMatchObject({ allowed: false, code: 403 });
    expect(pinned.message).toContain('ClusterImagePolicy "tag"');
    expectVerified(await run([at(`shop/web@${digest}`)]));
  });

  it('that match nothing let an image in without a look', async () => {
    const { run, at } = await world([], [{ name: 'shop', scopes: ['HOST/shop'] }]);
    const answer = await run([at('public/anything:v1')]);
    expect(answer).toMatchObject({
      allowed: true,
      requests: 0,
      warnings: [],
      record: { images: [{ outcome: 'unmatched' }] },
    });
  });
});

describe('the name in a signature', () => {
  /** What a signature over `HOST/shop/web:v1` that carries a name comes to under a policy. */
  async function under(signedIdentity: Json | undefined, name: string, image = 'shop/web:v1') {
    const made = await world([['shop/web', ours, name]], [{ name: 'release', scopes: ['HOST'], signedIdentity }]);
    return { answer: await made.run([made.at(image)]), image: made.at(image) };
  }

  const exact = { matchPolicy: 'ExactRepository', exactRepository: { repository: 'vendor.example/web' } };
  /** The prefix has to be the registry's own, which is known only once it runs. */
  const remap = async (name: string) => {
    const registry = await registryFor();
    const signedIdentity = {
      matchPolicy: 'RemapIdentity',
      remapIdentity: { prefix: `${registry.host}/shop`, signedPrefix: 'vendor.example' },
    };
    const image = publishImage(registry, 'shop/web', 'web');
    signImage(registry, 'shop/web', image, ours, name.replace('HOST', registry.host));
    const policies = [keyPolicy({ name: 'release', scopes: [registry.host], signer: ours, signedIdentity })];
    const { run } = await stage(registry, policies);
    return { answer: await run([`${registry.host}/shop/web:v1`]), image: `${registry.host}/shop/web:v1` };
  };

  it.each([
    ['MatchRepository, another tag', { matchPolicy: 'MatchRepository' }, 'HOST/shop/web:v9'],
    ['MatchRepository, no tag', { matchPolicy: 'MatchRepository' }, 'HOST/shop/web'],
    ['MatchRepoDigestOrExact, the tag', { matchPolicy: 'MatchRepoDigestOrExact' }, 'HOST/shop/web:v1'],
    ['nothing said, the tag', undefined, 'HOST/shop/web:v1'],
    ['ExactRepository', exact, 'vendor.example/web:v1'],
  ])('is accepted under %s', async (_what, signedIdentity, name) => {
    expectVerified((await under(signedIdentity, name)).answer);
  });

  it.each([
    ['MatchRepository, another repository', { matchPolicy: 'MatchRepository' }, 'HOST/shop/other:v1'],
    ['MatchRepository, a longer one', { matchPolicy: 'MatchRepository' }, 'HOST/shop/web/x:v1'],
    ['MatchRepoDigestOrExact, another tag', { matchPolicy: 'MatchRepoDigestOrExact' }, 'HOST/shop/web:v9'],
    ['MatchRepoDigestOrExact, no tag', { matchPolicy: 'MatchRepoDigestOrExact' }, 'HOST/shop/web'],
    ['nothing said, another tag', undefined, 'HOST/shop/web:v9'],
    ['ExactRepository, the image’s own name', exact, 'HOST/shop/web:v1'],
    ['ExactRepository, a longer one', exact, 'vendor.example/web/x:v1'],
  ])('is refused under %s', async (_what, signedIdentity, name) => {
    const { answer, image } = await under(signedIdentity, name);
    expectDenied(answer, { image, policy: 'release', word: 'untrusted', code: 'NAME_MISMATCH' });
  });

  it('is accepted under RemapIdentity by the remapped name, and refused by the mirror’s own', async () => {
    expectVerified((await remap('vendor.example/web:v1')).answer);
    for (const name of ['HOST/shop/web:v1', 'vendor.example/web:v2', 'vendor.example.attacker/web:v1']) {
      const { answer, image } = await remap(name);
      expectDenied(answer, { image, policy: 'release', word: 'untrusted', code: 'NAME_MISMATCH' });
    }
  });

  it('is judged for each asked name, whatever was said of the digest before [MODEL §3.1]', async () => {
    const { run, at, registry } = await world(
      [['shop/web', ours, 'HOST/shop/web:v1']],
      [{ name: 'release', scopes: ['HOST'], signedIdentity: { matchPolicy: 'MatchRepoDigestOrExact' } }],
    );
    const answer = await run([at('shop/web:v1')]);
    expectVerified(answer);
    const { digest } = publishImage(registry, 'shop/web', 'shop/web', 'v2');
    expect(answer.record.images).toMatchObject([{ digest }]);
    expectDenied(await run([at('shop/web:v2')]), {
      image: at('shop/web:v2'),
      policy: 'release',
      word: 'untrusted',
      code: 'NAME_MISMATCH',
    });
    expectVerified(await run([at(`shop/web@${digest}`)]));
    const copied = publishImage(registry, 'copy/web', 'shop/web');
    signImage(registry, 'copy/web', copied, ours, at('shop/web:v1'));
    expectDenied(await run([at(`copy/web@${digest}`)]), {
      image: at(`copy/web@${digest}`),
      policy: 'release',
      word: 'untrusted',
      code: 'NAME_MISMATCH',
    });
  });
});

describe('authorities and logs', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const fulcio = (ca: string, log: string, signedEmail = 'ann@example.com') => ({
    policyType: 'FulcioCAWithRekor',
    fulcioCAWithRekor: {
      fulcioCAData: base64(ca),
      rekorKeyData: base64(log),
      fulcioSubject: { oidcIssuer: 'https://issuer.example', signedEmail },
    },
  });
  const pki = (ca: string, pkiCertificateSubject: Json) => ({
    policyType: 'PKI',
    pki: { caRootsData: base64(ca), pkiCertificateSubject },
  });
  const rekorKey = {
    policyType: 'PublicKey',
    publicKey: { keyData: base64(ours.publicKeyPem), rekorKeyData: base64(publicPem(rekor.publicKey)) },
  };
  const longLived = issue(intermediate, {
    extensions: leafExtensions([email('ann@example.com'), dns('build.example.com')]),
    notBefore: Date.now() - 60_000,
    notAfter: Date.now() + 3_600_000,
  });
  const expired = issue(intermediate, {
    extensions: leafExtensions(),
    notBefore: Date.now() - 120_000,
    notAfter: Date.now() - 60_000,
  });
  const log = publicPem(rekor.publicKey);

  /** One image with one layer made so, under one policy. */
  async function answerFor(rootOfTrust: Json, options: LayerOptions | 'key') {
    const registry = await registryFor();
    const image = publishImage(registry, 'shop/web', 'shop/web');
    const payload = simpleSigningPayload(image.digest, `${registry.host}/shop/web:v1`);
    const layer = options === 'key' ? signedLayer(ours, payload) : certifiedLayer(image, { payload, ...options });
    publishLayers(registry, 'shop/web', image, [layer]);
    const policy = keyPolicy({ name: 'release', signer: ours, scopes: [registry.host], rootOfTrust });
    const { run } = await stage(registry, [policy]);
    return { answer: await run([`${registry.host}/shop/web:v1`]), image: `${registry.host}/shop/web:v1` };
  }

  it.each<[string, Json, LayerOptions | 'key']>([
    ['FulcioCAWithRekor', fulcio(root.pem, log), {}],
    ['PKI by address', pki(root.pem, { email: 'ann@example.com' }), { leaf: longLived, entry: 'none' }],
    ['PKI by host', pki(root.pem, { hostname: 'build.example.com' }), { leaf: longLived, entry: 'none' }],
    [
      'PKI by both',
      pki(root.pem, { email: 'ann@example.com', hostname: 'build.example.com' }),
      { leaf: longLived, entry: 'none' },
    ],
  ])('admits under %s [openshift 93]', async (_what, rootOfTrust, options) => {
    expectVerified((await answerFor(rootOfTrust, options)).answer);
  });

  it.each<[string, Json, LayerOptions | 'key', Refusal['word'], Refusal['code']]>([
    ['no entry', fulcio(root.pem, log), { entry: 'none' }, 'invalid', 'LOG_ENTRY_MISSING'],
    ['another address', fulcio(root.pem, log, 'bob@example.com'), {}, 'untrusted', 'IDENTITY_MISMATCH'],
    ['another log', fulcio(root.pem, ours.publicKeyPem), {}, 'invalid', 'LOG_ENTRY_INVALID'],
    ['another authority', fulcio(issueRoot().pem, log), {}, 'untrusted', 'CERTIFICATE_UNTRUSTED'],
    [
      'a root that is none',
      { ...fulcio('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', log) },
      {},
      'error',
      'TRUST_MATERIAL_UNAVAILABLE',
    ],
    ['a bare key', fulcio(root.pem, log), 'key', 'untrusted', 'CERTIFICATE_MISSING'],
    [
      'an expired certificate',
      pki(root.pem, { email: 'ann@example.com' }),
      { leaf: expired },
      'invalid',
      'CERTIFICATE_EXPIRED',
    ],
    [
      'another host',
      pki(root.pem, { hostname: 'x.example.com' }),
      { leaf: longLived },
      'untrusted',
      'IDENTITY_MISMATCH',
    ],
    ['a key signature without an entry', rekorKey, 'key', 'invalid', 'LOG_ENTRY_MISSING'],
  ])('refuses by name with %s', async (_what, rootOfTrust, options, word, code) => {
    const { answer, image } = await answerFor(rootOfTrust, options);
    expectDenied(answer, { image, policy: 'release', word, code });
  });
});

describe('a policy that is wrong', () => {
  const broken = (name: string, scopes: readonly string[], more: Json = {}) => ({
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterImagePolicy',
    metadata: { name, ...more },
    spec: { scopes, policy: { rootOfTrust: { policyType: 'PublicKey', publicKey: {} } } },
  });

  /** One broken object over some scopes, and one right one over others, in one file. */
  async function beside(brokenScopes: readonly string[], rightScopes: readonly string[]) {
    const registry = await registryFor();
    const at = (rest: string) => `${registry.host}/${rest}`;
    for (const repository of ['shop/web', 'shop/api'])
      signImage(registry, repository, publishImage(registry, repository, repository), ours);
    const right = yaml(keyPolicy({ name: 'right', scopes: rightScopes.map(at), signer: ours }));
    const wrong = JSON.stringify(broken('wrong', brokenScopes.map(at)));
    return { ...(await stage(registry, { 'policies.yaml': `${right}---\n${wrong}\n` })), at };
  }

  const brokenAt = (image: string): Refusal => ({ image, policy: 'wrong', word: 'error', code: 'POLICY_BROKEN' });

  it('refuses the images of its reach, says why, and leaves the others alone', async () => {
    const { run, at, metrics } = await beside(['shop/web'], ['shop/api']);
    const answer = await run([at('shop/web:v1')]);
    expectDenied(answer, brokenAt(at('shop/web:v1')));
    expect(answer.message).toContain('publicKey.keyData');
    expect(answer.requests).toBe(0);
    expectVerified(await run([at('shop/api:v1')]));
    expect(await run([at('public/x:v1')])).toMatchObject({ allowed: true, requests: 0 });
    expect(await metrics()).toContain('countersign_policies{state="broken"} 1');
  });

  it('and broad does not disable a right one that is narrower: the narrow one decides', async () => {
    const { run, at } = await beside(['shop'], ['shop/web']);
    expectVerified(await run([at('shop/web:v1')]));
    expectDenied(await run([at('shop/api:v1')]), brokenAt(at('shop/api:v1')));
  });

  it('and narrow is not rescued by a right one that is broader', async () => {
    const { run, at } = await beside(['shop/web'], ['shop']);
    expectDenied(await run([at('shop/web:v1')]), brokenAt(at('shop/web:v1')));
    expectVerified(await run([at('shop/api:v1')]));
  });

  it('whose scopes cannot be told refuses everything in its reach', async () => {
    const registry = await registryFor();
    const text = JSON.stringify({ ...broken('wrong', []), spec: { scopes: 7, policy: {} } });
    const { run } = await stage(registry, { 'policies.yaml': text });
    expectDenied(await run([`${registry.host}/any:v1`]), brokenAt(`${registry.host}/any:v1`));
  });

  it('of a namespace refuses there and nowhere else', async () => {
    const registry = await registryFor();
    const image = `${registry.host}/any:v1`;
    const object = { ...broken('wrong', [], { namespace: 'team' }), kind: 'ImagePolicy', spec: { scopes: 7 } };
    const { run } = await stage(registry, { 'policies.yaml': JSON.stringify(object) });
    expectDenied(await run([image], 'team'), { ...brokenAt(image), namespace: 'team' });
    expect(await run([image], 'other')).toMatchObject({ allowed: true });
  });

  it('in its mode alone is enforced, and not dropped to audit', async () => {
    const registry = await registryFor();
    signImage(registry, 'shop/web', publishImage(registry, 'shop/web', 'web'), ours);
    const policy = keyPolicy({
      name: 'wrong',
      scopes: [registry.host],
      signer: ours,
      annotations: { 'countersign.dev/mode': 'Audit' },
    });
    const { run } = await stage(registry, [policy]);
    const answer = await run([`${registry.host}/shop/web:v1`]);
    expectDenied(answer, brokenAt(`${registry.host}/shop/web:v1`));
    expect(answer.message).toContain('countersign.dev/mode');
  });

  it('in its key alone is an error of what it protects, and no reason to let anything in', async () => {
    const registry = await registryFor();
    signImage(registry, 'shop/web', publishImage(registry, 'shop/web', 'web'), ours);
    const { run } = await stage(registry, [
      { name: 'wrong', scopes: [registry.host], signedIdentity: { matchPolicy: 'MatchRepository' } },
    ]);
    expectDenied(await run([`${registry.host}/shop/web:v1`]), {
      image: `${registry.host}/shop/web:v1`,
      policy: 'wrong',
      word: 'error',
      code: 'TRUST_MATERIAL_UNAVAILABLE',
    });
  });
});
