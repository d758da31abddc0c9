import { ok, type Result } from '../../../codes/result.ts';
import type { NonEmpty } from '../../../model/requirement.ts';
import type { Material, SigstoreRoot } from './document.ts';
import { type Fields, fieldPath, optionalTextAt, readFields, textAt, valueAt, wrong } from './fields.ts';
import { listed, type MaterialFields, namesOf, readMaterial } from './key-material.ts';

const KEYS: MaterialFields = { prefix: 'key', forms: ['Path', 'Paths', 'Data', 'Datas'] };
const REKOR: MaterialFields = { prefix: 'rekorPublicKey', forms: ['Path', 'Paths', 'Data', 'Datas'] };
const CA: MaterialFields = { prefix: 'ca', forms: ['Path', 'Data'] };
const ROOTS: MaterialFields = { prefix: 'caRoots', forms: ['Path', 'Data'] };
const INTERMEDIATES: MaterialFields = { prefix: 'caIntermediates', forms: ['Path', 'Data'] };

/** The fields that say whose signatures count. */
export const SIGSTORE_KEYS: readonly string[] = [...namesOf(KEYS), 'fulcio', 'pki', ...namesOf(REKOR)];

/**
 * Reads what a `sigstoreSigned` says beside the identity: exactly one root of trust; a log's key is mandatory with
 * `fulcio`, whose certificates live for minutes, and forbidden with `pki`.
 *
 * A field that is written counts, even if it is empty: containers/image takes `"rekorPublicKeyPath": ""` for no log.
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §2.3
 */
export function readSigstoreRoot(fields: Fields): Result<SigstoreRoot> {
  const fulcio = valueAt(fields, 'fulcio');
  const pki = valueAt(fields, 'pki');
  const keys = readSome(fields, KEYS);
  if (!keys.ok) return keys;
  const rekorKeys = readSome(fields, REKOR);
  if (!rekorKeys.ok) return rekorKeys;
  if ([fulcio, pki, keys.value].filter((value) => value !== undefined).length > 1) return notExactlyOne(fields);

  if (fulcio !== undefined) {
    const read = readFields(fulcio, fieldPath(fields, 'fulcio'), [...namesOf(CA), 'oidcIssuer', 'subjectEmail']);
    if (!read.ok) return read;
    if (rekorKeys.value === undefined) {
      return wrong(fields.path, `exactly one of ${listed(REKOR)} must be specified if fulcio is used`);
    }
    return readFulcio(read.value, rekorKeys.value);
  }
  if (pki !== undefined) {
    const names = [...namesOf(ROOTS), ...namesOf(INTERMEDIATES), 'subjectEmail', 'subjectHostname'];
    const read = readFields(pki, fieldPath(fields, 'pki'), names);
    if (!read.ok) return read;
    return rekorKeys.value === undefined
      ? readPki(read.value)
      : wrong(fields.path, `${listed(REKOR)} are not supported for pki`);
  }
  if (keys.value === undefined) return notExactlyOne(fields);
  return ok({ kind: 'keys', keys: keys.value, rekorKeys: rekorKeys.value });
}

function notExactlyOne(fields: Fields): Result<never> {
  return wrong(fields.path, `exactly one of ${namesOf(KEYS).join(', ')}, fulcio and pki must be specified`);
}

function readFulcio(fields: Fields, rekorKeys: NonEmpty<Material>): Result<SigstoreRoot> {
  const ca = readOne(fields, CA);
  if (!ca.ok) return ca;
  const oidcIssuer = textAt(fields, 'oidcIssuer');
  if (!oidcIssuer.ok) return oidcIssuer;
  const subjectEmail = textAt(fields, 'subjectEmail');
  if (!subjectEmail.ok) return subjectEmail;
  return ok({
    kind: 'fulcio',
    ca: ca.value,
    oidcIssuer: oidcIssuer.value,
    subjectEmail: subjectEmail.value,
    rekorKeys,
  });
}

function readPki(fields: Fields): Result<SigstoreRoot> {
  const roots = readOne(fields, ROOTS);
  if (!roots.ok) return roots;
  const intermediates = readMaterial(fields, INTERMEDIATES);
  if (!intermediates.ok) return intermediates;
  const subjectEmail = optionalTextAt(fields, 'subjectEmail');
  if (!subjectEmail.ok) return subjectEmail;
  const subjectHostname = optionalTextAt(fields, 'subjectHostname');
  if (!subjectHostname.ok) return subjectHostname;
  if (subjectEmail.value === undefined && subjectHostname.value === undefined) {
    return wrong(fields.path, 'at least one of subjectEmail and subjectHostname must be specified');
  }
  return ok({
    kind: 'pki',
    roots: roots.value,
    intermediates: intermediates.value?.[0],
    subjectEmail: subjectEmail.value,
    subjectHostname: subjectHostname.value,
  });
}

/** Material that stands under exactly one of two fields. */
function readOne(fields: Fields, which: MaterialFields): Result<Material> {
  const read = readMaterial(fields, which);
  if (!read.ok) return read;
  const [one] = read.value ?? [];
  return one === undefined ? wrong(fields.path, `exactly one of ${listed(which)} must be specified`) : ok(one);
}

/** Unlike those of `signedBy`, these lists must not be empty. */
function readSome(fields: Fields, which: MaterialFields): Result<NonEmpty<Material> | undefined> {
  const read = readMaterial(fields, which);
  if (!read.ok) return read;
  if (read.value === undefined) return ok(undefined);
  const [first, ...rest] = read.value;
  if (first !== undefined) return ok([first, ...rest]);
  const written = namesOf(which).find((name) => valueAt(fields, name) !== undefined) ?? which.prefix;
  return wrong(fieldPath(fields, written), 'it contains no entries');
}
