import { auditAnnotations } from '../audit/annotations.ts';
import { denialMessage } from '../audit/message.ts';
import { boundedWarnings } from '../audit/warnings.ts';
import { printable } from '../encoding/escape.ts';
import type { Decision } from '../model/decision.ts';
import type { MalformedReview } from './review.ts';

/** The answer of admission.k8s.io/v1. */
export type AdmissionResponse = {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
};

/** What goes over the wire. */
export type AnsweredReview = {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: AdmissionResponse;
};

/** Puts a response into the envelope that the API server expects. */
export function answeredReview(response: AdmissionResponse): AnsweredReview {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

/** A decision as the API server reads it. A dry run gets the same answer as the real thing. */
export function respond(uid: string, decision: Decision): AdmissionResponse {
  const warnings = boundedWarnings(decision.warnings);
  return {
    uid,
    allowed: decision.allowed,
    ...(decision.allowed ? {} : { status: { code: 403, reason: 'Forbidden', message: denialMessage(decision) } }),
    ...(warnings.length === 0 ? {} : { warnings }),
    auditAnnotations: auditAnnotations(decision),
  };
}

/** What to answer to a review that cannot be read: always a refusal, and an AdmissionReview wherever the uid is known. */
export function respondMalformed(
  review: MalformedReview,
):
  | { readonly status: 200; readonly body: AnsweredReview }
  | { readonly status: 400; readonly body: { readonly message: string } } {
  const message = printable(review.message, 1_000);
  if (review.uid === undefined) return { status: 400, body: { message } };
  const status = { code: 400, reason: 'BadRequest', message };
  return { status: 200, body: answeredReview({ uid: review.uid, allowed: false, status }) };
}
