import { failure } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import type { Asked, Asker } from '../model/subject.ts';
import type { Policy, PolicyWarning, Selected } from './policy.ts';
import { canonicalScope, scopeChains } from './scope.ts';

/** A scope as it was written, and as it is looked up. */
export type Scope = { readonly written: string; readonly canonical: string };

/** Something against an object: where in it, and the whole sentence, escaped. */
export type ObjectProblem = { readonly path: string; readonly text: string };

/** A policy with where it stands; what a set is built of, whatever language it was written in. */
export type CompiledPolicy = {
  /** Which language it was written in, and so which set keeps it; `unreadable` where nobody could tell. */
  readonly dialect: 'openshift' | 'countersign' | 'containers' | 'notation' | 'unreadable';
  readonly policy: Policy;
  /** The namespace it holds in, or `cluster`. */
  readonly holdsIn: { readonly kind: 'cluster' } | { readonly kind: 'namespace'; readonly namespace: string };
  /**
   * `everything` where it is broken and none of its scopes could be told (MODEL.md M8), and for the `default` of a
   * policy.json.
   */
  readonly reach: readonly Scope[] | 'everything';
  readonly problems: readonly ObjectProblem[];
  readonly warnings: readonly PolicyWarning[];
};

/** Where an entry of the configuration lets a policy apply, beside what the policy itself says. */
export type Narrowing = {
  /** Namespaces of askers; undefined is all. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** Canonical scopes, in one of which the image must lie; undefined is all. */
  readonly scopes: ReadonlySet<string> | undefined;
};

/** A policy of a set and how its entry narrows it. */
export type Member = { readonly compiled: CompiledPolicy; readonly narrowing: Narrowing };

/** Applies everywhere. */
export const NOT_NARROWED: Narrowing = { namespaces: undefined, scopes: undefined };

/** Shown as the scope of a broken policy whose scopes could not be told. */
const EVERYTHING = '*';

/** Scopes in the form in which they are looked up, none twice. */
export function toScopes(written: readonly string[]): readonly Scope[] {
  const byCanonical = new Map(written.map((scope) => [canonicalScope(scope), scope]));
  return [...byCanonical].map(([canonical, text]) => ({ written: text, canonical }));
}

/** The same policy, refusing its reach because what it was read from cannot be read any more. */
export function breakPolicy(of: CompiledPolicy, reason: string): CompiledPolicy {
  return { ...of, policy: { ...of.policy, state: brokenState(of.policy.origin, reason) }, problems: [], warnings: [] };
}

/** The state of a policy that is broken, for a reason whose text may be anybody's. */
export function brokenState(
  { kind, name }: { readonly kind: string; readonly name: string },
  reason: string,
): Policy['state'] {
  const message = `${kind} "${name}" is broken: ${printable(reason, 1000)}`;
  return { kind: 'broken', failure: failure('POLICY_BROKEN', message) };
}

/**
 * What stands for a source that never could be read: nobody knows what it names, so it may be anything.
 * @param namespace the one namespace that it is for, where that is known
 */
export function unreadablePolicy(
  source: string,
  name: string,
  reason: string,
  namespace: string | undefined,
): CompiledPolicy {
  const message = `the policy file "${printable(name)}" is broken: ${printable(reason, 1000)}`;
  return {
    dialect: 'unreadable',
    policy: {
      origin: { kind: 'PolicyFile', namespace: undefined, name: printable(name), source, generation: undefined },
      mode: undefined,
      subjectRule: 'indexOrEveryInstance',
      evidence: 'complete',
      state: { kind: 'broken', failure: failure('POLICY_BROKEN', message) },
    },
    holdsIn: namespace === undefined ? { kind: 'cluster' } : { kind: 'namespace', namespace },
    reach: 'everything',
    problems: [],
    warnings: [],
  };
}

/**
 * Whether a policy may apply to who asks and to an image of this chain of scopes, its own scopes aside: it holds in the
 * asker's namespace, and its entry does not keep it out. What is unknown about the asker counts as matching (MODEL.md M7).
 */
export function isAsked({ compiled, narrowing }: Member, asker: Asker, chain: readonly string[]): boolean {
  const { holdsIn } = compiled;
  if (asker.namespace.known) {
    const { value } = asker.namespace;
    if (holdsIn.kind === 'namespace' && holdsIn.namespace !== value) return false;
    if (narrowing.namespaces !== undefined && !narrowing.namespaces.has(value)) return false;
  }
  const { scopes } = narrowing;
  return scopes === undefined || chain.some((scope) => scopes.has(scope));
}

/** Those members, broken with a reach that nobody could tell, that refuse this image, beside whatever else decides. */
export function selectEverywhere(members: readonly Member[], asked: Asked, asker: Asker): readonly Selected[] {
  if (members.length === 0 || asked.kind !== 'image') return [];
  const chains = scopeChains(asked.reference);
  return members
    .filter((member) => chains.some((chain) => isAsked(member, asker, chain)))
    .map(({ compiled: { policy } }) => ({ policy, scope: EVERYTHING, state: policy.state }));
}
