import type { ReasonCode } from '../../codes/codes.ts';
import type { CheckName } from '../../model/finding.ts';

/** A bundle that does not hold: the check that failed, its code, and a sentence that is safe to show. */
export type RefusedBundle = {
  readonly kind: 'refused';
  readonly failed: CheckName;
  readonly code: ReasonCode;
  readonly message: string;
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
