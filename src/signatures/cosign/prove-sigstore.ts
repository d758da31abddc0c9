import { ok, type Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import type { Proof } from '../../model/finding.ts';
import type { BundleRule } from '../../trust/sigstore/bundle-rule.ts';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { disproved } from '../evidence.ts';
import { readBundle } from '../sigstore/bundle.ts';
import { asProof } from '../sigstore/result.ts';
import { verifyContents } from '../sigstore/verify-bundle.ts';
import { COSIGN_SIGN_PREDICATE } from './formats.ts';
import { claimsOf, signatureOf } from './layer-claims.ts';
import { layerContents } from './layer-contents.ts';

/** The instance of sigstore that a policy trusts, and how much of it a signature must have passed through. */
export type SigstoreMaterial = { readonly root: TrustedRoot; readonly rule: BundleRule };

/**
 * Proves one cosign simple-signing layer under a sigstore instance's root: certificate or key, log entry and timestamp, all
 * as strictly as a bundle's.
 * @param payload the layer's blob, its digest already checked
 * @param now milliseconds since the epoch; counts only where nobody witnessed a time
 * @returns a failure only where a bound was hit or the rule asks for nothing
 * @see reference/sigstore-policy-controller.md §2.2
 */
export async function proveSigstoreLayer(
  payload: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  { root, rule }: SigstoreMaterial,
  image: Digest,
  now: number,
): Promise<Result<Proof>> {
  const signature = signatureOf(annotations);
  if (!signature.ok) return ok(signature.proof);
  const signedBy = rule.signer === 'certificate' ? 'certificate' : 'key';
  const contents = layerContents(payload, signature.value, annotations, signedBy);
  if (contents.kind === 'refused') return asProof(contents);
  const proof = await verifyContents(contents.value, { kind: 'bytes', bytes: payload }, root, rule, now);
  if (proof.kind === 'refused') return asProof(proof);
  const claims = claimsOf(payload, image, proof.signer.display);
  return ok(claims.ok ? { ...proof, claims: claims.value } : claims.proof);
}

/**
 * Proves one sigstore bundle under an instance's root. Only a statement of type `cosign/sign/v1` is a signature of an image:
 * whatever else the same person signed attests something and says nothing about running it (GHSA-w6c6-c85g-mmv6).
 * @param bytes the bundle's blob, its digest already checked
 * @see reference/sigstore-policy-controller.md §2.3
 */
export async function proveSigstoreBundle(
  bytes: Uint8Array,
  { root, rule }: SigstoreMaterial,
  image: Digest,
  now: number,
): Promise<Result<Proof>> {
  const bundle = readBundle(bytes);
  if (bundle.kind === 'refused') return asProof(bundle);
  if (bundle.value.content.kind === 'message')
    return ok(
      disproved(
        'format',
        'PAYLOAD_TYPE_UNEXPECTED',
        'the bundle signs the bytes of a file and says nothing of an image',
      ),
    );
  const proof = await verifyContents(bundle.value, { kind: 'digest', digest: image }, root, rule, now);
  if (proof.kind === 'refused') return asProof(proof);
  return ok(
    proof.claims.predicateType === COSIGN_SIGN_PREDICATE
      ? proof
      : disproved(
          'payload',
          'PREDICATE_TYPE_UNEXPECTED',
          'the bundle is an attestation and not a signature of the image',
          proof.signer.display,
        ),
  );
}
