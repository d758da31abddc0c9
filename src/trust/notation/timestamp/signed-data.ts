import type { NonEmpty } from '../../../model/requirement.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { contentOf, type DerElement, readElements, readSequence, smallInteger, TAG } from '../../x509/der.ts';
import type { Checked } from '../../x509/result.ts';
import { algorithmOf } from './algorithms.ts';
import { oidOf, optionalParts, sequenceOf } from './parts.ts';
import { invalidTimestamp } from './refusal.ts';
import { readSignerInfo, type SignerInfo } from './signer-info.ts';

/** A CMS message that somebody signed, read and not verified. */
export type SignedData = {
  /** Object identifier of what it holds. */
  readonly contentType: string;
  readonly content: Uint8Array;
  /** Those that can be read, in their order; they are only ever a way from a signer to a root. */
  readonly certificates: readonly Certificate[];
  readonly signers: NonEmpty<SignerInfo>;
};

const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** A chain has three or four, and some authorities send a second one. Each costs the reading of a key. */
const MAXIMUM_CERTIFICATES = 16;

/** Timestamps have one signer (RFC 3161 §2.4.2); each costs signature checks. */
const MAXIMUM_SIGNERS = 4;

const CERTIFICATES = 0xa0;
const REVOCATION_LISTS = 0xa1;

/**
 * Reads a ContentInfo that holds SignedData of version 3 with its content in it. Revocation lists in it are passed over:
 * who was revoked is asked elsewhere.
 * @param der attacker-controlled
 * @see RFC 5652 §3, §5; tspclient-go internal/cms/signed.go
 */
export function readSignedData(der: Uint8Array): Checked<SignedData> {
  const [type, wrapped, ...more] = readSequence(der) ?? [];
  const fields = wrapped?.tag === 0xa0 ? readSequence(wrapped.content) : undefined;
  if (oidOf(type) !== SIGNED_DATA || fields === undefined || more.length > 0)
    return invalidTimestamp('is no signed CMS message');
  const [version, digests, encapsulated, ...rest] = fields;
  const parts = optionalParts(rest, [CERTIFICATES, REVOCATION_LISTS, TAG.set]);
  if (version?.tag !== TAG.integer || !areAlgorithms(digests) || parts === undefined)
    return invalidTimestamp('cannot be read');
  if (smallInteger(version.content) !== 3) return invalidTimestamp('is a CMS message of another version than 3');

  const content = readContent(encapsulated);
  if (content === undefined) return invalidTimestamp('has no content that can be read');
  const certificates = readCertificates(parts.get(CERTIFICATES));
  if (!certificates.ok) return certificates;
  const signers = readSigners(parts.get(TAG.set));
  return signers.ok
    ? { ok: true, value: { ...content, certificates: certificates.value, signers: signers.value } }
    : signers;
}

/** The algorithms that the signers say they use, which each says again where it counts. */
function areAlgorithms(element: DerElement | undefined): boolean {
  const algorithms = element?.tag === TAG.set ? readElements(element.content) : undefined;
  return algorithms?.every((algorithm) => algorithmOf(algorithm) !== undefined) ?? false;
}

/** `SEQUENCE { eContentType OBJECT IDENTIFIER, eContent [0] EXPLICIT OCTET STRING OPTIONAL }`, and here it must be there. */
function readContent(element: DerElement | undefined): Pick<SignedData, 'contentType' | 'content'> | undefined {
  const [type, wrapped, ...more] = sequenceOf(element) ?? [];
  const contentType = oidOf(type);
  const content = wrapped?.tag === 0xa0 ? contentOf(wrapped.content, TAG.octetString) : undefined;
  return contentType === undefined || content === undefined || more.length > 0 ? undefined : { contentType, content };
}

/**
 * X.509 certificates alone; a broken one refuses the token, as in notation. One with an algorithm that is not accepted, such
 * as an old root that SHA-1 signed, is passed over: it cannot be on the way to a root, and need not be.
 */
function readCertificates(element: DerElement | undefined): Checked<readonly Certificate[]> {
  const elements = element === undefined ? [] : readElements(element.content);
  if (elements === undefined || elements.length > MAXIMUM_CERTIFICATES)
    return invalidTimestamp('has certificates that cannot be read, or too many of them');
  const certificates: Certificate[] = [];
  for (const { bytes } of elements) {
    const certificate = parseCertificate(bytes);
    if (certificate.ok) certificates.push(certificate.value);
    else if (certificate.code !== 'ALGORITHM_UNSUPPORTED')
      return invalidTimestamp(`has a certificate that cannot be used: ${certificate.message}`);
  }
  return { ok: true, value: certificates };
}

function readSigners(element: DerElement | undefined): Checked<NonEmpty<SignerInfo>> {
  const elements = element === undefined ? undefined : readElements(element.content);
  if (elements === undefined || elements.length > MAXIMUM_SIGNERS)
    return invalidTimestamp('has signatures that cannot be read, or too many of them');
  const signers: SignerInfo[] = [];
  for (const entry of elements) {
    const signer = readSignerInfo(entry);
    if (signer === undefined) return invalidTimestamp('has a signature that cannot be read');
    signers.push(signer);
  }
  const [first, ...others] = signers;
  return first === undefined ? invalidTimestamp('is signed by nobody') : { ok: true, value: [first, ...others] };
}
