import type { AskedImage, AskedLayout, Asker } from '../../../model/subject.ts';
import { isAsked, type Member } from '../../compiled.ts';
import type { PolicySet, Selected } from '../../policy.ts';
import { chainsOf } from './chain.ts';
import { naming } from './rejection.ts';

/** The policies of the documents of one entry: for everybody, and those that take their place in some namespaces. */
export type ContainersDocuments = {
  readonly everywhere: readonly (readonly Member[])[];
  /** Several for one namespace are all required, as several for everybody are. */
  readonly byNamespace: ReadonlyMap<string, readonly (readonly Member[])[]>;
};

/**
 * The documents of one entry as one set. In each, the most specific scope of the image decides alone, and `default`
 * where there is none; several documents are asked independently, and all that they answer is required.
 *
 * A namespaced document takes the place of the others for its namespace, as CRI-O has it; where the asker's namespace is
 * not known, all of them are asked (MODEL.md M7). Each look-up costs the chain, not the number of scopes.
 * @see reference/openshift-containers.md §2.2, §1.8
 */
export function containersSet({ everywhere, byNamespace }: ContainersDocuments): PolicySet {
  const general = everywhere.map(toDocument);
  const namespaced = new Map([...byNamespace].map(([namespace, documents]) => [namespace, documents.map(toDocument)]));
  const documents = [...general, ...[...namespaced.values()].flat()];
  const documentsFor = ({ namespace }: Asker): readonly Document[] => {
    return namespace.known ? (namespaced.get(namespace.value) ?? general) : documents;
  };

  return {
    name: 'containers policy.json',
    policies: documents.flatMap(({ members }) => members.map(policyOf)),
    select: (asked, asker) =>
      asked.kind === 'object' ? [] : documentsFor(asker).flatMap((document) => selectIn(document, asked, asker)),
  };
}

/** One file: its policies by the form in which their scopes are looked up. */
type Document = {
  readonly members: readonly Member[];
  readonly byScope: ReadonlyMap<string, readonly Member[]>;
  /** Its `default`. */
  readonly otherwise: readonly Member[];
};

function toDocument(members: readonly Member[]): Document {
  const byScope = new Map<string, Member[]>();
  const otherwise: Member[] = [];
  for (const member of members) {
    const { reach } = member.compiled;
    if (reach === 'everything') otherwise.push(member);
    // Two spellings of one scope are both required: nobody can tell which of them was meant.
    else for (const { canonical } of reach) byScope.set(canonical, [...(byScope.get(canonical) ?? []), member]);
  }
  return { members, byScope, otherwise };
}

/** A reference with tag and digest is looked up in both forms, and what either finds is required (MODEL.md M7). */
function selectIn(
  { byScope, otherwise }: Document,
  asked: AskedImage | AskedLayout,
  asker: Asker,
): readonly Selected[] {
  const found = chainsOf(asked).flatMap((chain) => {
    const scope = chain.find((key) => byScope.has(key));
    const members = scope === undefined ? otherwise : (byScope.get(scope) ?? []);
    return members.filter((member) => isAsked(member, asker, chain));
  });
  return [...new Set(found)].map((member) => {
    const { state, origin } = policyOf(member);
    const named = state.kind === 'ready' ? { ...state, require: naming(state.require, asked) } : state;
    return { policy: policyOf(member), scope: origin.name, state: named };
  });
}

function policyOf({ compiled }: Member): Member['compiled']['policy'] {
  return compiled.policy;
}
