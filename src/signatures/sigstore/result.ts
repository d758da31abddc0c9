import { isErrorCode, type ReasonCode } from '../../codes/codes.ts';
import { failed, ok, type Result } from '../../codes/result.ts';
import type { CheckName, Proof } from '../../model/finding.ts';
import { disproved } from '../evidence.ts';

/** A bundle that does not hold: the check that failed, its code, and a sentence that is safe to show. */
export type RefusedBundle = {
  readonly kind: 'refused';
  readonly failed: CheckName;
  readonly code: ReasonCode;
  readonly message: string;
  /** Whom the signature claims to be by, where that is known. */
  readonly claimedSigner?: string;
};

/** A value, or the refusal that stood in its way. */
export type Verified<T> = { readonly kind: 'verified'; readonly value: T } | RefusedBundle;

/** Refuses a bundle. */
export function refused(failed: CheckName, code: ReasonCode, message: string): RefusedBundle {
  return { kind: 'refused', failed, code, message };
}

/** Wraps a value. */
export function verified<T>(value: T): { readonly kind: 'verified'; readonly value: T } {
  return { kind: 'verified', value };
}

/**
 * A refusal as what the engine keeps: the proof that a check failed. Where a bound was hit or the rule is broken nothing is
 * known of the signature, and that is a failure.
 */
export function asProof({ failed: check, code, message, claimedSigner }: RefusedBundle): Result<Proof> {
  return isErrorCode(code) ? failed(code, message) : ok(disproved(check, code, message, claimedSigner));
}
