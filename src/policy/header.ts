import type { ObjectProblem } from './compiled.ts';
import { isSubdomain } from './dns-name.ts';
import { type Fields, fieldOf, isFields } from './structural.ts';

/** The kinds of image policies, in OpenShift's group and in countersign's own. */
export type ImagePolicyKind = 'ClusterImagePolicy' | 'ImagePolicy';

/** What an object says of itself; read as far as it can be even where the rest is invalid. */
export type ObjectHeader = {
  readonly kind: ImagePolicyKind;
  readonly name: string;
  /** The namespace of an ImagePolicy; undefined for a ClusterImagePolicy, whatever was written. */
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly annotations: ReadonlyMap<string, string>;
};

const TOP_LEVEL: readonly string[] = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

/** The fields of an object's metadata; `annotation` is none, and what it says would be lost. */
const METADATA: readonly string[] = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
];

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

/** Says that a field is none that anybody reads. */
export const unknownField = (path: string): ObjectProblem => ({ path, text: `unknown field "${path}"` });

/** Reads what an object says of itself. */
export function readHeader(object: Fields, kind: ImagePolicyKind): ObjectHeader {
  const written = fieldOf(object, 'metadata');
  const metadata = isFields(written) ? written : {};
  const annotations = fieldOf(metadata, 'annotations');
  const pairs = isFields(annotations) ? Object.entries(annotations) : [];
  const generation = fieldOf(metadata, 'generation');
  return {
    kind,
    name: textOf(metadata, 'name') ?? '',
    namespace: kind === 'ImagePolicy' ? textOf(metadata, 'namespace') : undefined,
    uid: textOf(metadata, 'uid'),
    generation: typeof generation === 'number' ? generation : undefined,
    annotations: new Map(pairs.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []))),
  };
}

/** What is against an object's metadata, in the API server's words where it has any; not escaped. */
export function headerProblems(object: Fields, header: ObjectHeader): readonly ObjectProblem[] {
  const problems: ObjectProblem[] = [];
  const against = (path: string, what: string): void => void problems.push({ path, text: `${path}: ${what}` });
  if (header.name === '') against('metadata.name', 'Required value');
  else if (!isSubdomain(header.name)) against('metadata.name', `Invalid value: "${header.name}": ${SUBDOMAIN}`);
  if (header.kind === 'ImagePolicy' && header.namespace === undefined) {
    against('metadata.namespace', 'Required value: an ImagePolicy belongs to a namespace');
  }
  const written = fieldOf(object, 'metadata');
  const metadata = isFields(written) ? written : {};
  for (const field of Object.keys(metadata)) {
    if (!METADATA.includes(field)) problems.push(unknownField(`metadata.${field}`));
  }
  const annotations = fieldOf(metadata, 'annotations');
  if (annotations === undefined || annotations === null) return problems;
  if (!isFields(annotations)) against('metadata.annotations', 'must be a map of strings');
  for (const [name, value] of isFields(annotations) ? Object.entries(annotations) : []) {
    if (typeof value !== 'string') against(`metadata.annotations[${name}]`, 'must be a string');
  }
  return problems;
}

/** The fields beside `apiVersion`, `kind`, `metadata`, `spec` and `status`, which mean nothing. */
export function strayFields(object: Fields): readonly ObjectProblem[] {
  return Object.keys(object)
    .filter((field) => !TOP_LEVEL.includes(field))
    .map(unknownField);
}

/** The text of a field, or undefined where it is empty or no text. */
function textOf(fields: Fields, name: string): string | undefined {
  const value = fieldOf(fields, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
