import { ok, type Result } from '../../../src/codes/result.ts';
import type { BundleRule, SigningKeys } from '../../../src/trust/sigstore/bundle-rule.ts';
import { createTrustStore } from '../../../src/trust/trust-store.ts';

/** What is asked of a keyless bundle unless a test says otherwise: a certificate, one log, one time, one CT log. */
export const KEYLESS: BundleRule = {
  signer: 'certificate',
  transparency: { threshold: 1 },
  time: { threshold: 1, by: 'anyone' },
  certificateTransparency: { threshold: 1 },
};

/** The value of a result that must be there. */
export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.message}`);
  return result.value;
}

/** The holder of one key as whoever may have signed, with the hashes that cosign uses. */
export function signingKey(pem: string): Result<SigningKeys> {
  const keys = createTrustStore().keys([{ kind: 'inline', text: pem }]);
  return keys.ok ? ok({ keys: keys.value, hash: 'usual' }) : keys;
}
