import { printable } from '../../encoding/escape.ts';
import type { PolicyRequirement } from '../dialects/containers/document.ts';
import type { OpenShiftSpec } from '../dialects/openshift/object.ts';
import type { ObjectHeader } from '../header.ts';
import { canonicalScope, scopesAbove } from '../scope.ts';
import { operatorNests } from './nesting.ts';
import { requirementOf } from './openshift-requirement.ts';

/** A valid object. */
export type ValidPolicy = { readonly header: ObjectHeader; readonly spec: OpenShiftSpec };

/** What scopes demand; all of a scope's requirements hold together, in the order in which the objects came. */
export type ByScope = ReadonlyMap<string, readonly PolicyRequirement[]>;

/** What objects come to, scope by scope, as they are written. */
export type ScopePolicies = {
  readonly cluster: ByScope;
  /** By namespace. */
  readonly namespaces: ReadonlyMap<string, ByScope>;
  /** What the author of an ImagePolicy should know. */
  readonly notes: readonly string[];
};

/**
 * Sorts objects by the scopes that they are for. A scope of an ImagePolicy that equals or lies in one of a
 * ClusterImagePolicy is left out, and only that scope.
 * @see reference/openshift-containers.md §1.4
 */
export function collectScopes(objects: readonly ValidPolicy[]): ScopePolicies {
  const cluster = new Map<string, PolicyRequirement[]>();
  const namespaces = new Map<string, Map<string, PolicyRequirement[]>>();
  const notes: string[] = [];
  for (const { header, spec } of objects) {
    if (header.namespace === undefined) for (const scope of spec.scopes) add(cluster, scope, requirementOf(spec));
  }
  const wide = [...cluster.keys()];
  const canonical = new Set(wide.map(canonicalScope));
  for (const { header, spec } of objects) {
    if (header.namespace === undefined) continue;
    const dropped = spec.scopes.filter((scope) => wide.some((outer) => operatorNests(scope, outer)));
    const kept = spec.scopes.filter((scope) => !dropped.includes(scope));
    const name = `ImagePolicy ${printable(header.namespace)}/${printable(header.name)}`;
    if (dropped.length > 0) {
      notes.push(`${name}: ${list(dropped)} lies in a scope of a ClusterImagePolicy, which alone is written`);
    }
    const replacing = kept.filter((scope) => scopesAbove(canonicalScope(scope)).some((above) => canonical.has(above)));
    if (replacing.length > 0) {
      notes.push(
        `${name}: for that namespace ${list(replacing)} takes the place of a ClusterImagePolicy on nodes, since ` +
          'machine-config-operator counts neither tags and digests as part of a repository nor hosts in capitals as the same; ' +
          'countersign does',
      );
    }
    if (kept.length === 0) continue;
    const own = namespaces.get(header.namespace) ?? new Map<string, PolicyRequirement[]>();
    namespaces.set(header.namespace, own);
    for (const scope of kept) add(own, scope, requirementOf(spec));
  }
  return { cluster, namespaces, notes };
}

function add(to: Map<string, PolicyRequirement[]>, scope: string, requirement: PolicyRequirement): void {
  const there = to.get(scope);
  if (there === undefined) to.set(scope, [requirement]);
  else there.push(requirement);
}

function list(scopes: readonly string[]): string {
  return scopes.map((scope) => printable(scope, 600)).join(', ');
}
