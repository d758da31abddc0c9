import type { Decision } from '../model/decision.ts';
import { possibleRefusals } from './refusals.ts';

/**
 * Exit status of `verify` and `review` (DESIGN.md §5): 0 everything admitted, 1 a definite refusal, 3 no definite refusal
 * but something that could not be known. From what `admits()` said of each outcome, not from the mode: in CI an image
 * that a policy in audit mode would refuse has to fail the build. Usage and policy errors are 2 and no decision.
 */
export function exitStatus(decisions: readonly Decision[]): 0 | 1 | 3 {
  const subjects = decisions.flatMap((decision) => decision.subjects);
  const refusals = subjects.flatMap(possibleRefusals);
  if (refusals.some(({ outcome }) => outcome.kind !== 'error')) return 1;
  if (refusals.length > 0) return 3;
  // A refusal that no policy accounts for does not exist; were there one, it would not be "everything admitted".
  const unexplained = decisions.some(({ allowed }) => !allowed) || subjects.some(({ wouldDeny }) => wouldDeny);
  return unexplained ? 1 : 0;
}
