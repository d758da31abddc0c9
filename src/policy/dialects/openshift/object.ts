import { z } from 'zod';
import { printable } from '../../../encoding/escape.ts';
import type { ObjectProblem } from '../../compiled.ts';
import { type FieldError, type Fields, fieldOf, isFields, unknownFields, validateStructure } from '../../structural.ts';
import { type OpenShiftVersion, specSchema } from './crd.ts';
import { isBase64, isScope, isSubdomain } from './grammar.ts';

/** The API group of OpenShift's image policies. */
export const OPENSHIFT_GROUP = 'config.openshift.io';

/** The kinds of OpenShift's image policies. */
export type OpenShiftKind = 'ClusterImagePolicy' | 'ImagePolicy';

/** What an object says of itself; read as far as it can be even where the rest is invalid. */
export type OpenShiftHeader = {
  readonly kind: OpenShiftKind;
  readonly name: string;
  /** The namespace of an ImagePolicy; undefined for a ClusterImagePolicy, whatever was written. */
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly annotations: ReadonlyMap<string, string>;
};

const Spec = z.object({
  scopes: z.array(z.string()),
  policy: z.object({
    rootOfTrust: z.discriminatedUnion('policyType', [
      z.object({
        policyType: z.literal('PublicKey'),
        publicKey: z.object({ keyData: z.string(), rekorKeyData: z.string().optional() }),
      }),
      z.object({
        policyType: z.literal('FulcioCAWithRekor'),
        fulcioCAWithRekor: z.object({
          fulcioCAData: z.string(),
          rekorKeyData: z.string(),
          fulcioSubject: z.object({ oidcIssuer: z.string(), signedEmail: z.string() }),
        }),
      }),
      z.object({
        policyType: z.literal('PKI'),
        pki: z.object({
          caRootsData: z.string(),
          caIntermediatesData: z.string().optional(),
          pkiCertificateSubject: z.object({ email: z.string().optional(), hostname: z.string().optional() }),
        }),
      }),
    ]),
    signedIdentity: z
      .discriminatedUnion('matchPolicy', [
        z.object({ matchPolicy: z.literal('MatchRepoDigestOrExact') }),
        z.object({ matchPolicy: z.literal('MatchRepository') }),
        z.object({ matchPolicy: z.literal('ExactRepository'), exactRepository: z.object({ repository: z.string() }) }),
        z.object({
          matchPolicy: z.literal('RemapIdentity'),
          remapIdentity: z.object({ prefix: z.string(), signedPrefix: z.string() }),
        }),
      ])
      .optional(),
  }),
});

/** A valid `spec`. */
export type OpenShiftSpec = z.infer<typeof Spec>;

/** An object as far as it could be read: valid, or what is against it and which of its scopes can be told. */
export type OpenShiftObject =
  | { readonly kind: 'valid'; readonly header: OpenShiftHeader; readonly spec: OpenShiftSpec }
  | {
      readonly kind: 'invalid';
      readonly header: OpenShiftHeader;
      readonly problems: readonly ObjectProblem[];
      readonly scopes: readonly string[];
    };

/** The version that an `apiVersion` names, or undefined where it is not one of the image policies'. */
export function versionOf(apiVersion: string): OpenShiftVersion | undefined {
  if (apiVersion === `${OPENSHIFT_GROUP}/v1`) return 'v1';
  return apiVersion === `${OPENSHIFT_GROUP}/v1alpha1` ? 'v1alpha1' : undefined;
}

/**
 * Everything that the API server would say against the `spec` of an object, in its words.
 *
 * base64 is read strictly: the bits behind its end must be zero.
 * @see reference/openshift-containers.md §1.2
 */
export function validateSpec(object: Fields, version: OpenShiftVersion): readonly FieldError[] {
  const spec = fieldOf(object, 'spec');
  if (spec === undefined) return [{ path: 'spec', text: 'spec: Required value', blocking: true }];
  return validateStructure(SCHEMAS[version], spec, 'spec', isBase64);
}

/**
 * Reads one ClusterImagePolicy or ImagePolicy.
 *
 * Stricter than the API server in one point: a field that the schema does not know is an error, since a misspelt field in
 * a file would otherwise be a rule that nobody applies.
 * @param object of this group, kind and version already
 */
export function readObject(object: Fields, kind: OpenShiftKind, version: OpenShiftVersion): OpenShiftObject {
  const header = readHeader(object, kind);
  const spec = fieldOf(object, 'spec');
  const problems = [
    ...headerProblems(object, header),
    ...validateSpec(object, version).map(({ path, text }) => ({ path, text })),
    ...Object.keys(object)
      .filter((field) => !TOP_LEVEL.includes(field))
      .map(unknown),
    ...unknownFields(SCHEMAS[version], spec, 'spec').map(unknown),
  ];
  if (problems.length === 0) {
    const parsed = Spec.safeParse(spec);
    if (parsed.success) return { kind: 'valid', header, spec: parsed.data };
    problems.push({ path: 'spec', text: `spec: ${z.prettifyError(parsed.error)}` });
  }
  return { kind: 'invalid', header, problems: worthTelling(problems), scopes: goodScopes(spec) };
}

/** The first of them, escaped: an object can be wrong in a hundred thousand places. */
function worthTelling(problems: readonly ObjectProblem[]): readonly ObjectProblem[] {
  const told = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ path, text }) => ({ path: printable(path), text: printable(text, 1000) }));
  const rest = problems.length - told.length;
  return rest === 0 ? told : [...told, { path: '', text: `and ${rest} more` }];
}

const SCHEMAS = { v1: specSchema('v1'), v1alpha1: specSchema('v1alpha1') } as const;

/** How much that is wrong with one object is told. */
const MAX_PROBLEMS = 20;

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

const unknown = (path: string): ObjectProblem => ({ path, text: `unknown field "${path}"` });

function readHeader(object: Fields, kind: OpenShiftKind): OpenShiftHeader {
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

function headerProblems(object: Fields, header: OpenShiftHeader): readonly ObjectProblem[] {
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
    if (!METADATA.includes(field)) problems.push(unknown(`metadata.${field}`));
  }
  const annotations = fieldOf(metadata, 'annotations');
  if (annotations === undefined || annotations === null) return problems;
  if (!isFields(annotations)) against('metadata.annotations', 'must be a map of strings');
  for (const [name, value] of isFields(annotations) ? Object.entries(annotations) : []) {
    if (typeof value !== 'string') against(`metadata.annotations[${name}]`, 'must be a string');
  }
  return problems;
}

/** The text of a field, or undefined where it is empty or no text. */
function textOf(fields: Fields, name: string): string | undefined {
  const value = fieldOf(fields, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The scopes that could be told although the object is invalid. */
function goodScopes(spec: unknown): readonly string[] {
  const scopes = isFields(spec) ? fieldOf(spec, 'scopes') : undefined;
  if (!Array.isArray(scopes)) return [];
  const items: readonly unknown[] = scopes;
  return items.filter((scope) => typeof scope === 'string').filter(isScope);
}
