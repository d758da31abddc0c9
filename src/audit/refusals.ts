import type { PolicyOutcome, SubjectDecision } from '../model/decision.ts';

/** The policies that refuse an image and are enforced. */
export function enforcedRefusals(subject: SubjectDecision): readonly PolicyOutcome[] {
  return subject.policies.filter(({ mode, admission }) => mode === 'deny' && admission === 'refuse');
}

/** The policies that would refuse an image if every one were enforced, which is what `wouldDeny` sums up. */
export function possibleRefusals(subject: SubjectDecision): readonly PolicyOutcome[] {
  return subject.policies.filter((said) => said.admission === 'refuse');
}
