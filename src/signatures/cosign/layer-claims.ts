import { decodeBase64 } from '../../encoding/base64.ts';
import type { Digest } from '../../image/digest.ts';
import type { Claims, Proof } from '../../model/finding.ts';
import { disproved } from '../evidence.ts';
import { ANNOTATIONS } from './formats.ts';
import { type PayloadForm, parseSimpleSigning } from './payload.ts';

/** What was wanted, or the proof that there is none. */
export type OrDisproved<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly proof: Extract<Proof, { kind: 'disproved' }> };

/** The signature of a layer. @param annotations attacker-controlled */
export function signatureOf(annotations: Readonly<Record<string, string>>): OrDisproved<Uint8Array> {
  // Signatures that were attached by hand carry the line ends of base64(1), which Go skips.
  const signature = decodeBase64(annotations[ANNOTATIONS.signature] ?? '', { newlines: 'ignored' });
  return signature.ok && signature.value.length > 0
    ? signature
    : { ok: false, proof: disproved('format', 'SIGNATURE_MALFORMED', 'the signature is not base64') };
}

/**
 * What a simple-signing payload claims about an image, once its signature was verified.
 * @param signer shown beside a refusal
 */
export function claimsOf(
  payload: Uint8Array,
  image: Digest,
  signer: string,
  form: PayloadForm = 'cosign',
): OrDisproved<Claims> {
  const claim = parseSimpleSigning(payload, form);
  if (!claim.ok) return { ok: false, proof: disproved('payload', claim.code, claim.message, signer) };
  if (claim.value.digest !== image) {
    const message = `the signature names ${claim.value.digest}`;
    return { ok: false, proof: disproved('digest', 'PAYLOAD_DIGEST_MISMATCH', message, signer) };
  }
  return {
    ok: true,
    value: {
      digest: image,
      name: { kind: 'named', text: claim.value.reference },
      predicateType: undefined,
      annotations: claim.value.optional,
    },
  };
}
