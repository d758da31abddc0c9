import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { imageArtifact, indexArtifact } from '../../src/cli/demo/artifacts.ts';
import { publish } from '../../src/cli/demo/publish.ts';
import { digestOf } from '../../src/image/digest.ts';
import {
  CODE_SIGNING,
  extendedUsage,
  issue,
  issueIntermediate,
  issueRoot,
  NOON,
  usage,
} from '../fixtures/certificates.ts';
import { SIGNED_AT } from '../fixtures/notation/signer.ts';
import { expectVerified } from '../fixtures/webhook.ts';
import {
  descriptorOf,
  expectRefused,
  type NotationSigner,
  notationSigner,
  notationWorld,
  type Signed,
} from './notation-world.ts';

const YEAR = 365 * 24 * 3600 * 1000;
const acme = notationSigner();
const rsa = notationSigner({ root: acme.root, keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) });
const stranger = notationSigner();
const stores = { 'ca/acme/root.pem': acme.root.pem };
const OTHER = digestOf(Buffer.from('another image'));

/** Two authorities above the signer. */
function deepSigner(): NotationSigner {
  const root = issueRoot('deep root');
  const between = issueIntermediate(root);
  const { leaf } = notationSigner({ root: between });
  return { leaf, chain: [leaf, between, root], root };
}

describe('an image that notation signed, under a trust policy', () => {
  it.each([
    ['JWS', 'an EC key', { kind: 'jws' }, acme],
    ['JWS', 'an RSA key', { kind: 'jws' }, rsa],
    ['COSE', 'an EC key', { kind: 'cose' }, acme],
    ['COSE', 'an RSA key', { kind: 'cose' }, rsa],
  ] as const)(
    'is let in: %s by %s, and its record names the subject [notation-ratify 1, 23]',
    async (_, __, how, by) => {
      const { run, at, signed } = await notationWorld({ stores });
      const { digest } = signed('shop/web', by, how);
      const answer = await run([at('shop/web:v1')]);
      expectVerified(answer);
      expect(answer.warnings).toEqual([]);
      expect(answer.record.images).toMatchObject([
        { image: at('shop/web:v1'), digest, policies: [{ policy: 'trustpolicy.json/acme', outcome: 'verified' }] },
      ]);
      expect(answer.record.images[0]?.signers).toEqual(['C=US, ST=WA, O=Acme, OU=Release']);
    },
  );

  it.each(['current', 'legacy'] as const)('is let in with a %s manifest [notation-ratify 106]', async (form) => {
    const { run, at, signed } = await notationWorld({ stores });
    signed('shop/web', acme, { form });
    expectVerified(await run([at('shop/web:v1')]));
  });

  it('is let in by digest, under any tag and in any container', async () => {
    const { run, at, signed } = await notationWorld({ stores });
    const { digest } = signed('shop/web', acme);
    expectVerified(await run([at(`shop/web@${digest}`), at(`shop/web:v1@${digest}`), at('shop/web:v1')]));
  });

  it('is let in by a trusted intermediate, or by the second of two stores [notation-ratify 53, 56]', async () => {
    const deep = deepSigner();
    const { run, at, signed } = await notationWorld({
      statements: [{ trustStores: ['ca:other', 'ca:acme'] }],
      stores: { 'ca/other/root.pem': stranger.root.pem, 'ca/acme/between.pem': deep.chain[1]?.pem ?? '' },
    });
    signed('shop/web', deep);
    expectVerified(await run([at('shop/web:v1')]));
  });

  it('is let in where the index is signed, by which its images are named; each of them by itself is not signed', async () => {
    const { run, at, registry, attach } = await notationWorld({ stores });
    const instance = publish(registry, 'shop/web', imageArtifact('amd64'));
    const index = publish(
      registry,
      'shop/web',
      indexArtifact([{ image: instance, platform: { os: 'linux', architecture: 'amd64' } }]),
      'v1',
    );
    attach('shop/web', index, acme);
    expectVerified(await run([at('shop/web:v1')]));
    expectVerified(await run([at(`shop/web@${index.digest}`)]));
    // notation looks at what was asked for alone, and so nothing that signs the index signs this [notation-ratify 116].
    expectRefused(await run([at(`shop/web@${instance.digest}`)]), 'unsigned', 'UNSIGNED');
  });

  it('is let in with metadata of its signer, and until the moment at which the signature expires [notation-ratify 22]', async () => {
    const { run, at, push, attach } = await notationWorld({ stores });
    const image = push('shop/web');
    const targetArtifact = { ...descriptorOf(image), annotations: { 'build.example/id': '7' } };
    attach('shop/web', image, acme, {
      payload: Buffer.from(JSON.stringify({ targetArtifact })),
      expiry: Date.now() + 3_600_000,
    });
    expectVerified(await run([at('shop/web:v1')]));
  });

  it('by a signing authority is let in by a store of that type, whatever has expired since', async () => {
    const was = notationSigner({ notAfter: SIGNED_AT + 60_000 });
    const { run, at, signed } = await notationWorld({
      statements: [{ trustStores: ['signingAuthority:acme'] }],
      stores: { 'signingAuthority/acme/root.pem': was.root.pem },
    });
    signed('shop/web', was, { scheme: 'notary.x509.signingAuthority' });
    expectVerified(await run([at('shop/web:v1')]));
  });

  it('is let in for the identity that the policy names, and for no other [notation-ratify 58, 59, 60, 62]', async () => {
    const identities = (...trustedIdentities: readonly string[]) => ({ trustedIdentities });
    const cases: readonly [identity: string, isLetIn: boolean][] = [
      ['x509.subject: C=US, ST=WA, O=Acme', true],
      ['x509.subject: OU=Release, O=Acme, S=WA, C=US', true],
      ['x509.subject: C=us, ST=WA, O=Acme', false],
      ['x509.subject: C=US, ST=WA, O=Acme, OU=Nightly', false],
    ];
    for (const [identity, isLetIn] of cases) {
      const { run, at, signed } = await notationWorld({ statements: [identities(identity)], stores });
      signed('shop/web', acme);
      const answer = await run([at('shop/web:v1')]);
      if (isLetIn) expectVerified(answer);
      else expectRefused(answer, 'untrusted', 'IDENTITY_MISMATCH');
    }
  });
});

