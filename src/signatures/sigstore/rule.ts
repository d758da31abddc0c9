import { createPublicKey, type KeyObject } from 'node:crypto';
import { failed, ok, type Result } from '../../codes/result.ts';
import { type PublicKey, parsePublicKey } from '../../trust/public-key.ts';
import { type RefusedBundle, refused } from './result.ts';

/** At least so many, each of another log or authority. Zero is refused: it would pass by having nothing to check. */
export type Threshold = { readonly threshold: number };

/** What proves a bundle. Whose signature counts is not asked here: that is judged per policy (MODEL.md M1). */
export type BundleRule = {
  /** A certificate of the root's authorities, or the holder of one key. */
  readonly signer: 'certificate' | SigningKey;
  /** Transparency logs that have the signature. Entries of known logs must hold even where none is asked for. */
  readonly transparency: 'none' | Threshold;
  /** Witnessed times, by logs or timestamp authorities. Certificates live minutes, so for them it cannot be `none`. */
  readonly time: 'none' | Threshold;
  /** Certificate transparency logs that promised to have the certificate; every promise in it must then hold. */
  readonly certificateTransparency: 'none' | Threshold;
};

/** One public key. */
export type SigningKey = { readonly key: PublicKey; readonly object: KeyObject };

/** Reads the key of a rule. */
export function signingKey(pem: string): Result<SigningKey> {
  const key = parsePublicKey(pem);
  if (!key.ok) return key;
  try {
    return ok({ key: key.value, object: createPublicKey(pem) });
  } catch (cause) {
    return failed('TRUST_MATERIAL_UNAVAILABLE', 'the key cannot be read', cause);
  }
}

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
