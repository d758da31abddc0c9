import { createHash } from 'node:crypto';
import { createBoundedCache } from '../cache/bounded-cache.ts';
import { failed, ok, type Result } from '../codes/result.ts';
import type { NonEmpty, TrustRef } from '../model/requirement.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';
import { type Certificate, parseCertificates } from './x509/certificate.ts';
import { createVerifiedEdges, type VerifiedEdges } from './x509/chain.ts';

/** Keys that were asked for together. */
export type KeySet = {
  readonly keys: NonEmpty<PublicKey>;
  /** Part of the proof cache's key: a changed key proves nothing that the old one did. */
  readonly hash: string;
};

/** Certificates that were asked for together, each list in one piece of PEM. */
export type CertificateSet = {
  readonly certificates: NonEmpty<Certificate>;
  /** Part of the proof cache's key, as that of keys is. */
  readonly hash: string;
};

/** Roots of trust, parsed once and looked up by reference. */
export type TrustStore = {
  /**
   * Loads every key of a list. One that does not load fails the list, even if another would have matched
   * (openshift-containers.md §4): TRUST_MATERIAL_UNAVAILABLE.
   */
  readonly keys: (references: NonEmpty<TrustRef>) => Result<KeySet>;
  /** Loads certificates in the same way; every PEM block of every reference must be one. */
  readonly certificates: (references: NonEmpty<TrustRef>) => Result<CertificateSet>;
  /** Which authorities were seen to have signed which. */
  readonly edges: VerifiedEdges;
};

/** A policy with more keys than this is slower to answer than it is useful. */
const MAXIMUM_PARSED_KEYS = 10_000;

/** Certificates of one reference. */
const MAXIMUM_CERTIFICATES = 64;

/** Makes a trust store. Parsed material is kept by the text it was parsed from, so a changed key is another key. */
export function createTrustStore(): TrustStore {
  const keys = createLoader<PublicKey>('keys', (pem) => {
    const key = parsePublicKey(pem);
    return key.ok ? ok([key.value]) : key;
  });
  const certificates = createLoader<Certificate>('certificates', (pem) => {
    // Go's reader skips what stands between blocks, and people write there whose certificate it is.
    const parsed = parseCertificates(pem, { junk: 'ignored', maximum: MAXIMUM_CERTIFICATES });
    return parsed.ok ? ok(parsed.value) : failed('TRUST_MATERIAL_UNAVAILABLE', parsed.message);
  });

  return {
    keys: (references) => {
      const set = keys(references);
      return set.ok ? ok({ keys: set.value.items, hash: set.value.hash }) : set;
    },
    certificates: (references) => {
      const set = certificates(references);
      return set.ok ? ok({ certificates: set.value.items, hash: set.value.hash }) : set;
    },
    edges: createVerifiedEdges(),
  };
}

type Loaded<T> = { readonly items: NonEmpty<T>; readonly hash: string };

/** Loads lists of references, all of it or nothing. */
function createLoader<T extends { readonly fingerprint: string }>(
  what: string,
  parse: (pem: string) => Result<NonEmpty<T>>,
): (references: NonEmpty<TrustRef>) => Result<Loaded<T>> {
  const parsed = createBoundedCache<Result<NonEmpty<T>>>({
    entries: MAXIMUM_PARSED_KEYS,
    bytes: 64 * 1024 * 1024,
    lives: 'forever',
  });
  const sets = new WeakMap<NonEmpty<TrustRef>, Result<Loaded<T>>>();

  const load = (reference: TrustRef): Result<NonEmpty<T>> => {
    if (reference.kind !== 'inline')
      return failed('TRUST_MATERIAL_UNAVAILABLE', `${what} from a ${reference.kind} are not read by this version`);
    const known = parsed.get(reference.pem);
    if (known !== undefined) return known;
    const items = parse(reference.pem);
    parsed.set(reference.pem, items, 2048 + 2 * reference.pem.length);
    return items;
  };

  const loadAll = (references: NonEmpty<TrustRef>): Result<Loaded<T>> => {
    const [first, ...rest] = references;
    const head = load(first);
    if (!head.ok) return head;
    const items: [T, ...T[]] = [...head.value];
    for (const reference of rest) {
      const more = load(reference);
      if (!more.ok) return more;
      items.push(...more.value);
    }
    const hash = createHash('sha256')
      .update(items.map((item) => item.fingerprint).join('\n'))
      .digest('hex');
    return ok({ items, hash });
  };

  return (references) => {
    const known = sets.get(references);
    if (known !== undefined) return known;
    const set = loadAll(references);
    // Inline material never changes under its reference, so the list's own identity may stand for it.
    if (references.every((reference) => reference.kind === 'inline')) sets.set(references, set);
    return set;
  };
}
