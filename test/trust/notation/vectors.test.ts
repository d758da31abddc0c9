import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { matchDistinguishedNames, parseDistinguishedName } from '../../../src/conditions/distinguished-names.ts';
import { readPem } from '../../../src/encoding/pem.ts';
import { readStoreFile, type TrustStoreType, trustedCertificate } from '../../../src/trust/notation/authenticity.ts';
import { readSubject } from '../../../src/trust/notation/distinguished-name.ts';
import { codeSigningChainProblem, timestampingChainProblem } from '../../../src/trust/notation/profile.ts';
import { type Certificate, parseCertificate } from '../../../src/trust/x509/certificate.ts';
import { createVerifiedEdges } from '../../../src/trust/x509/chain.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { load } from './chains.ts';

function certificateOf(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw new Error(certificate.message);
  return certificate.value;
}

/** The certificates of a file, in PEM or as one in DER. */
function chainIn(file: string): readonly Certificate[] {
  const bytes = readFileSync(file);
  if (!bytes.includes('-----BEGIN ')) return [certificateOf(bytes)];
  const blocks = readPem(bytes.toString('latin1'), { junk: 'ignored' });
  if (!blocks.ok) throw new Error(blocks.failure.message);
  return blocks.value.map(({ der }) => certificateOf(der));
}

/** The chain that a JWS envelope brings along. */
function chainOfEnvelope(file: string): readonly Certificate[] {
  const envelope: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const header =
    envelope !== null && typeof envelope === 'object' && 'header' in envelope ? envelope.header : undefined;
  const x5c = header !== null && typeof header === 'object' && 'x5c' in header ? header.x5c : undefined;
  if (!Array.isArray(x5c)) throw new Error(`${file} has no chain`);
  return x5c.map((item: unknown) => certificateOf(Buffer.from(String(item), 'base64')));
}

/** A trust store in notation's layout: all files of a folder. */
const filesOf = (folder: string) => readdirSync(folder).map((name) => readFileSync(join(folder, name)));

/** Those of a store that must load. */
const certificatesOf = (folder: string): readonly Certificate[] =>
  filesOf(folder).flatMap((bytes) => {
    const certificates = readStoreFile(bytes);
    if (!certificates.ok) throw new Error(certificates.message);
    return certificates.value;
  });

const code = async (problem: ReturnType<typeof codeSigningChainProblem>) => (await problem)?.code ?? 'fit';

describeVectors('notation-go/verifier/testdata/truststore/x509', 'the trust stores of notation-go', (stores) => {
  it.each<[TrustStoreType, string, number | string]>([
    ['ca', 'valid-trust-store', 6],
    ['ca', 'valid-trust-store-2', 2],
    ['ca', 'valid-trust-store-self-signed', 1],
    ['ca', 'trust-store-with-invalid-certs', 'CERTIFICATE_MALFORMED'],
    ['ca', 'trust-store-with-leaf-certs', 'unusable'],
    ['ca', 'trust-store-with-leaf-certs-in-single-file', 'unusable'],
    ['signingAuthority', 'valid-trust-store', 3],
    ['signingAuthority', 'valid-trust-store-2', 2],
    ['tsa', 'test-timestamp', 1],
    ['tsa', 'test-mismatch', 1],
    ['tsa', 'test-nonCA', 'unusable'],
    ['tsa', 'test-nonSelfIssued', 'unusable'],
  ])('%s:%s comes to %s [notation-ratify 54, 57]', async (type, name, expected) => {
    expect(await load(type, ...filesOf(join(stores, type, name)))).toBe(expected);
  });
});

describeVectors('notation-go', 'the chains of envelopes of notation-go', (folder) => {
  const stores = join(folder, 'verifier/testdata/truststore/x509');
  const mock = 'internal/mock/testdata';
  const timestamp = 'verifier/testdata/timestamp/sigEnv';
  const envelopes = [
    ...readdirSync(join(folder, mock)).map((name) => `${mock}/${name}`),
    ...['jwsWithTimestamp', 'jwsExpiredWithTimestamp', 'timestampBeforeNotBefore', 'withoutTimestamp'].map(
      (name) => `${timestamp}/${name}.sig`,
    ),
    'internal/testdata/jws_signature.sig',
  ];

  /** Their certificates stand in no store of the vectors. */
  const strangers = ['sig_env_with_metadata.json', 'jws_signature.sig', 'jwsExpiredWithTimestamp.sig'];

  it.each(envelopes)('%s brings a chain that stands by itself, trusted by stores of its scheme alone', async (file) => {
    const chain = chainOfEnvelope(join(folder, file));
    expect(await code(codeSigningChainProblem(chain, createVerifiedEdges()))).toBe('fit');

    const type = basename(file).startsWith('sa_') ? 'signingAuthority' : 'ca';
    const scheme = type === 'ca' ? 'notary.x509' : 'notary.x509.signingAuthority';
    const trust = (own: string, other: string) => {
      const certificates = certificatesOf(join(stores, type, own));
      const others = certificatesOf(join(stores, type === 'ca' ? 'signingAuthority' : 'ca', other));
      const [ca, signingAuthority] = type === 'ca' ? [certificates, others] : [others, certificates];
      const trusted = trustedCertificate(chain, scheme, { ca, signingAuthority });
      return trusted.ok ? 'trusted' : trusted.code;
    };
    const isThere = !strangers.includes(basename(file));
    expect(trust('valid-trust-store', 'valid-trust-store-2')).toBe(isThere ? 'trusted' : 'CERTIFICATE_UNTRUSTED');
    expect(trust('valid-trust-store-2', 'valid-trust-store')).toBe('CERTIFICATE_UNTRUSTED');
  });

  it.each([
    ['C=US,ST=WA,O=Notary', 'accepted'],
    ['C=US, S=WA, L=Seattle, O=Notary, CN=Notation Test Root', 'accepted'],
    ['C=US,ST=WA,O=Notary,CN=LOL', 'refused'],
    ['C=us,ST=WA,O=Notary', 'refused'],
  ])('ca_valid_sig_env.json under the identity %s is %s [notation-ratify 58, 59, 60]', (identity, expected) => {
    const [leaf] = chainOfEnvelope(join(folder, mock, 'ca_valid_sig_env.json'));
    const subject = leaf === undefined ? undefined : readSubject(leaf);
    const wanted = parseDistinguishedName(identity);
    if (subject?.ok !== true || !wanted.ok) throw new Error('it is not read');
    expect(matchDistinguishedNames([wanted.value], subject.value).kind).toBe(expected);
  });
});

