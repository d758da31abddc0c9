import { classOf, type ErrorClass, type ErrorCode } from './codes.ts';

/** Something could not be known: the code, a sentence for a person, and what lies beneath. */
export type Failure = {
  readonly code: ErrorCode;
  /** A sentence without the code, safe to show: no secret, and text from outside already escaped. */
  readonly message: string;
  readonly cause?: unknown;
};

/** A value, or the failure that stood in its way. */
export type Result<T, E = Failure> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: E };

/**
 * What a look-up came to. `absent` is said only where the other side answered that there is nothing
 * (DESIGN.md §4.3); trouble of any kind is `failed` and never turns into `absent`.
 */
export type Lookup<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Wraps a value. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Makes a failure; `cause` is kept for logs only. */
export function failure(code: ErrorCode, message: string, cause?: unknown): Failure {
  return cause === undefined ? { code, message } : { code, message, cause };
}

/** Makes a failed result. */
export function failed(
  code: ErrorCode,
  message: string,
  cause?: unknown,
): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: failure(code, message, cause) };
}

/** Class of a failure, which alone says whether `onError` may loosen it. */
export function failureClass(of: Failure): ErrorClass {
  return classOf(of.code);
}
