import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SignedArtifact } from '../../../src/signatures/sigstore/content.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import type { TrustedRoot } from '../../../src/trust/sigstore/trusted-root.ts';
import { type Issued, NOON } from '../../fixtures/certificates.ts';
import { KEYLESS } from './fixture.ts';
import {
  bundleOf,
  dsse1,
  encoded,
  envelope,
  hashedRekord1,
  type Json,
  type Log,
  leaf,
  logged,
  message,
  SIGSTORE,
  trustedRoot,
} from './instance.ts';
import { libraryAccepts } from './library-alone.ts';

const FILE = Buffer.from('the file that is signed\n');
const BYTES: SignedArtifact = { kind: 'bytes', bytes: FILE };
const STATEMENT = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: createHash('sha256').update(FILE).digest('hex') } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
  }),
);

type Keys = Issued['keys'];
type Hash = 'sha256' | 'sha384' | 'sha512';

/** Two pairs of each kind: one for its holder, one for somebody else. */
const twoOf = (make: () => Keys): readonly [Keys, Keys] => [make(), make()];
const KEYS = {
  'P-256': twoOf(() => generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'P-384': twoOf(() => generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  'P-521': twoOf(() => generateKeyPairSync('ec', { namedCurve: 'P-521' })),
  Ed25519: twoOf(() => generateKeyPairSync('ed25519')),
  'RSA of 2048 bits': twoOf(() => generateKeyPairSync('rsa', { modulusLength: 2048 })),
  'RSA of 3072 bits': twoOf(() => generateKeyPairSync('rsa', { modulusLength: 3072 })),
  'RSA of 4096 bits': twoOf(() => generateKeyPairSync('rsa', { modulusLength: 4096 })),
} as const;
type Kind = keyof typeof KEYS;

const signWith = (key: KeyObject, data: Uint8Array, hash: Hash): Buffer =>
  sign(key.asymmetricKeyType === 'ed25519' ? null : hash, data, key);

async function verdict(bundle: Json, root: TrustedRoot = trustedRoot()): Promise<string> {
  const proof = await verifyBundle(Buffer.from(JSON.stringify(bundle)), BYTES, root, KEYLESS, NOON);
  return proof.kind === 'proved' ? 'proved' : proof.code;
}

describe("a signer's certificate", () => {
  const kinds: readonly (readonly [Kind, Hash])[] = [
    ['P-256', 'sha256'],
    ['P-384', 'sha384'],
    ['P-384', 'sha256'],
    ['P-521', 'sha512'],
    ['P-521', 'sha256'],
    ['Ed25519', 'sha256'],
    ['RSA of 2048 bits', 'sha256'],
    ['RSA of 3072 bits', 'sha256'],
    ['RSA of 4096 bits', 'sha256'],
    ['RSA of 4096 bits', 'sha512'],
  ];

  /** A file's signature says with which hash it was made, and so does its entry. */
  function overFile(certificate: Issued, by: KeyObject, hash: Hash): Json {
    const signature = signWith(by, FILE, hash);
    const digest = createHash(hash).update(FILE).digest();
    const body = hashedRekord1(FILE, signature, certificate.pem);
    body.spec.data.hash = { algorithm: hash, value: digest.toString('hex') };
    const content = message(FILE, signature);
    const algorithm = hash.replace('sha', 'SHA2_');
    content.messageSignature.messageDigest = { algorithm, digest: digest.toString('base64') };
    return bundleOf({ content, certificate, entries: [logged(SIGSTORE.rekor, body)] });
  }

  /** An envelope does not. */
  function overStatement(certificate: Issued, by: KeyObject, hash: Hash): Json {
    const signature = signWith(by, encoded(STATEMENT), hash);
    const entry = logged(SIGSTORE.rekor, dsse1(STATEMENT, signature, certificate.pem));
    return bundleOf({ content: envelope(STATEMENT, signature), certificate, entries: [entry] });
  }

  it.each(kinds)('of %s holds with %s, and not with the signature of another', async (kind, hash) => {
    const [own, other] = KEYS[kind];
    const certificate = leaf({ keys: own });
    for (const make of [overFile, overStatement]) {
      expect(await verdict(make(certificate, own.privateKey, hash))).toBe('proved');
      expect(await verdict(make(certificate, other.privateKey, hash))).toBe('SIGNATURE_MISMATCH');
    }
  });

  it('of P-256 does not hold with a hash that the signature does not name', async () => {
    const [own] = KEYS['P-256'];
    const certificate = leaf({ keys: own });
    const bundle = overFile(certificate, own.privateKey, 'sha256');
    const digest = createHash('sha384').update(FILE).digest('base64');
    bundle.messageSignature.messageDigest = { algorithm: 'SHA2_384', digest };
    expect(await verdict(bundle)).toBe('SIGNATURE_MISMATCH');
    // Nobody signs envelopes so.
    expect(await verdict(overStatement(certificate, own.privateKey, 'sha512'))).toBe('SIGNATURE_MISMATCH');
  });
});

describe('a log', () => {
  const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
  const idOf = (key: KeyObject): Buffer => createHash('sha256').update(spki(key)).digest();
  const logOf = (keys: Keys): Log => ({ host: SIGSTORE.rekor.host, id: idOf(keys.publicKey), keys, version: 1 });
  const certificate = leaf();
  const signature = sign('sha256', FILE, certificate.keys.privateKey);
  const inLog = (log: Log): Json =>
    bundleOf({
      content: message(FILE, signature),
      certificate,
      entries: [logged(log, hashedRekord1(FILE, signature, certificate.pem))],
    });
  const withKey = (list: 'tlogs' | 'ctlogs', keys: Keys, keyDetails: string) =>
    trustedRoot((root) => {
      const [first] = root[list];
      Object.assign(first.publicKey, { rawBytes: spki(keys.publicKey).toString('base64'), keyDetails });
      first.logId.keyId = idOf(keys.publicKey).toString('base64');
    });

  // Rekor signs with SHA-256 whatever its key is, and so do cosign and the library verify.
  const details: readonly (readonly [Kind, string])[] = [
    ['P-256', 'PKIX_ECDSA_P256_SHA_256'],
    ['P-384', 'PKIX_ECDSA_P384_SHA_384'],
    ['RSA of 2048 bits', 'PKIX_RSA_PKCS1V15_2048_SHA256'],
    ['RSA of 3072 bits', 'PKIX_RSA_PKCS1V15_3072_SHA256'],
    ['RSA of 4096 bits', 'PKIX_RSA_PKCS1V15_4096_SHA256'],
  ];

  it.each(details)(
    'of signatures with %s holds by promise and by checkpoint, and by no other key',
    async (kind, is) => {
      const [own, other] = KEYS[kind];
      const root = withKey('tlogs', own, is);
      const sound = inLog(logOf(own));
      expect(await verdict(sound, root)).toBe('proved');
      expect(libraryAccepts(Buffer.from(JSON.stringify(sound)), FILE, root)).toBe(true);
      // Under the trusted log's id, by another key: first both of its signatures, then each alone.
      const forged = inLog({ ...logOf(other), id: idOf(own.publicKey) });
      expect(await verdict(forged, root)).toBe('LOG_ENTRY_INVALID');
      for (const part of ['inclusionPromise', 'inclusionProof']) {
        const [entry] = structuredClone(sound).verificationMaterial.tlogEntries;
        entry[part] = forged.verificationMaterial.tlogEntries[0][part];
        const bundle = structuredClone(sound);
        bundle.verificationMaterial.tlogEntries = [entry];
        expect(await verdict(bundle, root), part).toBe('LOG_ENTRY_INVALID');
      }
    },
  );

  it.each(details)('of certificates with %s holds, and with no other key', async (kind, is) => {
    const [own, other] = KEYS[kind];
    const root = withKey('ctlogs', own, is);
    const logged1 = (keys: Keys): Json => {
      const promised = leaf({
        sct: keys,
        promises: (list) => {
          // Behind two lengths, version, id, time and the length of no extensions: the hash, and here the algorithm.
          if (kind.startsWith('RSA')) list[48] = 1;
          idOf(own.publicKey).copy(list, 5);
          return list;
        },
      });
      const over = sign('sha256', FILE, promised.keys.privateKey);
      const entry = logged(SIGSTORE.rekor, hashedRekord1(FILE, over, promised.pem));
      return bundleOf({ content: message(FILE, over), certificate: promised, entries: [entry] });
    };
    expect(await verdict(logged1(own), root)).toBe('proved');
    expect(await verdict(logged1(other), root)).toBe('CERTIFICATE_NOT_LOGGED');
  });
});
