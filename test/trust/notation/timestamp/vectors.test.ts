import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readEnvelope } from '../../../../src/signatures/notation/envelope.ts';
import {
  attributesProblem,
  signatureProblem,
  signingTimeProblem,
} from '../../../../src/trust/notation/timestamp/signer.ts';
import { signingCertificate } from '../../../../src/trust/notation/timestamp/signing-certificate.ts';
import { validityProblem } from '../../../../src/trust/notation/timestamp/time-window.ts';
import { readTimestampToken, type TimestampToken } from '../../../../src/trust/notation/timestamp/token.ts';
import { verifyTimestamp } from '../../../../src/trust/notation/timestamp/verify.ts';
import { type Certificate, parseCertificate, parseCertificates } from '../../../../src/trust/x509/certificate.ts';
import { createVerifiedEdges } from '../../../../src/trust/x509/chain.ts';
import { readSequence } from '../../../../src/trust/x509/der.ts';
import { describeVectors } from '../../../fixtures/vectors.ts';
import { ask, read, verified } from './ask.ts';

/** A certificate in PEM or DER. */
function certificateIn(path: string): Certificate {
  const bytes = readFileSync(path);
  const text = bytes.toString('latin1');
  const pem = text.includes('-----BEGIN') ? parseCertificates(text, { junk: 'ignored', maximum: 1 }) : undefined;
  const one = pem === undefined ? parseCertificate(bytes) : pem.ok ? { ok: true as const, value: pem.value[0] } : pem;
  if (!one.ok) return expect.fail(one.message);
  return one.value;
}

/** What GlobalSign's token of 2021 says, which has an accuracy of a second. */
const GOOD = '2021-09-17T14:09:09.000Z – 2021-09-17T14:09:11.000Z';
const OVER_SOMETHING_ELSE = 'is over something else than the signature';
const DOES_NOT_VERIFY = 'does not verify with the certificate of its signer';
const NO_CERTIFICATE = "does not hold its signer's certificate";
const UNREADABLE_ID = 'says by which certificate it is signed in a way that cannot be read';
const NO_ID = 'does not say by which certificate it is signed';
const NO_MESSAGE = 'is no signed CMS message';
const ELSE = 'is a CMS message about something else';

/** The same outcome as tspclient-go 1.0.0 gives under the same root, file by file. */
const TSPCLIENT: Readonly<Record<string, string>> = {
  'SHA1TimeStampToken.p7s': 'is over a hash that is not accepted, of the algorithm 1.2.840.113549.1.1.5',
  'TimeStampToken.p7s': GOOD,
  'TimeStampTokenNoRoot.p7s': OVER_SOMETHING_ELSE,
  'TimeStampTokenWithInvalidSignature.p7s': DOES_NOT_VERIFY,
  'TimeStampTokenWithInvalidSigningCertificateV1.p7s': OVER_SOMETHING_ELSE,
  'TimeStampTokenWithInvalidSigningCertificateV2.p7s': UNREADABLE_ID,
  'TimeStampTokenWithInvalidTSTInfo.p7s': 'names a time that cannot be read',
  'TimeStampTokenWithInvalideContentType.p7s': ELSE,
  'TimeStampTokenWithMismatchCertHash.p7s': 'is signed by another certificate than it says',
  'TimeStampTokenWithSHA1CertHash.p7s':
    'names its certificate by a hash that is not accepted, of the algorithm 1.3.14.3.2.26',
  'TimeStampTokenWithSigningCertificateV1.p7s': OVER_SOMETHING_ELSE,
  'TimeStampTokenWithSigningCertificateV1NoCert.p7s': OVER_SOMETHING_ELSE,
  'TimeStampTokenWithSigningCertificateV2NoCert.p7s': UNREADABLE_ID,
  'TimeStampTokenWithTSTInfoVersion2.p7s': 'is not of version 1',
  'TimeStampTokenWithValidAndInvalidSignerInfos.p7s': GOOD,
  'TimeStampTokenWithWrongSigningCertificateV2IssuerChoiceTag.p7s': UNREADABLE_ID,
  'TimeStampTokenWithoutCertificate.p7s': NO_CERTIFICATE,
  'TimeStampTokenWithoutSigningCertificate.p7s': NO_ID,
  'TimeStampTokenWithoutSigningCertificateV2IssuerSerial.p7s': DOES_NOT_VERIFY,
  'granted.tsq': NO_MESSAGE,
  'malformed.tsq': 'is no BER that can be read',
  'rejection.tsq': NO_MESSAGE,
  'validResponseWithSigningCertificateV1.tsr': NO_MESSAGE,
};

