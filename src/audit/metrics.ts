import type { ReasonCode } from '../codes/codes.ts';
import type { Decision } from '../model/decision.ts';
import type { Mode } from '../model/mode.ts';
import type { Outcome } from '../model/outcome.ts';
import { boundedLabels } from '../telemetry/bounded-labels.ts';
import { policyName } from './names.ts';

/**
 * What became of a review, for counting. `would-deny` was allowed, and would not be if every policy were enforced: it is
 * what to watch before turning deny on.
 */
export type CountedDecision = 'allowed' | 'would-deny' | 'denied';

/** The counters that decisions feed. No image, digest or user is a label (DESIGN.md §5). */
export type DecisionCounters = {
  readonly review: (labels: { readonly decision: CountedDecision; readonly mode: Mode }) => void;
  readonly seconds: (seconds: number) => void;
  readonly imageOutcome: (labels: {
    readonly outcome: Outcome['kind'];
    readonly policy: string;
    readonly code: ReasonCode | '';
  }) => void;
};

/** Policies that get a time series of their own; tenants write policies, so their names must not be without bound. */
const MAX_POLICIES = 500;

/**
 * Makes the function that counts decisions: once a review, once an image and policy.
 * Dry runs are not counted: nothing comes of them, and alerts rest on these numbers (reference/peers.md §4.2, 50).
 */
export function decisionCounter(counters: DecisionCounters): (decision: Decision, dryRun: boolean) => void {
  const labelOf = boundedLabels(MAX_POLICIES);
  return (decision, dryRun) => {
    if (dryRun) return;
    counters.review({ decision: counted(decision), mode: decision.mode });
    counters.seconds(decision.cost.milliseconds / 1_000);
    for (const { policies } of decision.subjects) {
      for (const { policy, outcome, code } of policies) {
        counters.imageOutcome({ outcome: outcome.kind, policy: labelOf(policyName(policy)), code: code ?? '' });
      }
    }
  };
}

function counted(decision: Decision): CountedDecision {
  if (!decision.allowed) return 'denied';
  return decision.subjects.some((subject) => subject.wouldDeny) ? 'would-deny' : 'allowed';
}
