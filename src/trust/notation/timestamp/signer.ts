import { createHash } from 'node:crypto';
import type { Certificate } from '../../x509/certificate.ts';
import { type DerElement, sameBytes, TAG, timeValue } from '../../x509/der.ts';
import { digestNamed, isSignedWith, signatureRule } from './algorithms.ts';
import { oidOf } from './parts.ts';
import type { SignedData } from './signed-data.ts';
import { ATTRIBUTE, attributeOf, type SignerInfo } from './signer-info.ts';
import { validityProblem } from './time-window.ts';

/**
 * What stands against the signature of one signer over a message, apart from who he is: its version and algorithms, the
 * signed attributes, which bind the content, and the signature over those.
 * @returns how it goes on after "the signature's timestamp", or undefined where nothing does
 * @see RFC 5652 §5.3–5.6; tspclient-go internal/cms/signed.go
 */
export async function signatureProblem(
  signer: SignerInfo,
  message: Pick<SignedData, 'contentType' | 'content'>,
  { publicKey }: Certificate,
): Promise<string | undefined> {
  if (signer.version !== 1) return 'has a signature of another version than 1';
  const against = attributesProblem(signer, message);
  if (against !== undefined) return against;
  const rule = signatureRule(signer.digestAlgorithm, signer.signatureAlgorithm);
  if (rule === undefined) return `is signed with algorithm ${signer.signatureAlgorithm}, which is not accepted`;
  return (await isSignedWith(rule, publicKey, signer.signed, signer.signature))
    ? undefined
    : 'does not verify with the certificate of its signer';
}

/** What stands against the signed attributes: type and digest of the content must be among them, and no other's. */
export function attributesProblem(
  signer: SignerInfo,
  { contentType, content }: Pick<SignedData, 'contentType' | 'content'>,
): string | undefined {
  if (signer.attributes.length === 0) return 'has no signed attributes';
  if (oidOf(valueOf(signer, ATTRIBUTE.contentType)) !== contentType) return 'is signed as something else';
  const hash = digestNamed(signer.digestAlgorithm);
  if (hash === undefined) return `has a digest that is not accepted, of the algorithm ${signer.digestAlgorithm}`;
  const digest = valueOf(signer, ATTRIBUTE.messageDigest);
  const isBound =
    digest?.tag === TAG.octetString && sameBytes(digest.content, createHash(hash).update(content).digest());
  return isBound ? undefined : 'is signed with another content';
}

/** What stands against the time that a signer says it signed at, if it says one: its chain must have been valid then. */
export function signingTimeProblem(signer: SignerInfo, chain: readonly Certificate[]): string | undefined {
  const attribute = attributeOf(signer, ATTRIBUTE.signingTime);
  if (attribute === 'absent') return undefined;
  const at = attribute === 'ambiguous' ? undefined : timeValue(attribute);
  if (at === undefined) return 'is signed at a time that cannot be read';
  return validityProblem({ from: at, to: at }, chain) === undefined
    ? undefined
    : 'is signed at a time when a certificate of its authority was not valid';
}

function valueOf(signer: SignerInfo, type: string): DerElement | undefined {
  const value = attributeOf(signer, type);
  return typeof value === 'string' ? undefined : value;
}
