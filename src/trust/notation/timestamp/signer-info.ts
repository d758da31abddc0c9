import { type DerElement, isInteger, readElements, smallInteger, TAG } from '../../x509/der.ts';
import { algorithmOf } from './algorithms.ts';
import { oidOf, optionalParts, sequenceOf } from './parts.ts';

/** An attribute that a signer signed together with the content. */
export type SignedAttribute = { readonly type: string; readonly values: readonly DerElement[] };

/** One signature of a CMS message. It says itself whose it is, which nobody signed. */
export type SignerInfo = {
  readonly version: number;
  /** The certificate by its issuer's name, DER, and the content of its serial number's INTEGER. */
  readonly issuer: Uint8Array;
  readonly serial: Uint8Array;
  /** Object identifiers of its algorithms. */
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: string;
  readonly attributes: readonly SignedAttribute[];
  /** The attributes as DER has them, which is what the signature is over. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
};

/** The object identifiers of attributes that are looked at (RFC 5652 §11, RFC 5035 §3). */
export const ATTRIBUTE = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;

const SIGNED_ATTRIBUTES = 0xa0;
const UNSIGNED_ATTRIBUTES = 0xa1;

/**
 * Reads a SignerInfo that names its certificate by issuer and serial number, which is all that timestamps use. What its
 * unsigned attributes say is not looked at.
 * @param element attacker-controlled
 * @see RFC 5652 §5.3
 */
export function readSignerInfo(element: DerElement): SignerInfo | undefined {
  const [version, id, digest, ...rest] = sequenceOf(element) ?? [];
  const [issuer, serial, ...more] = sequenceOf(id) ?? [];
  const parts = optionalParts(rest, [SIGNED_ATTRIBUTES, TAG.sequence, TAG.octetString, UNSIGNED_ATTRIBUTES]);
  const number = version?.tag === TAG.integer ? smallInteger(version.content) : undefined;
  const digestAlgorithm = algorithmOf(digest);
  const signatureAlgorithm = algorithmOf(parts?.get(TAG.sequence));
  const signature = parts?.get(TAG.octetString)?.content;
  const attributes = readAttributes(parts?.get(SIGNED_ATTRIBUTES));
  const unsigned = readAttributes(parts?.get(UNSIGNED_ATTRIBUTES));
  if (issuer?.tag !== TAG.sequence || serial?.tag !== TAG.integer || !isInteger(serial.content) || more.length > 0)
    return undefined;
  if (number === undefined || digestAlgorithm === undefined || signatureAlgorithm === undefined) return undefined;
  if (signature === undefined || attributes === undefined || unsigned === undefined) return undefined;
  return {
    version: number,
    issuer: issuer.bytes,
    serial: serial.content,
    digestAlgorithm,
    signatureAlgorithm,
    ...attributes,
    signature,
  };
}

/**
 * The value of the one attribute of a type.
 * @returns `absent`, or `ambiguous` where several are there, or it has several values or none (RFC 5652 §11 allows one)
 */
export function attributeOf({ attributes }: SignerInfo, type: string): DerElement | 'absent' | 'ambiguous' {
  const [attribute, ...others] = attributes.filter((other) => other.type === type);
  if (attribute === undefined) return 'absent';
  const [value, ...more] = attribute.values;
  return value === undefined || more.length > 0 || others.length > 0 ? 'ambiguous' : value;
}

function readAttributes(element: DerElement | undefined): Pick<SignerInfo, 'attributes' | 'signed'> | undefined {
  if (element === undefined) return { attributes: [], signed: new Uint8Array() };
  const elements = readElements(element.content);
  if (elements === undefined) return undefined;
  const attributes: SignedAttribute[] = [];
  for (const entry of elements) {
    const attribute = readAttribute(entry);
    if (attribute === undefined) return undefined;
    attributes.push(attribute);
  }
  return { attributes, signed: signedSet(element, elements) };
}

function readAttribute(element: DerElement): SignedAttribute | undefined {
  const [id, set, ...more] = sequenceOf(element) ?? [];
  const type = oidOf(id);
  const values = set?.tag === TAG.set ? readElements(set.content) : undefined;
  return type === undefined || values === undefined || more.length > 0 ? undefined : { type, values };
}

/** The attributes as the SET that was signed: under its own tag, and in DER's order, whatever the message has (RFC 5652 §5.4). */
function signedSet({ bytes, content }: DerElement, elements: readonly DerElement[]): Uint8Array {
  const header = Buffer.from(bytes.subarray(0, bytes.length - content.length));
  header[0] = TAG.set;
  const sorted = elements.map((element) => element.bytes).toSorted((a, b) => Buffer.compare(a, b));
  return Buffer.concat([header, ...sorted]);
}
