import { repositoryName } from '../../../image/reference.ts';
import type { AskedImage, AskedLayout, Asker } from '../../../model/subject.ts';
import { isAsked, type Member } from '../../compiled.ts';
import type { PolicySet, Selected } from '../../policy.ts';
import { scopeChains } from '../../scope.ts';
import { NOT_APPLICABLE, notApplicableTo } from './rejection.ts';
import { ANY_REPOSITORY } from './scope.ts';

/**
 * The policies of one document as one set: the statement that names the image's repository decides alone, and otherwise
 * whichever reaches everything. Several documents are several sets, and all that they answer is required. A look-up costs
 * the same however many statements there are.
 *
 * An image in a folder has no repository, and only what reaches everything speaks for it.
 * @param members of one document, or what became of them once it could not be read any more
 * @see reference/notation-ratify.md §1.8, MODEL.md M7
 */
export function notationSet(members: readonly Member[]): PolicySet {
  const byScope = new Map<string, Hit[]>();
  const otherwise: Hit[] = [];
  for (const member of members) {
    const { reach } = member.compiled;
    if (reach === 'everything') {
      otherwise.push({ member, scope: ANY_REPOSITORY });
      continue;
    }
    // A document has each scope once. Should it be there twice, nobody can tell which was meant: both are required.
    for (const { canonical, written } of reach) {
      byScope.set(canonical, [...(byScope.get(canonical) ?? []), { member, scope: written }]);
    }
  }

  return {
    name: 'notation trust policy',
    policies: members.map(({ compiled }) => compiled.policy),
    select: (asked, asker) => {
      if (asked.kind === 'object') return [];
      const named = asked.kind === 'image' ? byScope.get(repositoryName(asked.reference.repository)) : undefined;
      return (named ?? otherwise).flatMap((hit) => selectedOf(hit, asked, asker));
    },
  };
}

/** A policy and the scope through which it is found. */
type Hit = { readonly member: Member; readonly scope: string };

function selectedOf({ member, scope }: Hit, asked: AskedImage | AskedLayout, asker: Asker): readonly Selected[] {
  const chains = asked.kind === 'image' ? scopeChains(asked.reference) : [[]];
  if (!chains.some((chain) => isAsked(member, asker, chain))) return [];
  const { policy } = member.compiled;
  const { state } = policy;
  const refuses = state.kind === 'ready' && state.require === NOT_APPLICABLE;
  return [{ policy, scope, state: refuses ? { ...state, require: notApplicableTo(asked) } : state }];
}
