/**
 * A fact about the asker that may not be known: the API server did not answer, or the caller named no object.
 * Unknown is never "no" (MODEL.md M7): a policy that selects on it applies, a condition that reads it is an error.
 */
export type Known<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string };

/** Wraps a fact. */
export function known<T>(value: T): { readonly known: true; readonly value: T } {
  return { known: true, value };
}

/** Says that a fact is not known, and why. */
export function unknown(why: string): { readonly known: false; readonly why: string } {
  return { known: false, why };
}