describeVectors('notation-core-go/x509/testdata', 'the certificates of notation-core-go', (folder) => {
  it.each<[string, number | string]>([
    ['pem.crt', 1],
    ['der.der', 1],
    ['multi-pem.crt', 2],
    ['multi-der.der', 2],
    ['openssl-minimum-self-signed.pem', 1],
    ['timestamp_root.crt', 1],
    ['timestamp_intermediate.crt', 1],
    ['timestamp_leaf.crt', 'unusable'],
    ['invalid', 'CERTIFICATE_MALFORMED'],
  ])('%s as a file of a trust store comes to %s', async (name, expected) => {
    expect(await load('ca', readFileSync(join(folder, name)))).toBe(expected);
  });

  it.each<[readonly string[], string]>([
    [['leaf', 'intermediate', 'root'], 'fit'],
    [['leaf', 'intermediate'], 'CERTIFICATE_CHAIN_BROKEN'],
    [['leaf', 'root'], 'CERTIFICATE_CHAIN_BROKEN'],
    [['root', 'intermediate', 'leaf'], 'CERTIFICATE_CHAIN_BROKEN'],
    [['leaf', 'intermediate', 'root', 'root'], 'CERTIFICATE_CHAIN_BROKEN'],
    [['leaf'], 'CERTIFICATE_CHAIN_BROKEN'],
    [['intermediate', 'root'], 'CERTIFICATE_UNFIT'],
    [['root'], 'CERTIFICATE_UNFIT'],
  ])('as the chain of a timestamp, %s comes to %s', async (names, expected) => {
    const chain = names.flatMap((name) => chainIn(join(folder, `timestamp_${name}.crt`)));
    expect(await code(timestampingChainProblem(chain, createVerifiedEdges()))).toBe(expected);
    // DigiCert's authority for timestamps is none for code.
    expect(await code(codeSigningChainProblem(chain, createVerifiedEdges()))).not.toBe('fit');
  });

  it('openssl-minimum-self-signed.pem signs by itself, as notation-core-go has it [notation-ratify 42]', async () => {
    const chain = chainIn(join(folder, 'openssl-minimum-self-signed.pem'));
    expect(await code(codeSigningChainProblem(chain, createVerifiedEdges()))).toBe('fit');
  });
});

describeVectors('notation-e2e', 'the chains of the tests of notation', (folder) => {
  it.each([
    ['crl/certchain_with_crl.pem', 'fit'],
    ['ocsp/certchain_with_ocsp.pem', 'fit'],
    // Its leaf is for enciphering keys, as one of a web server.
    ['timestamp/CertChain.pem', 'CERTIFICATE_UNFIT'],
    // They are authorities.
    ['crl/root.crt', 'CERTIFICATE_UNFIT'],
    ['timestamp/intermediate.pem', 'CERTIFICATE_CHAIN_BROKEN'],
  ])('%s comes to %s', async (name, expected) => {
    const chain = chainIn(join(folder, name));
    expect(await code(codeSigningChainProblem(chain, createVerifiedEdges()))).toBe(expected);
  });

  it.each([
    ['globalsignTSARoot.cer', 1],
    ['DigiCertTSARootSHA384.cer', 1],
    ['notSelfIssued.crt', 'unusable'],
    ['intermediate.pem', 'unusable'],
    ['CertChain.pem', 'unusable'],
    ['invalid.crt', 'CERTIFICATE_MALFORMED'],
    ['Empty.txt', 'CERTIFICATE_MALFORMED'],
  ])('timestamp/%s as a store for timestamps comes to %s', async (name, expected) => {
    expect(await load('tsa', readFileSync(join(folder, 'timestamp', name)))).toBe(expected);
  });
});
