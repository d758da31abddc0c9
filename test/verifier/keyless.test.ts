import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact, ArtifactLayer } from '../../src/cli/demo/artifacts.ts';
import { attach, publishImage, publishLayers } from '../../src/cli/demo/publish.ts';
import { bundleReferrer, createSigner, signStatement } from '../../src/cli/demo/signer.ts';
import type { Leaf, ProofRule, SignerRule, SigstoreRef } from '../../src/model/requirement.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { dns, email, leafExtensions, NOON, newKeys, otherName, uri } from '../fixtures/certificates.ts';
import { keyLeaf, policyOf } from '../fixtures/keys.ts';
import { createSigstore, issueLeaf, MINUTE, type Sigstore, trustedRootJson } from '../fixtures/sigstore/instance.ts';
import { type Form, type Signing, signImage } from '../fixtures/sigstore/signatures.ts';
import { startWorld, type World } from '../fixtures/world.ts';
import { certifiedPolicy, codeAt, fulcioProof, fulcioSubject, pkiProof, publicPem } from '../signatures/certified.ts';
import { REPOSITORY } from '../signatures/fixture.ts';

const sigstore = createSigstore(NOON);
const other = createSigstore(NOON);
/** Long after every certificate has expired. */
const LATER = NOON + 30 * 24 * 60 * MINUTE;
const FORMS = ['layer', 'bundle', 'tiles'] as const satisfies readonly Form[];

let world: World;
let image: Artifact;
beforeEach(async () => {
  world = await startWorld();
  image = publishImage(world.server, REPOSITORY, 'keyless');
});
afterEach(() => world.close());

/** Publishes a keyless signature beside the image. */
function sign(form: Form, signing: Signing = {}, of: Sigstore = sigstore, target: Artifact = image): void {
  const made = signImage(of, form, { digest: target.digest, repository: `registry.example/${REPOSITORY}` }, signing);
  if (form === 'layer') publishLayers(world.server, REPOSITORY, image, [made as ArtifactLayer]);
  else attach(world.server, REPOSITORY, bundleReferrer(image, Buffer.from(JSON.stringify(made)), null));
}

const rootOf = (of: Sigstore): SigstoreRef => ({
  kind: 'trustedRoot',
  document: { kind: 'inline', text: JSON.stringify(trustedRootJson(of)) },
});

type Sigstored = Extract<ProofRule, { kind: 'sigstore' }>;

const KEYLESS: Sigstored = {
  kind: 'sigstore',
  root: rootOf(sigstore),
  signer: 'certificate',
  transparency: { threshold: 1 },
  time: { threshold: 1, by: 'anyone' },
  certificateTransparency: { threshold: 1 },
};

const ann = (subject = 'ann@example.com', issuer = 'https://issuer.example'): SignerRule => ({
  kind: 'identities',
  anyOf: [
    { issuer: { kind: 'exact', text: issuer }, subject: { of: 'anyName', text: { kind: 'exact', text: subject } } },
  ],
});

function policy(changes: Partial<Sigstored> = {}, leaf: Partial<Leaf> = {}): Policy {
  return policyOf({
    kind: 'some',
    leaf: { ...keyLeaf([createSigner()]), proof: { ...KEYLESS, ...changes }, signer: ann(), ...leaf },
  });
}

/** `verified` or the code, long after the certificate expired. */
const say = (by: Policy = policy()) => codeAt(world, image, by, LATER);

