import type { Origin } from '../../../model/outcome.ts';
import type { CompiledPolicy } from '../../compiled.ts';
import { scopesAbove } from '../../scope.ts';

/** The condition that machine-config-operator writes to an ImagePolicy with dropped scopes; the time is the writer's. */
export type ConflictCondition = {
  readonly type: 'Pending';
  readonly status: 'False';
  readonly reason: 'ConflictScopes';
  readonly message: string;
  readonly observedGeneration: number | undefined;
};

/** One ImagePolicy, the scopes of it that cluster policies drop, and the condition that says so. */
export type Conflict = {
  readonly origin: Origin;
  readonly scopes: readonly string[];
  readonly condition: ConflictCondition;
};

/**
 * The ImagePolicies of which some scope is equal to or nested in a scope of a ClusterImagePolicy, each with the status
 * condition for it, word for word. Broken cluster policies count: they keep their place.
 * @see reference/openshift-containers.md §1.4 item 4
 */
export function conflictConditions(policies: readonly CompiledPolicy[]): readonly Conflict[] {
  const cluster = new Set<string>();
  for (const { holdsIn, reach } of policies) {
    if (holdsIn.kind === 'cluster' && reach !== 'everything') for (const { canonical } of reach) cluster.add(canonical);
  }
  return policies.flatMap(({ policy, holdsIn, reach }) => {
    if (holdsIn.kind === 'cluster' || reach === 'everything') return [];
    const dropped = reach.filter(({ canonical }) => scopesAbove(canonical).some((scope) => cluster.has(scope)));
    if (dropped.length === 0) return [];
    const scopes = dropped.map((scope) => scope.written);
    return [{ origin: policy.origin, scopes, condition: condition(scopes, policy.origin.generation) }];
  });
}

function condition(scopes: readonly string[], generation: number | undefined): ConflictCondition {
  // Go's %q of a slice of strings; a scope that parses holds nothing that Go would escape and JSON would not.
  const quoted = `[${scopes.map((scope) => JSON.stringify(scope)).join(' ')}]`;
  return {
    type: 'Pending',
    status: 'False',
    reason: 'ConflictScopes',
    message: `has conflicting scope(s) ${quoted} that equal to or nest inside existing clusterimagepolicy, only policy from clusterimagepolicy scope(s) will be applied`,
    observedGeneration: generation,
  };
}
