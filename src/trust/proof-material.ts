import { createHash } from 'node:crypto';
import { failed, ok, type Result } from '../codes/result.ts';
import type { LoggedRule, NonEmpty, ProofRule, TrustRef } from '../model/requirement.ts';
import { type SignerStores, storeProblem, TRUST_STORE_TYPES, type TrustStoreType } from './notation/authenticity.ts';
import type { OpenPgpCertificate } from './openpgp/keyring.ts';
import type { BundleRule, SigningKeys } from './sigstore/bundle-rule.ts';
import { type TrustedRoot, trustedRootOfParts } from './sigstore/trusted-root.ts';
import { isFixed, type KeySet, refsOf, type TrustStore } from './trust-store.ts';
import type { Certificate } from './x509/certificate.ts';
import type { VerifiedEdges } from './x509/chain.ts';

/** What a proof rule asks for, with all that it rests on loaded. Only what is verified here can be expressed. */
export type ProofMaterial = (
  | { readonly kind: 'keys'; readonly signing: SigningKeys }
  /** Keys, and logs of which one must have taken the signature in. */
  | { readonly kind: 'logged-keys'; readonly signing: SigningKeys; readonly logs: LogKeys }
  /** Short-lived certificates that a log saw while they were valid, as Fulcio issues them. */
  | (Authorities & { readonly kind: 'logged-certificates'; readonly logs: LogKeys })
  /** Long-lived certificates that must be valid at every judgement. */
  | (Authorities & { readonly kind: 'current-certificates' })
  | { readonly kind: 'sigstore'; readonly root: TrustedRoot; readonly rule: BundleRule }
  | OpenPgpMaterial
  | NotationMaterial
) & {
  /** Over everything that was loaded: the trust part of the proof cache's key (MODEL.md M2). */
  readonly hash: string;
  /** How many signatures proving one artifact may take: what it costs of an image's budget. */
  readonly cost: number;
};

/** OpenPGP certificates, any of whose keys may sign. */
export type OpenPgpMaterial = {
  readonly kind: 'openpgp';
  readonly certificates: NonEmpty<OpenPgpCertificate>;
  readonly weakAlgorithms: 'refuse' | 'accept';
};

/** What notation's rules rest on. */
export type NotationMaterial = Pick<Extract<ProofRule, { kind: 'notation' }>, 'levels' | 'verifyTimestamp'> & {
  readonly kind: 'notation';
  readonly stores: SignerStores;
  readonly timestampAuthorities: readonly Certificate[];
  readonly edges: VerifiedEdges;
  /** Why a store cannot be used, as a sentence; found out once, since it takes the certificates' own signatures. */
  readonly problem: () => Promise<string | undefined>;
};

/** Keys of logs, any one of which may have made a promise. */
export type LogKeys = KeySet & {
  /** The same as a root, with the rule's authorities: bundles name their log by its key. */
  readonly root: Result<TrustedRoot>;
};

/** The authorities of a rule about certificates. */
export type Authorities = {
  readonly roots: NonEmpty<Certificate>;
  readonly intermediates: readonly Certificate[];
  readonly edges: VerifiedEdges;
};

/** Signatures on one chain, as far as honest chains go; beyond it building a chain is bounded by itself. */
const CHAIN_COST = 6;

/**
 * Signatures that one notation envelope takes where strangers are refused: whoever is in no trust store costs his own, and one
 * that only shows a trusted certificate the links above the one that it forged. A hundred fit into an image's budget
 * (notation-ratify.md §1.12).
 */
const NOTATION_COST = 5;

/** Signatures on the log entries and timestamps of one artifact, as far as honest ones go. */
const WITNESS_COST = 8;

/** Signatures that one OpenPGP message takes: its own, and those by which its key is what it is. */
const OPENPGP_COST = 4;

