import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/image/digest.ts';
import { keyDetailsOf } from '../../../src/signatures/sigstore/key-details.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import { publicKeyOf } from '../../../src/trust/public-key.ts';
import { parseTrustedRoot } from '../../../src/trust/sigstore/trusted-root.ts';
import type { Issued } from '../../fixtures/certificates.ts';
import { createSigstore, issueLeaf, trustedRootJson } from '../../fixtures/sigstore/instance.ts';
import { spkiOf } from '../../fixtures/sigstore/keys.ts';
import { signBundle } from '../../fixtures/sigstore/signatures.ts';
import { KEYLESS, signingKey, valueOf } from './fixture.ts';
import type { Json } from './instance.ts';

const SIGSTORE = createSigstore(Math.floor(Date.now() / 1000) * 1000);
const ROOT = valueOf(parseTrustedRoot(Buffer.from(JSON.stringify(trustedRootJson(SIGSTORE)))));
const IMAGE = { repository: 'registry.example/app', digest: digestOf(Buffer.from('{}')) };
const ARTIFACT = { kind: 'digest', digest: IMAGE.digest } as const;

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });

/** Every name of protobuf-specs, and others that look alike. */
const NAMES = [
  'PUBLIC_KEY_DETAILS_UNSPECIFIED',
  'PKCS1_RSA_PKCS1V5',
  'PKCS1_RSA_PSS',
  'PKIX_RSA_PKCS1V5',
  'PKIX_RSA_PSS',
  'PKIX_RSA_PKCS1V15_2048_SHA256',
  'PKIX_RSA_PKCS1V15_3072_SHA256',
  'PKIX_RSA_PKCS1V15_4096_SHA256',
  'PKIX_RSA_PSS_2048_SHA256',
  'PKIX_RSA_PSS_3072_SHA256',
  'PKIX_RSA_PSS_4096_SHA256',
  'PKIX_ECDSA_P256_HMAC_SHA_256',
  'PKIX_ECDSA_P256_SHA_256',
  'PKIX_ECDSA_P384_SHA_384',
  'PKIX_ECDSA_P384_SHA_256',
  'PKIX_ECDSA_P521_SHA_512',
  'PKIX_ECDSA_P521_SHA_256',
  'PKIX_ED25519',
  'PKIX_ED25519_PH',
  'LMS_SHA256',
  'LMOTS_SHA256',
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
  'PKIX_ECDSA_P256_SHA_384',
  'pkix_ecdsa_p256_sha_256',
  '',
];

describe('the kind of key that Rekor v2 names beside a verifier', () => {
  it.each<[string, Issued['keys'], readonly string[]]>([
    ['P-256', ec('P-256'), ['PKIX_ECDSA_P256_SHA_256']],
    ['P-384', ec('P-384'), ['PKIX_ECDSA_P384_SHA_256', 'PKIX_ECDSA_P384_SHA_384']],
    ['P-521', ec('P-521'), ['PKIX_ECDSA_P521_SHA_256', 'PKIX_ECDSA_P521_SHA_512']],
    ['Ed25519', generateKeyPairSync('ed25519'), ['PKIX_ED25519', 'PKIX_ED25519_PH']],
    ['RSA of 2048 bits', rsa(2048), ['PKIX_RSA_PKCS1V15_2048_SHA256']],
    ['RSA of 3072 bits', rsa(3072), ['PKIX_RSA_PKCS1V15_3072_SHA256']],
    ['RSA of 4096 bits', rsa(4096), ['PKIX_RSA_PKCS1V15_4096_SHA256']],
    // The size counts in whole bytes; a log takes no other sizes.
    ['RSA of 3071 bits', rsa(3071), ['PKIX_RSA_PKCS1V15_3072_SHA256']],
    ['RSA of 2056 bits', rsa(2056), []],
  ])('is one of those that fit %s', async (_, keys, fitting) => {
    const { algorithm } = valueOf(publicKeyOf(spkiOf(keys.publicKey)));
    expect(NAMES.filter((name) => keyDetailsOf(algorithm).includes(name)).toSorted()).toEqual(fitting);

    const leaf = issueLeaf(SIGSTORE, { keys });
    for (const name of NAMES) {
      const said = await verdict(leaf, (verifier) => (verifier.keyDetails = name));
      expect(said, name).toBe(fitting.includes(name) ? 'proved' : OF_ANOTHER_KIND);
    }
  });

  it.each<[string, (verifier: Json) => void]>([
    ['is missing', (verifier) => delete verifier.keyDetails],
    ['is a number', (verifier) => (verifier.keyDetails = 5)],
    ['is a list', (verifier) => (verifier.keyDetails = ['PKIX_ECDSA_P256_SHA_256'])],
  ])('refuses the entry where it %s', async (_, change) => {
    expect(await verdict(issueLeaf(SIGSTORE), change)).toBe(OF_ANOTHER_KIND);
  });

  it('is compared with a bare key too', async () => {
    const keys = ec('P-384');
    const leaf = issueLeaf(SIGSTORE, { keys });
    const rule = {
      ...KEYLESS,
      signer: valueOf(signingKey(keys.publicKey.export({ type: 'spki', format: 'pem' }))),
      time: 'none',
    } as const;
    const asKey = (keyDetails: string) =>
      verdict(
        leaf,
        (verifier) => {
          delete verifier.x509Certificate;
          Object.assign(verifier, {
            publicKey: { rawBytes: spkiOf(keys.publicKey).toString('base64') },
            keyDetails,
          });
        },
        rule,
        ({ verificationMaterial: material }) => {
          delete material.certificate;
          material.publicKey = { hint: 'any' };
        },
      );
    expect(await asKey('PKIX_ECDSA_P384_SHA_256')).toBe('proved');
    expect(await asKey('PKIX_ECDSA_P256_SHA_256')).toBe(OF_ANOTHER_KIND);
  });
});

const OF_ANOTHER_KIND = "LOG_ENTRY_MISMATCH: a log entry is of another kind of key than the signer's";

/** What is said of a signed image whose entry in Rekor v2 was changed before it was logged. */
async function verdict(
  leaf: Issued,
  change: (verifier: Json) => void,
  rule: Parameters<typeof verifyBundle>[3] = KEYLESS,
  finish?: (bundle: Json) => void,
): Promise<string> {
  const body = (made: Json): Json => {
    change(made.spec.hashedRekordV002.signature.verifier);
    return made;
  };
  const bundle = signBundle(SIGSTORE, 'tiles', IMAGE, { leaf, entries: [{ body }], ...(finish ? { finish } : {}) });
  const proof = await verifyBundle(Buffer.from(JSON.stringify(bundle)), ARTIFACT, ROOT, rule, SIGSTORE.at);
  return proof.kind === 'proved' ? 'proved' : `${proof.code}: ${proof.message}`;
}
