import { type Certificate, isSignedBy, parseCertificate } from '../x509/certificate.ts';
import { sameBytes } from '../x509/der.ts';
import { KEY_USAGE } from '../x509/extensions.ts';
import { keyHash } from './ocsp-request.ts';
import type { OcspResponse } from './ocsp-response.ts';
import { type Read, unreadable } from './read.ts';

/** Signing OCSP answers (RFC 6960 §4.2.2.2). */
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

/** Says that a responder's certificate is not to be asked about (RFC 6960 §4.2.2.2.1). */
const NO_CHECK = '1.3.6.1.5.5.7.48.1.5';

/** Certificates of a response that are read; an honest one has one or two. */
const MAXIMUM_CERTIFICATES = 8;

/** Who signed an answer. Of a responder that the issuer appointed, whether it is to be asked if that one was revoked. */
export type OcspSigner =
  | { readonly kind: 'issuer' }
  | { readonly kind: 'appointed'; readonly certificate: Certificate; readonly isToBeChecked: boolean };

/**
 * Finds who signed an OCSP response: the issuer of the certificate itself, or a responder whose certificate that very
 * issuer signed for the purpose. Nobody else's word counts, whatever the response says of itself.
 * @param now milliseconds since the epoch
 */
export async function ocspSigner(response: OcspResponse, issuer: Certificate, now: number): Promise<Read<OcspSigner>> {
  if (isNamed(response, issuer) && (await isSignedBy(response, issuer))) return { ok: true, value: { kind: 'issuer' } };

  if (response.certificates.length > MAXIMUM_CERTIFICATES)
    return unreadable('the answer carries more certificates than are read');
  for (const der of response.certificates) {
    const parsed = parseCertificate(der);
    if (!parsed.ok || !isNamed(response, parsed.value)) continue;
    const certificate = parsed.value;
    const problem = await appointmentProblem(certificate, issuer, now);
    if (problem !== undefined) return unreadable(problem);
    if (!(await isSignedBy(response, certificate))) return unreadable('the signature of the answer is wrong');
    const isToBeChecked = !certificate.extensions.values.has(NO_CHECK);
    return { ok: true, value: { kind: 'appointed', certificate, isToBeChecked } };
  }
  return unreadable('the answer is signed neither by the issuer nor by a responder that it appointed');
}

/** Whether the response says that this one signed it. */
function isNamed({ responder: { kind, bytes } }: OcspResponse, certificate: Certificate): boolean {
  return sameBytes(bytes, kind === 'name' ? certificate.subject : keyHash(certificate));
}

async function appointmentProblem(
  certificate: Certificate,
  issuer: Certificate,
  now: number,
): Promise<string | undefined> {
  const { extendedKeyUsage, keyUsage, unknownCritical } = certificate.extensions;
  if (!sameBytes(certificate.issuer, issuer.subject) || !(await isSignedBy(certificate, issuer)))
    return "the responder's certificate is not from the issuer";
  // Not "any usage" either: everybody to whom the issuer gave a certificate without limits could speak for it.
  if (extendedKeyUsage?.includes(OCSP_SIGNING) !== true) return "the responder's certificate is not for OCSP answers";
  if (keyUsage !== undefined && !keyUsage.has(KEY_USAGE.digitalSignature))
    return "the responder's certificate is not for digital signatures";
  if (unknownCritical.length > 0) return "the responder's certificate has a critical extension that is not understood";
  if (now < certificate.notBefore || now > certificate.notAfter) return "the responder's certificate is not in date";
  return undefined;
}
