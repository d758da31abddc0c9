import { describe, expect, it } from 'vitest';
import { createOpenPgpSigner, MADE, simpleSigningPayload } from '../fixtures/openpgp/signer.ts';
import { expectVerified } from '../fixtures/webhook.ts';
import { ANYTHING, containersWorld, expectRefused, folderOf, signatureOf, signedBy } from './containers-world.ts';

const DAY = 86_400_000;
const release = createOpenPgpSigner({ userId: 'Release <release@example.com>' });
const second = createOpenPgpSigner({ kind: 'RSA-3072', userId: 'Second <second@example.com>' });
const stranger = createOpenPgpSigner({ userId: 'Stranger <stranger@example.com>' });
const keys = { 'release.asc': release.publicKeyArmored, 'second.asc': second.publicKeyArmored };
const scopes = { HOST: [signedBy('release.asc')] };

describe('an image that GPG signed, under policy.json', () => {
  it('is let in, and its record names the key [peers 18]', async () => {
    const { run, at, signed } = await containersWorld({ keys, scopes });
    const digest = signed('shop/web', release);
    const answer = await run([at('shop/web:v1')]);
    expectVerified(answer);
    expect(answer.record.images).toMatchObject([
      { image: at('shop/web:v1'), digest, policies: [{ outcome: 'verified', code: null }] },
    ]);
    expect(answer.record.images[0]?.signers.join().toUpperCase()).toContain(release.keyId);
  });

  it('is let in by digest whatever tag was signed, since its repository is', async () => {
    const { run, at, signed } = await containersWorld({ keys, scopes });
    const digest = signed('shop/web', release);
    expectVerified(await run([at(`shop/web@${digest}`)]));
    expectVerified(await run([at(`shop/web:v1@${digest}`)]));
  });

  it.each([
    ['by any of several keys in one policy', [signedBy(['release.asc', 'second.asc'])]],
    ['by a keyring with two keys', [signedBy('both.asc')]],
    ['by a binary keyring in keyData', [{ ...signedBy(''), keyPath: undefined, keyData: 'BINARY' }]],
  ])('is let in %s', async (_what, requirements) => {
    const keyData = Buffer.from(release.publicKeyBinary).toString('base64');
    const written = JSON.parse(JSON.stringify(requirements).replace('BINARY', keyData));
    const both = `${second.publicKeyArmored}\n${release.publicKeyArmored}`;
    const { run, at, signed } = await containersWorld({
      keys: { ...keys, 'both.asc': both },
      scopes: { HOST: written },
    });
    signed('shop/web', release);
    expectVerified(await run([at('shop/web:v1')]));
  });

  it('is let in where a broken signature lies before the good one, as it is for podman [openshift 60]', async () => {
    const { run, at, push, lay } = await containersWorld({ keys, scopes });
    const digest = push('shop/web');
    const good = signatureOf(release, digest, at('shop/web:v1'));
    const broken = Buffer.from(signatureOf(release, digest, at('shop/web:v1'), { compression: 'none' }));
    broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1);
    lay('shop/web', digest, broken, good);
    expectVerified(await run([at('shop/web:v1')]));
  });

  it('is let in by a signature of a subkey, which stands for its primary key', async () => {
    const signer = createOpenPgpSigner({ subkey: {} });
    const world = await containersWorld({ keys: { 'release.asc': signer.publicKeyArmored }, scopes });
    const digest = world.push('shop/web');
    world.lay('shop/web', digest, signatureOf(signer, digest, world.at('shop/web:v1'), { by: 'subkey' }));
    expectVerified(await world.run([world.at('shop/web:v1')]));
  });
});

