import type { Result } from '../codes/result.ts';
import { type Fields, field, isFields } from './json.ts';

/** What the API server says is being done. */
export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** The request of an admission.k8s.io/v1 AdmissionReview, checked: behind {@link parseReview} nothing looks at its shape again. */
export type AdmissionRequest = {
  readonly uid: string;
  readonly operation: Operation;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly subResource: string;
  /** Absent for what has no namespace. */
  readonly namespace: string | undefined;
  /** As the request or else the object names it; a generated name may still be missing. */
  readonly name: string;
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly dryRun: boolean;
  /** Undefined only for DELETE and CONNECT. */
  readonly object: Fields | undefined;
  readonly oldObject: Fields | undefined;
};

/**
 * Why a review cannot be read. With the uid known the answer is an AdmissionReview that refuses with status 400;
 * without it no well-formed answer exists and HTTP 400 is all there is to say (reference/peers.md §4.2, 48 and 49).
 */
export type MalformedReview = { readonly message: string; readonly uid: string | undefined };

/** Longest uid that is sent back; the API server's are 36 characters long. */
const MAX_UID_LENGTH = 128;

/**
 * Reads an AdmissionReview out of parsed JSON. Only v1 is spoken: Kubernetes 1.22 dropped v1beta1.
 * By hand, since this runs on every review: a schema library costs more than the rest of a warm decision.
 * @param body attacker-controlled, as far as anybody but the API server reaches the port
 */
export function parseReview(body: unknown): Result<AdmissionRequest, MalformedReview> {
  if (!isFields(body)) return malformed('the body is no JSON object');
  const request = field(body, 'request');
  const uid = isFields(request) ? uidOf(request) : undefined;
  if (field(body, 'apiVersion') !== 'admission.k8s.io/v1')
    return malformed('apiVersion is not admission.k8s.io/v1', uid);
  if (field(body, 'kind') !== 'AdmissionReview') return malformed('kind is not AdmissionReview', uid);
  if (!isFields(request)) return malformed('request is missing or no object');
  if (uid === undefined) return malformed(`request.uid is no string of 1 to ${MAX_UID_LENGTH} characters`);

  const operation = field(request, 'operation');
  if (!isOperation(operation)) return malformed('request.operation is none of CREATE, UPDATE, DELETE, CONNECT', uid);

  const kind = tripleOf(field(request, 'kind'), 'kind');
  if (kind === undefined) return malformed('request.kind is not {group, version, kind}', uid);
  const resource = tripleOf(field(request, 'resource'), 'resource');
  if (resource === undefined) return malformed('request.resource is not {group, version, resource}', uid);

  const subResource = field(request, 'subResource') ?? '';
  if (typeof subResource !== 'string') return malformed('request.subResource is no string', uid);
  const namespace = field(request, 'namespace') ?? '';
  if (typeof namespace !== 'string') return malformed('request.namespace is no string', uid);
  const name = field(request, 'name') ?? '';
  if (typeof name !== 'string') return malformed('request.name is no string', uid);
  const dryRun = field(request, 'dryRun') ?? false;
  if (typeof dryRun !== 'boolean') return malformed('request.dryRun is no boolean', uid);

  const user = userOf(field(request, 'userInfo'));
  if (user === undefined) return malformed('request.userInfo is malformed', uid);

  const object = field(request, 'object');
  if (object !== undefined && !isFields(object)) return malformed('request.object is no object', uid);
  const needsObject = operation === 'CREATE' || operation === 'UPDATE';
  if (needsObject && object === undefined) return malformed('request.object is missing', uid);
  if (object !== undefined && !agrees(object, kind))
    return malformed('request.kind is not what request.object says', uid);
  const oldObject = field(request, 'oldObject');
  if (oldObject !== undefined && !isFields(oldObject)) return malformed('request.oldObject is no object', uid);

  return {
    ok: true,
    value: {
      uid,
      operation,
      kind: { group: kind.group, version: kind.version, kind: kind.last },
      resource: { group: resource.group, version: resource.version, resource: resource.last },
      subResource,
      namespace: namespace === '' ? undefined : namespace,
      name: name === '' ? nameOf(object ?? oldObject) : name,
      user,
      dryRun,
      object,
      oldObject,
    },
  };
}

function malformed(message: string, uid?: string): { readonly ok: false; readonly failure: MalformedReview } {
  return { ok: false, failure: { message: `malformed AdmissionReview: ${message}`, uid } };
}

function uidOf(request: Fields): string | undefined {
  const uid = field(request, 'uid');
  return typeof uid === 'string' && uid !== '' && uid.length <= MAX_UID_LENGTH ? uid : undefined;
}

function isOperation(value: unknown): value is Operation {
  return value === 'CREATE' || value === 'UPDATE' || value === 'DELETE' || value === 'CONNECT';
}

function tripleOf(
  value: unknown,
  last: 'kind' | 'resource',
): { readonly group: string; readonly version: string; readonly last: string } | undefined {
  if (!isFields(value)) return undefined;
  const group = field(value, 'group') ?? '';
  const version = field(value, 'version');
  const name = field(value, last);
  if (typeof group !== 'string' || typeof version !== 'string' || typeof name !== 'string' || name === '') {
    return undefined;
  }
  return { group, version, last: name };
}

function userOf(value: unknown): AdmissionRequest['user'] | undefined {
  if (value === undefined) return { name: '', groups: [] };
  if (!isFields(value)) return undefined;
  const name = field(value, 'username') ?? '';
  const groups = field(value, 'groups') ?? [];
  if (typeof name !== 'string' || !Array.isArray(groups) || !areStrings(groups)) return undefined;
  return { name, groups };
}

function areStrings(values: readonly unknown[]): values is readonly string[] {
  return values.every((value) => typeof value === 'string');
}

/**
 * The API server always sends both alike. A review in which they differ was made by somebody else, and reading the one
 * while the other holds the images would let them through unseen.
 */
function agrees(object: Fields, kind: { readonly group: string; readonly last: string }): boolean {
  const ownKind = field(object, 'kind');
  const ownVersion = field(object, 'apiVersion');
  if (ownKind !== undefined && ownKind !== kind.last) return false;
  if (ownVersion === undefined) return true;
  if (typeof ownVersion !== 'string') return false;
  const slash = ownVersion.indexOf('/');
  return (slash < 0 ? '' : ownVersion.slice(0, slash)) === kind.group;
}

function nameOf(object: Fields | undefined): string {
  const metadata = object === undefined ? undefined : field(object, 'metadata');
  if (!isFields(metadata)) return '';
  const name = field(metadata, 'name') ?? field(metadata, 'generateName');
  return typeof name === 'string' ? name : '';
}
