import { createHash } from 'node:crypto';
import { failed, ok, type Result } from '../codes/result.ts';
import type { NonEmpty, ProofRule, TransparencyRule, TrustRef } from '../model/requirement.ts';
import type { KeySet, TrustStore } from './trust-store.ts';
import type { Certificate } from './x509/certificate.ts';
import type { VerifiedEdges } from './x509/chain.ts';

/** What a proof rule rests on, loaded. Only combinations that are verified here can be expressed. */
export type ProofMaterial = (
  | { readonly kind: 'keys'; readonly keys: KeySet; readonly logs: KeySet | 'none' }
  /** Short-lived certificates that a log saw while they were valid, as Fulcio issues them. */
  | (Authorities & { readonly kind: 'logged-certificates'; readonly logs: KeySet })
  /** Long-lived certificates that must be valid at every judgement. */
  | (Authorities & { readonly kind: 'current-certificates' })
) & {
  /** Over everything that was loaded: the trust part of the proof cache's key (MODEL.md M2). */
  readonly hash: string;
  /** How many signatures proving one artifact may take: what it costs of an image's budget. */
  readonly cost: number;
};

/** The authorities of a rule about certificates. */
export type Authorities = {
  readonly roots: NonEmpty<Certificate>;
  readonly intermediates: readonly Certificate[];
  readonly edges: VerifiedEdges;
};

/** Signatures on one chain, as far as honest chains go; beyond it building a chain is bounded by itself. */
const CHAIN_COST = 6;

/** Loads the material of rules, once for rules whose material cannot change under its references. */
export function createMaterialLoader(trust: TrustStore): (rule: ProofRule) => Result<ProofMaterial> {
  const known = new WeakMap<ProofRule, Result<ProofMaterial>>();
  return (rule) => {
    const kept = known.get(rule);
    if (kept !== undefined) return kept;
    const material = loadMaterial(trust, rule);
    if (references(rule).every(({ kind }) => kind === 'inline')) known.set(rule, material);
    return material;
  };
}

/**
 * Loads all that a rule names; one piece that does not load fails it, before anything is looked up.
 * @returns FEATURE_NOT_SUPPORTED for a rule that is not verified here, POLICY_BROKEN for one that asks for nothing,
 *   TRUST_MATERIAL_UNAVAILABLE
 */
function loadMaterial(trust: TrustStore, rule: ProofRule): Result<ProofMaterial> {
  const logs = loadLogs(trust, rule.transparency);
  if (!logs.ok) return logs;
  const logCost = logs.value === 'none' ? 0 : logs.value.keys.length;
  const logHash = logs.value === 'none' ? 'none' : logs.value.hash;

  if (rule.kind === 'keys') {
    const keys = trust.keys(rule.keys);
    if (!keys.ok) return keys;
    const hash = hashOf(['keys', keys.value.hash, logHash]);
    return ok({ kind: 'keys', keys: keys.value, logs: logs.value, hash, cost: keys.value.keys.length + logCost });
  }

  if (rule.certificateTransparency !== 'none')
    return failed(
      'FEATURE_NOT_SUPPORTED',
      'the policy asks for certificate timestamps, which this version does not verify',
    );
  const roots = trust.certificates(rule.roots);
  if (!roots.ok) return roots;
  const [first, ...rest] = rule.intermediates;
  const between = first === undefined ? ok(undefined) : trust.certificates([first, ...rest]);
  if (!between.ok) return between;

  const common = {
    roots: roots.value.certificates,
    intermediates: between.value?.certificates ?? [],
    edges: trust.edges,
    hash: hashOf(['certificates', roots.value.hash, between.value?.hash ?? 'none', logHash]),
    cost: 1 + CHAIN_COST + logCost,
  };
  if (rule.time === 'now' && logs.value === 'none') return ok({ kind: 'current-certificates', ...common });
  if (typeof rule.time === 'object' && rule.time.kind === 'log' && logs.value !== 'none')
    return ok({ kind: 'logged-certificates', logs: logs.value, ...common });
  return failed(
    'FEATURE_NOT_SUPPORTED',
    'the policy asks for certificates with a proof of time that this version does not verify',
  );
}

/** Rekor's promises are signed with ECDSA; a key of another kind could never have signed one, so it is a mistake. */
function loadLogs(trust: TrustStore, rule: TransparencyRule): Result<KeySet | 'none'> {
  if (rule === 'none') return ok('none');
  if (rule.threshold < 1)
    return failed('POLICY_BROKEN', 'the policy asks for a transparency log entry and is content with none');
  if (rule.threshold > 1)
    return failed(
      'FEATURE_NOT_SUPPORTED',
      'the policy asks for entries in several logs, which this version does not verify',
    );
  const keys = trust.keys(rule.logs);
  if (keys.ok && keys.value.keys.some(({ algorithm }) => algorithm.kind !== 'ecdsa'))
    return failed('TRUST_MATERIAL_UNAVAILABLE', "the transparency log's public key is not an ECDSA key");
  return keys;
}

function references(rule: ProofRule): readonly TrustRef[] {
  const logs = rule.transparency === 'none' ? [] : rule.transparency.logs;
  return rule.kind === 'keys' ? [...rule.keys, ...logs] : [...rule.roots, ...rule.intermediates, ...logs];
}

function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}
