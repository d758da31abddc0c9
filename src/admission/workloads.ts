import type { ErrorCode } from '../codes/codes.ts';
import { ok, type Result } from '../codes/result.ts';
import { type Fields, field, isFields } from './json.ts';
import { type CarriedImage, imagesOfPodSpec, type ObjectRefusal } from './pod-spec.ts';

/** A kind beyond Kubernetes' own that carries a pod template or a pod spec, from the configuration. */
export type CustomWorkload = {
  readonly group: string;
  readonly kind: string;
  /** Dotted path to something with `.spec.containers` or with `.containers`, such as `spec.template`. */
  readonly path: string;
};

/** Every kind that carries images, by group and kind whatever the version, with the places at which it does. */
export type Workloads = ReadonlyMap<string, readonly Place[]>;

type Place = { readonly path: readonly string[]; readonly exact: boolean };

/** What an object carries. */
export type Carried =
  /** A kind that carries no images, as far as countersign knows. */
  | { readonly kind: 'not-a-workload' }
  | {
      readonly kind: 'workload';
      /** A pod runs as it is; in a template an empty image may still be filled in. */
      readonly pod: boolean;
      readonly images: readonly CarriedImage[];
      /** Where those stand, for whatever else is read off a pod spec. */
      readonly specs: readonly PodSpecAt[];
    };

/** A pod spec and its path in the object. */
export type PodSpecAt = { readonly path: string; readonly spec: Fields };

/** More images than any real object has; a kubelet runs some hundred pods in all. */
const MAX_IMAGES = 1_000;

/** Code of an object that does not have the shape of its kind. */
const OBJECT_MALFORMED: ErrorCode = 'OBJECT_MALFORMED';

const BUILT_IN: readonly (readonly [group: string, kind: string, path: string])[] = [
  ['', 'Pod', 'spec'],
  ['', 'PodTemplate', 'template.spec'],
  ['', 'ReplicationController', 'spec.template.spec'],
  ['apps', 'Deployment', 'spec.template.spec'],
  ['apps', 'ReplicaSet', 'spec.template.spec'],
  ['apps', 'StatefulSet', 'spec.template.spec'],
  ['apps', 'DaemonSet', 'spec.template.spec'],
  ['extensions', 'Deployment', 'spec.template.spec'],
  ['extensions', 'ReplicaSet', 'spec.template.spec'],
  ['extensions', 'DaemonSet', 'spec.template.spec'],
  ['batch', 'Job', 'spec.template.spec'],
  ['batch', 'CronJob', 'spec.jobTemplate.spec.template.spec'],
];

/**
 * The kinds that Kubernetes has, and those of the configuration. A configured path of a kind that is already there is
 * looked at as well, never instead.
 */
export function workloadKinds(custom: readonly CustomWorkload[] = []): Workloads {
  const kinds = new Map<string, readonly Place[]>();
  const add = (group: string, kind: string, place: Place) => {
    const key = keyOf(group, kind);
    kinds.set(key, [...(kinds.get(key) ?? []), place]);
  };
  for (const [group, kind, path] of BUILT_IN) add(group, kind, { path: path.split('.'), exact: true });
  for (const { group, kind, path } of custom) {
    add(group, kind, { path: path.split('.').filter((segment) => segment !== ''), exact: false });
  }
  return kinds;
}

/**
 * Every image that an object carries, with the path of its field. The places are fixed by the kind: nothing is searched
 * for in an object from outside.
 * @returns a refusal where anything that could carry an image is of the wrong type or missing, or there are too many
 */
export function imagesOf(
  kind: { readonly group: string; readonly kind: string },
  object: Fields,
  workloads: Workloads,
): Result<Carried, ObjectRefusal> {
  const places = workloads.get(keyOf(kind.group, kind.kind));
  if (places === undefined) return ok({ kind: 'not-a-workload' });

  const images: CarriedImage[] = [];
  const found: PodSpecAt[] = [];
  for (const place of places) {
    const specs = podSpecsAt(object, place);
    if (!specs.ok) return specs;
    found.push(...specs.value);
    for (const { path, spec } of specs.value) {
      const problem = imagesOfPodSpec(spec, path, images);
      if (problem !== undefined) return refused(problem.path, problem.what);
      if (images.length > MAX_IMAGES) {
        const message = `the object carries more than ${MAX_IMAGES} images`;
        return { ok: false, failure: { code: 'LIMIT_EXCEEDED', path, message } };
      }
    }
  }
  return ok({ kind: 'workload', pod: kind.group === '' && kind.kind === 'Pod', images, specs: found });
}

function podSpecsAt(object: Fields, place: Place): Result<readonly PodSpecAt[], ObjectRefusal> {
  let at = object;
  let path = '';
  for (const segment of place.path) {
    const next = field(at, segment);
    path = path === '' ? segment : `${path}.${segment}`;
    if (!isFields(next)) return refused(path, next === undefined ? 'is missing' : 'is no object');
    at = next;
  }
  if (place.exact) return ok([{ path, spec: at }]);

  // A custom kind may let both through; reading only one of them would hide the other.
  const inner = field(at, 'spec');
  const candidates: PodSpecAt[] = [
    { path, spec: at },
    ...(isFields(inner) ? [{ path: path === '' ? 'spec' : `${path}.spec`, spec: inner }] : []),
  ];
  const carrying = candidates.filter(({ spec }) =>
    ['containers', 'initContainers', 'ephemeralContainers'].some((list) => field(spec, list) !== undefined),
  );
  return carrying.length === 0 ? refused(path, 'is neither a pod template nor a pod spec') : ok(carrying);
}

function refused(path: string, what: string): { readonly ok: false; readonly failure: ObjectRefusal } {
  return {
    ok: false,
    failure: { code: OBJECT_MALFORMED, path, message: `${path === '' ? 'the object' : path} ${what}` },
  };
}

function keyOf(group: string, kind: string): string {
  return `${group}/${kind}`;
}
