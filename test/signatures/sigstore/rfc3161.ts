import { createHash, sign } from 'node:crypto';
import {
  type Der,
  element,
  explicit,
  objectIdentifier,
  octetString,
  sequence,
  unsignedInteger,
} from '../../../src/encoding/der-writer.ts';
import { parseCertificate } from '../../../src/trust/x509/certificate.ts';
import type { Issued } from '../../fixtures/certificates.ts';

const SHA256 = sequence(objectIdentifier('2.16.840.1.101.3.4.2.1'));
const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const TST_INFO = objectIdentifier('1.2.840.113549.1.9.16.1.4');
const integer = (value: number): Der => unsignedInteger(Buffer.from([value]));
const setOf = (...items: readonly Der[]): Der => element(0x31, ...items);

/** An RFC 3161 response over some bytes, as a timestamp authority makes it, in base64. */
export function timestamp(
  authority: Issued,
  data: Uint8Array,
  at: number,
  changes: { readonly status?: number } = {},
): string {
  const moment = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const info = sequence(
    integer(1),
    objectIdentifier('1.3.6.1.4.1.57264.2'),
    sequence(SHA256, octetString(createHash('sha256').update(data).digest())),
    integer(1),
    element(0x18, Buffer.from(moment)),
  );
  const attributes = [
    sequence(objectIdentifier('1.2.840.113549.1.9.3'), setOf(TST_INFO)),
    sequence(objectIdentifier('1.2.840.113549.1.9.4'), setOf(octetString(createHash('sha256').update(info).digest()))),
  ];
  const certificate = parseCertificate(authority.der);
  if (!certificate.ok) throw new Error(certificate.message);
  const signerInfo = sequence(
    integer(1),
    sequence(certificate.value.issuer, integer(1)),
    SHA256,
    element(0xa0, ...attributes),
    ECDSA_WITH_SHA256,
    octetString(sign('sha256', setOf(...attributes), authority.keys.privateKey)),
  );
  const signedData = sequence(
    integer(3),
    setOf(SHA256),
    sequence(TST_INFO, explicit(0, octetString(info))),
    setOf(signerInfo),
  );
  const token = sequence(objectIdentifier('1.2.840.113549.1.7.2'), explicit(0, signedData));
  return Buffer.from(sequence(sequence(integer(changes.status ?? 0)), token)).toString('base64');
}
