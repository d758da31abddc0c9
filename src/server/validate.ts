import { type AdmitOptions, type Admitted, admit } from '../admission/admit.ts';
import type { CredentialsFor } from '../admission/pull-secrets.ts';
import { refusedUnread } from '../admission/refusal.ts';
import { answeredReview, respondMalformed } from '../admission/respond.ts';
import { parseReview } from '../admission/review.ts';
import { decisionCounter } from '../audit/metrics.ts';
import { auditRecord, type Writer } from '../audit/record.ts';
import type { AuditSink } from '../audit/sink.ts';
import type { Decision } from '../model/decision.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { DecisionRequest, Verifier } from '../verifier/request.ts';
import type { Answer } from './create-server.ts';
import { createOverdue, LATE, type Overdue } from './overdue.ts';
import { type Reply, refusalReply, statusReply } from './replies.ts';

/** What reviews are answered with. */
export type ValidateOptions = Pick<AdmitOptions, 'workloads' | 'serverMode' | 'namespaceModes'> & {
  readonly verifier: Pick<Verifier, 'decide'>;
  /** Whether any policy in force reads more of an object than its images (MODEL.md M13). */
  readonly readsBeyondImages: () => boolean;
  /** What finds out what pods pull with; asked for reviews of the API server alone. Undefined where pods' secrets do not count. */
  readonly credentialsFor?: CredentialsFor | undefined;
  readonly sink: Pick<AuditSink, 'write'>;
  readonly writer: Writer;
  readonly metrics: Pick<Metrics, 'review' | 'seconds' | 'imageOutcome'>;
  readonly logger: OperationalLogger;
};

/** How far past its deadline a verifier may be before it counts as hanging, and a sink as blocked; both end before the caller's patience. */
const VERIFIER_SLACK_MS = 100;
const SINK_SLACK_MS = 200;

/**
 * Makes what answers `/validate`: the review is read and decided, the decision recorded and counted, then sent.
 * In deny mode nothing is admitted without its record (DESIGN.md §5): a record that cannot be written refuses.
 */
export function createValidate(options: ValidateOptions): Answer {
  const count = decisionCounter(options.metrics);
  const overdue = createOverdue();
  const verifier: AdmitOptions['verifier'] = {
    decide: (request) => inTime(options.verifier.decide(request), request, overdue),
  };

  let told = options.credentialsFor === undefined;

  return async (body, { arrivedAt, deadline, tighten, authenticated }) => {
    if (!authenticated && !told) {
      told = true;
      options.logger.warn(
        'reviews come from a caller that is not known to be the API server: for those, pull secrets of pods do not count',
      );
    }
    const review = parseReview(body);
    if (!review.ok) {
      options.logger.warn({ reason: review.failure.message }, 'a malformed review was refused');
      const refused = refusedUnread(review.failure, arrivedAt);
      count(refused.decision, false);
      await record(refused, options, deadline, overdue);
      const { status, body: answer } = respondMalformed(review.failure);
      return status === 400 ? statusReply(400, 'BadRequest', answer.message) : { status, body: JSON.stringify(answer) };
    }

    const admitted = await admit(review.value, {
      verifier,
      workloads: options.workloads,
      serverMode: options.serverMode,
      namespaceModes: options.namespaceModes,
      requestMode: tighten,
      readsBeyondImages: options.readsBeyondImages(),
      credentialsFor: authenticated ? options.credentialsFor : undefined,
      deadline,
      time: arrivedAt,
    });
    if (admitted.defect !== undefined)
      options.logger.error({ err: admitted.defect.cause }, 'a review could not be decided because of a defect');
    count(admitted.decision, admitted.facts.dryRun);

    const recorded = await record(admitted, options, deadline, overdue);
    if (!recorded && admitted.decision.allowed && admitted.decision.mode === 'deny') return unrecorded(body);
    return { status: 200, body: JSON.stringify(answeredReview(admitted.response)) };
  };
}

/** The verifier keeps its deadline by itself; should it ever hang, the review is refused as by any other defect of ours. */
async function inTime(deciding: Promise<Decision>, { deadline }: DecisionRequest, overdue: Overdue): Promise<Decision> {
  const decision = await overdue.before(deadline + VERIFIER_SLACK_MS, deciding);
  if (decision === LATE) throw Object.assign(new Error('no decision at the deadline'), { name: 'VerifierHangs' });
  return decision;
}

/** Whether the record was written; a sink that is blocked is waited for as long as the caller waits. */
async function record(
  admitted: Pick<Admitted, 'decision' | 'facts'>,
  options: ValidateOptions,
  deadline: number,
  overdue: Overdue,
): Promise<boolean> {
  try {
    const written = options.sink.write(auditRecord(admitted.facts, admitted.decision, options.writer));
    if ((await overdue.before(deadline + SINK_SLACK_MS, written)) !== LATE) return true;
    options.logger.error('the audit log is blocked');
  } catch (error) {
    options.logger.error({ err: error }, 'a record could not be written');
  }
  return false;
}

function unrecorded(review: unknown): Reply {
  return refusalReply(
    review,
    'countersign cannot write its audit log, and admits nothing without a record: ask your platform team. [INTERNAL_ERROR]',
  );
}
