import { describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/cli/demo/artifacts.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { Json } from '../admission/fixture.ts';
import { NOON, usage } from '../fixtures/certificates.ts';
import { SIGNED_AT } from '../fixtures/notation/signer.ts';
import { descriptorOf, type NotationWorld, notationSigner, notationWorld } from './notation-world.ts';

const acme = notationSigner();
const stranger = notationSigner();
const YEAR = 365 * 24 * 3600 * 1000;

type Case = {
  readonly what: string;
  readonly statement?: Json;
  readonly stores?: Readonly<Record<string, string>>;
  /** Prepares the image's signatures. */
  readonly given: (world: NotationWorld, image: Artifact) => void;
  /** The name of what refuses; that of the statement if nothing is said. */
  readonly by?: string;
  /** What follows `refused by trustpolicy.json "acme": `; words in capitals stand for what they are in this run. */
  readonly says: string;
};

const CASES: readonly Case[] = [
  {
    what: 'nobody signed it',
    given: () => undefined,
    says: 'unsigned. No notation signature for DIGEST in REPOSITORY (looked at referrers). Sign the image, or ask your platform team about the policy. [UNSIGNED]',
  },
  {
    what: 'a stranger did',
    given: ({ attach }, image) => attach('shop/web', image, stranger),
    says: "untrusted. No certificate of the signer's chain is in a trust store that the policy names. Sign with a certificate of the authority that the policy names, and attach its intermediates. [CERTIFICATE_UNTRUSTED]",
  },
  {
    what: 'the signature is no good one',
    given: ({ attach }, image) => attach('shop/web', image, acme, { key: stranger.leaf.keys.privateKey }),
    says: 'invalid. The signature does not verify with the certificate it brings. The signature does not verify with the key that it names: sign the image again. [SIGNATURE_CORRUPT]',
  },
  {
    what: 'somebody else of the same authority did',
    statement: { trustedIdentities: ['x509.subject: C=US, ST=WA, O=Acme, OU=Nightly'] },
    given: ({ attach }, image) => attach('shop/web', image, acme),
    says: 'untrusted. The certificate belongs to "C=US, ST=WA, O=Acme, OU=Release", and the policy wants "C=US, O=Acme, OU=Nightly, ST=WA". Have the image signed by the identity that the policy names. [IDENTITY_MISMATCH]',
  },
  {
    what: 'the signature is about another image',
    given: ({ attach }, image) =>
      attach('shop/web', image, acme, {
        payload: { ...descriptorOf(image), digest: digestOf(Buffer.from('another image')) },
      }),
    says: 'invalid. The signature is about OTHER, and not about DIGEST. Sign this image: the signature found names another digest. [PAYLOAD_DIGEST_MISMATCH]',
  },
  {
    what: 'the signature is about another size',
    given: ({ attach }, image) => attach('shop/web', image, acme, { payload: { ...descriptorOf(image), size: 7 } }),
    says: 'invalid. The signature is about 7 bytes, and DIGEST has 394. Sign this image: the signature found names another digest. [PAYLOAD_DIGEST_MISMATCH]',
  },
  {
    what: 'the signature has expired',
    given: ({ attach }, image) => attach('shop/web', image, acme, { expiry: SIGNED_AT + 1000 }),
    says: 'invalid. The signature by C=US, ST=WA, O=Acme, OU=Release expired at 2026-06-01T11:00:00.999Z. Sign the image again: the signature itself has expired. [SIGNATURE_EXPIRED]',
  },
  {
    what: 'the certificate has expired',
    given: ({ attach }, image) => attach('shop/web', image, notationSigner({ root: acme.root, notAfter: NOON })),
    says: "invalid. The signer's certificate or its authority's expired at 2026-06-01T12:00:00.000Z. Sign the image again with a certificate that is in date. [CERTIFICATE_EXPIRED]",
  },
  {
    what: 'the certificate is not yet valid',
    given: ({ attach }, image) =>
      attach('shop/web', image, notationSigner({ root: acme.root, notBefore: NOON + 10 * YEAR })),
    says: "invalid. The signer's certificate is valid from 2036-05-29T12:00:00.000Z. Check the clocks, or wait until the signer's certificate is valid. [CERTIFICATE_NOT_YET_VALID]",
  },
  {
    what: 'the certificate is for something else',
    given: ({ attach }, image) =>
      attach('shop/web', image, notationSigner({ root: acme.root, extensions: [usage(0, 2)] })),
    says: "invalid. The signer's certificate is for enciphering keys. Sign with a certificate that was issued for signing code. [CERTIFICATE_UNFIT]",
  },
  {
    what: 'the chain does not reach a root',
    given: ({ attach }, image) => attach('shop/web', image, acme, { chain: [acme.leaf.der] }),
    says: "invalid. The chain of certificates cannot be followed: it does not end in a root that signed itself. Sign the image again with the whole chain of certificates in order, from the signer's to the root that signed itself. [CERTIFICATE_CHAIN_BROKEN]",
  },
  {
    what: 'it was signed by another scheme than there are stores for',
    given: ({ attach }, image) => attach('shop/web', image, acme, { scheme: 'notary.x509.signingAuthority' }),
    says: 'untrusted. The signature is of the scheme notary.x509.signingAuthority, and the policy names no trust store of the type "signingAuthority". Sign with a certificate of the authority that the policy names, and attach its intermediates. [CERTIFICATE_UNTRUSTED]',
  },
  {
    what: 'the signature needs a plugin',
    given: ({ attach }, image) => attach('shop/web', image, acme, { plugin: { name: 'com.example.check' } }),
    says: 'invalid. The signature demands the verification plugin "com.example.check". Sign the image without a verification plugin: countersign runs none. [PLUGIN_REQUIRED]',
  },
  {
    what: 'the signature has a critical attribute that nobody knows',
    given: ({ attach }, image) => attach('shop/web', image, acme, { critical: { 'com.example.only': 'on Sundays' } }),
    says: 'invalid. The signature has the critical attribute "com.example.only", which is not known here. Sign the image without the critical attribute: countersign does not know what it demands. [CRITICAL_ATTRIBUTE_UNKNOWN]',
  },
  {
    what: 'the signature’s manifest has two layers',
    given: ({ attach }, image) =>
      attach('shop/web', image, acme, {
        manifest: (same) => ({ ...same, layers: [same['subject'], same['subject']] }),
      }),
    says: 'invalid. The manifest of a notation signature is malformed: it does not consist of one layer. Remove the broken signature and sign the image again. [SIGNATURE_MALFORMED]',
  },
  {
    what: 'no statement is for its repository',
    statement: { registryScopes: ['HOST/shop/other'] },
    given: () => undefined,
    by: 'no applicable trust policy',
    says: 'rejected. Artifact "NAME" has no applicable oci trust policy statement: none has its repository, or "*", in its registryScopes. Use another image: this policy refuses it whoever signed it. [REJECTED_BY_POLICY]',
  },
  {
    what: 'the trust store is not there',
    stores: {},
    given: () => undefined,
    says: 'error. The file "truststore/x509/ca/acme" cannot be used: it cannot be read (ENOENT). Ask your platform team to mend the key or certificate that the policy names. [TRUST_MATERIAL_UNAVAILABLE]',
  },
  {
    what: 'the trust store holds something else',
    stores: { 'ca/acme/root.pem': 'a shopping list' },
    given: () => undefined,
    says: 'error. The certificate is malformed: it holds neither PEM nor DER. Ask your platform team to mend the key or certificate that the policy names. [TRUST_MATERIAL_UNAVAILABLE]',
  },
  {
    what: 'the trust store holds a signer’s certificate',
    stores: { 'ca/acme/leaf.pem': acme.leaf.pem },
    given: ({ attach }, image) => attach('shop/web', image, acme),
    says: 'error. The trust store "ca" cannot be used: a certificate is neither an authority\'s nor one that signed itself. Ask your platform team to mend the key or certificate that the policy names. [TRUST_MATERIAL_UNAVAILABLE]',
  },
  {
    what: 'the policy trusts nobody',
    statement: { trustedIdentities: ['com.example.id: somebody'] },
    given: () => undefined,
    says: 'error. trustpolicy.json "acme" is broken: trustedIdentities: none of them is an x509.subject, so that nobody is trusted. Ask your platform team to mend the policy. [POLICY_BROKEN]',
  },
];

describe('what a developer reads whose pod is refused', () => {
  it.each(CASES)('because $what', async ({ statement = {}, stores, given, by = 'acme', says }) => {
    const world = await notationWorld({
      statements: [statement],
      stores: stores ?? { 'ca/acme/root.pem': acme.root.pem },
    });
    const name = world.at('shop/web:v1');
    const image = world.push('shop/web');
    given(world, image);
    const { message } = await world.run([name]);
    const head = `image "${name}" (spec.containers[0].image) refused by trustpolicy.json "${by}": `;
    expect(message.startsWith(head), message).toBe(true);
    const said = message
      .slice(head.length)
      .replaceAll(name, 'NAME')
      .replaceAll(world.at('shop/web'), 'REPOSITORY')
      .replaceAll(image.digest, 'DIGEST')
      .replaceAll(digestOf(Buffer.from('another image')), 'OTHER');
    expect(said).toBe(says);
  });
});
