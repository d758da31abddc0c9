import type { Member } from '../../compiled.ts';
import type { PolicySet } from '../../policy.ts';

/** The policies of the documents of one entry: for everybody, and those that take their place in some namespaces. */
export type ContainersDocuments = {
  readonly everywhere: readonly (readonly Member[])[];
  readonly byNamespace: ReadonlyMap<string, readonly Member[]>;
};

/** The documents of one entry as one set. */
export function containersSet({ everywhere, byNamespace }: ContainersDocuments): PolicySet {
  const members = [...everywhere.flat(), ...[...byNamespace.values()].flat()];
  return {
    name: 'containers policy.json',
    policies: members.map((member) => member.compiled.policy),
    select: () => [],
  };
}
