import { ok, type Result } from '../../../codes/result.ts';
import { asObject, type JsonValue } from '../../../encoding/strict-json.ts';
import type { NonEmpty } from '../../../model/requirement.ts';
import type { PolicyRequirement, SignedIdentity } from './document.ts';
import { all, type Fields, fieldPath, readFields, readList, shown, textAt, valueAt, wrong } from './fields.ts';
import { listed, type MaterialFields, namesOf, readMaterial } from './key-material.ts';
import { DEFAULT_IDENTITY, readIdentity } from './signed-identity.ts';
import { readSigstoreRoot, SIGSTORE_KEYS } from './sigstore-root.ts';

const GPG_KEYS: MaterialFields = { prefix: 'key', forms: ['Path', 'Paths', 'Data'] };

/** Every type with its fields. */
const KEYS = {
  insecureAcceptAnything: [],
  reject: [],
  signedBy: ['keyType', ...namesOf(GPG_KEYS), 'signedIdentity'],
  signedBaseLayer: ['baseLayerIdentity'],
  sigstoreSigned: [...SIGSTORE_KEYS, 'signedIdentity'],
} as const satisfies Readonly<Record<PolicyRequirement['type'], readonly string[]>>;

/** All read; only the first is implemented, by containers/image too. */
const KEY_TYPES = ['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs'] as const;

/**
 * Reads the requirements of one scope, or those of `default`.
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §2.3
 */
export function readRequirements(value: JsonValue, path: string): Result<NonEmpty<PolicyRequirement>> {
  const items = readList(value, path);
  if (!items.ok) return items;
  const read = all(items.value.map((item, i) => readRequirement(item, `${path}[${i}]`)));
  if (!read.ok) return read;
  const [first, ...rest] = read.value;
  return first === undefined
    ? wrong(path, 'the list of requirements is empty; write insecureAcceptAnything or reject')
    : ok([first, ...rest]);
}

function readRequirement(value: JsonValue, path: string): Result<PolicyRequirement> {
  const object = asObject(value);
  const type = object?.['type'];
  if (!isType(type)) {
    if (object === undefined || type === undefined) {
      return wrong(path, `it must be an object with a type: ${Object.keys(KEYS).join(', ')}`);
    }
    return wrong(`${path}.type`, `unknown policy requirement type ${shown(type)}`);
  }
  const fields = readFields(value, path, ['type', ...KEYS[type]]);
  if (!fields.ok) return fields;
  switch (type) {
    case 'insecureAcceptAnything':
    case 'reject':
      return ok({ type });
    case 'signedBy':
      return readSignedBy(fields.value);
    case 'signedBaseLayer':
      return readSignedBaseLayer(fields.value);
    case 'sigstoreSigned': {
      const root = readSigstoreRoot(fields.value);
      if (!root.ok) return root;
      const signedIdentity = readSignedIdentity(fields.value);
      return signedIdentity.ok ? ok({ type, root: root.value, signedIdentity: signedIdentity.value }) : signedIdentity;
    }
  }
}

function isType(type: JsonValue | undefined): type is PolicyRequirement['type'] {
  return typeof type === 'string' && Object.hasOwn(KEYS, type);
}

function readSignedBy(fields: Fields): Result<PolicyRequirement> {
  const written = textAt(fields, 'keyType');
  if (!written.ok) return written;
  const keyType = KEY_TYPES.find((known) => known === written.value);
  if (keyType === undefined) {
    return wrong(
      fieldPath(fields, 'keyType'),
      `unrecognized keyType value ${shown(written.value)}; known are ${KEY_TYPES.join(', ')}`,
    );
  }
  const keys = readMaterial(fields, GPG_KEYS);
  if (!keys.ok) return keys;
  if (keys.value === undefined) return wrong(fields.path, `exactly one of ${listed(GPG_KEYS)} must be specified`);
  const signedIdentity = readSignedIdentity(fields);
  if (!signedIdentity.ok) return signedIdentity;
  return ok({ type: 'signedBy', keyType, keys: keys.value, signedIdentity: signedIdentity.value });
}

function readSignedBaseLayer(fields: Fields): Result<PolicyRequirement> {
  const written = valueAt(fields, 'baseLayerIdentity');
  if (written === undefined) return wrong(fieldPath(fields, 'baseLayerIdentity'), 'it is missing');
  const identity = readIdentity(written, fieldPath(fields, 'baseLayerIdentity'));
  return identity.ok ? ok({ type: 'signedBaseLayer', baseLayerIdentity: identity.value }) : identity;
}

function readSignedIdentity(fields: Fields): Result<SignedIdentity> {
  const written = valueAt(fields, 'signedIdentity');
  return written === undefined ? ok(DEFAULT_IDENTITY) : readIdentity(written, fieldPath(fields, 'signedIdentity'));
}
