import { createHash } from 'node:crypto';
import type { Certificate } from '../../x509/certificate.ts';
import { type DerElement, readElements, sameBytes, TAG } from '../../x509/der.ts';
import type { Checked } from '../../x509/result.ts';
import { algorithmOf, digestNamed } from './algorithms.ts';
import { optionalParts, sequenceOf } from './parts.ts';
import { invalidTimestamp } from './refusal.ts';
import { ATTRIBUTE, attributeOf, type SignerInfo } from './signer-info.ts';

/** A certificate by its issuer's name, DER, and the content of its serial number's INTEGER. */
type CertificateName = Pick<SignerInfo, 'issuer' | 'serial'>;

/** directoryName of a GeneralName, which is explicitly tagged, since a Name is a choice. */
const DIRECTORY_NAME = 0xa4;

/**
 * Finds the certificate that a signer signed to be its own, by the hash in SigningCertificateV2. The older attribute, whose
 * hash is SHA-1, does not count.
 *
 * Stricter than tspclient-go: where the attribute names the certificate as well, the signer must name the same one, for a
 * signature that speaks of two certificates has two readings.
 * @param certificates those of the token
 * @see RFC 3161 §2.4.1; RFC 5035 §3, §4; tspclient-go token.go, SigningCertificate
 */
export function signingCertificate(signer: SignerInfo, certificates: readonly Certificate[]): Checked<Certificate> {
  const attribute = attributeOf(signer, ATTRIBUTE.signingCertificateV2);
  if (attribute === 'absent') return invalidTimestamp('does not say by which certificate it is signed');
  const id = attribute === 'ambiguous' ? undefined : readCertificateId(attribute);
  if (id === undefined) return invalidTimestamp('says by which certificate it is signed in a way that cannot be read');
  const hash = id.algorithm === undefined ? 'sha256' : digestNamed(id.algorithm);
  if (hash === undefined)
    return invalidTimestamp(`names its certificate by a hash that is not accepted, of the algorithm ${id.algorithm}`);
  const certificate = certificates.find((candidate) => isNamed(candidate, signer));
  if (certificate === undefined) return invalidTimestamp("does not hold its signer's certificate");
  if (id.name !== undefined && !isNamed(certificate, id.name))
    return invalidTimestamp('names two certificates as that of its signer');
  return sameBytes(createHash(hash).update(certificate.der).digest(), id.hash)
    ? { ok: true, value: certificate }
    : invalidTimestamp('is signed by another certificate than it says');
}

function isNamed(certificate: Certificate, { issuer, serial }: CertificateName): boolean {
  return sameBytes(certificate.issuer, issuer) && sameBytes(certificate.serial, serial);
}

type CertificateId = {
  /** Object identifier of the hash; SHA-256 where there is none. */
  readonly algorithm: string | undefined;
  readonly hash: Uint8Array;
  readonly name: CertificateName | undefined;
};

/**
 * The first ESSCertIDv2 of `SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies SEQUENCE OF PolicyInformation OPTIONAL }`:
 * the others name certificates above it, which are found by themselves.
 */
function readCertificateId(value: DerElement): CertificateId | undefined {
  const [certs, policies, ...more] = sequenceOf(value) ?? [];
  if ((policies !== undefined && policies.tag !== TAG.sequence) || more.length > 0) return undefined;
  const [first, ...others] = (sequenceOf(certs) ?? []).map(readId);
  return others.includes(undefined) ? undefined : first;
}

/** `SEQUENCE { hashAlgorithm AlgorithmIdentifier DEFAULT sha256, certHash OCTET STRING, issuerSerial IssuerSerial OPTIONAL }`. */
function readId(element: DerElement): CertificateId | undefined {
  const [head, ...tail] = sequenceOf(element) ?? [];
  const hasAlgorithm = head?.tag === TAG.sequence;
  const algorithm = hasAlgorithm ? algorithmOf(head) : undefined;
  const rest = hasAlgorithm || head === undefined ? tail : [head, ...tail];
  const parts = optionalParts(rest, [TAG.octetString, TAG.sequence]);
  const hash = parts?.get(TAG.octetString)?.content;
  if (hash === undefined || (hasAlgorithm && algorithm === undefined)) return undefined;
  const issuerSerial = parts?.get(TAG.sequence);
  const name = issuerSerial === undefined ? undefined : readName(issuerSerial);
  return issuerSerial !== undefined && name === undefined ? undefined : { algorithm, hash, name };
}

/** `SEQUENCE { issuer GeneralNames, serialNumber INTEGER }`, where the issuer is one name of a directory (RFC 5035 §4). */
function readName(element: DerElement): CertificateName | undefined {
  const [names, serial, ...more] = sequenceOf(element) ?? [];
  const [name, ...others] = sequenceOf(names) ?? [];
  if (name?.tag !== DIRECTORY_NAME || serial?.tag !== TAG.integer || more.length > 0 || others.length > 0)
    return undefined;
  const [issuer, ...rest] = readElements(name.content) ?? [];
  return issuer === undefined || rest.length > 0 ? undefined : { issuer: issuer.bytes, serial: serial.content };
}
