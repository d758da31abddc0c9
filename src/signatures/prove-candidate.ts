import { failed, type Result } from '../codes/result.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Proof } from '../model/finding.ts';
import type { ProofMaterial } from '../trust/proof-material.ts';
import { proveCosign } from './cosign/prove-cosign.ts';
import type { Candidate } from './evidence.ts';
import { proveNotation } from './notation/prove.ts';
import { proveSimpleSigning } from './simple-signing/prove.ts';

/** A candidate that a proof can be made of. */
export type ProvableCandidate = Extract<Candidate, { kind: 'layer' | 'bundle' | 'openpgp' | 'notation' }>;

/**
 * What a candidate proves under a rule, whatever its format.
 * @param bytes the candidate's bytes; where a digest names them, already checked
 * @param now milliseconds since the epoch
 * @returns a failure only where nothing can be known: a bound was hit, or the material cannot be used for this form
 */
export async function proveCandidate(
  candidate: ProvableCandidate,
  bytes: Uint8Array,
  material: ProofMaterial,
  image: Descriptor,
  now: number,
): Promise<Result<Proof>> {
  switch (candidate.kind) {
    case 'openpgp':
      if (material.kind === 'openpgp') return proveSimpleSigning(bytes, material, image.digest);
      break;
    case 'notation':
      if (material.kind === 'notation') return proveNotation(candidate.envelope, bytes, material, image);
      break;
    case 'layer':
    case 'bundle':
      if (material.kind !== 'openpgp' && material.kind !== 'notation')
        return proveCosign(candidate, bytes, material, image.digest, now);
      break;
  }
  return failed('INTERNAL_ERROR', 'a signature was to be proved by a rule for another format');
}