describe('its hostile twin is refused by name', () => {
  it('not signed: the sentence says where was looked and what to do', async () => {
    const { run, at, push, lookaside, registry } = await containersWorld({ keys, scopes });
    const digest = push('shop/web');
    const answer = await run([at('shop/web:v1')]);
    expectRefused(answer, registry.host, 'unsigned', 'UNSIGNED');
    expect(answer.message).toContain(digest);
    expect(answer.message).toContain(`http://${lookaside.host}${folderOf('shop/web', digest)}`);
  });

  it.each<[what: string, code: string, word: string, sign: (digest: string, name: string) => readonly Uint8Array[]]>([
    ['by a stranger', 'SIGNATURE_MISMATCH', 'untrusted', (digest, name) => [signatureOf(stranger, digest, name)]],
    [
      'by a stranger who claims the key id',
      'SIGNATURE_CORRUPT',
      'invalid',
      (digest, name) => [
        signatureOf(stranger, digest, name, {
          claimedKeyId: Buffer.from(release.keyId, 'hex'),
          withFingerprint: false,
        }),
      ],
    ],
    [
      'for another digest',
      'PAYLOAD_DIGEST_MISMATCH',
      'invalid',
      (_, name) => [signatureOf(release, `sha256:${'1'.repeat(64)}`, name)],
    ],
    [
      'under another tag',
      'NAME_MISMATCH',
      'untrusted',
      (digest, name) => [signatureOf(release, digest, name.replace(/v1$/, 'v2'))],
    ],
    [
      'under another repository',
      'NAME_MISMATCH',
      'untrusted',
      (digest, name) => [signatureOf(release, digest, name.replace('shop/web', 'shop/other'))],
    ],
    [
      'under a name without a tag',
      'NAME_MISMATCH',
      'untrusted',
      (digest, name) => [signatureOf(release, digest, name.replace(/:v1$/, ''))],
    ],
    [
      'with a signature that has expired',
      'SIGNATURE_EXPIRED',
      'invalid',
      (digest, name) => [signatureOf(release, digest, name, { expires: MADE + DAY })],
    ],
    [
      'with a signature of tomorrow',
      'SIGNATURE_NOT_YET_VALID',
      'invalid',
      (digest, name) => [signatureOf(release, digest, name, { created: Date.now() + DAY })],
    ],
    [
      'with SHA-1',
      'ALGORITHM_WEAK',
      'invalid',
      (digest, name) => [signatureOf(release, digest, name, { hash: 'sha1' })],
    ],
    [
      'as cosign signs',
      'PAYLOAD_TYPE_UNEXPECTED',
      'invalid',
      (digest, reference) => [
        release.sign(simpleSigningPayload({ digest, reference, type: 'cosign container image signature' })),
      ],
    ],
    [
      'with two signers in one message',
      'SIGNATURE_MALFORMED',
      'invalid',
      (digest, reference) => {
        const payload = simpleSigningPayload({ digest, reference });
        const [a, b] = [release.sign(payload, { compression: 'none' }), stranger.signatureOver(payload)];
        return [Buffer.concat([a, b])];
      },
    ],
    [
      'with the signature apart from what it signs',
      'SIGNATURE_MALFORMED',
      'invalid',
      (digest, name) => [signatureOf(release, digest, name, { shape: 'detached' })],
    ],
  ])('%s', async (_what, code, word, sign) => {
    const { run, at, push, lay, registry } = await containersWorld({ keys, scopes });
    const digest = push('shop/web');
    lay('shop/web', digest, ...sign(digest, at('shop/web:v1')));
    expectRefused(await run([at('shop/web:v1')]), registry.host, word, code);
  });

  it.each([
    ['by a key that was revoked', { revoked: MADE + DAY }, 'KEY_REVOKED'],
    ['by a key that has expired since', { expires: MADE + DAY }, 'KEY_EXPIRED'],
    ['by a key that may only encrypt', { flags: 0x0c }, 'KEY_UNFIT'],
    ['by an RSA key of 1024 bits', { kind: 'RSA-1024' }, 'ALGORITHM_WEAK'],
    ['by a DSA key', { kind: 'DSA-2048' }, 'ALGORITHM_WEAK'],
  ] as const)('%s', async (_what, made, code) => {
    const signer = createOpenPgpSigner(made);
    const world = await containersWorld({ keys: { 'release.asc': signer.publicKeyArmored }, scopes });
    world.signed('shop/web', signer);
    expectRefused(await world.run([world.at('shop/web:v1')]), world.registry.host, 'invalid', code);
  });

  it('of one image whose signature was copied to another', async () => {
    const { run, at, signed, push, lay, registry, lookaside } = await containersWorld({ keys, scopes });
    const honest = signed('shop/web', release);
    const copied = push('shop/evil', 'evil');
    const message = lookaside.files.get(`${folderOf('shop/web', honest)}/signature-1`) ?? Buffer.alloc(0);
    lay('shop/evil', copied, message);
    expectRefused(await run([at('shop/evil:v1')]), registry.host, 'invalid', 'PAYLOAD_DIGEST_MISMATCH');
  });

  it('of a policy whose key is not there: an error, and no signature is looked for', async () => {
    const { run, at, signed, registry, lookaside } = await containersWorld({
      keys,
      scopes: { HOST: [signedBy('gone.asc')] },
    });
    signed('shop/web', release);
    const answer = await run([at('shop/web:v1')]);
    expectRefused(answer, registry.host, 'error', 'TRUST_MATERIAL_UNAVAILABLE');
    expect(answer.message).toContain('gone.asc');
    expect(lookaside.requests).toEqual([]);
  });
});