const CMS: Readonly<Record<string, string>> = {
  'Sha1SignedData.p7s': 'has no content that can be read',
  'SignedDataWithoutSignedAttributes.p7s': ELSE,
  'TimeStampToken.p7s': GOOD,
  'TimeStampTokenInvalidSignedAttributeContentType.p7s': 'is signed as something else',
  'TimeStampTokenWithAnInvalidAndAValidSignerInfo.p7s': GOOD,
  'TimeStampTokenWithInvalidCertificates.p7s':
    'has a certificate that cannot be used: the certificate is malformed: it is not of version 3',
  'TimeStampTokenWithInvalidContentType.p7s': ELSE,
  'TimeStampTokenWithInvalidSignature.p7s': DOES_NOT_VERIFY,
  'TimeStampTokenWithInvalidSigningTime.p7s': 'has a signature that cannot be read',
  'TimeStampTokenWithSignedAttributeSHA1.p7s': 'has a digest that is not accepted, of the algorithm 1.3.14.3.2.26',
  'TimeStampTokenWithSignerVersion2.p7s': 'has a signature of another version than 1',
  'TimeStampTokenWithSigningTime.p7s': DOES_NOT_VERIFY,
  'TimeStampTokenWithSigningTimeBeforeExpected.p7s': DOES_NOT_VERIFY,
  // tspclient-go's CMS layer refuses it, and the layer above, which asks the signed attribute alone, does not.
  'TimeStampTokenWithUnknownSignerIssuer.p7s': NO_CERTIFICATE,
  'TimeStampTokenWithoutCertificate.p7s': NO_CERTIFICATE,
  'TimeStampTokenWithoutSignedAttributeContentType.p7s': 'is signed as something else',
  'TimeStampTokenWithoutSignedAttributeDigest.p7s': 'is signed with another content',
  'TimeStampTokenWithoutSignedAttributes.p7s': NO_ID,
  'TimeStampTokenWithoutSigner.p7s': 'is signed by nobody',
};

