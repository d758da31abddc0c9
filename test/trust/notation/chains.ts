import { generateKeyPairSync } from 'node:crypto';
import { type Der, objectIdentifier, sequence, utf8String } from '../../../src/encoding/der-writer.ts';
import { readStoreFile, storeProblem, type TrustStoreType } from '../../../src/trust/notation/authenticity.ts';
import { type Certificate, parseCertificate } from '../../../src/trust/x509/certificate.ts';
import {
  authority,
  type CertificateOptions,
  CODE_SIGNING,
  distinguishedName,
  extendedUsage,
  extension,
  type Issued,
  issue,
  issueRoot,
  NOON,
  usage,
  usageBits,
} from '../../fixtures/certificates.ts';

/** Certificates as notation wants them, and the pieces to make them otherwise. */

const YEAR = 365 * 24 * 3600 * 1000;
const LONG = { notBefore: NOON - YEAR, notAfter: NOON + YEAR };

/** Every key usage of RFC 5280, by its number. */
export const BITS = {
  digitalSignature: 0,
  contentCommitment: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/** Key usage as an extension that is not critical. */
export const optionalUsage = (...bits: readonly number[]): Der => extension('2.5.29.15', usageBits(...bits));

/** Extended key usage as timestamp authorities have it. */
export const timestamping = (...oids: readonly string[]): Der =>
  extension('2.5.29.37', sequence(...[TIME_STAMPING, ...oids].map(objectIdentifier)), 'critical');

/** A subject such as notation's identities ask for. */
export const NOTARY = distinguishedName(
  ['2.5.4.6', utf8String('US')],
  ['2.5.4.8', utf8String('WA')],
  ['2.5.4.10', utf8String('Notary')],
  ['2.5.4.3', utf8String('signer')],
);

/** A signer's certificate; without an issuer it signs itself. */
export function leafOf(issuer: Issued | 'self', options: CertificateOptions = {}): Issued {
  const extensions = [usage(BITS.digitalSignature), extendedUsage(CODE_SIGNING)];
  return issue(issuer, { ...LONG, subject: 'leaf', extensions, ...options });
}

/** An authority below another. */
export function intermediateOf(issuer: Issued, options: CertificateOptions = {}): Issued {
  const extensions = [authority(), usage(BITS.keyCertSign)];
  return issue(issuer, { ...LONG, subject: 'intermediate', extensions, ...options });
}

/** The signer of a timestamp. */
export function timestamperOf(issuer: Issued | 'self', options: CertificateOptions = {}): Issued {
  return leafOf(issuer, { extensions: [usage(BITS.digitalSignature), timestamping()], ...options });
}

/** Keys by their names; the RSA ones take a while, so that each is made once. */
export const KEYS = {
  'RSA-2048': once(() => generateKeyPairSync('rsa', { modulusLength: 2048 })),
  'RSA-2560': once(() => generateKeyPairSync('rsa', { modulusLength: 2560 })),
  'RSA-3072': once(() => generateKeyPairSync('rsa', { modulusLength: 3072 })),
  'RSA-4096': once(() => generateKeyPairSync('rsa', { modulusLength: 4096 })),
  'RSA-1024': once(() => generateKeyPairSync('rsa', { modulusLength: 1024 })),
  'P-224': once(() => generateKeyPairSync('ec', { namedCurve: 'secp224r1' })),
  'P-256': once(() => generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'P-384': once(() => generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  'P-521': once(() => generateKeyPairSync('ec', { namedCurve: 'P-521' })),
  secp256k1: once(() => generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
  Ed25519: once(() => generateKeyPairSync('ed25519')),
} as const;

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/**
 * How many certificates the files of a trust store come to, what stands against one of them, or the code under which a
 * file cannot be read.
 */
export async function load(type: TrustStoreType, ...files: readonly Uint8Array[]): Promise<number | string> {
  let count = 0;
  for (const file of files) {
    const certificates = readStoreFile(file);
    if (!certificates.ok) return certificates.code;
    for (const certificate of certificates.value) {
      if ((await storeProblem(type, certificate)) !== undefined) return 'unusable';
      count++;
    }
  }
  return count;
}

/** The certificate as it is read. */
export function parsed({ der }: Pick<Issued, 'der'>): Certificate {
  const certificate = parseCertificate(der);
  if (!certificate.ok) throw new Error(certificate.message);
  return certificate.value;
}

export const root = issueRoot();
export const intermediate = intermediateOf(root);
