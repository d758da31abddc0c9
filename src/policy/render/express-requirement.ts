import { failed, ok, type Result } from '../../codes/result.ts';
import type { Leaf, NonEmpty, Requirement } from '../../model/requirement.ts';
import { parsePublicKey } from '../../trust/public-key.ts';
import type { PolicyRequirement } from '../dialects/containers/document.ts';
import { type Expressed, expressLeaf, mergedKeys } from './express-leaf.ts';

/**
 * What a policy demands as requirements of a node, all of which must hold: none where it accepts everything.
 * @param now milliseconds since the epoch
 * @returns POLICY_BROKEN with what no node can check; TRUST_MATERIAL_UNAVAILABLE
 */
export function expressRequirement(
  requirement: Requirement,
  now: number,
): Result<Expressed<readonly PolicyRequirement[]>> {
  switch (requirement.kind) {
    case 'accept':
      return ok({ value: [], notes: [] });
    case 'reject':
      return ok({ value: [{ type: 'reject' }], notes: [] });
    case 'some': {
      const one = expressLeaf(requirement.leaf, now);
      return one.ok ? ok({ value: [one.value.value], notes: one.value.notes }) : one;
    }
    case 'allOf':
      return all(requirement.of, now);
    case 'anyOf':
      return any(requirement.of, now);
    case 'kOf':
      if (requirement.k >= requirement.of.length) return all(requirement.of, now);
      if (requirement.k === 1) return any(requirement.of, now);
      return failed('POLICY_BROKEN', 'nodes know no “so many of them”');
    case 'quorum': {
      const [first, ...rest] = requirement.of;
      const leaves = [some(first), ...rest.map(some)] as const;
      if (requirement.k === 1) return any(leaves, now);
      if (requirement.k === leaves.length && haveOwnKeys(requirement.of)) return all(leaves, now);
      return failed('POLICY_BROKEN', 'nodes do not count different signers');
    }
    case 'each':
    case 'when':
      return failed('POLICY_BROKEN', 'nodes look at signatures one by one');
  }
}

function all(of: NonEmpty<Requirement>, now: number): Result<Expressed<readonly PolicyRequirement[]>> {
  const value: PolicyRequirement[] = [];
  const notes: string[] = [];
  for (const requirement of of) {
    const one = expressRequirement(requirement, now);
    if (!one.ok) return one;
    value.push(...one.value.value);
    notes.push(...one.value.notes);
  }
  return ok({ value, notes });
}

/** Nodes know one “or”: several keys of one requirement. */
function any(of: NonEmpty<Requirement>, now: number): Result<Expressed<readonly PolicyRequirement[]>> {
  if (of.some(({ kind }) => kind === 'accept')) return ok({ value: [], notes: [] });
  const [first, ...rest] = of.filter(({ kind }) => kind !== 'reject');
  if (first === undefined) return ok({ value: [{ type: 'reject' }], notes: [] });
  if (rest.length === 0) return expressRequirement(first, now);
  const [leaf, ...leaves] = [first, ...rest].flatMap((one) => (one.kind === 'some' ? [one.leaf] : []));
  const merged = leaf === undefined || leaves.length < rest.length ? undefined : mergedKeys([leaf, ...leaves]);
  if (merged !== undefined) return expressRequirement(some(merged), now);
  return failed('POLICY_BROKEN', 'nodes know an “or” between keys alone, where all else is the same');
}

/** Whether no key is in two of the leaves, so that whoever meets all of them is as many signers. */
function haveOwnKeys(leaves: readonly Leaf[]): boolean {
  const seen = new Set<string>();
  for (const { proof } of leaves) {
    const own = new Set<string>();
    for (const ref of proof.kind === 'keys' ? proof.keys : []) {
      const key = ref.kind === 'inline' ? parsePublicKey(ref.text) : undefined;
      if (key?.ok !== true || seen.has(key.value.fingerprint)) return false;
      own.add(key.value.fingerprint);
    }
    if (own.size === 0) return false;
    for (const fingerprint of own) seen.add(fingerprint);
  }
  return true;
}

function some(leaf: Leaf): Requirement {
  return { kind: 'some', leaf };
}