describe.each(FORMS)('a keyless signature in form of a %s', (form) => {
  it('of the right issuer and subject admits, long after the certificate expired [peers 7]', async () => {
    sign(form);
    expect(await say()).toBe('verified');
  });

  it('of another issuer or subject is refused [peers 8]', async () => {
    sign(form);
    expect(await say(policy({}, { signer: ann('bob@example.com') }))).toBe('IDENTITY_MISMATCH');
    expect(await say(policy({}, { signer: ann('ann@example.com', 'https://evil.example') }))).toBe('IDENTITY_MISMATCH');
    expect(await say(policy({}, { signer: ann('ann@example.co') }))).toBe('IDENTITY_MISMATCH');
  });

  it('is refused under a policy that names nobody, whatever it proves', async () => {
    sign(form);
    expect(await say(policy({}, { signer: 'any' }))).toBe('POLICY_BROKEN');
  });

  it('of another image is refused, even one of the same repository', async () => {
    const foreign = publishImage(world.server, REPOSITORY, 'foreign', 'v2');
    sign(form, {}, sigstore, foreign);
    expect(await say()).toBe('PAYLOAD_DIGEST_MISMATCH');
  });

  it('by the certificates of another instance is refused, and by one whose time is another’s too', async () => {
    sign(form, {}, other);
    expect(await say()).toMatch(/LOG_ENTRY_MISSING|CERTIFICATE_UNTRUSTED|TIME/);
  });

  it('of a certificate that no certificate log promised is refused', async () => {
    sign(form, { leaf: issueLeaf(sigstore, { promised: 'nothing' }) });
    expect(await say()).toBe('CERTIFICATE_NOT_LOGGED');
    expect(await say(policy({ certificateTransparency: 'none' }))).toBe('verified');
  });

  it('that was made with another key than the certificate’s is refused', async () => {
    sign(form, { signer: createSigstore(NOON).rekor.keys });
    expect(await say()).toMatch(/SIGNATURE_(MISMATCH|CORRUPT)/);
  });

  it('made after the certificate expired, as the log or the timestamp says, is refused', async () => {
    const leaf = issueLeaf(sigstore, { notBefore: NOON - 60 * MINUTE, notAfter: NOON - 50 * MINUTE });
    sign(form, { leaf });
    expect(await say()).toBe('CERTIFICATE_EXPIRED');
  });

  it.each([
    ['an address', email('ann@example.com'), 'email', 'ann@example.com'],
    ['a URI', uri('https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main'), 'uri', undefined],
    ['a host', dns('build.example.com'), 'dns', 'build.example.com'],
    ['a user name', otherName('ann'), 'otherName', 'ann'],
  ] as const)('is Ann’s by %s, and by that kind of name alone', async (_what, name, kind, text) => {
    sign(form, { leaf: issueLeaf(sigstore, { extensions: leafExtensions([name]) }) });
    const wanted = text ?? 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
    const by = (of: 'email' | 'uri' | 'dns' | 'otherName') =>
      policy(
        {},
        {
          signer: {
            kind: 'identities',
            anyOf: [{ issuer: 'any', subject: { of, text: { kind: 'exact', text: wanted } } }],
          },
        },
      );
    for (const of of ['email', 'uri', 'dns', 'otherName'] as const)
      expect(await say(by(of))).toBe(of === kind ? 'verified' : 'IDENTITY_MISMATCH');
  });

  it('matches by patterns, which hold for the whole text [peers 9]', async () => {
    sign(form);
    const by = (pattern: string, anchored = true) =>
      policy(
        {},
        {
          signer: {
            kind: 'identities',
            anyOf: [
              {
                issuer: { kind: 'pattern', pattern: String.raw`https://issuer\..+`, anchored: true },
                subject: { of: 'anyName', text: { kind: 'pattern', pattern, anchored } },
              },
            ],
          },
        },
      );
    expect(await say(by(String.raw`.*@example\.com`))).toBe('verified');
    expect(await say(by('example'))).toBe('IDENTITY_MISMATCH');
    expect(await say(by('example', false))).toBe('verified');
    expect(await say(by('('))).toBe('POLICY_BROKEN');
  });

  it('is asked of as many witnesses and logs as the policy says', async () => {
    sign(form);
    expect(await say(policy({ transparency: { threshold: 2 } }))).toBe('LOG_ENTRY_MISSING');
    expect(await say(policy({ time: { threshold: 2, by: 'anyone' } }))).toBe('TIME_UNPROVEN');
    expect(await say(policy({ certificateTransparency: { threshold: 2 } }))).toBe('CERTIFICATE_NOT_LOGGED');
    const by = form === 'tiles' ? 'logs' : 'authorities';
    expect(await say(policy({ time: { threshold: 1, by } }))).toBe('TIME_UNPROVEN');
  });

  it.each([
    ['no log', { transparency: { threshold: 0 } }],
    ['no time', { time: 'none' }],
    ['half a witness', { time: { threshold: 0.5, by: 'anyone' } }],
    ['a negative number of certificate logs', { certificateTransparency: { threshold: -1 } }],
  ] as const)('is not judged by a policy that is content with %s', async (_what, change) => {
    sign(form);
    expect(await say(policy(change))).toBe('POLICY_BROKEN');
  });

  it('is not judged where the root cannot be had', async () => {
    sign(form);
    const gone = { kind: 'trustedRoot', document: { kind: 'unavailable', why: 'the file is gone' } } as const;
    expect(await say(policy({ root: gone }))).toBe('TRUST_MATERIAL_UNAVAILABLE');
  });

  it('counts beside one that is forged', async () => {
    const forged: Signing = { signature: (made) => Buffer.from(made.toReversed()) };
    if (form === 'layer') publishLayers(world.server, REPOSITORY, image, [layer(forged), layer({})]);
    else for (const signing of [forged, {}]) sign(form, signing);
    expect(await say()).toBe('verified');
  });
});

/** A layer for the image; several stand in one manifest. */
function layer(signing: Signing): ArtifactLayer {
  const target = { digest: image.digest, repository: `registry.example/${REPOSITORY}` };
  return signImage(sigstore, 'layer', target, signing) as ArtifactLayer;
}

