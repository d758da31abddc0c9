import type { Leaf, Requirement } from './requirement.ts';

/** Every leaf of a requirement, in whatever it is nested. */
export function leavesOf(requirement: Requirement): readonly Leaf[] {
  switch (requirement.kind) {
    case 'accept':
    case 'reject':
      return [];
    case 'allOf':
    case 'anyOf':
    case 'kOf':
      return requirement.of.flatMap(leavesOf);
    case 'quorum':
      return requirement.of;
    case 'some':
      return [requirement.leaf];
    case 'each':
      return requirement.verifiers.map(({ leaf }) => leaf);
    case 'when':
      return leavesOf(requirement.child);
  }
}