/** Loads the material of rules, once for rules whose material cannot change under its references. */
export function createMaterialLoader(trust: TrustStore): (rule: ProofRule) => Result<ProofMaterial> {
  const known = new WeakMap<ProofRule, Result<ProofMaterial>>();
  return (rule) => {
    const kept = known.get(rule);
    if (kept !== undefined) return kept;
    const material = loadMaterial(trust, rule);
    if (references(rule).every(isFixed)) known.set(rule, material);
    return material;
  };
}

/**
 * Loads all that a rule names; one piece that does not load fails it, before anything is looked up.
 * @returns POLICY_BROKEN for a rule that asks for nothing, TRUST_MATERIAL_UNAVAILABLE
 */
function loadMaterial(trust: TrustStore, rule: ProofRule): Result<ProofMaterial> {
  switch (rule.kind) {
    case 'keys':
      return loadKeys(trust, rule);
    case 'certificates':
      return loadCertificates(trust, rule);
    case 'sigstore':
      return loadSigstore(trust, rule);
    case 'openpgp':
      return loadKeyrings(trust, rule);
    case 'notation':
      return loadStores(trust, rule);
  }
}

function loadKeyrings(trust: TrustStore, rule: Extract<ProofRule, { kind: 'openpgp' }>): Result<ProofMaterial> {
  const keyrings = trust.keyrings(rule.keyrings);
  if (!keyrings.ok) return keyrings;
  const { certificates, hash } = keyrings.value;
  const { weakAlgorithms } = rule;
  // A message names its key, so that one verification decides, beside those of the key's own signatures.
  return ok({
    kind: 'openpgp',
    certificates,
    weakAlgorithms,
    hash: hashOf(['openpgp', weakAlgorithms, hash]),
    cost: OPENPGP_COST,
  });
}

function loadStores(trust: TrustStore, rule: Extract<ProofRule, { kind: 'notation' }>): Result<ProofMaterial> {
  const ca = trust.storeCertificates(rule.authorities);
  if (!ca.ok) return ca;
  const signingAuthority = trust.storeCertificates(rule.signingAuthorities);
  if (!signingAuthority.ok) return signingAuthority;
  const tsa = trust.storeCertificates(rule.timestampAuthorities);
  if (!tsa.ok) return tsa;
  const { levels, verifyTimestamp } = rule;
  const stores = {
    ca: ca.value.certificates,
    signingAuthority: signingAuthority.value.certificates,
    tsa: tsa.value.certificates,
  };
  return ok({
    kind: 'notation',
    stores,
    timestampAuthorities: stores.tsa,
    levels,
    verifyTimestamp,
    edges: trust.edges,
    problem: once(() => problemOf(stores)),
    hash: hashOf(['notation', ca.value.hash, signingAuthority.value.hash, tsa.value.hash]),
    cost: levels.authenticity === 'enforce' ? NOTATION_COST : 1 + CHAIN_COST + WITNESS_COST,
  });
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask();
    return asked;
  };
}

/** One certificate that must not be in its store makes all of it unusable, as for notation. */
async function problemOf(
  stores: Readonly<Record<TrustStoreType, readonly Certificate[]>>,
): Promise<string | undefined> {
  for (const type of TRUST_STORE_TYPES) {
    for (const certificate of stores[type]) {
      const problem = await storeProblem(type, certificate);
      if (problem !== undefined) return `the trust store "${type}" cannot be used: ${problem}`;
    }
  }
  return undefined;
}

function loadKeys(trust: TrustStore, rule: Extract<ProofRule, { kind: 'keys' }>): Result<ProofMaterial> {
  const loaded = trust.keys(rule.keys);
  if (!loaded.ok) return loaded;
  const keys = { keys: loaded.value, hash: rule.hash };
  const count = loaded.value.keys.length;
  if (rule.transparency === 'none')
    return ok({ kind: 'keys', signing: keys, hash: hashOf(['keys', loaded.value.hash]), cost: count });
  const logs = loadLogs(trust, rule.transparency, []);
  if (!logs.ok) return logs;
  const hash = hashOf(['logged-keys', loaded.value.hash, logs.value.hash]);
  return ok({ kind: 'logged-keys', signing: keys, logs: logs.value, hash, cost: count + logs.value.keys.length });
}

