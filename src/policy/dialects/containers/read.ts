import { failed, ok, type Result } from '../../../codes/result.ts';
import { asObject, type JsonValue, parseStrictJson } from '../../../encoding/strict-json.ts';
import type { NonEmpty } from '../../../model/requirement.ts';
import type { ContainersDocument, PolicyRequirement } from './document.ts';
import { all, entryOf, readFields, valueAt, wrong } from './fields.ts';
import { readRequirements } from './requirement.ts';
import { scopeProblem } from './transport-scope.ts';

type Scopes = ReadonlyMap<string, NonEmpty<PolicyRequirement>>;

/**
 * Reads a `policy.json` as strictly as containers/image does: one thing that is wrong anywhere, even in a scope that
 * nobody asks for, and nothing of it is taken at its word. The sentence names the field.
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §2.1, §2.3
 */
export function readPolicyJson(text: string): Result<ContainersDocument> {
  const json = parseStrictJson(text);
  if (!json.ok) return failed('POLICY_BROKEN', json.failure.message);
  if (asObject(json.value) === undefined) return failed('POLICY_BROKEN', 'a policy.json is one object');
  const fields = readFields(json.value, '', ['default', 'transports']);
  if (!fields.ok) return fields;

  const written = valueAt(fields.value, 'default');
  if (written === undefined) return failed('POLICY_BROKEN', 'default: the default policy is missing');
  const otherwise = readRequirements(written, 'default');
  if (!otherwise.ok) return otherwise;
  const scopes = valueAt(fields.value, 'transports');
  const transports = scopes === undefined ? ok(new Map()) : readTransports(scopes);
  return transports.ok ? ok({ default: otherwise.value, transports: transports.value }) : transports;
}

function readTransports(value: JsonValue): Result<ReadonlyMap<string, Scopes>> {
  return readMap(value, 'transports', transportPath, (scopes, path, transport) =>
    readMap(
      scopes,
      path,
      (scope) => entryOf(path, scope),
      (requirements, at, scope) => {
        const problem = scopeProblem(transport, scope);
        return problem === undefined ? readRequirements(requirements, at) : wrong(at, problem);
      },
    ),
  );
}

/** An object whose keys are anybody's. */
function readMap<T>(
  value: JsonValue,
  path: string,
  pathOf: (key: string) => string,
  read: (value: JsonValue, path: string, key: string) => Result<T>,
): Result<ReadonlyMap<string, T>> {
  const object = asObject(value);
  if (object === undefined) return wrong(path, 'it must be an object');
  const entries = all(
    Object.entries(object).map(([key, entry]): Result<readonly [string, T]> => {
      const one = read(entry, pathOf(key), key);
      return one.ok ? ok([key, one.value]) : one;
    }),
  );
  return entries.ok ? ok(new Map(entries.value)) : entries;
}

function transportPath(transport: string): string {
  return /^[a-z-]{1,40}$/.test(transport) ? `transports.${transport}` : entryOf('transports', transport);
}
