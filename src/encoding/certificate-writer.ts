import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  booleanTrue,
  type Der,
  element,
  explicit,
  objectIdentifier,
  octetString,
  sequence,
  setOfOne,
  time,
  unsignedInteger,
  utf8String,
} from './der-writer.ts';
import { writePem } from './pem.ts';

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const COMMON_NAME = objectIdentifier('2.5.4.3');

const KEY_CERT_SIGN_AND_CRL_SIGN = bitString(Buffer.from([0b0000_0110]), 1);
const DIGITAL_SIGNATURE = bitString(Buffer.from([0b1000_0000]), 7);
const SERVER_AUTH = objectIdentifier('1.3.6.1.5.5.7.3.1');

/** A certificate authority of our own making: for `tls: {selfSigned: true}`, `tls: {managed: …}`, the demo and tests. */
export type CertificateAuthority = {
  readonly certificatePem: string;
  readonly commonName: string;
  readonly privateKey: KeyObject;
};

/** What `tls.createServer` takes: the leaf certificate and its PKCS #8 key, both PEM. */
export type ServerCertificate = {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
};

/** Who a server certificate is for and when it holds. At least one name or address is needed for a client to accept it. */
export type ServerCertificateRequest = {
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
};

/**
 * Makes a P-256 certificate authority that may sign leaves only (pathLenConstraint 0).
 * Without times it holds from an hour ago, for clocks that differ, to ten years from now.
 * @see RFC 5280 §4.2.1
 */
export function createCertificateAuthority(
  options: { readonly commonName?: string; readonly notBefore?: Date; readonly notAfter?: Date } = {},
): CertificateAuthority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const commonName = options.commonName ?? 'countersign CA';
  const certificatePem = certificate({
    issuer: commonName,
    subject: commonName,
    publicKey,
    signer: privateKey,
    notBefore: options.notBefore ?? new Date(Date.now() - DAY_MS / 24),
    notAfter: options.notAfter ?? new Date(Date.now() + 3650 * DAY_MS),
    extensions: [
      extension('2.5.29.19', 'critical', sequence(booleanTrue, unsignedInteger(Buffer.from([0])))),
      extension('2.5.29.15', 'critical', KEY_CERT_SIGN_AND_CRL_SIGN),
      extension('2.5.29.14', 'optional', octetString(keyIdentifier(publicKey))),
    ],
  });
  return { certificatePem, commonName, privateKey };
}

/**
 * Takes up an authority again that {@link createCertificateAuthority} made and somebody kept.
 * @param certificatePem what was read from somewhere
 * @returns undefined where it is none of ours: no P-256 authority whose subject is one common name, or not its key
 */
export function reopenCertificateAuthority(
  certificatePem: string,
  privateKey: KeyObject,
): CertificateAuthority | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch {
    return undefined;
  }
  // What is issued names its issuer byte by byte, and only a subject of this form is written as it was.
  const commonName = /^CN=([A-Za-z0-9 .-]{1,64})$/.exec(certificate.subject)?.[1];
  if (commonName === undefined || !certificate.ca || !certificate.checkPrivateKey(privateKey)) return undefined;
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined;
  return { certificatePem, commonName, privateKey };
}

/**
 * Issues a P-256 certificate for a TLS server, with a key of its own.
 * Without times it holds from an hour ago to 365 days from now.
 * @throws TypeError where an address is no IP address or a name is not ASCII: both come from our own code or configuration
 */
export function issueServerCertificate(ca: CertificateAuthority, request: ServerCertificateRequest): ServerCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const dnsNames = request.dnsNames ?? [];
  const ipAddresses = request.ipAddresses ?? [];
  const certificatePem = certificate({
    issuer: ca.commonName,
    // RFC 5280 limits a common name to 64 characters; clients look at the alternative names alone.
    subject: (dnsNames[0] ?? ipAddresses[0] ?? 'countersign').slice(0, 64),
    publicKey,
    signer: ca.privateKey,
    notBefore: request.notBefore ?? new Date(Date.now() - DAY_MS / 24),
    notAfter: request.notAfter ?? new Date(Date.now() + 365 * DAY_MS),
    extensions: [
      extension('2.5.29.19', 'critical', sequence()),
      extension('2.5.29.15', 'critical', DIGITAL_SIGNATURE),
      extension('2.5.29.37', 'optional', sequence(SERVER_AUTH)),
      extension('2.5.29.17', 'optional', sequence(...dnsNames.map(dnsName), ...ipAddresses.map(ipAddress))),
      extension('2.5.29.14', 'optional', octetString(keyIdentifier(publicKey))),
      extension('2.5.29.35', 'optional', sequence(element(0x80, keyIdentifier(ca.privateKey)))),
    ],
  });
  return { certificatePem, privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

function certificate(of: {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Der[];
}): string {
  const body = sequence(
    explicit(0, unsignedInteger(Buffer.from([2]))),
    unsignedInteger(serialNumber()),
    ECDSA_WITH_SHA256,
    distinguishedName(of.issuer),
    sequence(time(of.notBefore), time(of.notAfter)),
    distinguishedName(of.subject),
    spkiOf(of.publicKey),
    explicit(3, sequence(...of.extensions)),
  );
  return writePem('CERTIFICATE', sequence(body, ECDSA_WITH_SHA256, bitString(sign('sha256', body, of.signer))));
}

function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  // Positive and never zero (RFC 5280 §4.1.2.2).
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

const distinguishedName = (commonName: string): Der =>
  sequence(setOfOne(sequence(COMMON_NAME, utf8String(commonName))));

const extension = (oid: string, critical: 'critical' | 'optional', value: Der): Der =>
  critical === 'critical'
    ? sequence(objectIdentifier(oid), booleanTrue, octetString(value))
    : sequence(objectIdentifier(oid), octetString(value));

/** DER of the public key; a private key gives that of its public half. */
function spkiOf(key: KeyObject): Uint8Array {
  const jwk = key.export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.from([0x04]),
    Buffer.from(jwk.x ?? '', 'base64url'),
    Buffer.from(jwk.y ?? '', 'base64url'),
  ]);
  const algorithm = sequence(objectIdentifier('1.2.840.10045.2.1'), objectIdentifier('1.2.840.10045.3.1.7'));
  return sequence(algorithm, bitString(point));
}

const keyIdentifier = (key: KeyObject): Uint8Array => createHash('sha256').update(spkiOf(key)).digest().subarray(0, 20);

function dnsName(name: string): Der {
  if (!/^[\x21-\x7e]+$/.test(name)) throw new TypeError('a DNS name in a certificate is ASCII');
  return element(0x82, Buffer.from(name, 'latin1'));
}

function ipAddress(text: string): Der {
  return element(0x87, addressBytes(text));
}

function addressBytes(text: string): Uint8Array {
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number));
  if (isIP(text) !== 6) throw new TypeError('an address in a certificate is an IP address');
  // The URL parser writes every IPv6 address in one form: lower case, no dotted quad, at most one `::`.
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}