function loadCertificates(
  trust: TrustStore,
  { roots, intermediates, validAt }: Extract<ProofRule, { kind: 'certificates' }>,
): Result<ProofMaterial> {
  const anchors = trust.certificates(roots);
  if (!anchors.ok) return anchors;
  const [first, ...rest] = intermediates;
  const between = first === undefined ? ok(undefined) : trust.certificates([first, ...rest]);
  if (!between.ok) return between;

  const authorities: Authorities = {
    roots: anchors.value.certificates,
    intermediates: between.value?.certificates ?? [],
    edges: trust.edges,
  };
  const hash = hashOf(['certificates', anchors.value.hash, between.value?.hash ?? 'none']);
  if (validAt === 'now') return ok({ kind: 'current-certificates', ...authorities, hash, cost: 1 + CHAIN_COST });

  const logs = loadLogs(
    trust,
    validAt,
    authorities.roots.map((root) => chainBelow(root, authorities.intermediates)),
  );
  if (!logs.ok) return logs;
  return ok({
    kind: 'logged-certificates',
    ...authorities,
    logs: logs.value,
    hash: hashOf(['logged', hash, logs.value.hash]),
    cost: 1 + CHAIN_COST + logs.value.keys.length,
  });
}

function chainBelow(root: Certificate, intermediates: readonly Certificate[]): NonEmpty<Certificate> {
  const [nearest, ...others] = intermediates;
  return nearest === undefined ? [root] : [nearest, ...others, root];
}

function loadSigstore(trust: TrustStore, rule: Extract<ProofRule, { kind: 'sigstore' }>): Result<ProofMaterial> {
  const root = trust.sigstore(rule.root);
  if (!root.ok) return root;
  const signing = loadSigner(trust, rule.signer);
  if (!signing.ok) return signing;
  const signer = signing.value;
  const { transparency, time, certificateTransparency } = rule;
  return ok({
    kind: 'sigstore',
    root: root.value,
    rule: { signer, transparency, time, certificateTransparency },
    hash: hashOf(['sigstore', root.value.hash, signer === 'certificate' ? 'certificate' : signer.keys.hash]),
    cost: (signer === 'certificate' ? 1 + CHAIN_COST : signer.keys.keys.length) + WITNESS_COST,
  });
}

function loadSigner(
  trust: TrustStore,
  signer: Extract<ProofRule, { kind: 'sigstore' }>['signer'],
): Result<BundleRule['signer']> {
  if (signer === 'certificate') return ok(signer);
  const keys = trust.keys(signer.keys);
  return keys.ok ? ok({ keys: keys.value, hash: signer.hash }) : keys;
}

/** Rekor's promises are signed with ECDSA; a key of another kind could never have signed one, so it is a mistake. */
function loadLogs(trust: TrustStore, rule: LoggedRule, authorities: readonly NonEmpty<Certificate>[]): Result<LogKeys> {
  const set = trust.keys(rule.logs);
  if (!set.ok) return set;
  if (set.value.keys.some(({ algorithm }) => algorithm.kind !== 'ecdsa'))
    return failed('TRUST_MATERIAL_UNAVAILABLE', "the transparency log's public key is not an ECDSA key");
  return ok({ ...set.value, root: trustedRootOfParts({ authorities, logs: set.value.keys }) });
}

function references(rule: ProofRule): readonly TrustRef[] {
  switch (rule.kind) {
    case 'keys':
      return [...rule.keys, ...(rule.transparency === 'none' ? [] : rule.transparency.logs)];
    case 'certificates':
      return [...rule.roots, ...rule.intermediates, ...(rule.validAt === 'now' ? [] : rule.validAt.logs)];
    case 'sigstore':
      return [...refsOf(rule.root), ...(rule.signer === 'certificate' ? [] : rule.signer.keys)];
    case 'openpgp':
      return rule.keyrings;
    case 'notation':
      return [...rule.authorities, ...rule.signingAuthorities, ...rule.timestampAuthorities];
  }
}

function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}
