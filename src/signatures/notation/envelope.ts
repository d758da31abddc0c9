import type { NonEmpty } from '../../model/requirement.ts';
import { type Certificate, parseCertificate } from '../../trust/x509/certificate.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import type { NotationAlgorithm } from './algorithms.ts';
import { readAttributes, type SignedAttributes } from './attributes.ts';
import { readCose } from './cose.ts';
import { readJws } from './jws.ts';
import { malformedEnvelope, oversizedEnvelope, PAYLOAD_TYPE } from './parts.ts';

/** How an envelope is written: `application/jose+json` or `application/cose`. */
export type EnvelopeKind = 'jws' | 'cose';

/** A notation signature, read and well-formed. Nothing in it is believed before `verifyIntegrity`. */
export type Envelope = SignedAttributes & {
  readonly kind: EnvelopeKind;
  readonly algorithm: NotationAlgorithm;
  /** Of notation's own content type; `readPayload` reads it. */
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** The bytes that the signature is over. */
  readonly signed: Uint8Array;
  /** As the envelope brings it, the signer's first. That it is a chain, and whose, is for others to ask. */
  readonly chain: NonEmpty<Certificate>;
  /** A timestamp token over the signature's bytes, unread. */
  readonly timestampToken: Uint8Array | undefined;
};

/** Signatures have some ten kilobytes. Bytes. */
const MAXIMUM_ENVELOPE_BYTES = 1024 * 1024;

/**
 * Reads an envelope strictly: its format, its attributes and their rules, and the certificates in it.
 * @param bytes attacker-controlled
 * @returns SIGNATURE_MALFORMED, ALGORITHM_UNSUPPORTED, CERTIFICATE_MALFORMED, PAYLOAD_TYPE_UNEXPECTED; LIMIT_EXCEEDED where
 *   there is more than is read
 * @see notation-ratify.md §1.4–1.6
 */
export function readEnvelope(kind: EnvelopeKind, bytes: Uint8Array): Verified<Envelope> {
  if (bytes.length > MAXIMUM_ENVELOPE_BYTES)
    return oversizedEnvelope(`it has more than ${MAXIMUM_ENVELOPE_BYTES} bytes`);
  const parts = kind === 'jws' ? readJws(bytes) : readCose(bytes);
  if (parts.kind === 'refused') return parts;
  const { algorithm, payload, signature, signed, timestampToken } = parts.value;

  const attributes = readAttributes(parts.value);
  if (attributes.kind === 'refused') return attributes;
  if (signature.length === 0) return malformedEnvelope('it holds no signature');
  if (payload.length === 0) return malformedEnvelope('its payload is empty');
  if (parts.value.contentType !== PAYLOAD_TYPE)
    return refused('format', 'PAYLOAD_TYPE_UNEXPECTED', `the signed payload is not of type "${PAYLOAD_TYPE}"`);
  const chain = readChain(parts.value.chain);
  if (chain.kind === 'refused') return chain;
  return verified({
    kind,
    algorithm,
    payload,
    signature,
    signed,
    chain: chain.value,
    timestampToken,
    ...attributes.value,
  });
}

function readChain(ders: readonly Uint8Array[]): Verified<NonEmpty<Certificate>> {
  const certificates: Certificate[] = [];
  for (const der of ders) {
    const certificate = parseCertificate(der);
    if (!certificate.ok) return refused('format', certificate.code, certificate.message);
    certificates.push(certificate.value);
  }
  const [leaf, ...others] = certificates;
  return leaf === undefined ? malformedEnvelope('its chain of certificates is empty') : verified([leaf, ...others]);
}
