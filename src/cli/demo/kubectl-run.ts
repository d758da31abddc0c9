import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import type { Scene } from './scenes.ts';

/** What the webhook answered, as the API server would read it. */
export type Answer = { readonly allowed: boolean; readonly message: string; readonly warnings: readonly string[] };

/** The AdmissionReview that `kubectl run` causes. */
export function reviewOf({ name, namespace, images }: Scene): object {
  const containers = images.map((image, index) => ({ name: index === 0 ? name : `${name}-${index}`, image }));
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      name,
      namespace,
      operation: 'CREATE',
      userInfo: { username: 'developer', groups: ['system:authenticated'] },
      object: { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { containers } },
      dryRun: false,
      options: {},
    },
  };
}

/** Sends a review over TLS, trusting the webhook's CA alone. */
export async function postReview(url: string, caPem: string, review: object): Promise<Answer> {
  const body = JSON.stringify(review);
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const sent = request(
    `${url}/validate?timeout=5s`,
    {
      method: 'POST',
      ca: caPem,
      agent: false,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    },
    (response) => {
      json(response).then(resolve, reject);
    },
  );
  sent.on('error', reject);
  sent.end(body);
  return answerOf(await promise);
}

function answerOf(body: unknown): Answer {
  const response = member(body, 'response');
  const message = member(member(response, 'status'), 'message');
  const warnings = member(response, 'warnings');
  return {
    allowed: member(response, 'allowed') === true,
    message: typeof message === 'string' ? message : '',
    warnings: Array.isArray(warnings) ? warnings.filter((warning) => typeof warning === 'string') : [],
  };
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && key in value
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}