describe('a log entry of a kind that cosign no longer writes', () => {
  it('is refused by name, and vouches for nothing', async () => {
    sign('layer', { entries: [{ body: (body) => ({ ...body, kind: 'rekord' }) }] });
    expect(await say()).toBe('LOG_ENTRY_UNSUPPORTED');
  });
});

describe('an attestation', () => {
  it('by the right signer is no signature of the image [GHSA-w6c6-c85g-mmv6]', async () => {
    sign('bundle', { claims: signStatement(image.digest, 'https://slsa.dev/provenance/v1') });
    expect(await say()).toBe('UNSIGNED');
  });
});

describe('a signature by a timestamp authority’s time alone', () => {
  const timed = policy({ transparency: 'none', time: { threshold: 1, by: 'authorities' } });

  it.each(FORMS)('admits without a log where the policy asks for none (%s)', async (form) => {
    sign(form, { entries: [], timestamps: [{}] });
    expect(await say(timed)).toBe('verified');
    expect(await say()).toBe('LOG_ENTRY_MISSING');
  });

  it.each(FORMS)('is refused without a timestamp, or with one over something else (%s)', async (form) => {
    sign(form, { entries: [], timestamps: [] });
    expect(await say(timed)).toBe('TIME_UNPROVEN');
    await world.close();
    world = await startWorld();
    image = publishImage(world.server, REPOSITORY, 'keyless');
    sign(form, { entries: [], timestamps: [{ over: Buffer.from('something else') }] });
    expect(await say(timed)).toBe('TIMESTAMP_INVALID');
  });
});

describe('a key whose signatures a timestamp authority witnessed [peers 10]', () => {
  const keys = newKeys();
  const timed = policy(
    {
      root: rootOf(sigstore),
      signer: { keys: [{ kind: 'inline', text: publicPem(keys.publicKey) }], hash: 'usual' },
      transparency: 'none',
      time: { threshold: 1, by: 'authorities' },
      certificateTransparency: 'none',
    },
    { signer: 'any' },
  );

  it('admits with the timestamp and is refused without: a missing one never passes', async () => {
    sign('layer', { signer: keys, entries: [], timestamps: [{}] });
    expect(await say(timed)).toBe('verified');
    sign('layer', { signer: keys, entries: [], timestamps: [] });
    expect(await say(timed)).toBe('TIME_UNPROVEN');
  });

  it('is refused with the timestamp of an authority that is not trusted', async () => {
    sign('layer', { signer: keys, entries: [], timestamps: [{ authority: other.tsa }] });
    expect(await say(timed)).toBe('TIMESTAMP_INVALID');
  });
});

describe('a bundle under OpenShift’s language', () => {
  const fulcio = certifiedPolicy(
    fulcioProof([sigstore.intermediate.pem], [publicPem(sigstore.rekor.keys.publicKey)]),
    fulcioSubject(),
  );

  it('counts by Fulcio and Rekor as a layer does, its log known by its key alone', async () => {
    sign('bundle');
    expect(await say(fulcio)).toBe('verified');
    expect(
      await say(
        certifiedPolicy(fulcioProof([sigstore.root.pem], [publicPem(other.rekor.keys.publicKey)]), fulcioSubject()),
      ),
    ).toBe('LOG_ENTRY_MISSING');
  });

  it('of a log that tells no time is refused, as nothing in that language could vouch for it', async () => {
    sign('tiles');
    expect(await say(fulcio)).toMatch(/LOG_ENTRY_MISSING|TIME_UNPROVEN/);
  });

  it('counts by a long-lived certificate while that is valid, and no longer', async () => {
    const leaf = issueLeaf(sigstore, { notBefore: NOON - MINUTE, notAfter: NOON + MINUTE, promised: 'nothing' });
    sign('bundle', { leaf, entries: [] });
    const pki = certifiedPolicy(pkiProof(sigstore.root.pem, sigstore.intermediate.pem), {
      kind: 'subject',
      email: { kind: 'exact', text: 'ann@example.com' },
      hostname: 'any',
    });
    expect(await codeAt(world, image, pki, NOON)).toBe('verified');
    expect(await say(pki)).toBe('CERTIFICATE_EXPIRED');
    const foreign = certifiedPolicy(pkiProof(other.root.pem, other.intermediate.pem), fulcioSubject());
    expect(await codeAt(world, image, foreign, NOON)).toBe('CERTIFICATE_UNTRUSTED');
  });
});

describe('two signers', () => {
  const leaf = (name: string): Leaf => ({
    ...keyLeaf([createSigner()]),
    name,
    proof: KEYLESS,
    signer: ann(),
  });
  const two = policyOf({ kind: 'quorum', k: 2, of: [leaf('one'), leaf('another')] });

  it('are not one who signed twice, in a layer and in a bundle', async () => {
    sign('layer');
    sign('bundle');
    expect(await say(two)).not.toBe('verified');
  });
});
