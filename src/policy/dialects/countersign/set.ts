import type { Asker } from '../../../model/subject.ts';
import { isAsked, type Member, type Scope, selectEverywhere } from '../../compiled.ts';
import type { Policy, PolicySet, Selected } from '../../policy.ts';
import { scopeChains } from '../../scope.ts';
import { type Glob, matchesGlob, readGlob } from './globs.ts';
import { isGlob } from './images.ts';

type Hit = { readonly member: Member; readonly scope: Scope };

/** Policies of the cluster, or of one namespace. */
type Index = {
  readonly exact: Map<string, Hit[]>;
  readonly globs: (Hit & { readonly glob: Glob })[];
  /** Broken, with a reach that nobody could tell. */
  readonly unbounded: Member[];
};

/**
 * All of countersign's own policies of a server as one set, whatever their source, and with them what could not be read
 * and may have been any policy.
 *
 * Every policy with an item that names the image applies, so that adding one takes no other away: there is no precedence,
 * and nothing that a namespace's policy could loosen. A look-up costs the scopes of the image and the globs; the number
 * of exact items, and of other namespaces, does not count.
 */
export function ownSet(members: readonly Member[]): PolicySet {
  const cluster = emptyIndex();
  const namespaces = new Map<string, Index>();
  for (const member of members) {
    const { holdsIn } = member.compiled;
    if (holdsIn.kind === 'cluster') add(cluster, member);
    else {
      const index = namespaces.get(holdsIn.namespace) ?? emptyIndex();
      namespaces.set(holdsIn.namespace, index);
      add(index, member);
    }
  }

  return {
    name: 'countersign image policies',
    policies: members.map((member) => member.compiled.policy),
    select: (asked, asker) => {
      if (asked.kind !== 'image') return [];
      const chains = scopeChains(asked.reference);
      return indexesFor(asker, cluster, namespaces).flatMap(({ exact, globs, unbounded }) => {
        const hits = [
          ...chains.flat().flatMap((scope) => exact.get(scope) ?? []),
          ...globs.filter(({ glob }) => matchesGlob(glob, asked.reference)),
        ].filter(({ member }) => chains.some((chain) => isAsked(member, asker, chain)));
        return [...selectEverywhere(unbounded, asked, asker), ...eachOnce(hits)];
      });
    },
  };
}

function emptyIndex(): Index {
  return { exact: new Map(), globs: [], unbounded: [] };
}

function add({ exact, globs, unbounded }: Index, member: Member): void {
  const { reach } = member.compiled;
  if (reach === 'everything') return void unbounded.push(member);
  for (const scope of reach) {
    if (isGlob(scope.written)) {
      globs.push({ member, scope, glob: readGlob(scope.written) });
      continue;
    }
    const there = exact.get(scope.canonical);
    if (there === undefined) exact.set(scope.canonical, [{ member, scope }]);
    else there.push({ member, scope });
  }
}

/** What is unknown about the asker counts as matching (MODEL.md M7). */
function indexesFor({ namespace }: Asker, cluster: Index, namespaces: ReadonlyMap<string, Index>): readonly Index[] {
  if (!namespace.known) return [cluster, ...namespaces.values()];
  const own = namespaces.get(namespace.value);
  return own === undefined ? [cluster] : [cluster, own];
}

/** Each policy with the first of its items that named the image: the most specific scope, or else a glob. */
function eachOnce(hits: readonly Hit[]): readonly Selected[] {
  const seen = new Set<Policy>();
  return hits.flatMap(({ member, scope }) => {
    const { policy } = member.compiled;
    if (seen.has(policy)) return [];
    seen.add(policy);
    return [{ policy, scope: scope.written, state: policy.state }];
  });
}
