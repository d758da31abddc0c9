import { request } from 'node:https';
import { text } from 'node:stream/consumers';

/** What a webhook answered about a pod. */
export type Answered = {
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly message: string };
};

/** Asks a webhook on loopback about a pod with one image, as the API server would. @param ca who signed its certificate */
export async function askWebhook(url: string, ca: Buffer, image: string): Promise<Answered> {
  const containers = [{ name: 'app', image }];
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '1',
      operation: 'CREATE',
      namespace: 'shop',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app' }, spec: { containers } },
    },
  };
  const body = await new Promise<string>((resolve, reject) => {
    const options = { method: 'POST', ca, agent: false, headers: { 'content-type': 'application/json' } };
    const asked = request(url, options, (response) => {
      text(response).then(resolve, reject);
    });
    asked.once('error', reject);
    asked.end(JSON.stringify(review));
  });
  const { response }: { readonly response: Answered } = JSON.parse(body);
  return response;
}
