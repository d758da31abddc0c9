import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/image/digest.ts';
import { createOpenPgpSigner, MADE } from '../fixtures/openpgp/signer.ts';
import {
  type Answer,
  containersWorld,
  folderOf,
  signatureOf,
  signedBy,
  type World,
  type WorldSettings,
} from './containers-world.ts';

const DAY = 86_400_000;
const release = createOpenPgpSigner({ userId: 'Release <release@example.com>' });
const stranger = createOpenPgpSigner({ userId: 'Stranger <stranger@example.com>' });
const revoked = createOpenPgpSigner({ revoked: MADE + DAY });
const expired = createOpenPgpSigner({ expires: MADE + DAY });
const weak = createOpenPgpSigner({ kind: 'RSA-1024' });

type Case = {
  readonly what: string;
  /** What the policy's key is; that of the release if nothing is said. */
  readonly key?: string;
  readonly requirement?: WorldSettings['otherwise'];
  readonly registriesD?: WorldSettings['registriesD'];
  /** Prepares the image's signatures. */
  readonly given: (world: World, digest: Digest, name: string) => void;
  /** What follows `refused by policy.json "HOST": `; words in capitals stand for what they are in this run. */
  readonly says: string;
};

const html: Answer = (_, response) => {
  response.writeHead(200).end('<html>');
  return true;
};

const CASES: readonly Case[] = [
  {
    what: 'nobody signed it',
    given: () => undefined,
    says: 'unsigned. A signature was required, but no signature exists for DIGEST in REPOSITORY (looked at PLACE). Sign the image, or ask your platform team about the policy. [UNSIGNED]',
  },
  {
    what: 'a stranger did',
    given: ({ lay }, digest, name) => lay('shop/web', digest, signatureOf(stranger, digest, name)),
    says: 'untrusted. The signature is by OpenPGP key id STRANGER, and the policy has only the key RELEASE. Sign the image with the key that the policy names. [SIGNATURE_MISMATCH]',
  },
  {
    what: 'it is signed under another name',
    given: ({ lay }, digest) => lay('shop/web', digest, signatureOf(release, digest, 'vendor.example/web:v1')),
    says: 'untrusted. The signature is for "vendor.example/web:v1", and the policy wants NAME. Sign the image under the name that it is run by, or change the policy\'s signedIdentity. [NAME_MISMATCH]',
  },
  {
    what: 'the signature is another image’s',
    given: ({ lay }, digest, name) => lay('shop/web', digest, signatureOf(release, `sha256:${'1'.repeat(64)}`, name)),
    says: 'invalid. The signature names sha256:1111111111111111111111111111111111111111111111111111111111111111. Sign this image: the signature found names another digest. [PAYLOAD_DIGEST_MISMATCH]',
  },
  {
    what: 'its key has expired',
    key: expired.publicKeyArmored,
    given: ({ lay }, digest, name) => lay('shop/web', digest, signatureOf(expired, digest, name)),
    says: 'invalid. OpenPGP key EXPIRED expired at 2025-01-01T23:59:59.999Z. Extend the OpenPGP key or sign with another, and give the policy the new keyring. [KEY_EXPIRED]',
  },
  {
    what: 'its key was revoked',
    key: revoked.publicKeyArmored,
    given: ({ lay }, digest, name) => lay('shop/web', digest, signatureOf(revoked, digest, name)),
    says: 'invalid. OpenPGP key REVOKED: it was revoked. Sign the image with another OpenPGP key: this one was revoked. [KEY_REVOKED]',
  },
  {
    what: 'its key is weak',
    key: weak.publicKeyArmored,
    given: ({ lay }, digest, name) => lay('shop/web', digest, signatureOf(weak, digest, name)),
    says: 'invalid. OpenPGP key WEAK: it is an RSA key of 1024 bits. Sign with SHA-256 or better and a key that is not DSA nor RSA below 2048 bits, or accept weak algorithms in the configuration. [ALGORITHM_WEAK]',
  },
  {
    what: 'the policy says no',
    requirement: [{ type: 'reject' }],
    given: () => undefined,
    says: 'rejected. Running image docker://NAME is rejected by policy. Use another image: this policy refuses it whoever signed it. [REJECTED_BY_POLICY]',
  },
  {
    what: 'the policy names a key that is not there',
    requirement: [signedBy('gone.asc')],
    given: () => undefined,
    says: 'error. The file "gone.asc" cannot be used: it cannot be read (ENOENT). Ask your platform team to mend the key or certificate that the policy names. [TRUST_MATERIAL_UNAVAILABLE]',
  },
  {
    what: 'the policy names a key that is none',
    key: 'a shopping list',
    given: () => undefined,
    says: 'error. No public keys imported: it is no OpenPGP keyring. Ask your platform team to mend the key or certificate that the policy names. [TRUST_MATERIAL_UNAVAILABLE]',
  },
  {
    what: 'the lookaside answers with a page',
    given: ({ lookaside }) =>
      lookaside.misbehave((path, response, request) => path.endsWith('-1') && html(path, response, request)),
    says: 'error. PLACE/signature-1: it starts with the byte 0x3c, as no signature does. The registry answered with something that is not what was asked for. [RESPONSE_MALFORMED]',
  },
  {
    what: 'the lookaside is down',
    given: ({ lookaside }) =>
      lookaside.misbehave((_, response) => {
        response.writeHead(500).end();
        return true;
      }),
    says: 'error. REPOSITORY: PLACE/signature-1: LOOKASIDE answered 500. The registry answers with a server error: try again later. [REGISTRY_UNAVAILABLE]',
  },
  {
    what: 'the lookaside is no URL that is read',
    registriesD: { docker: { HOST: { lookaside: 'ftp://user:secret@signatures.example' } } },
    given: () => undefined,
    says: 'error. REPOSITORY: the lookaside ftp://…@signatures.example is no URL of file, http or https. Mend the lookaside URL in registries.d: it must be file, http or https. [LOOKASIDE_UNUSABLE]',
  },
];

describe('what a developer reads whose pod is refused', () => {
  it.each(CASES)('because $what', async ({ key = release.publicKeyArmored, requirement, registriesD, given, says }) => {
    const world = await containersWorld({
      keys: { 'release.asc': key },
      scopes: { HOST: requirement ?? [signedBy('release.asc')] },
      ...(registriesD === undefined ? {} : { registriesD }),
    });
    const name = world.at('shop/web:v1');
    const digest = world.push('shop/web');
    given(world, digest, name);
    const { message } = await world.run([name]);
    const head = `image "${name}" (spec.containers[0].image) refused by policy.json "${world.registry.host}": `;
    expect(message.startsWith(head), message).toBe(true);
    const said = message
      .slice(head.length)
      .replaceAll(`http://${world.lookaside.host}${folderOf('shop/web', digest)}`, 'PLACE')
      .replaceAll(name, 'NAME')
      .replaceAll(world.at('shop/web'), 'REPOSITORY')
      .replaceAll(world.lookaside.host, 'LOOKASIDE')
      .replaceAll(digest, 'DIGEST')
      .replaceAll(release.fingerprint.toUpperCase(), 'RELEASE')
      .replaceAll(revoked.fingerprint.toUpperCase(), 'REVOKED')
      .replaceAll(expired.fingerprint.toUpperCase(), 'EXPIRED')
      .replaceAll(weak.fingerprint.toUpperCase(), 'WEAK')
      .replaceAll(stranger.keyId, 'STRANGER');
    expect(said).toBe(says);
  });
});
