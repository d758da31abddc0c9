/** Bytes of the AdmissionReview of a small pod, as API servers send them: most of it is metadata that nobody decides on. */
const REVIEW_BYTES = 6_070;

const UID = '00000000-0000-4000-8000-000000000000';
const IMAGE = '@image@';

/** Makes a request over HTTP/1.1, as bytes to be sent as they are. */
export type RequestWriter = (image: string, number: number) => Review;

/** One review, and the uid that its answer must carry. */
export type Review = { readonly bytes: Buffer; readonly uid: string };

/** Makes the writer of reviews of one path: the same pod each time but for its image and the review's uid. */
export function requestWriter(path: string): RequestWriter {
  const [before = '', between = '', after = ''] = template().split(/00000000-0000-4000-8000-000000000000|@image@/);
  return (image, number) => {
    const uid = `${UID.slice(0, 24)}${number.toString(16).padStart(12, '0')}`;
    const body = Buffer.from(`${before}${uid}${between}${image}${after}`);
    const head = [
      `POST ${path}?timeout=10s HTTP/1.1`,
      'host: localhost',
      'user-agent: kube-apiserver-admission',
      'accept: application/json, */*',
      'content-type: application/json',
      `content-length: ${body.length}`,
    ];
    return { bytes: Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]), uid };
  };
}

function template(): string {
  const bare = JSON.stringify(review([]));
  const entry = JSON.stringify(managedFields(0)).length + 1;
  // An image by digest is some 110 characters longer than its placeholder.
  const entries = Math.max(1, Math.round((REVIEW_BYTES - 110 - bare.length) / entry));
  return JSON.stringify(review(Array.from({ length: entries }, (_none, index) => managedFields(index))));
}

function review(managed: readonly object[]): object {
  const labels = { app: 'web', 'app.kubernetes.io/part-of': 'shop', 'pod-template-hash': '6d4f9c7b5d' };
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: UID,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      requestResource: { group: '', version: 'v1', resource: 'pods' },
      name: 'web-6d4f9c7b5d-x2x7q',
      namespace: 'shop',
      operation: 'CREATE',
      userInfo: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        uid: 'b2a6a2f2-6a64-4f3e-9d0c-0a7a3d6f0e11',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      },
      object: {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { name: 'web-6d4f9c7b5d-x2x7q', namespace: 'shop', labels, managedFields: managed },
        spec: {
          containers: [
            {
              name: 'web',
              image: IMAGE,
              ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
              resources: { limits: { memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
              readinessProbe: { httpGet: { path: '/readyz', port: 'http', scheme: 'HTTP' }, periodSeconds: 10 },
              imagePullPolicy: 'IfNotPresent',
            },
          ],
          restartPolicy: 'Always',
          serviceAccountName: 'web',
          schedulerName: 'default-scheduler',
        },
        status: {},
      },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  };
}

/** What Kubernetes itself writes most of into a pod. */
function managedFields(index: number): object {
  return {
    manager: 'kube-controller-manager',
    operation: 'Update',
    apiVersion: 'v1',
    time: '2026-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: {
      'f:metadata': { 'f:labels': { '.': {}, 'f:app': {}, [`f:label-${index}`]: {} } },
      'f:spec': { 'f:containers': { [`k:{"name":"web-${index}"}`]: { 'f:image': {}, 'f:name': {}, 'f:ports': {} } } },
    },
  };
}
