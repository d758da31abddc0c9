import { ok, type Result } from '../../../codes/result.ts';
import { asObject, type JsonValue } from '../../../encoding/strict-json.ts';
import { isHost, isRepositoryPath, parseReference } from '../../../image/reference.ts';
import type { SignedIdentity } from './document.ts';
import { type Fields, fieldPath, readFields, shown, textAt, wrong } from './fields.ts';

/** What holds where a requirement does not say how names compare. */
export const DEFAULT_IDENTITY: SignedIdentity = { kind: 'matchRepoDigestOrExact' };

/** The fields of each kind beside its type, all of them mandatory. */
const KEYS = {
  matchExact: [],
  matchRepoDigestOrExact: [],
  matchRepository: [],
  exactReference: ['dockerReference'],
  exactRepository: ['dockerRepository'],
  remapIdentity: ['prefix', 'signedPrefix'],
} as const satisfies Readonly<Record<SignedIdentity['kind'], readonly string[]>>;

/**
 * Reads a `signedIdentity` or `baseLayerIdentity`.
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §2.4
 */
export function readIdentity(value: JsonValue, path: string): Result<SignedIdentity> {
  const type = asObject(value)?.['type'];
  if (!isKind(type)) {
    if (asObject(value) === undefined || type === undefined) {
      return wrong(path, `it must be an object with a type: ${Object.keys(KEYS).join(', ')}`);
    }
    return wrong(`${path}.type`, `unknown policy reference match type ${shown(type)}`);
  }
  const fields = readFields(value, path, ['type', ...KEYS[type]]);
  if (!fields.ok) return fields;
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      return ok({ kind: type });
    case 'exactReference':
      return readReference(fields.value);
    case 'exactRepository':
      return readRepository(fields.value);
    case 'remapIdentity':
      return readRemap(fields.value);
  }
}

function isKind(type: JsonValue | undefined): type is SignedIdentity['kind'] {
  return typeof type === 'string' && Object.hasOwn(KEYS, type);
}

function readReference(fields: Fields): Result<SignedIdentity> {
  const text = textAt(fields, 'dockerReference');
  if (!text.ok) return text;
  const path = fieldPath(fields, 'dockerReference');
  const reference = parseReference(text.value);
  if (!reference.ok) return wrong(path, reference.failure.message);
  const { tag, digest } = reference.value;
  if (tag === undefined && digest === undefined) return wrong(path, 'it contains neither a tag nor a digest');
  return ok({ kind: 'exactReference', reference: text.value });
}

/** A tag or digest is read and ignored, as containers/image does. */
function readRepository(fields: Fields): Result<SignedIdentity> {
  const text = textAt(fields, 'dockerRepository');
  if (!text.ok) return text;
  const reference = parseReference(text.value);
  if (!reference.ok) return wrong(fieldPath(fields, 'dockerRepository'), reference.failure.message);
  return ok({ kind: 'exactRepository', repository: text.value });
}

function readRemap(fields: Fields): Result<SignedIdentity> {
  const prefix = readPrefix(fields, 'prefix');
  if (!prefix.ok) return prefix;
  const signedPrefix = readPrefix(fields, 'signedPrefix');
  if (!signedPrefix.ok) return signedPrefix;
  return ok({ kind: 'remapIdentity', prefix: prefix.value, signedPrefix: signedPrefix.value });
}

/** A registry, alone or with a path. Short names look like registries and pass here; they never match. */
function readPrefix(fields: Fields, key: string): Result<string> {
  const text = textAt(fields, key);
  if (!text.ok) return text;
  const { value } = text;
  const slash = value.indexOf('/');
  const isPrefix =
    slash < 0 ? isHost(value) : isHost(value.slice(0, slash)) && isRepositoryPath(value.slice(slash + 1));
  if (isPrefix) return text;
  return wrong(
    fieldPath(fields, key),
    `the prefix ${shown(value)} is not valid: it must be a registry, or a repository or namespace without tag, digest and trailing slash`,
  );
}
