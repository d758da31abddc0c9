import type { BundleRule } from '../../trust/sigstore/bundle-rule.ts';
import { type RefusedBundle, refused } from './result.ts';

/** What is wrong with a rule that asks for nothing. */
export function ruleProblem(rule: BundleRule): RefusedBundle | undefined {
  for (const part of [rule.transparency, rule.time, rule.certificateTransparency]) {
    if (part !== 'none' && (!Number.isSafeInteger(part.threshold) || part.threshold < 1))
      return refused('format', 'POLICY_BROKEN', 'a threshold must be a whole number of at least 1');
  }
  if (rule.signer === 'certificate' && rule.time === 'none')
    return refused('format', 'POLICY_BROKEN', 'a certificate needs at least one witnessed time');
  return undefined;
}
