import { createHash } from 'node:crypto';
import { element, objectIdentifier, octetString, sequence } from '../../encoding/der-writer.ts';
import type { Certificate } from '../x509/certificate.ts';
import { contentOf, type DerElement, oidText, readSequence, sameBytes, TAG, wholeBits } from '../x509/der.ts';
import { partsOf } from './read.ts';

/** Which certificate is asked about: its serial number, and who issued it. */
export type CertificateId = {
  /** SHA-1 of the issuer's name, and of its key; they find the certificate and prove nothing. */
  readonly nameHash: Uint8Array;
  readonly keyHash: Uint8Array;
  /** Content of the serial number's INTEGER. */
  readonly serial: Uint8Array;
};

const SHA1 = '1.3.14.3.2.26';

/** Characters of a request in a URL, where it is made by GET (RFC 6960 appendix A.1). */
const MAXIMUM_PATH = 255;

/**
 * Names a certificate as OCSP does, with SHA-1: many responders know nothing else (notation-core-go revocation/ocsp).
 * Nothing rests on the hash, since the answer's signer must have been appointed by the issuer itself.
 */
export function certificateId(certificate: Certificate, issuer: Certificate): CertificateId {
  return { nameHash: sha1(issuer.subject), keyHash: keyHash(issuer), serial: certificate.serial };
}

/** SHA-1 of the bits of a certificate's key, by which OCSP names keys. */
export function keyHash({ publicKey }: Certificate): Uint8Array {
  const [, bits] = readSequence(publicKey.spki) ?? [];
  return sha1(bits?.tag === TAG.bitString ? (wholeBits(bits.content) ?? NONE) : NONE);
}

/**
 * Writes a request for one certificate as the last part of a GET's path.
 * @returns undefined where it is too long for that, as it is only with a serial number far longer than RFC 5280 allows
 * @see RFC 6960 §4.1.1
 */
export function requestPath({ nameHash, keyHash: key, serial }: CertificateId): string | undefined {
  const algorithm = sequence(objectIdentifier(SHA1), element(TAG.null));
  const id = sequence(algorithm, octetString(nameHash), octetString(key), element(TAG.integer, serial));
  const request = sequence(sequence(sequence(sequence(id))));
  const path = encodeURIComponent(Buffer.from(request).toString('base64'));
  return path.length < MAXIMUM_PATH ? path : undefined;
}

/** Whether a CertID of an answer names the certificate that was asked about. */
export function isAbout(id: DerElement, asked: CertificateId): boolean {
  const [algorithm, name, key, serial, ...rest] = partsOf(id) ?? [];
  const [oid, parameters, ...more] = partsOf(algorithm) ?? [];
  if (rest.length > 0 || more.length > 0 || oid?.tag !== TAG.oid || oidText(oid.content) !== SHA1) return false;
  if (parameters !== undefined && contentOf(parameters.bytes, TAG.null)?.length !== 0) return false;
  return (
    isOf(name, TAG.octetString, asked.nameHash) &&
    isOf(key, TAG.octetString, asked.keyHash) &&
    isOf(serial, TAG.integer, asked.serial)
  );
}

function isOf(part: DerElement | undefined, tag: number, content: Uint8Array): boolean {
  return part?.tag === tag && sameBytes(part.content, content);
}

const NONE = new Uint8Array();

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest();
}
