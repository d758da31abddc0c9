import { z } from 'zod';
import type { ObjectProblem } from '../../compiled.ts';
import {
  headerProblems,
  type ImagePolicyKind,
  type ObjectHeader,
  readHeader,
  strayFields,
  unknownField,
} from '../../header.ts';
import { type FieldError, type Fields, fieldOf, isFields, unknownFields, validateStructure } from '../../structural.ts';
import { worthTelling } from '../../worth-telling.ts';
import { type OpenShiftVersion, specSchema } from './crd.ts';
import { isBase64, isScope } from './grammar.ts';

/** The API group of OpenShift's image policies. */
export const OPENSHIFT_GROUP = 'config.openshift.io';

/** The kinds of OpenShift's image policies. */
export type OpenShiftKind = ImagePolicyKind;

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
  | { readonly kind: 'valid'; readonly header: ObjectHeader; readonly spec: OpenShiftSpec }
  | {
      readonly kind: 'invalid';
      readonly header: ObjectHeader;
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
    ...strayFields(object),
    ...unknownFields(SCHEMAS[version], spec, 'spec').map(unknownField),
  ];
  if (problems.length === 0) {
    const parsed = Spec.safeParse(spec);
    if (parsed.success) return { kind: 'valid', header, spec: parsed.data };
    problems.push({ path: 'spec', text: `spec: ${z.prettifyError(parsed.error)}` });
  }
  return { kind: 'invalid', header, problems: worthTelling(problems), scopes: goodScopes(spec) };
}

const SCHEMAS = { v1: specSchema('v1'), v1alpha1: specSchema('v1alpha1') } as const;

/** The scopes that could be told although the object is invalid. */
function goodScopes(spec: unknown): readonly string[] {
  const scopes = isFields(spec) ? fieldOf(spec, 'scopes') : undefined;
  if (!Array.isArray(scopes)) return [];
  const items: readonly unknown[] = scopes;
  return items.filter((scope) => typeof scope === 'string').filter(isScope);
}