describe('requirements', () => {
  it('for two keys need both signers, in two signatures [peers 18]', async () => {
    const { run, at, push, lay, registry } = await containersWorld({
      keys,
      scopes: { HOST: [signedBy('release.asc'), signedBy('second.asc')] },
    });
    const digest = push('shop/web');
    const by = (signer: typeof release) => signatureOf(signer, digest, at('shop/web:v1'));
    lay('shop/web', digest, by(release));
    expectRefused(await run([at('shop/web:v1')]), registry.host, 'untrusted', 'SIGNATURE_MISMATCH');
    const other = push('shop/both', 'both');
    const named = (signer: typeof release) => signatureOf(signer, other, at('shop/both:v1'));
    lay('shop/both', other, named(second), named(release));
    expectVerified(await run([at('shop/both:v1')]));
  });

  it('insecureAcceptAnything and reject behave as they are called, and ask nobody [peers 20]', async () => {
    const { run, at, push, registry, lookaside } = await containersWorld({
      scopes: { 'HOST/open': [ANYTHING], 'HOST/closed': [{ type: 'reject' }] },
    });
    for (const repository of ['open/web', 'closed/web']) push(repository);
    const open = await run([at('open/web:v1')]);
    expect(open).toMatchObject({ allowed: true, requests: 0, record: { images: [{ outcome: 'accepted' }] } });
    const closed = await run([at('closed/web:v1')]);
    expectRefused(closed, `${registry.host}/closed`, 'rejected', 'REJECTED_BY_POLICY');
    expect(closed.message).toContain(`Running image docker://${at('closed/web:v1')} is rejected by policy.`);
    expect([closed.requests, lookaside.requests]).toEqual([0, []]);
  });

  it('of the most specific scope hold alone, and `default` for what no scope names', async () => {
    const { run, at, signed, push, registry } = await containersWorld({
      keys,
      scopes: { HOST: [{ type: 'reject' }], 'HOST/shop': [signedBy('release.asc')] },
      otherwise: [{ type: 'reject' }],
    });
    signed('shop/web', release);
    push('other/web');
    expectVerified(await run([at('shop/web:v1')]));
    expectRefused(await run([at('other/web:v1')]), registry.host, 'rejected', 'REJECTED_BY_POLICY');
    expectRefused(await run(['busybox']), 'default', 'rejected', 'REJECTED_BY_POLICY');
  });

  it('of two files are all required', async () => {
    const { run, at, signed, policies, registry } = await containersWorld({ keys, scopes });
    signed('shop/web', release);
    const other = { default: [{ type: 'reject' }] };
    expectVerified(await run([at('shop/web:v1')]));
    await policies.write({ 'more/policy.json': JSON.stringify(other) });
    await expect
      .poll(async () => (await run([at('shop/web:v1')])).message)
      .toContain('policy.json "default": rejected');
    expect(registry.host).not.toBe('');
  });

  it('weakOpenPgp: accept takes what gpg takes', async () => {
    const dsa = createOpenPgpSigner({ kind: 'DSA-2048' });
    const world = await containersWorld({
      keys: { 'release.asc': dsa.publicKeyArmored },
      scopes,
      configuration: { weakOpenPgp: 'accept' },
    });
    world.signed('shop/web', dsa);
    expectVerified(await world.run([world.at('shop/web:v1')]));
  });

  it('that name no way of verifying refuse, as there: signedBaseLayer, X.509', async () => {
    const { run, at, push, registry } = await containersWorld({
      scopes: {
        'HOST/base': [{ type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchRepository' } }],
        'HOST/x509': [{ ...signedBy('key.asc'), keyType: 'X509Certificates' }],
      },
      keys: { 'key.asc': release.publicKeyArmored },
    });
    for (const repository of ['base/web', 'x509/web']) push(repository);
    for (const scope of ['base', 'x509'])
      expectRefused(await run([at(`${scope}/web:v1`)]), `${registry.host}/${scope}`, 'rejected', 'REJECTED_BY_POLICY');
  });
});

describe('the name in a signature', () => {
  const identity = (signedIdentity: Record<string, unknown>) => ({ HOST: [signedBy('release.asc', signedIdentity)] });

  it.each<
    [what: string, identity: Record<string, unknown>, signed: string, asked: string, word: 'verified' | 'untrusted']
  >([
    ['matchRepository, without a tag', { type: 'matchRepository' }, 'HOST/shop/web', 'shop/web:v1', 'verified'],
    ['matchRepository, another repository', { type: 'matchRepository' }, 'HOST/shop/api', 'shop/web:v1', 'untrusted'],
    ['matchExact', { type: 'matchExact' }, 'HOST/shop/web:v1', 'shop/web:v1', 'verified'],
    [
      'exactRepository',
      { type: 'exactRepository', dockerRepository: 'vendor.example/web' },
      'vendor.example/web:9',
      'shop/web:v1',
      'verified',
    ],
    [
      'exactReference, another tag',
      { type: 'exactReference', dockerReference: 'vendor.example/web:1' },
      'vendor.example/web:9',
      'shop/web:v1',
      'untrusted',
    ],
    [
      'remapIdentity [peers 19]',
      { type: 'remapIdentity', prefix: 'HOST/shop', signedPrefix: 'vendor.example' },
      'vendor.example/web:v1',
      'shop/web:v1',
      'verified',
    ],
    [
      'no remapping at a mirror [peers 19]',
      { type: 'matchRepoDigestOrExact' },
      'vendor.example/web:v1',
      'shop/web:v1',
      'untrusted',
    ],
    [
      'remapIdentity of a part of a component',
      { type: 'remapIdentity', prefix: 'HOST/sho', signedPrefix: 'vendor.example' },
      'vendor.examplep/web:v1',
      'shop/web:v1',
      'untrusted',
    ],
  ])('%s', async (_what, signedIdentity, name, asked, word) => {
    const { run, at, signed, registry } = await containersWorld({ keys, scopes: identity(signedIdentity) });
    signed('shop/web', release, name.replace('HOST', registry.host));
    const answer = await run([at(asked)]);
    if (word === 'verified') expectVerified(answer);
    else expectRefused(answer, registry.host, word, 'NAME_MISMATCH');
  });

  it('says both names to whoever is refused', async () => {
    const { run, at, signed } = await containersWorld({ keys, scopes });
    signed('shop/web', release, 'vendor.example/web:v1');
    expect((await run([at('shop/web:v1')])).message).toContain(
      `The signature is for "vendor.example/web:v1", and the policy wants ${at('shop/web:v1')}`,
    );
  });
});
