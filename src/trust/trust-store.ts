import { createHash } from 'node:crypto';
import { createBoundedCache } from '../cache/bounded-cache.ts';
import { failed, ok, type Result } from '../codes/result.ts';
import type { NonEmpty, SigstoreRef, TrustRef } from '../model/requirement.ts';
import { readStoreFile } from './notation/authenticity.ts';
import { type OpenPgpCertificate, parseKeyring } from './openpgp/keyring.ts';
import { mergeCertificates } from './openpgp/merge.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';
import { publicGoodRoot } from './sigstore/public-good.ts';
import { parseTrustedRoot, type TrustedRoot, trustedRootOfPem } from './sigstore/trusted-root.ts';
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

/** OpenPGP certificates that were asked for together. */
export type KeyringSet = {
  readonly certificates: NonEmpty<OpenPgpCertificate>;
  /** Over the certificates whole: a revocation or another date of expiry makes it another. */
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
  /** Loads OpenPGP keyrings in the same way; each must hold a certificate. */
  readonly keyrings: (references: NonEmpty<TrustRef>) => Result<KeyringSet>;
  /** Loads the files of notation's trust stores in the same way, PEM or DER; none gives none. */
  readonly storeCertificates: (references: readonly TrustRef[]) => Result<{
    readonly certificates: readonly Certificate[];
    readonly hash: string;
  }>;
  /** Loads a sigstore instance's root; all of it or nothing. */
  readonly sigstore: (reference: SigstoreRef) => Result<TrustedRoot>;
  /** Which authorities were seen to have signed which. */
  readonly edges: VerifiedEdges;
};

/** A policy with more keys than this is slower to answer than it is useful. */
const MAXIMUM_PARSED_KEYS = 10_000;

/** Trusted roots that are kept, and what one takes with its parsed certificates; bytes. */
const MAXIMUM_ROOTS = 256;
const ROOT_BYTES = 64 * 1024;

/** Certificates of one reference. */
const MAXIMUM_CERTIFICATES = 64;

/** Makes a trust store. Parsed material is kept by the text it was parsed from, so a changed key is another key. */
export function createTrustStore(): TrustStore {
  const keys = createLoader<PublicKey>((pem) => {
    const key = parsePublicKey(pem);
    return key.ok ? ok([key.value]) : key;
  }, textOf);
  const certificates = createLoader<Certificate>((pem) => {
    // Go's reader skips what stands between blocks, and people write there whose certificate it is.
    const parsed = parseCertificates(pem, { junk: 'ignored', maximum: MAXIMUM_CERTIFICATES });
    return parsed.ok ? ok(parsed.value) : failed('TRUST_MATERIAL_UNAVAILABLE', parsed.message);
  }, textOf);
  const stores = createLoader<Certificate>((base64) => {
    const parsed = readStoreFile(Buffer.from(base64, 'base64'));
    return parsed.ok ? ok(parsed.value) : failed('TRUST_MATERIAL_UNAVAILABLE', parsed.message);
  }, base64Of);
  const keyrings = createLoader<KeyringCertificate>((base64) => {
    const parsed = parseKeyring(Buffer.from(base64, 'base64'));
    if (!parsed.ok) return parsed;
    const [first, ...rest] = parsed.value;
    return ok([fingerprinted(first), ...rest.map(fingerprinted)]);
  }, base64Of);

  return {
    keys: (references) => {
      const set = keys(references);
      return set.ok ? ok({ keys: set.value.items, hash: set.value.hash }) : set;
    },
    certificates: (references) => {
      const set = certificates(references);
      return set.ok ? ok({ certificates: set.value.items, hash: set.value.hash }) : set;
    },
    storeCertificates: (references) => {
      const [first, ...rest] = references;
      if (first === undefined) return ok({ certificates: [], hash: 'none' });
      const set = stores([first, ...rest]);
      return set.ok ? ok({ certificates: set.value.items, hash: set.value.hash }) : set;
    },
    keyrings: (references) => {
      const set = keyrings(references);
      if (!set.ok) return set;
      const [first, ...rest] = set.value.items;
      return ok({
        certificates: mergeCertificates([first.certificate, ...rest.map(({ certificate }) => certificate)]),
        hash: set.value.hash,
      });
    },
    sigstore: createRootLoader(),
    edges: createVerifiedEdges(),
  };
}

/** Loads trusted roots, those that are the same by content once: each keeps which of its authorities signed which. */
function createRootLoader(): TrustStore['sigstore'] {
  const byReference = new WeakMap<SigstoreRef, Result<TrustedRoot>>();
  const byContent = createBoundedCache<TrustedRoot>({
    entries: MAXIMUM_ROOTS,
    bytes: 16 * 1024 * 1024,
    lives: 'forever',
  });
  return (reference) => {
    const known = byReference.get(reference);
    if (known !== undefined) return known;
    const root = loadRoot(reference);
    const kept = root.ok ? ok(byContent.get(root.value.hash) ?? root.value) : root;
    if (kept.ok) byContent.set(kept.value.hash, kept.value, ROOT_BYTES);
    // Only material that never changes under its reference.
    if (refsOf(reference).every(isFixed)) byReference.set(reference, kept);
    return kept;
  };
}

