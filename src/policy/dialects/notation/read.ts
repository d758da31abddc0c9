import { failed, ok, type Result } from '../../../codes/result.ts';
import { asObject, parseStrictJson } from '../../../encoding/strict-json.ts';
import { all, fieldPath, readFields, readList, shown, textAt, valueAt, wrong } from '../containers/fields.ts';
import type { Statement, TrustPolicyDocument } from './document.ts';
import { ANY_REPOSITORY, scopeKey } from './scope.ts';
import { readStatement } from './statement.ts';

/**
 * Reads a trust policy document for images, `trustpolicy.oci.json` or `trustpolicy.json`, more strictly than notation
 * does: one thing that is wrong anywhere, even in a statement that nobody asks for, or that is not known, and nothing of
 * it is taken at its word. The sentence names the field.
 * @returns POLICY_BROKEN
 * @see reference/notation-ratify.md §1.8
 */
export function readTrustPolicy(text: string): Result<TrustPolicyDocument> {
  const json = parseStrictJson(text);
  if (!json.ok) return failed('POLICY_BROKEN', json.failure.message);
  if (asObject(json.value) === undefined) return failed('POLICY_BROKEN', 'a trust policy document is one object');
  const fields = readFields(json.value, '', ['version', 'trustPolicies']);
  if (!fields.ok) return fields;
  const version = textAt(fields.value, 'version');
  if (!version.ok) return version;
  if (version.value !== '1.0') {
    return wrong(fieldPath(fields.value, 'version'), `the version ${shown(version.value)} is not known: "1.0" is`);
  }
  const path = fieldPath(fields.value, 'trustPolicies');
  const written = valueAt(fields.value, 'trustPolicies');
  if (written === undefined) return wrong(path, 'it is missing');
  const items = readList(written, path);
  if (!items.ok) return items;
  const statements = all(items.value.map((item, i) => readStatement(item, `${path}[${i}]`)));
  if (!statements.ok) return statements;
  const [first, ...rest] = statements.value;
  if (first === undefined) return wrong(path, 'a document must have a statement');
  return repeated(statements.value, path) ?? ok({ statements: [first, ...rest] });
}

/**
 * Reads a document that stands in an object, such as Ratify's, with the same rules.
 * @param value as JSON or YAML was read
 * @returns POLICY_BROKEN
 */
export function readTrustPolicyValue(value: unknown): Result<TrustPolicyDocument> {
  const text = jsonOf(value);
  return text === undefined ? failed('POLICY_BROKEN', 'a trust policy document is one object') : readTrustPolicy(text);
}

/** Text of a value; undefined where JSON has none for it. */
function jsonOf(value: unknown): string | undefined {
  try {
    const text: unknown = JSON.stringify(value);
    return typeof text === 'string' ? text : undefined;
  } catch {
    // YAML can refer to itself.
    return undefined;
  }
}

/** A name or a scope that is there twice: which statement is meant could be told by nobody, or by another reader otherwise. */
function repeated(statements: readonly Statement[], path: string): Result<never> | undefined {
  const names = new Map<string, string>();
  const scopes = new Map<string, string>();
  for (const [i, { name, scopes: written }] of statements.entries()) {
    const statement = `${path}[${i}]`;
    const namesake = names.get(name);
    if (namesake !== undefined) return wrong(`${statement}.name`, `${shown(name)} is the name of ${namesake} too`);
    names.set(name, statement);
    for (const [j, scope] of (written === '*' ? [ANY_REPOSITORY] : written).entries()) {
      const at = `${statement}.registryScopes[${j}]`;
      const same = scopes.get(scopeKey(scope));
      if (same !== undefined) return wrong(at, `${shown(scope)} is ${same} too, and one statement alone can decide`);
      scopes.set(scopeKey(scope), at);
    }
  }
  return undefined;
}
