/** What is sent back: the status line's code and a JSON text. */
export type Reply = {
  readonly status: number;
  readonly body: string;
  /** Seconds after which to ask again; the API server's client retries only where this is said (ecosystem.md §4.4). */
  readonly retryAfter?: 1;
};

/** Makes an answer that is no AdmissionReview: a Kubernetes Status, which the API server quotes to the user. */
export function statusReply(status: number, reason: string, message: string): Reply {
  return {
    status,
    body: JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      reason,
      message,
      code: status,
    }),
  };
}

/** Turns a request away for load: asked again in a second, most likely of another replica where this one is draining. */
export function shedReply(draining: boolean): Reply {
  const reply = draining
    ? statusReply(503, 'ServiceUnavailable', 'countersign is shutting down')
    : statusReply(429, 'TooManyRequests', 'countersign has as much to do as it takes in: ask again');
  return { ...reply, retryAfter: 1 };
}

/** The uid of what should be an AdmissionReview, or undefined. Nothing else of it is believed here. */
function uidOf(review: unknown): string | undefined {
  if (typeof review !== 'object' || review === null || !('request' in review)) return undefined;
  const { request } = review;
  if (typeof request !== 'object' || request === null || !('uid' in request)) return undefined;
  return typeof request.uid === 'string' && request.uid.length > 0 && request.uid.length <= 128
    ? request.uid
    : undefined;
}

/** Refuses a review for a reason that lies with us. Without a uid there is no AdmissionReview to answer with, so a Status is sent. */
export function refusalReply(review: unknown, message: string): Reply {
  const uid = uidOf(review);
  if (uid === undefined) return statusReply(500, 'InternalError', message);
  const response = { uid, allowed: false, status: { status: 'Failure', code: 403, reason: 'Forbidden', message } };
  return {
    status: 200,
    body: JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response }),
  };
}
