import { type Checked, refuse } from '../../x509/result.ts';

/** Refuses a timestamp; the reason goes on after "the signature's timestamp". */
export function invalidTimestamp(why: string): Checked<never> {
  return refuse('TIMESTAMP_INVALID', `the signature's timestamp ${why}`);
}
