import { createHash, type KeyObject, sign } from 'node:crypto';
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

type Hash = keyof typeof HASHES;

/** Identifiers of hashes, and of ECDSA and RSA with them. */
const HASHES = {
  sha1: ['1.3.14.3.2.26', '1.2.840.10045.4.1', '1.2.840.113549.1.1.5'],
  sha224: ['2.16.840.1.101.3.4.2.4', '1.2.840.10045.4.3.1', '1.2.840.113549.1.1.14'],
  sha256: ['2.16.840.1.101.3.4.2.1', '1.2.840.10045.4.3.2', '1.2.840.113549.1.1.11'],
  sha384: ['2.16.840.1.101.3.4.2.2', '1.2.840.10045.4.3.3', '1.2.840.113549.1.1.12'],
  sha512: ['2.16.840.1.101.3.4.2.3', '1.2.840.10045.4.3.4', '1.2.840.113549.1.1.13'],
} as const;
const ED25519 = '1.3.101.112';

const algorithm = (oid: string): Der => sequence(objectIdentifier(oid));

function signatureAlgorithm({ asymmetricKeyType }: KeyObject, hash: Hash): Der {
  if (asymmetricKeyType === 'ed25519') return algorithm(ED25519);
  return algorithm(HASHES[hash][asymmetricKeyType === 'rsa' ? 2 : 1]);
}

/** What is otherwise than a timestamp authority makes it. */
export type TimestampChanges = {
  readonly status?: number;
  /** With which hash the authority signs, and which it takes of what is timestamped. */
  readonly hash?: Hash;
  readonly imprint?: Hash;
  /** Certificates that come with it. */
  readonly certificates?: readonly Issued[];
  /** Anything behind the parts of what is timestamped. */
  readonly padding?: Der;
};

const TST_INFO = objectIdentifier('1.2.840.113549.1.9.16.1.4');
const integer = (value: number): Der => unsignedInteger(Buffer.from([value]));
const setOf = (...items: readonly Der[]): Der => element(0x31, ...items);

/** An RFC 3161 response over some bytes, as a timestamp authority makes it, in base64. */
export function timestamp(authority: Issued, data: Uint8Array, at: number, changes: TimestampChanges = {}): string {
  const { hash = 'sha256', imprint = 'sha256', certificates = [] } = changes;
  const { privateKey } = authority.keys;
  const moment = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const info = sequence(
    integer(1),
    objectIdentifier('1.3.6.1.4.1.57264.2'),
    sequence(algorithm(HASHES[imprint][0]), octetString(createHash(imprint).update(data).digest())),
    integer(1),
    element(0x18, Buffer.from(moment)),
    ...(changes.padding === undefined ? [] : [changes.padding]),
  );
  const attributes = [
    sequence(objectIdentifier('1.2.840.113549.1.9.3'), setOf(TST_INFO)),
    sequence(objectIdentifier('1.2.840.113549.1.9.4'), setOf(octetString(createHash(hash).update(info).digest()))),
  ];
  const certificate = parseCertificate(authority.der);
  if (!certificate.ok) throw new Error(certificate.message);
  const signerInfo = sequence(
    integer(1),
    sequence(certificate.value.issuer, integer(1)),
    algorithm(HASHES[hash][0]),
    element(0xa0, ...attributes),
    signatureAlgorithm(privateKey, hash),
    octetString(sign(privateKey.asymmetricKeyType === 'ed25519' ? null : hash, setOf(...attributes), privateKey)),
  );
  const signedData = sequence(
    integer(3),
    setOf(algorithm(HASHES[hash][0])),
    sequence(TST_INFO, explicit(0, octetString(info))),
    ...(certificates.length === 0 ? [] : [element(0xa0, ...certificates.map(({ der }) => der))]),
    setOf(signerInfo),
  );
  const token = sequence(objectIdentifier('1.2.840.113549.1.7.2'), explicit(0, signedData));
  return Buffer.from(sequence(sequence(integer(changes.status ?? 0)), token)).toString('base64');
}
