import { type BundleContent, readBundle, type SigstoreBundle } from '../sigstore/bundle.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import { COSIGN_SIGN_PREDICATE, IN_TOTO_PAYLOAD } from './formats.ts';
import { parseStatement } from './statement.ts';

/** A sigstore bundle whose statement signs images. Nothing of it is verified. */
export type ImageBundle = {
  readonly bundle: SigstoreBundle;
  readonly content: Extract<BundleContent, { kind: 'dsse' }>;
};

/**
 * Reads a sigstore bundle that signs images: an envelope with a statement of type `cosign/sign/v1`. Whatever else somebody
 * signed attests something and says nothing about running an image (GHSA-w6c6-c85g-mmv6); it is told apart before anything
 * is verified, so that the attestations beside a signature cost little.
 * @param bytes attacker-controlled
 * @see reference/sigstore-policy-controller.md §2.3
 */
export function readImageBundle(bytes: Uint8Array): Verified<ImageBundle> {
  const bundle = readBundle(bytes);
  if (bundle.kind === 'refused') return bundle;
  const { content } = bundle.value;
  if (content.kind === 'message')
    return refused(
      'format',
      'PAYLOAD_TYPE_UNEXPECTED',
      'the bundle signs the bytes of a file and holds no DSSE envelope',
    );
  if (content.payloadType !== IN_TOTO_PAYLOAD)
    return refused('format', 'PAYLOAD_TYPE_UNEXPECTED', 'the bundle holds no in-toto statement');
  const statement = parseStatement(content.payload);
  if (statement.kind === 'refused') return { ...statement, failed: 'format' };
  if (statement.value.predicateType !== COSIGN_SIGN_PREDICATE)
    return refused(
      'format',
      'PREDICATE_TYPE_UNEXPECTED',
      'the bundle is an attestation and not a signature of the image',
    );
  return verified({ bundle: bundle.value, content });
}
