import { failed, type Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import type { Proof } from '../../model/finding.ts';
import type { OpenPgpMaterial } from '../../trust/proof-material.ts';

/**
 * What an OpenPGP message proves: that a key of the policy signed a simple-signing payload about this digest.
 * @param message attacker-controlled
 */
export async function proveSimpleSigning(
  _message: Uint8Array,
  _material: OpenPgpMaterial,
  _image: Digest,
): Promise<Result<Proof>> {
  return failed('FEATURE_NOT_SUPPORTED', 'this version does not verify OpenPGP signatures');
}
