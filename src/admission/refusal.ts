import type { ReviewFacts } from '../audit/record.ts';
import type { ErrorCode } from '../codes/codes.ts';
import { failure } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import type { Cost, Decision, SubjectDecision } from '../model/decision.ts';
import type { Mode } from '../model/mode.ts';
import type { Origin } from '../model/outcome.ts';
import type { RequestedImage } from '../verifier/request.ts';
import type { MalformedReview } from './review.ts';

const UNKNOWN = 'unknown';

/** Nothing was asked of anybody. */
const NO_COST: Cost = { milliseconds: 0, requests: 0, hits: 0, misses: 0 };

/** A decision that needed no look at any image. */
export function allowedWithoutLook(mode: Mode, warnings: readonly string[] = []): Decision {
  return { allowed: true, mode, subjects: [], warnings, cost: NO_COST };
}

/**
 * A decision for what no policy could be asked about: an object without the shape of its kind, or a defect of
 * countersign. It is a refusal like any policy's, applied in the mode of the request, since that is the strictest in
 * which any policy could have been: what only audits must not stop a cluster.
 */
export function refusedByItself(
  because: { readonly code: ErrorCode; readonly message: string; readonly name: 'object' | 'internal' },
  images: readonly RequestedImage[],
  mode: Mode,
): Decision {
  const origin: Origin = {
    kind: 'configuration',
    namespace: undefined,
    name: because.name,
    source: 'countersign',
    generation: undefined,
  };
  const subjects = images.map(({ image, path }): SubjectDecision => {
    const outcome = { kind: 'error', failure: failure(because.code, because.message), findings: [] } as const;
    const { code, message: reason } = because;
    return {
      image: printable(image, 600),
      path,
      digest: undefined,
      policies: [{ policy: origin, scope: '', mode, outcome, admission: 'refuse', code, reason }],
      headline: 'error',
      wouldDeny: true,
      advice: [],
    };
  });
  const warnings = mode === 'warn' ? [`${because.message} [${because.code}]`] : [];
  return { allowed: mode !== 'deny', mode, subjects, warnings, cost: NO_COST };
}

/** What can be recorded of a review that cannot be read: that somebody sent it, and that it was refused. */
export function refusedUnread(
  review: MalformedReview,
  time: number,
): { readonly decision: Decision; readonly facts: ReviewFacts } {
  return {
    decision: { allowed: false, mode: 'deny', subjects: [], warnings: [], cost: NO_COST },
    facts: {
      time,
      uid: review.uid ?? UNKNOWN,
      operation: UNKNOWN,
      kind: UNKNOWN,
      namespace: undefined,
      name: '',
      user: '',
      dryRun: false,
      note: 'malformed-review',
    },
  };
}
