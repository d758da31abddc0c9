import type { ErrorCode } from '../codes/codes.ts';
import { type Fields, field, isFields } from './json.ts';

/** One image of an object. */
export type CarriedImage = {
  /** Field path, such as `spec.containers[0].image`. */
  readonly path: string;
  /** As written; empty where none was. */
  readonly image: string;
  /** List and name, by which an update recognises it; undefined where it has no name to be recognised by. */
  readonly identity: string | undefined;
};

/** Why an object is refused before any image is looked at. */
export type ObjectRefusal = {
  readonly code: ErrorCode;
  readonly path: string;
  /** One sentence; holds field paths only, no text from the object. */
  readonly message: string;
};

const CONTAINER_LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const;

/**
 * Adds every image of a pod spec to `into`: containers of all three lists and image volumes (DESIGN.md §4.2).
 * @returns what is wrong with the first thing that has not the shape of a pod spec; then nothing of it counts
 */
export function imagesOfPodSpec(
  spec: Fields,
  path: string,
  into: CarriedImage[],
): { readonly path: string; readonly what: string } | undefined {
  const prefix = path === '' ? '' : `${path}.`;
  for (const list of CONTAINER_LISTS) {
    const at = `${prefix}${list}`;
    const containers = field(spec, list) ?? (list === 'containers' ? undefined : []);
    if (!Array.isArray(containers)) return { path: at, what: containers === undefined ? 'is missing' : 'is no list' };
    for (const [index, container] of entries(containers)) {
      if (!isFields(container)) return { path: `${at}[${index}]`, what: 'is no object' };
      const image = field(container, 'image') ?? '';
      if (typeof image !== 'string') return { path: `${at}[${index}].image`, what: 'is no string' };
      into.push({ path: `${at}[${index}].image`, image, identity: identityOf(at, field(container, 'name')) });
    }
  }

  const at = `${prefix}volumes`;
  const volumes = field(spec, 'volumes') ?? [];
  if (!Array.isArray(volumes)) return { path: at, what: 'is no list' };
  for (const [index, volume] of entries(volumes)) {
    if (!isFields(volume)) return { path: `${at}[${index}]`, what: 'is no object' };
    const source = field(volume, 'image');
    if (source === undefined) continue;
    if (!isFields(source)) return { path: `${at}[${index}].image`, what: 'is no object' };
    const image = field(source, 'reference') ?? '';
    const reference = `${at}[${index}].image.reference`;
    if (typeof image !== 'string') return { path: reference, what: 'is no string' };
    into.push({ path: reference, image, identity: identityOf(at, field(volume, 'name')) });
  }
  return undefined;
}

function entries(list: readonly unknown[]): Iterable<[number, unknown]> {
  return list.entries();
}

function identityOf(list: string, name: unknown): string | undefined {
  // A list's path holds no line end, so two identities are equal only if both parts are.
  return typeof name === 'string' && name !== '' ? `${list}\n${name}` : undefined;
}
