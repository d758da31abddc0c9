import { isAsked, type Member, type Scope, selectEverywhere } from '../../compiled.ts';
import type { Policy, PolicySet, Selected } from '../../policy.ts';
import { scopeChains } from '../../scope.ts';

type Hit = { readonly member: Member; readonly scope: Scope };
type ByScope = Map<string, Hit[]>;

/**
 * All OpenShift policies of a server as one set, whatever their source.
 *
 * A namespace's scope that is equal to or nested in a cluster scope does not count; of what remains, the most specific
 * scope that names the image decides alone, and all policies on it are required. Nesting needs no comparison of scopes
 * here: whatever encloses a scope of the image is on the image's own chain, so that a cluster scope anywhere on it leaves
 * no namespace scope in force that could come before it. Each look-up costs the chain, not the number of policies.
 * @see reference/openshift-containers.md §1.4, MODEL.md §2.1
 */
export function openShiftSet(members: readonly Member[]): PolicySet {
  const cluster: ByScope = new Map();
  const namespaced: ByScope = new Map();
  const unbounded: Member[] = [];
  for (const member of members) {
    const { reach, holdsIn } = member.compiled;
    if (reach === 'everything') unbounded.push(member);
    else for (const scope of reach) add(holdsIn.kind === 'cluster' ? cluster : namespaced, { member, scope });
  }

  return {
    name: 'OpenShift image policies',
    policies: members.map((member) => member.compiled.policy),
    select: (asked, asker) => {
      if (asked.kind !== 'image') return [];
      const hits = scopeChains(asked.reference).flatMap((chain) => {
        const applies = (hit: Hit): boolean => isAsked(hit.member, asker, chain);
        const decisive = mostSpecific(cluster, chain, applies);
        return decisive.length > 0 ? decisive : mostSpecificPerNamespace(namespaced, chain, applies);
      });
      return [...selectEverywhere(unbounded, asked, asker), ...distinct(hits)];
    },
  };
}

function add(to: ByScope, hit: Hit): void {
  const there = to.get(hit.scope.canonical);
  if (there === undefined) to.set(hit.scope.canonical, [hit]);
  else there.push(hit);
}

/** The policies on the first scope of the chain that has any. */
function mostSpecific(index: ByScope, chain: readonly string[], applies: (hit: Hit) => boolean): readonly Hit[] {
  for (const scope of chain) {
    const hits = index.get(scope)?.filter(applies) ?? [];
    if (hits.length > 0) return hits;
  }
  return [];
}

/** The same for each namespace by itself: usually one; all of them where the asker's namespace is not known. */
function mostSpecificPerNamespace(
  index: ByScope,
  chain: readonly string[],
  applies: (hit: Hit) => boolean,
): readonly Hit[] {
  const decided = new Set<string>();
  const found: Hit[] = [];
  for (const scope of chain) {
    const hits = (index.get(scope) ?? []).filter((hit) => !decided.has(namespaceOf(hit)) && applies(hit));
    for (const hit of hits) decided.add(namespaceOf(hit));
    found.push(...hits);
  }
  return found;
}

function namespaceOf(hit: Hit): string {
  const { holdsIn } = hit.member.compiled;
  return holdsIn.kind === 'namespace' ? holdsIn.namespace : '';
}

function distinct(hits: readonly Hit[]): readonly Selected[] {
  const seen = new Map<Policy, Set<string>>();
  return hits.flatMap(({ member, scope }) => {
    const { policy } = member.compiled;
    const scopes = seen.get(policy) ?? new Set();
    if (scopes.has(scope.canonical)) return [];
    seen.set(policy, scopes.add(scope.canonical));
    return [{ policy, scope: scope.written, state: policy.state }];
  });
}
