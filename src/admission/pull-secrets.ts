import { failed, ok, type Result } from '../codes/result.ts';
import { type CredentialSource, inTurn } from '../config/credentials.ts';
import type { AskForCredentials } from '../verifier/access.ts';
import { field, isFields } from './json.ts';
import type { PodSpecAt } from './workloads.ts';

/** What a pod pulls with, by the names of the objects in its namespace. */
export type PullingPod = {
  /** As the review says, whatever the object itself says: the API server keeps pods to the namespace of the request. */
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pullSecrets: readonly string[];
};

/**
 * Finds out what a pod pulls with. It may only be asked on the word of the API server: anybody else could name a
 * namespace and its secrets and use them, or learn what they open (DESIGN.md §4.12).
 */
export type CredentialsFor = (pod: PullingPod, signal: AbortSignal) => Promise<Result<CredentialSource>>;

/** Pods name a handful. Each may be a request while somebody waits, and waiting too long is trouble that `onError` loosens. */
const MAX_SECRETS = 32;

/** The ServiceAccount of a pod that names none. */
const DEFAULT_ACCOUNT = 'default';

/**
 * What asks for the credentials of an object's pods. Nothing is read off the object until it is called; what it then says
 * that no pod spec can say fails the look-up.
 */
export function credentialsOf(
  specs: readonly PodSpecAt[],
  namespace: string,
  credentialsFor: CredentialsFor,
): AskForCredentials {
  return async (signal) => {
    const pods = new Map<string, PullingPod>();
    for (const spec of specs) {
      const pod = pullingPod(spec, namespace);
      if (!pod.ok) return pod;
      pods.set(JSON.stringify(pod.value), pod.value);
    }
    const all = await Promise.all([...pods.values()].map((pod) => credentialsFor(pod, signal)));
    const sources: CredentialSource[] = [];
    for (const one of all) {
      if (!one.ok) return one;
      sources.push(one.value);
    }
    return ok(inTurn(sources));
  };
}

function pullingPod({ path, spec }: PodSpecAt, namespace: string): Result<PullingPod> {
  const prefix = path === '' ? '' : `${path}.`;
  const references = field(spec, 'imagePullSecrets') ?? [];
  if (!Array.isArray(references)) return failed('OBJECT_MALFORMED', `${prefix}imagePullSecrets is no list`);
  const names = new Set<string>();
  for (const [index, reference] of entries(references)) {
    const name = isFields(reference) ? (field(reference, 'name') ?? '') : undefined;
    if (typeof name !== 'string')
      return failed('OBJECT_MALFORMED', `${prefix}imagePullSecrets[${index}] is not {name: NAME}`);
    // The API server lets an empty name through, and kubelet passes over it.
    if (name !== '') names.add(name);
    if (names.size > MAX_SECRETS) {
      return failed('LIMIT_EXCEEDED', `${prefix}imagePullSecrets names more than ${MAX_SECRETS} secrets`);
    }
  }

  // The older name of the field counts only where the newer one is not there (Kubernetes' own conversion).
  const account = field(spec, 'serviceAccountName') ?? '';
  const alias = field(spec, 'serviceAccount') ?? '';
  if (typeof account !== 'string' || typeof alias !== 'string') {
    return failed('OBJECT_MALFORMED', `${prefix}serviceAccountName is no string`);
  }
  return ok({ namespace, serviceAccount: account || alias || DEFAULT_ACCOUNT, pullSecrets: [...names] });
}

function entries(list: readonly unknown[]): Iterable<[number, unknown]> {
  return list.entries();
}
