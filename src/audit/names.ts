import { printable } from '../encoding/escape.ts';
import type { Finding } from '../model/finding.ts';
import type { Origin, Outcome } from '../model/outcome.ts';

/** Longest name of a policy, namespace or signer that is shown. */
const MAX_NAME = 253;

/** Names that were escaped before: a policy's origin is one object for as long as the policy is in force. */
const names = new WeakMap<Origin, string>();

/** One word for a policy in a log or a table: `ClusterImagePolicy/release`, `ImagePolicy/dev/release`. */
export function policyName(policy: Origin): string {
  const before = names.get(policy);
  if (before !== undefined) return before;
  const namespace = policy.namespace === undefined ? '' : `${printable(policy.namespace, MAX_NAME)}/`;
  const name = `${printable(policy.kind, MAX_NAME)}/${namespace}${printable(policy.name, MAX_NAME)}`;
  names.set(policy, name);
  return name;
}

/** A policy in a sentence: `ClusterImagePolicy "release"`, `ImagePolicy "release" in namespace "dev"`. */
export function policyInWords(policy: Origin): string {
  const where = policy.namespace === undefined ? '' : ` in namespace "${printable(policy.namespace, MAX_NAME)}"`;
  return `${printable(policy.kind, MAX_NAME)} "${printable(policy.name, MAX_NAME)}"${where}`;
}

/** What was found on the way to an outcome. */
export function findingsOf(outcome: Outcome): readonly Finding[] {
  switch (outcome.kind) {
    case 'verified':
    case 'accepted':
    case 'untrusted':
    case 'invalid':
    case 'rejected':
    case 'error':
      return outcome.findings;
    case 'unsigned':
    case 'unmatched':
    case 'exempt':
      return [];
  }
}

/** Whose signature a finding was accepted for; undefined where it was not accepted. */
export function acceptedSigner(finding: Finding): string | undefined {
  if (finding.kind !== 'judged' || finding.verdict.kind !== 'accepted') return undefined;
  return finding.proof.kind === 'proved' ? printable(finding.proof.signer.display, MAX_NAME) : undefined;
}
