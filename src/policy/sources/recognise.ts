import { failed, ok, type Result } from '../../codes/result.ts';
import type { OpenShiftVersion } from '../dialects/openshift/crd.ts';
import { OPENSHIFT_GROUP, versionOf } from '../dialects/openshift/object.ts';
import type { ImagePolicyKind } from '../header.ts';
import { type MirrorSetKind, mirrorSetKind } from '../mirrors/mirror-set.ts';
import { type Fields, fieldOf, isFields } from '../structural.ts';

/** Something that this version reads. */
export type Recognised =
  | RecognisedPolicy
  /** The document is a containers `policy.json`; its text is read anew, strictly. */
  | { readonly is: 'policyJson' }
  | { readonly is: 'registriesD'; readonly value: Fields }
  /** The document is a notation trust policy; its text is read anew, strictly. */
  | { readonly is: 'trustPolicy' }
  | {
      readonly is: 'mirrorSet';
      readonly object: Fields;
      readonly kind: MirrorSetKind;
      /** As that of a policy. */
      readonly path: string;
    };

/** A policy that is an object. */
export type RecognisedPolicy = {
  readonly is: 'policy';
  readonly object: Fields;
  readonly kind: ImagePolicyKind;
  readonly language:
    | { readonly dialect: 'openshift'; readonly version: OpenShiftVersion }
    | { readonly dialect: 'countersign' };
  /** Where in its document it stands, such as `items[3]`; empty where it is the document. */
  readonly path: string;
};

/** countersign's own API group, and the version of its policies. */
const OWN_GROUP = 'countersign.dev';
const OWN_VERSION = `${OWN_GROUP}/v1alpha1`;

/**
 * Tells by its content what a document is: `apiVersion` and `kind`, or its shape. Lists of objects are unfolded.
 * @returns FEATURE_NOT_SUPPORTED for a dialect that countersign knows and this version does not read; POLICY_BROKEN for
 *   anything else, since a file that nobody reads would be a policy that nobody applies
 */
export function recognise(value: unknown, path = ''): Result<readonly Recognised[]> {
  if (!isFields(value)) return failed('POLICY_BROKEN', 'it is no policy: a policy is an object');
  const apiVersion = fieldOf(value, 'apiVersion');
  const kind = fieldOf(value, 'kind');
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return byShape(value, path);

  if (apiVersion === 'v1' && kind === 'List') return unfold(value, {}, path);
  const mirrors = mirrorSetKind(apiVersion, kind);
  if (mirrors !== undefined) return ok([{ is: 'mirrorSet', object: value, kind: mirrors, path }]);
  const listed = kind.endsWith(LIST) ? mirrorSetKind(apiVersion, kind.slice(0, -LIST.length)) : undefined;
  if (listed !== undefined) return unfold(value, { apiVersion, kind: listed }, path);
  const group = apiVersion.slice(0, Math.max(apiVersion.lastIndexOf('/'), 0));
  const language = languageOf(group, apiVersion, kind);
  if (!language.ok) return language;

  if (kind === 'ClusterImagePolicy' || kind === 'ImagePolicy') {
    return ok([{ is: 'policy', object: value, kind, language: language.value, path }]);
  }
  if (kind === 'ClusterImagePolicyList' || kind === 'ImagePolicyList') {
    return unfold(value, { apiVersion, kind: kind.slice(0, -LIST.length) }, path);
  }
  return failed('POLICY_BROKEN', `the kind ${kind} of ${apiVersion} is no image policy`);
}

/** Whether a value is a sigstore trusted root by its shape, as `trusted_root.json` has it. */
export function isTrustedRoot(value: unknown): boolean {
  return isFields(value) && shapeOf(value) === TRUSTED_ROOT;
}

const LIST = 'List';

