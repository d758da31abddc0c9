import { ok, type Result } from '../../../codes/result.ts';
import type { JsonValue } from '../../../encoding/strict-json.ts';
import type { NonEmpty } from '../../../model/requirement.ts';
import {
  all,
  type Fields,
  fieldPath,
  optionalTextAt,
  readFields,
  readList,
  readText,
  shown,
  textAt,
  valueAt,
  wrong,
} from '../containers/fields.ts';
import type { Statement, TimestampRule, TrustStoreName } from './document.ts';
import { readIdentities } from './identities.ts';
import { isLevelName, LEVEL_NAMES, readLevels } from './levels.ts';
import { ANY_REPOSITORY, scopeProblem } from './scope.ts';
import { readStoreName, storePath } from './stores.ts';

const KEYS = ['name', 'registryScopes', 'signatureVerification', 'trustStores', 'trustedIdentities'];

/** Each value of `verifyTimestamp`; the first is what holds where none is written. */
const TIMESTAMPS: NonEmpty<TimestampRule> = ['always', 'afterCertExpiry'];

/**
 * Reads one statement of a trust policy document.
 * @returns POLICY_BROKEN
 * @see reference/notation-ratify.md §1.8
 */
export function readStatement(value: JsonValue, path: string): Result<Statement> {
  const fields = readFields(value, path, KEYS);
  if (!fields.ok) return fields;
  const name = textAt(fields.value, 'name');
  if (!name.ok) return name;
  const scopes = readScopes(fields.value);
  if (!scopes.ok) return scopes;
  const verification = readVerification(fields.value);
  if (!verification.ok) return verification;
  return ok({ name: name.value, scopes: scopes.value, verification: verification.value });
}

function readScopes(fields: Fields): Result<Statement['scopes']> {
  const path = fieldPath(fields, 'registryScopes');
  if (valueAt(fields, 'registryScopes') === undefined) {
    return wrong(path, 'it is missing; only trust policies for blobs have none, and they say nothing of images');
  }
  const written = textsAt(fields, 'registryScopes');
  if (!written.ok) return written;
  const [first, ...rest] = written.value;
  if (first === undefined) return wrong(path, 'it is empty; write repositories, or "*"');
  if (written.value.includes(ANY_REPOSITORY)) {
    return rest.length === 0 ? ok('*') : wrong(path, '"*" stands for every repository, and must stand alone');
  }
  for (const [i, scope] of written.value.entries()) {
    const problem = scopeProblem(scope);
    if (problem !== undefined) return wrong(`${path}[${i}]`, `${shown(scope)} cannot be a scope: ${problem}`);
  }
  return ok([first, ...rest]);
}

function readVerification(fields: Fields): Result<Statement['verification']> {
  const path = fieldPath(fields, 'signatureVerification');
  const written = valueAt(fields, 'signatureVerification');
  if (written === undefined) return wrong(path, 'it is missing');
  const rule = readFields(written, path, ['level', 'override', 'verifyTimestamp']);
  if (!rule.ok) return rule;
  const level = textAt(rule.value, 'level');
  if (!level.ok) return level;
  if (!isLevelName(level.value)) {
    const known = LEVEL_NAMES.join(', ');
    return wrong(fieldPath(rule.value, 'level'), `there is no level ${shown(level.value)}; known are ${known}`);
  }
  const levels = readLevels(level.value, valueAt(rule.value, 'override'), fieldPath(rule.value, 'override'));
  if (!levels.ok) return levels;
  const verifyTimestamp = readTimestampRule(rule.value);
  if (!verifyTimestamp.ok) return verifyTimestamp;

  const stores = textsAt(fields, 'trustStores');
  if (!stores.ok) return stores;
  const identities = textsAt(fields, 'trustedIdentities');
  if (!identities.ok) return identities;
  if (levels.value === 'skip') return skipped(fields, stores.value, identities.value);
  const trusted = readStores(stores.value, fieldPath(fields, 'trustStores'));
  if (!trusted.ok) return trusted;
  const [first, ...rest] = identities.value;
  const at = fieldPath(fields, 'trustedIdentities');
  if (first === undefined) return wrong(at, 'it must name an identity, or "*" for whoever the trust stores vouch for');
  const names = readIdentities([first, ...rest], at);
  if (!names.ok) return names;
  return ok({
    kind: 'verify',
    levels: levels.value,
    verifyTimestamp: verifyTimestamp.value,
    stores: trusted.value,
    identities: names.value,
  });
}

/** What trusts somebody and verifies nothing was meant to verify. */
function skipped(
  fields: Fields,
  stores: readonly string[],
  identities: readonly string[],
): Result<Statement['verification']> {
  const idle = stores.length > 0 ? 'trustStores' : identities.length > 0 ? 'trustedIdentities' : undefined;
  return idle === undefined
    ? ok({ kind: 'skip' })
    : wrong(fieldPath(fields, idle), 'the level skip verifies nothing, and so it can trust nobody');
}

function readTimestampRule(fields: Fields): Result<TimestampRule> {
  const written = optionalTextAt(fields, 'verifyTimestamp');
  if (!written.ok) return written;
  const rule = TIMESTAMPS.find((known) => known === (written.value ?? TIMESTAMPS[0]));
  return rule === undefined
    ? wrong(
        fieldPath(fields, 'verifyTimestamp'),
        `it must be ${TIMESTAMPS.join(' or ')}, not ${shown(written.value ?? '')}`,
      )
    : ok(rule);
}

/** A store may be written twice, as notation has it, and is read once. */
function readStores(written: readonly string[], path: string): Result<NonEmpty<TrustStoreName>> {
  const stores = all(written.map((store, i) => readStoreName(store, `${path}[${i}]`)));
  if (!stores.ok) return stores;
  const [first, ...rest] = new Map(stores.value.map((store) => [storePath(store), store])).values();
  return first === undefined ? wrong(path, 'it must name a trust store, such as ca:acme') : ok([first, ...rest]);
}

/** A list of texts; one that is missing is empty. */
function textsAt(fields: Fields, key: string): Result<readonly string[]> {
  const value = valueAt(fields, key);
  if (value === undefined) return ok([]);
  const path = fieldPath(fields, key);
  const items = readList(value, path);
  return items.ok ? all(items.value.map((item, i) => readText(item, `${path}[${i}]`))) : items;
}
