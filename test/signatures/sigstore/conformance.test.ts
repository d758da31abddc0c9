import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleFromJSON } from '@sigstore/bundle';
import { describe, expect, it } from 'vitest';
import { exactIdentity } from '../../../src/conditions/identities.ts';
import { matchSigner } from '../../../src/conditions/signers.ts';
import { type Digest, digestOf, parseDigest } from '../../../src/image/digest.ts';
import { readBundle } from '../../../src/signatures/sigstore/bundle.ts';
import type { SignedArtifact } from '../../../src/signatures/sigstore/content.ts';
import { verifyBundle } from '../../../src/signatures/sigstore/verify-bundle.ts';
import { publicGoodRoot } from '../../../src/trust/sigstore/public-good.ts';
import { parseTrustedRoot } from '../../../src/trust/sigstore/trusted-root.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { type ConformanceCase, conformanceCases, REFUSED_AS } from './conformance.ts';
import { KEYLESS, signingKey, valueOf } from './fixture.ts';
import { libraryAccepts } from './library-alone.ts';

/** The code of the refusal, or `verified`. */
async function verdictOn(of: ConformanceCase, artifact: SignedArtifact): Promise<string> {
  const root = parseTrustedRoot(readFileSync(of.trustedRoot));
  if (!root.ok) return root.failure.code;
  const key = of.key === undefined ? undefined : signingKey(readFileSync(of.key, 'utf8'));
  if (key?.ok === false) return key.failure.code;
  const rule = key === undefined ? KEYLESS : { ...KEYLESS, signer: key.value, time: 'none' as const };
  const proof = await verifyBundle(readFileSync(of.bundle), artifact, root.value, rule, Date.now());
  if (proof.kind === 'refused') return proof.code;
  const { issuer, subject } = of.identity;
  const match = matchSigner(key === undefined ? exactIdentity(issuer, subject) : 'any', proof.signer.identity);
  return match.kind === 'accepted' ? 'verified' : match.code;
}

describeVectors('.', 'sigstore-conformance, bundle-verify', (vectors) => {
  const cases = conformanceCases(vectors);

  it('has its 70 cases, 21 of which hold', () => {
    expect(cases).toHaveLength(70);
    expect(cases.filter(({ holds }) => holds)).toHaveLength(21);
  });

  describe('given the file', () => {
    for (const one of cases) {
      it(one.name, async () => {
        const verdict = await verdictOn(one, { kind: 'bytes', bytes: readFileSync(one.artifact) });
        expect(verdict).toBe(one.holds ? 'verified' : REFUSED_AS[one.name]);
      });
    }
  });

  describe('given the digest alone', () => {
    for (const one of cases) {
      it(one.name, async () => {
        const verdict = await verdictOn(one, { kind: 'digest', digest: digestOf(readFileSync(one.artifact)) });
        const isEnvelope = readFileSync(one.bundle, 'utf8').includes('"dsseEnvelope"');
        // A signature over bytes cannot be verified with their digest alone: node:crypto has no such operation.
        if (one.holds) expect(verdict).toBe(isEnvelope ? 'verified' : 'ARTIFACT_REQUIRED');
        else expect(verdict).not.toBe('verified');
      });
    }
  });

  it('are read alike by the library, wherever they are read here', () => {
    for (const { bundle, name } of cases) {
      const read = readBundle(readFileSync(bundle));
      if (read.kind === 'refused') continue;
      const theirs = bundleFromJSON(JSON.parse(readFileSync(bundle, 'utf8')));
      expect(
        theirs.verificationMaterial.tlogEntries.map(({ canonicalizedBody }) => canonicalizedBody.toString('hex')),
        name,
      ).toEqual(read.value.entries.map(({ body }) => Buffer.from(body).toString('hex')));
      const { content } = theirs;
      const signature =
        content.$case === 'messageSignature'
          ? content.messageSignature.signature
          : content.dsseEnvelope.signatures[0]?.sig;
      expect(signature?.toString('hex'), name).toBe(Buffer.from(read.value.content.signature).toString('hex'));
    }
  });

  it('are accepted by the library alone, wherever they are accepted here', async () => {
    for (const one of cases.filter(({ key }) => key === undefined)) {
      const root = parseTrustedRoot(readFileSync(one.trustedRoot));
      if (!root.ok) continue;
      const bytes = readFileSync(one.artifact);
      const proof = await verifyBundle(
        readFileSync(one.bundle),
        { kind: 'bytes', bytes },
        root.value,
        KEYLESS,
        Date.now(),
      );
      if (proof.kind === 'proved')
        expect(libraryAccepts(readFileSync(one.bundle), bytes, root.value), one.name).toBe(true);
    }
  });

  it('say why they are refused, and never that their reader stumbled', async () => {
    for (const one of cases.filter(({ holds }) => !holds)) {
      const root = parseTrustedRoot(readFileSync(one.trustedRoot));
      if (!root.ok || one.key !== undefined) continue;
      const artifact = { kind: 'bytes' as const, bytes: readFileSync(one.artifact) };
      const proof = await verifyBundle(readFileSync(one.bundle), artifact, root.value, KEYLESS, Date.now());
      if (proof.kind === 'refused') expect(proof.message, one.name).not.toContain('something that cannot be read');
    }
  });

  it('hold with the shipped root as with the one they bring for the public-good instance', () => {
    const theirs = valueOf(parseTrustedRoot(readFileSync(join(vectors, 'sigstore-root/trusted_root.json'))));
    expect(valueOf(publicGoodRoot()).hash).toBe(theirs.hash);
  });
});

describeVectors('cosign/oci-attestation.sigstore.json', "cosign's attestation of an image", (path) => {
  const bundle = readFileSync(path);
  const digest = subjectOf(bundle);
  const identity = { issuer: 'https://github.com/login/oauth', subject: 'cody@soyland.com' };
  const root = () => valueOf(parseTrustedRoot(readFileSync(join(path, '../trusted_root_pgi.json'))));

  it('is verified for the image it is about, by its digest', async () => {
    const proof = await verifyBundle(bundle, { kind: 'digest', digest }, root(), KEYLESS, Date.now());
    if (proof.kind === 'refused') expect.fail(proof.message);
    expect(proof.claims.digest).toBe(digest);
    expect(proof.log).toHaveLength(1);
    expect(proof.times).toHaveLength(1);
    expect(matchSigner(exactIdentity(identity.issuer, identity.subject), proof.signer.identity)).toEqual({
      kind: 'accepted',
    });
  });

  it('is refused for another image', async () => {
    const other = digestOf(Buffer.from('another image'));
    const proof = await verifyBundle(bundle, { kind: 'digest', digest: other }, root(), KEYLESS, Date.now());
    expect(proof).toMatchObject({ kind: 'refused', code: 'PAYLOAD_DIGEST_MISMATCH' });
  });

  function subjectOf(bytes: Buffer): Digest {
    const { dsseEnvelope } = JSON.parse(bytes.toString());
    const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
    return valueOf(parseDigest(`sha256:${statement.subject[0].digest.sha256}`));
  }
});
