import { ok, type Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import type { Proof } from '../../model/finding.ts';
import type { BundleRule } from '../../trust/sigstore/bundle-rule.ts';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { asProof } from '../sigstore/result.ts';
import { verifyContents } from '../sigstore/verify-bundle.ts';
import { readImageBundle } from './bundle.ts';
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
 * Proves one sigstore bundle under an instance's root.
 * @param bytes the bundle's blob, its digest already checked
 * @param now milliseconds since the epoch; counts only where nobody witnessed a time
 * @returns a failure only where a bound was hit or the rule asks for nothing
 * @see reference/sigstore-policy-controller.md §2.3
 */
export async function proveSigstoreBundle(
  bytes: Uint8Array,
  { root, rule }: SigstoreMaterial,
  image: Digest,
  now: number,
): Promise<Result<Proof>> {
  const read = readImageBundle(bytes);
  if (read.kind === 'refused') return asProof(read);
  const proof = await verifyContents(read.value.bundle, { kind: 'digest', digest: image }, root, rule, now);
  return proof.kind === 'refused' ? asProof(proof) : ok(proof);
}
