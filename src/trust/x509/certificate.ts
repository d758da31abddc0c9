import { createHash } from 'node:crypto';
import { readPem } from '../../encoding/pem.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import { type PublicKey, publicKeyOf } from '../public-key.ts';
import {
  contentOf,
  type DerElement,
  isInteger,
  oidText,
  readElements,
  readSequence,
  sameBytes,
  smallInteger,
  TAG,
  timeValue,
  wholeBits,
} from './der.ts';
import { type Extensions, readExtensions } from './extensions.ts';
import { type Checked, malformed, refuse } from './result.ts';

/** An X.509 certificate, read once; what it says is believed only at the end of a verified chain. */
export type Certificate = {
  /** Hexadecimal SHA-256 of its DER. */
  readonly fingerprint: string;
  readonly der: Uint8Array;
  /** Content of its serial number's INTEGER; with the issuer's name it is what timestamps name their signer by. */
  readonly serial: Uint8Array;
  /** What its issuer signed, and how. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** Distinguished names as DER, which is how they are compared. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** First and last moment of its validity, both within it; milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKey;
  readonly extensions: Extensions;
};

/** How a certificate is signed. */
export type SignatureAlgorithm = {
  readonly key: PublicKey['algorithm']['kind'];
  readonly hash: 'sha256' | 'sha384' | 'sha512';
};

/** SHA-1 and RSA-PSS are not among them: the first is broken, the second no authority of this field uses. */
const SIGNATURE_ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['1.2.840.10045.4.3.2', { key: 'ecdsa', hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { key: 'ecdsa', hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { key: 'ecdsa', hash: 'sha512' }],
  ['1.2.840.113549.1.1.11', { key: 'rsa', hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { key: 'rsa', hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { key: 'rsa', hash: 'sha512' }],
  ['1.3.101.112', { key: 'ed25519', hash: 'sha512' }],
]);

/** A certificate is one or two kilobytes; larger ones are refused before they cost anything; bytes. */
const MAXIMUM_CERTIFICATE_BYTES = 64 * 1024;

/**
 * Reads a certificate of X.509 version 3 from DER.
 *
 * Everything is read by one strict reader, and the bytes that are verified are the bytes that were read, so that there
 * are no two opinions about what an authority signed. Only the key itself is handed to OpenSSL.
 * @param der attacker-controlled unless it is the policy's own
 * @returns CERTIFICATE_MALFORMED, ALGORITHM_UNSUPPORTED
 * @see RFC 5280 §4.1
 */
export function parseCertificate(der: Uint8Array): Checked<Certificate> {
  if (der.length > MAXIMUM_CERTIFICATE_BYTES) return malformed('it is too large');
  const [body, algorithm, bits, ...more] = readSequence(der) ?? [];
  if (body?.tag !== TAG.sequence || algorithm === undefined || bits?.tag !== TAG.bitString || more.length > 0)
    return malformed('it is no X.509 certificate');
  const [version, serial, innerAlgorithm, issuer, validity, subject, key, extensions, ...rest] =
    readElements(body.content) ?? [];
  if (version?.tag !== 0xa0 || smallInteger(contentOf(version.content, TAG.integer) ?? EMPTY) !== 2)
    return malformed('it is not of version 3');
  if (serial?.tag !== TAG.integer || !isInteger(serial.content)) return malformed('its serial number cannot be read');
  if (innerAlgorithm === undefined || !sameBytes(innerAlgorithm.bytes, algorithm.bytes))
    return malformed('it names two signature algorithms');
  if (!isName(issuer) || !isName(subject)) return malformed('its issuer or subject cannot be read');
  if (rest.length > 0 || (extensions !== undefined && extensions.tag !== 0xa3))
    return malformed('it has parts that are not known');

  const signatureAlgorithm = readSignatureAlgorithm(algorithm);
  if (!signatureAlgorithm.ok) return signatureAlgorithm;
  const signature = wholeBits(bits.content);
  const [from, until, ...others] = (validity?.tag === TAG.sequence ? readElements(validity.content) : undefined) ?? [];
  const notBefore = from === undefined ? undefined : timeValue(from);
  const notAfter = until === undefined ? undefined : timeValue(until);
  if (notBefore === undefined || notAfter === undefined || others.length > 0)
    return malformed('its validity cannot be read');
  if (signature === undefined) return malformed('its signature cannot be read');
  const publicKey = key === undefined ? malformed('it has no public key') : readPublicKey(key);
  if (!publicKey.ok) return publicKey;
  const read = readExtensions(extensions?.content);
  if (!read.ok) return read;

  return {
    ok: true,
    value: {
      fingerprint: createHash('sha256').update(der).digest('hex'),
      der,
      serial: serial.content,
      signed: body.bytes,
      signature,
      signatureAlgorithm: signatureAlgorithm.value,
      issuer: issuer.bytes,
      subject: subject.bytes,
      notBefore,
      notAfter,
      publicKey: publicKey.value,
      extensions: read.value,
    },
  };
}

/**
 * Reads certificates from PEM; every block must be a certificate.
 * @param text attacker-controlled unless it is the policy's own
 * @param options `junk` as in `readPem`; `maximum` blocks at most
 * @returns CERTIFICATE_MALFORMED, ALGORITHM_UNSUPPORTED
 */
export function parseCertificates(
  text: string,
  options: { readonly junk: 'refused' | 'ignored'; readonly maximum: number },
): Checked<NonEmpty<Certificate>> {
  const blocks = readPem(text, { junk: options.junk, maxBlocks: options.maximum });
  if (!blocks.ok) return malformed(blocks.failure.message);
  const certificates: Certificate[] = [];
  for (const { label, der } of blocks.value) {
    if (label !== 'CERTIFICATE') return malformed(`a PEM block is a ${label} and no certificate`);
    const certificate = parseCertificate(der);
    if (!certificate.ok) return certificate;
    certificates.push(certificate.value);
  }
  const [first, ...others] = certificates;
  return first === undefined ? malformed('there is none') : { ok: true, value: [first, ...others] };
}

/** What an authority signs: a certificate, or what it says of one later. */
export type Signed = Pick<Certificate, 'signed' | 'signature' | 'signatureAlgorithm'>;

/** Whether a certificate's key made the signature of another, or of a list. Says nothing about whether it was allowed to. */
export async function isSignedBy(
  { signed, signature, signatureAlgorithm: { key, hash } }: Signed,
  issuer: Certificate,
): Promise<boolean> {
  if (issuer.publicKey.algorithm.kind !== key) return false;
  return issuer.publicKey.verifies(signed, signature, hash);
}

const EMPTY = new Uint8Array();
const UNCOMPRESSED_POINT = 0x04;

/** A distinguished name: a SEQUENCE of SETs, which may be empty. Its text is never used. */
function isName(element: DerElement | undefined): element is DerElement {
  if (element?.tag !== TAG.sequence) return false;
  return readElements(element.content)?.every(({ tag }) => tag === TAG.set) ?? false;
}

/** Reads how something is signed, be it a certificate or what an authority says of one: with SHA-2, or Ed25519. */
export function readSignatureAlgorithm(element: DerElement): Checked<SignatureAlgorithm> {
  const [id, parameters, ...rest] = (element.tag === TAG.sequence ? readElements(element.content) : undefined) ?? [];
  const oid = id?.tag === TAG.oid ? oidText(id.content) : undefined;
  if (oid === undefined || rest.length > 0) return malformed('its signature algorithm cannot be read');
  const algorithm = SIGNATURE_ALGORITHMS.get(oid);
  if (algorithm === undefined)
    return refuse('ALGORITHM_UNSUPPORTED', `certificates that are signed with algorithm ${oid} are not accepted`);
  const isRight = algorithm.key === 'rsa' ? isNull(parameters) : parameters === undefined;
  return isRight ? { ok: true, value: algorithm } : malformed('its signature algorithm has wrong parameters');
}

/** A curve must be named: explicit parameters let the holder choose a curve on which anybody can sign (CVE-2020-0601). */
function readPublicKey(element: DerElement): Checked<PublicKey> {
  const [algorithm, bits, ...rest] = (element.tag === TAG.sequence ? readElements(element.content) : undefined) ?? [];
  const [id, parameters, ...more] =
    (algorithm?.tag === TAG.sequence ? readElements(algorithm.content) : undefined) ?? [];
  if (id?.tag !== TAG.oid || bits?.tag !== TAG.bitString || rest.length > 0 || more.length > 0)
    return malformed('its public key cannot be read');
  const isSound = parameters === undefined || parameters.tag === TAG.oid || isNull(parameters);
  if (!isSound) return refuse('ALGORITHM_UNSUPPORTED', 'the public key of a certificate has parameters of its own');
  const key = publicKeyOf(element.bytes);
  // A compressed point is another spelling of the same key, under which its holder would count as another signer.
  if (key.ok && key.value.algorithm.kind === 'ecdsa' && bits.content[1] !== UNCOMPRESSED_POINT)
    return refuse('ALGORITHM_UNSUPPORTED', "a certificate's key is written as a compressed point");
  return key.ok ? key : refuse('ALGORITHM_UNSUPPORTED', `a certificate's key is not accepted: ${key.failure.message}`);
}

function isNull(element: DerElement | undefined): boolean {
  return element?.tag === TAG.null && element.content.length === 0;
}