describeVectors('tspclient-go', 'timestamp tokens of tspclient-go [notation-ratify 84, 86, 87, 88]', (folder) => {
  for (const [path, outcomes] of [
    ['testdata', TSPCLIENT],
    ['internal/cms/testdata', CMS],
  ] as const) {
    const file = (name: string): Buffer => readFileSync(join(folder, path, name));
    const roots = (): readonly Certificate[] => [certificateIn(join(folder, path, 'GlobalSignRootCA.crt'))];

    it(`are all in the table: ${path}`, () => {
      const names = readdirSync(join(folder, path)).filter((name) => name !== 'GlobalSignRootCA.crt');
      expect(names.toSorted()).toEqual(Object.keys(outcomes).toSorted());
    });

    it.each(Object.entries(outcomes))(`${path}/%s`, async (name, outcome) => {
      expect(await ask(file(name), { roots: roots() })).toBe(outcome);
    });
  }

  const inTestdata = (name: string): Buffer => readFileSync(join(folder, 'testdata', name));
  const inCms = (name: string): TimestampToken => read(readFileSync(join(folder, 'internal/cms/testdata', name)));

  it('those over another message fail for what their names say when that is left aside', async () => {
    const anyMessage = (name: string): TimestampToken => {
      const token = read(inTestdata(name));
      const digest = createHash(token.info.imprint.hash).update('notation').digest();
      return { ...token, info: { ...token.info, imprint: { ...token.info.imprint, digest } } };
    };
    const judge = async (name: string, roots: readonly Certificate[]): Promise<string> => {
      const result = await verifyTimestamp(anyMessage(name), Buffer.from('notation'), roots, createVerifiedEdges());
      return result.ok ? 'verified' : result.message;
    };
    for (const name of [
      'WithSigningCertificateV1',
      'WithInvalidSigningCertificateV1',
      'WithSigningCertificateV1NoCert',
    ]) {
      // Free TSA's token brings its root: nothing but the kind of the attribute stands against it.
      const { certificates } = anyMessage(`TimeStampToken${name}.p7s`);
      expect(await judge(`TimeStampToken${name}.p7s`, certificates.slice(-1))).toContain(NO_ID);
    }
    const { certificates, signers, ...message } = anyMessage('TimeStampTokenNoRoot.p7s');
    const [signer] = signers;
    const leaf = signingCertificate(signer, certificates);
    if (!leaf.ok) return expect.fail(leaf.message);
    expect(await signatureProblem(signer, message, leaf.value)).toBeUndefined();
    const elsewhere = [certificateIn(join(folder, 'testdata/GlobalSignRootCA.crt'))];
    expect(await judge('TimeStampTokenNoRoot.p7s', elsewhere)).toContain('does not lead to an authority');
    // The token's own authority as root: it did not sign itself, so notation's profile has it not.
    expect(await judge('TimeStampTokenNoRoot.p7s', certificates)).toContain('does not end in a root');
  });

  it('signed attributes come to what their files are named for, whatever the signature over them does', () => {
    const of = (name: string): string | undefined => {
      const { signers, certificates, ...message } = inCms(name);
      return attributesProblem(signers[0], message) ?? signingTimeProblem(signers[0], certificates);
    };
    expect(of('TimeStampToken.p7s')).toBeUndefined();
    expect(of('TimeStampTokenWithSigningTime.p7s')).toBeUndefined();
    expect(of('TimeStampTokenWithSigningTimeBeforeExpected.p7s')).toContain('was not valid');
    expect(of('TimeStampTokenWithoutSignedAttributeContentType.p7s')).toBe('is signed as something else');
    expect(of('TimeStampTokenInvalidSignedAttributeContentType.p7s')).toBe('is signed as something else');
    expect(of('TimeStampTokenWithoutSignedAttributeDigest.p7s')).toBe('is signed with another content');
    expect(of('TimeStampTokenWithSignedAttributeSHA1.p7s')).toContain('a digest that is not accepted');
    expect(of('TimeStampTokenWithoutSignedAttributes.p7s')).toBe('has no signed attributes');
  });

  it('the token in a response that was granted is one, and the response is none', async () => {
    const [, token] = readSequence(inTestdata('granted.tsq')) ?? [];
    const roots = [certificateIn(join(folder, 'testdata/GlobalSignRootCA.crt'))];
    const nextDay = '2021-09-18T11:54:33.000Z – 2021-09-18T11:54:35.000Z';
    expect(await ask(token?.bytes ?? Buffer.alloc(0), { roots })).toBe(nextDay);
  });
});