function loadRoot(reference: SigstoreRef): Result<TrustedRoot> {
  switch (reference.kind) {
    case 'publicGood':
      return publicGoodRoot();
    case 'trustedRoot': {
      const text = textOf(reference.document);
      return text.ok ? parseTrustedRoot(Buffer.from(text.value)) : text;
    }
    case 'pem': {
      const { transparencyLogs } = reference;
      const certificateAuthorities = textsOf(reference.certificateAuthorities);
      if (!certificateAuthorities.ok) return certificateAuthorities;
      const certificateLogs = textsOf(reference.certificateLogs);
      if (!certificateLogs.ok) return certificateLogs;
      const timestampAuthorities = textsOf(reference.timestampAuthorities);
      if (!timestampAuthorities.ok) return timestampAuthorities;
      const keys = textsOf(transparencyLogs.map(({ key }) => key));
      if (!keys.ok) return keys;
      return trustedRootOfPem({
        certificateAuthorities: certificateAuthorities.value,
        logs: transparencyLogs.map(({ url }, index) => ({ publicKey: keys.value[index] ?? '', baseUrl: url })),
        certificateLogs: certificateLogs.value,
        timestampAuthorities: timestampAuthorities.value,
      });
    }
  }
}

/** All references that a root is made of. */
export function refsOf(reference: SigstoreRef): readonly TrustRef[] {
  switch (reference.kind) {
    case 'publicGood':
      return [];
    case 'trustedRoot':
      return [reference.document];
    case 'pem':
      return [
        ...reference.certificateAuthorities,
        ...reference.transparencyLogs.map(({ key }) => key),
        ...reference.certificateLogs,
        ...reference.timestampAuthorities,
      ];
  }
}

/** An OpenPGP certificate by the hash of all that belongs to it. */
type KeyringCertificate = { readonly fingerprint: string; readonly certificate: OpenPgpCertificate };

function fingerprinted(certificate: OpenPgpCertificate): KeyringCertificate {
  return { fingerprint: createHash('sha256').update(certificate.bytes).digest('hex'), certificate };
}

/** Whether a reference's material never changes under it. */
export function isFixed({ kind }: TrustRef): boolean {
  return kind === 'inline' || kind === 'binary';
}

/** The bytes of a reference in base64, whether they are text or not. */
function base64Of(reference: TrustRef): Result<string> {
  if (reference.kind === 'binary') return ok(reference.base64);
  const text = textOf(reference);
  return text.ok ? ok(Buffer.from(text.value).toString('base64')) : text;
}

/** The text of a reference, or why there is none. */
function textOf(reference: TrustRef): Result<string> {
  switch (reference.kind) {
    case 'inline':
      return ok(reference.text);
    case 'binary':
      return failed('TRUST_MATERIAL_UNAVAILABLE', 'it is no text, as keys and certificates in PEM form are');
    case 'unavailable':
      return failed('TRUST_MATERIAL_UNAVAILABLE', reference.why);
    case 'secret':
      return failed('TRUST_MATERIAL_UNAVAILABLE', 'trust material from a secret is not read by this version');
  }
}

function textsOf(references: readonly TrustRef[]): Result<readonly string[]> {
  const texts: string[] = [];
  for (const reference of references) {
    const text = textOf(reference);
    if (!text.ok) return text;
    texts.push(text.value);
  }
  return ok(texts);
}

type Loaded<T> = { readonly items: NonEmpty<T>; readonly hash: string };

/** Loads lists of references, all of it or nothing. @param read what a reference holds, by which what is parsed is kept */
function createLoader<T extends { readonly fingerprint: string }>(
  parse: (written: string) => Result<NonEmpty<T>>,
  read: (reference: TrustRef) => Result<string>,
): (references: NonEmpty<TrustRef>) => Result<Loaded<T>> {
  const parsed = createBoundedCache<Result<NonEmpty<T>>>({
    entries: MAXIMUM_PARSED_KEYS,
    bytes: 64 * 1024 * 1024,
    lives: 'forever',
  });
  const sets = new WeakMap<NonEmpty<TrustRef>, Result<Loaded<T>>>();

  const load = (reference: TrustRef): Result<NonEmpty<T>> => {
    const text = read(reference);
    if (!text.ok) return text;
    const known = parsed.get(text.value);
    if (known !== undefined) return known;
    const items = parse(text.value);
    parsed.set(text.value, items, 2048 + 2 * text.value.length);
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
    if (references.every(isFixed)) sets.set(references, set);
    return set;
  };
}
