import { readPem } from '../../encoding/pem.ts';
import type { Certificate } from '../../trust/x509/certificate.ts';
import { parseCertificate, parseCertificates } from '../../trust/x509/certificate.ts';
import { type Checked, refuse } from '../../trust/x509/result.ts';
import { ANNOTATIONS } from './formats.ts';

/** The certificates that a layer carries. Nothing of them is trusted before a chain to the policy's roots is verified. */
export type AttachedCertificates = { readonly leaf: Certificate; readonly intermediates: readonly Certificate[] };

/** Certificates of a chain annotation; honest ones have two or three. */
const MAXIMUM_ATTACHED = 10;

/** Both annotations together are a few kilobytes; characters of each. */
const MAXIMUM_TEXT = 128 * 1024;

/**
 * Reads the certificate and chain annotations as containers/image does: the leaf is exactly one certificate, and of the
 * chain the last certificate, which tools put there as the root, is read and not used.
 * @param annotations attacker-controlled
 * @returns CERTIFICATE_MISSING, CERTIFICATE_MALFORMED, ALGORITHM_UNSUPPORTED
 * @see reference/openshift-containers.md §4, "Fulcio"
 */
export function readAttachedCertificates(annotations: Readonly<Record<string, string>>): Checked<AttachedCertificates> {
  const text = annotations[ANNOTATIONS.certificate] ?? '';
  const chain = annotations[ANNOTATIONS.chain] ?? '';
  if (text.trim() === '')
    return refuse('CERTIFICATE_MISSING', 'the signature carries no certificate, and the policy names an authority');
  if (text.length > MAXIMUM_TEXT || chain.length > MAXIMUM_TEXT)
    return refuse('CERTIFICATE_MALFORMED', 'the certificates beside the signature are too large');

  const leaf = readLeaf(text);
  if (!leaf.ok) return leaf;
  if (chain.trim() === '') return { ok: true, value: { leaf: leaf.value, intermediates: [] } };
  const attached = parseCertificates(chain, { junk: 'refused', maximum: MAXIMUM_ATTACHED });
  if (!attached.ok) return refuse(attached.code, `in the certificate chain: ${attached.message}`);
  return { ok: true, value: { leaf: leaf.value, intermediates: attached.value.slice(0, -1) } };
}

/** A public key in the certificate's place is nobody's word about its owner (GHSA-fx35-mq7g-6g98). */
function readLeaf(text: string): Checked<Certificate> {
  const blocks = readPem(text, { junk: 'refused', maxBlocks: 1 });
  if (!blocks.ok) return refuse('CERTIFICATE_MALFORMED', 'beside the signature is not exactly one PEM certificate');
  const [{ label, der }] = blocks.value;
  if (label !== 'CERTIFICATE')
    return refuse('CERTIFICATE_MALFORMED', `beside the signature is a ${label} where a certificate belongs`);
  return parseCertificate(der);
}