describeVectors('notation-go/verifier/testdata', "timestamps of notation's own tests", (folder) => {
  const store = (name: string, file: string): readonly Certificate[] => [
    certificateIn(join(folder, 'truststore/x509/tsa', name, file)),
  ];
  const globalSign = (): readonly Certificate[] => store('test-timestamp', 'globalsignRoot.cer');

  /** What stands against the time of an envelope: of the timestamp itself, or of the signer's chain in its window. */
  async function timeOf(name: string, kind: 'jws' | 'cose', roots = globalSign()): Promise<string> {
    const envelope = readEnvelope(kind, readFileSync(join(folder, 'timestamp/sigEnv', name)));
    if (envelope.kind === 'refused') return expect.fail(envelope.message);
    const { timestampToken, signature, chain } = envelope.value;
    if (timestampToken === undefined) return 'no timestamp';
    const result = await verified(timestampToken, { roots, message: signature });
    if (!result.ok) return result.message;
    return validityProblem(result.value.window, chain)?.code ?? 'good';
  }

  it.each([
    ['jwsWithTimestamp.sig', 'jws', 'good'],
    ['coseWithTimestamp.sig', 'cose', 'good'],
    ['jwsExpiredWithTimestamp.sig', 'jws', 'good'],
    ['coseExpiredWithTimestamp.sig', 'cose', 'good'],
    ['timestampAfterNotAfter.sig', 'cose', 'CERTIFICATE_EXPIRED'],
    ['timestampBeforeNotBefore.sig', 'jws', 'CERTIFICATE_NOT_YET_VALID'],
    ['withoutTimestamp.sig', 'jws', 'no timestamp'],
  ] as const)('%s [notation-ratify 79, 80, 81, 82]', async (name, kind, outcome) => {
    expect(await timeOf(name, kind)).toBe(outcome);
  });

  it('every envelope is in the table', () => {
    expect(readdirSync(join(folder, 'timestamp/sigEnv'))).toHaveLength(7);
  });

  it('the shorter way ends in a root that another one signed as well, and the longer one in that', async () => {
    const token = readFileSync(join(folder, 'timestamp/countersignature/TimeStampToken.p7s'));
    const lengthUnder = async (roots: readonly Certificate[]): Promise<number | string> => {
      const result = await verified(token, { roots });
      return result.ok ? result.value.chain.certificates.length : result.message;
    };
    const { certificates } = read(token);
    expect(await lengthUnder(globalSign())).toBe(3);
    expect(await lengthUnder(certificates.slice(-1))).toBe(4);
    // The same key under the other's signature is no root, for it did not sign itself.
    expect(await lengthUnder(certificates.slice(2, 3))).toContain('does not end in a root');
  });

  it('no timestamp holds under the root of another authority, or under none [notation-ratify 84]', async () => {
    const digiCert = store('test-mismatch', 'DigiCertTSARootSHA384.cer');
    expect(await timeOf('jwsWithTimestamp.sig', 'jws', digiCert)).toContain('does not lead to an authority');
    expect(await timeOf('coseWithTimestamp.sig', 'cose', digiCert)).toContain('does not lead to an authority');
    expect(await timeOf('jwsWithTimestamp.sig', 'jws', [])).toContain('trusts nobody for timestamps');
  });

  it('no timestamp holds over the signature of another envelope [notation-ratify 83]', async () => {
    const read = readEnvelope('jws', readFileSync(join(folder, 'timestamp/sigEnv/jwsWithTimestamp.sig')));
    if (read.kind === 'refused') return expect.fail(read.message);
    const { timestampToken = Buffer.alloc(0), signature } = read.value;
    expect(await ask(timestampToken, { roots: globalSign(), message: signature.subarray(1) })).toBe(
      OVER_SOMETHING_ELSE,
    );
  });

  it.each([
    ['TimeStampToken.p7s', GOOD],
    ['TimeStampTokenWithInvalidTSTInfo.p7s', 'names a time that cannot be read'],
    ['TimeStampTokenWithInvalideContentType.p7s', ELSE],
    ['TimeStampTokenWithoutCertificate.p7s', NO_CERTIFICATE],
  ])('countersignature/%s', async (name, outcome) => {
    const bytes = readFileSync(join(folder, 'timestamp/countersignature', name));
    expect(await ask(bytes, { roots: globalSign() })).toBe(outcome);
    expect(readTimestampToken(bytes).ok).toBe(outcome === GOOD || outcome === NO_CERTIFICATE);
  });

  it('every countersignature is in the table', () => {
    expect(readdirSync(join(folder, 'timestamp/countersignature'))).toHaveLength(4);
  });
});

describeVectors('notation-core-go/internal/timestamp/testdata', "a timestamp of notation-core-go's tests", (folder) => {
  it('does not hold, since its signature does not, whoever is trusted', async () => {
    const bytes = readFileSync(join(folder, 'TimeStampTokenWithInvalidSignature.p7s'));
    const roots = [certificateIn(join(folder, 'tsaRootCert.cer')), ...read(bytes).certificates];
    expect(await ask(bytes, { roots })).toBe(DOES_NOT_VERIFY);
    expect(readdirSync(folder)).toHaveLength(2);
  });
});