function languageOf(group: string, apiVersion: string, kind: string): Result<RecognisedPolicy['language']> {
  if (group === OWN_GROUP) {
    if (apiVersion === OWN_VERSION) return ok({ dialect: 'countersign' });
    return failed('POLICY_BROKEN', `${apiVersion} is not known: ${OWN_VERSION} is`);
  }
  if (group !== OPENSHIFT_GROUP) return byGroup(group, apiVersion, kind);
  const version = versionOf(apiVersion);
  if (version === undefined) return failed('POLICY_BROKEN', `${apiVersion} is not known: v1 and v1alpha1 are`);
  return ok({ dialect: 'openshift', version });
}

/** The items of a list; those of a typed list need not say what they are. */
function unfold(list: Fields, typed: Fields, path: string): Result<readonly Recognised[]> {
  // A list within a list says nothing that one list could not, and would nest as deep as its author likes.
  if (path !== '') return failed('POLICY_BROKEN', 'lists within lists are not read');
  const items = fieldOf(list, 'items');
  if (!Array.isArray(items)) return failed('POLICY_BROKEN', 'the list has no items');
  const all: readonly unknown[] = items;
  const found: Recognised[] = [];
  for (const [i, item] of all.entries()) {
    const at = `items[${i}]`;
    const one = recognise(isFields(item) ? { ...typed, ...item } : item, at);
    if (!one.ok) return failed(one.failure.code, `${at}: ${one.failure.message}`);
    found.push(...one.value);
  }
  return ok(found);
}

const FOREIGN_GROUPS: ReadonlyMap<string, string> = new Map([
  ['policy.sigstore.dev', 'sigstore policy-controller’s policies'],
  ['config.ratify.deislabs.io', 'Ratify’s objects'],
  ['kyverno.io', 'Kyverno’s policies'],
]);

function byGroup(group: string, apiVersion: string, kind: string): Result<never> {
  const dialect = FOREIGN_GROUPS.get(group);
  if (dialect !== undefined) return unsupported(`${dialect} (${apiVersion} ${kind})`);
  return failed('POLICY_BROKEN', `${apiVersion} ${kind} is no policy that countersign knows`);
}

type Shape = { readonly fields: readonly string[]; readonly dialect: string };

const TRUSTED_ROOT: Shape = { fields: ['tlogs', 'certificateAuthorities'], dialect: 'sigstore trusted roots' };
const POLICY_JSON: Shape = { fields: ['default', 'transports'], dialect: 'containers policy.json' };
const TRUST_POLICY: Shape = { fields: ['trustPolicies'], dialect: 'notation trust policies (trustpolicy.json)' };
const REGISTRIES_D: Shape = { fields: ['default-docker', 'docker'], dialect: 'registries.d' };

/** Files that say by their shape alone what they are. */
const SHAPES: readonly Shape[] = [
  TRUST_POLICY,
  POLICY_JSON,
  REGISTRIES_D,
  TRUSTED_ROOT,
  { fields: ['verifier', 'store'], dialect: 'Ratify’s configuration' },
];

function byShape(value: Fields, path: string): Result<readonly Recognised[]> {
  const shape = shapeOf(value);
  if (path === '' && shape === POLICY_JSON) return ok([{ is: 'policyJson' }]);
  if (path === '' && shape === TRUST_POLICY) return ok([{ is: 'trustPolicy' }]);
  if (path === '' && shape === REGISTRIES_D) return ok([{ is: 'registriesD', value }]);
  if (shape === TRUSTED_ROOT) return failed('POLICY_BROKEN', 'it is a sigstore trusted root, and no policy');
  if (shape !== undefined) return unsupported(shape.dialect);
  return failed(
    'POLICY_BROKEN',
    'it is no policy that countersign knows: it has neither apiVersion and kind nor a known shape',
  );
}

function shapeOf(value: Fields): Shape | undefined {
  return SHAPES.find(({ fields }) => fields.some((field) => fieldOf(value, field) !== undefined));
}

function unsupported(dialect: string): Result<never> {
  return failed('FEATURE_NOT_SUPPORTED', `this version does not read ${dialect}`);
}
