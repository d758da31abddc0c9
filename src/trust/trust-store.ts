import { createHash } from 'node:crypto';
import { createBoundedCache } from '../cache/bounded-cache.ts';
import { failed, ok, type Result } from '../codes/result.ts';
import type { NonEmpty, TrustRef } from '../model/requirement.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';

/** Keys that were asked for together. */
export type KeySet = {
  readonly keys: NonEmpty<PublicKey>;
  /** Part of the proof cache's key: a changed key proves nothing that the old one did. */
  readonly hash: string;
};

/** Roots of trust, parsed once and looked up by reference. */
export type TrustStore = {
  /**
   * Loads every key of a list. One that does not load fails the list, even if another would have matched
   * (openshift-containers.md §4): TRUST_MATERIAL_UNAVAILABLE.
   */
  readonly keys: (references: NonEmpty<TrustRef>) => Result<KeySet>;
};

/** A policy with more keys than this is slower to answer than it is useful. */
const MAXIMUM_PARSED_KEYS = 10_000;

/** Makes a trust store. Parsed keys are kept by the text they were parsed from, so a changed key is another key. */
export function createTrustStore(): TrustStore {
  const parsed = createBoundedCache<Result<PublicKey>>({
    entries: MAXIMUM_PARSED_KEYS,
    bytes: 64 * 1024 * 1024,
    lives: 'forever',
  });
  const sets = new WeakMap<NonEmpty<TrustRef>, Result<KeySet>>();

  const load = (reference: TrustRef): Result<PublicKey> => {
    if (reference.kind !== 'inline')
      return failed('TRUST_MATERIAL_UNAVAILABLE', `keys from a ${reference.kind} are not read by this version`);
    const known = parsed.get(reference.pem);
    if (known !== undefined) return known;
    const key = parsePublicKey(reference.pem);
    parsed.set(reference.pem, key, 2048);
    return key;
  };

  const loadAll = (references: NonEmpty<TrustRef>): Result<KeySet> => {
    const [first, ...rest] = references;
    const head = load(first);
    if (!head.ok) return head;
    const keys: [PublicKey, ...PublicKey[]] = [head.value];
    for (const reference of rest) {
      const key = load(reference);
      if (!key.ok) return key;
      keys.push(key.value);
    }
    const hash = createHash('sha256')
      .update(keys.map((key) => key.fingerprint).join('\n'))
      .digest('hex');
    return ok({ keys, hash });
  };

  return {
    keys: (references) => {
      const known = sets.get(references);
      if (known !== undefined) return known;
      const set = loadAll(references);
      // Inline material never changes under its reference, so the list's own identity may stand for it.
      if (references.every((reference) => reference.kind === 'inline')) sets.set(references, set);
      return set;
    },
  };
}
