import type { RefusalCode } from '../../codes/codes.ts';

/** What a check of a certificate came to: a value, or the code and sentence of what stands against it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

/** Refuses a certificate that is not one, or says things that cannot be told apart. */
export function malformed(why: string): Checked<never> {
  return { ok: false, code: 'CERTIFICATE_MALFORMED', message: `the certificate is malformed: ${why}` };
}

/** Refuses with a code of its own. */
export function refuse(code: RefusalCode, message: string): Checked<never> {
  return { ok: false, code, message };
}
