import type { ReasonCode } from '../codes/codes.ts';
import type { Digest } from '../image/digest.ts';
import type { Mode } from './mode.ts';
import type { Admission, Origin, Outcome } from './outcome.ts';

/** One policy's word on one subject, with the mode in which it is applied. */
export type PolicyOutcome = {
  readonly policy: Origin;
  /** The scope that matched, as written in the policy. */
  readonly scope: string;
  /** The effective mode (MODEL.md M15). */
  readonly mode: Mode;
  readonly outcome: Outcome;
  /** What `admits()` said of the outcome, before the mode. */
  readonly admission: Admission;
  /** The code that explains it, where there is one. */
  readonly code: ReasonCode | undefined;
  /** One sentence for a person, without code, already escaped. */
  readonly reason: string;
};

/** What one subject of the request came to. */
export type SubjectDecision = {
  /** As written in the object, escaped. */
  readonly image: string;
  /** Field path, such as `spec.containers[0].image`; for the CLI, the argument's place. */
  readonly path: string;
  readonly digest: Digest | undefined;
  readonly policies: readonly PolicyOutcome[];
  /** The worst outcome by MODEL.md M15's order. */
  readonly headline: Outcome['kind'];
  /** What is worth knowing and refuses nothing, one sentence each, already escaped. */
  readonly advice: readonly string[];
  /** Whether enforcing every policy would refuse it. */
  readonly wouldDeny: boolean;
};

/** What deciding cost. */
export type Cost = {
  readonly milliseconds: number;
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
};

/** The answer to one request. Every rendering reads it; none recomputes it. */
export type Decision = {
  readonly allowed: boolean;
  /** The strictest mode that any policy was applied in, or the request's own where none applied. */
  readonly mode: Mode;
  readonly subjects: readonly SubjectDecision[];
  /** One sentence each, ready to be sent. */
  readonly warnings: readonly string[];
  readonly cost: Cost;
};