describe('its hostile twin is refused by name', () => {
  it('not signed at all', async () => {
    const { run, at, push } = await notationWorld({ stores });
    push('shop/web');
    expectRefused(await run([at('shop/web:v1')]), 'unsigned', 'UNSIGNED');
  });

  it.each<[what: string, word: string, code: string, how: Signed, by?: NotationSigner]>([
    [
      'by a stranger whose root is in no store [notation-ratify 52]',
      'untrusted',
      'CERTIFICATE_UNTRUSTED',
      {},
      stranger,
    ],
    ['by another key than the certificate’s', 'invalid', 'SIGNATURE_CORRUPT', { key: stranger.leaf.keys.privateKey }],
    [
      'by a stranger with the trusted root hung behind [notation-ratify 40]',
      'invalid',
      'CERTIFICATE_CHAIN_BROKEN',
      { chain: [stranger.leaf.der, stranger.root.der, acme.root.der] },
      stranger,
    ],
    [
      'by a stranger who puts the trusted root in the place of his own',
      'invalid',
      'CERTIFICATE_CHAIN_BROKEN',
      { chain: [stranger.leaf.der, acme.root.der] },
      stranger,
    ],
    ['without its root [notation-ratify 41]', 'invalid', 'CERTIFICATE_CHAIN_BROKEN', { chain: [acme.leaf.der] }],
    [
      'by the root itself [notation-ratify 42]',
      'invalid',
      'CERTIFICATE_UNFIT',
      { chain: [acme.root.der], key: acme.root.keys.privateKey },
    ],
    [
      'of a signing authority, for which there is no store [notation-ratify 55]',
      'untrusted',
      'CERTIFICATE_UNTRUSTED',
      { scheme: 'notary.x509.signingAuthority' },
    ],
    ['of a scheme that nobody knows [notation-ratify 19]', 'invalid', 'SIGNATURE_MALFORMED', { scheme: 'notary.x600' }],
    ['that has expired [notation-ratify 22]', 'invalid', 'SIGNATURE_EXPIRED', { expiry: SIGNED_AT + 1000 }],
    ['that needs a plugin', 'invalid', 'PLUGIN_REQUIRED', { plugin: { name: 'com.example.check' } }],
    [
      'with a critical attribute that nobody knows [notation-ratify 9]',
      'invalid',
      'CRITICAL_ATTRIBUTE_UNKNOWN',
      { critical: { 'com.example.only': 'on Sundays' } },
    ],
    [
      'with a payload of another type [notation-ratify 12]',
      'invalid',
      'PAYLOAD_TYPE_UNEXPECTED',
      { contentType: 'a/b' },
    ],
    ['with a payload that is none', 'invalid', 'PAYLOAD_MALFORMED', { payload: Buffer.from('{}') }],
    ['that says it is by HMAC [notation-ratify 10]', 'invalid', 'ALGORITHM_UNSUPPORTED', { headerAlgorithm: 'HS256' }],
    [
      'that says it is of another length than the key’s [notation-ratify 11]',
      'invalid',
      'ALGORITHM_UNSUPPORTED',
      { headerAlgorithm: 'PS384' },
      rsa,
    ],
    [
      'that says it is of another kind than the key’s [notation-ratify 33]',
      'invalid',
      'ALGORITHM_UNSUPPORTED',
      { headerAlgorithm: 'ES256' },
      rsa,
    ],
  ])('signed %s', async (_, word, code, how, by = acme) => {
    for (const kind of ['jws', 'cose'] as const) {
      const { run, at, signed } = await notationWorld({ stores });
      signed('shop/web', by, { kind, ...how });
      expectRefused(await run([at('shop/web:v1')]), word, code);
    }
  });

  it.each([
    ['digest [notation-ratify 35]', { digest: OTHER }],
    ['size [notation-ratify 36]', { size: 1 }],
    ['media type [notation-ratify 37]', { mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }],
  ])('whose signature is about another %s, at every level that verifies', async (_, change) => {
    for (const level of ['strict', 'permissive', 'audit']) {
      const { run, at, push, attach } = await notationWorld({
        statements: [{ signatureVerification: { level } }],
        stores,
      });
      const image = push('shop/web');
      attach('shop/web', image, acme, { payload: { ...descriptorOf(image), ...change } });
      expectRefused(await run([at('shop/web:v1')]), 'invalid', 'PAYLOAD_DIGEST_MISMATCH');
    }
  });

  it('whose signature was copied from another image, by whoever wrote the subject anew', async () => {
    const { run, at, signed, push, attach } = await notationWorld({ stores });
    const honest = signed('shop/web', acme);
    expectVerified(await run([at('shop/web:v1')]));
    const evil = push('shop/evil', 'evil');
    attach('shop/evil', evil, acme, { payload: descriptorOf(honest) });
    expectRefused(await run([at('shop/evil:v1')]), 'invalid', 'PAYLOAD_DIGEST_MISMATCH');
  });

  it.each([
    ['has expired [notation-ratify 51]', { notAfter: NOON }, 'CERTIFICATE_EXPIRED'],
    ['is not yet valid', { notBefore: NOON + 10 * YEAR }, 'CERTIFICATE_NOT_YET_VALID'],
    [
      'is for TLS servers [notation-ratify 45]',
      { extensions: [usage(0), extendedUsage('1.3.6.1.5.5.7.3.1')] },
      'CERTIFICATE_UNFIT',
    ],
    [
      'may sign certificates [notation-ratify 43]',
      { extensions: [usage(0, 5), extendedUsage(CODE_SIGNING)] },
      'CERTIFICATE_UNFIT',
    ],
    ['does not say what it is for [notation-ratify 44]', { extensions: [] }, 'CERTIFICATE_UNFIT'],
  ])('whose signer’s certificate %s', async (_, options, code) => {
    const { run, at, signed } = await notationWorld({ stores });
    signed('shop/web', notationSigner({ root: acme.root, ...options }));
    expectRefused(await run([at('shop/web:v1')]), 'invalid', code);
  });

  it('whose root has expired, though the signer’s certificate has not', async () => {
    const root = issueRoot('old root', { notAfter: NOON });
    const { run, at, signed } = await notationWorld({ stores: { 'ca/acme/root.pem': root.pem } });
    signed('shop/web', notationSigner({ root }));
    expectRefused(await run([at('shop/web:v1')]), 'invalid', 'CERTIFICATE_EXPIRED');
  });

  it('signed under notary.x509, where only signing authorities are trusted [notation-ratify 55]', async () => {
    const { run, at, signed } = await notationWorld({
      statements: [{ trustStores: ['signingAuthority:acme'] }],
      stores: { 'signingAuthority/acme/root.pem': acme.root.pem },
    });
    signed('shop/web', acme);
    expectRefused(await run([at('shop/web:v1')]), 'untrusted', 'CERTIFICATE_UNTRUSTED');
  });

  it('by a certificate without a whole subject, under an identity; under * it is let in [notation-ratify 62]', async () => {
    const leaf = issue(acme.root, {
      subject: 'ratify.default',
      notAfter: NOON + 20 * YEAR,
      extensions: [usage(0), extendedUsage(CODE_SIGNING)],
    });
    const bare: NotationSigner = { leaf, chain: [leaf, acme.root], root: acme.root };
    const strict = await notationWorld({
      statements: [{ trustedIdentities: ['x509.subject: C=US, ST=WA, O=Acme'] }],
      stores,
    });
    strict.signed('shop/web', bare);
    expectRefused(await strict.run([strict.at('shop/web:v1')]), 'untrusted', 'IDENTITY_MISMATCH');
    const anybody = await notationWorld({ stores });
    anybody.signed('shop/web', bare);
    expectVerified(await anybody.run([anybody.at('shop/web:v1')]));
  });

  it('signed by cosign, which is no signature here', async () => {
    const { run, at, push, registry } = await notationWorld({ stores });
    const image = push('shop/web');
    registry.attachReferrer('shop/web', {
      schemaVersion: 2,
      mediaType: image.mediaType,
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: OTHER, size: 2 },
      layers: [],
      subject: descriptorOf(image),
    });
    const answer = await run([at('shop/web:v1')]);
    expectRefused(answer, 'unsigned', 'UNSIGNED');
    expect(answer.message).toContain('It carries one attachment that is not a signature.');
  });
});
