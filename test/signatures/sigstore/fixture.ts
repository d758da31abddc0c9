import type { Result } from '../../../src/codes/result.ts';
import type { BundleRule } from '../../../src/signatures/sigstore/rule.ts';

/** What is asked of a keyless bundle unless a test says otherwise: a certificate, one log, one time, one CT log. */
export const KEYLESS: BundleRule = {
  signer: 'certificate',
  transparency: { threshold: 1 },
  time: { threshold: 1 },
  certificateTransparency: { threshold: 1 },
};

/** The value of a result that must be there. */
export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.message}`);
  return result.value;
}
