import { resolve } from 'node:path';
import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import type { Mode } from '../../model/mode.ts';
import type { Narrowing } from '../compiled.ts';
import { isScope } from '../dialects/openshift/grammar.ts';
import { canonicalScope } from '../scope.ts';

/** One `--policy PATH` or item of `policies:` (DESIGN.md §5). */
export type PolicyEntry =
  | string
  | {
      readonly path: string;
      /** Where absolute paths of keys, certificates and trusted roots are looked up, and what they must not leave. */
      readonly root?: string | undefined;
      /**
       * A directory of `NAMESPACE.json`, each of which takes the place of the entry's policy.json for pods of that
       * namespace, as CRI-O's `signature_policy_dir` does.
       */
      readonly namespaced?: string | undefined;
      /** Only requests from these namespaces; an asker whose namespace is not known counts as one of them. */
      readonly namespaces?: readonly string[] | undefined;
      /** Only images in one of these scopes. A policy keeps its own scope's place in precedence. */
      readonly scopes?: readonly string[] | undefined;
      /** The mode of policies that say none themselves. */
      readonly mode?: Mode | undefined;
    };

/** An entry after reading. */
export type EntryRules = {
  readonly path: string;
  /** What is under the path: policies, or files that stand for a policy.json in one namespace each. */
  readonly holds: 'policies' | 'namespaced';
  /** The position of the entry among all; that of its namespaced files is the same. */
  readonly entry: number;
  /** Absolute. */
  readonly root: string | undefined;
  readonly narrowing: Narrowing;
  readonly mode: Mode | undefined;
};

/**
 * Reads an entry: its rules, and those of its namespaced files where it has any.
 * @param number the entry's position among all
 * @returns POLICY_BROKEN for a root that is empty, a list that is, or a scope that is none
 */
export function readEntry(entry: PolicyEntry, number: number): Result<readonly EntryRules[]> {
  if (typeof entry === 'string') return readEntry({ path: entry }, number);
  const { path, root, namespaced, namespaces, scopes, mode } = entry;
  // An empty path would come to the working directory, which nobody meant.
  if (root === '' || namespaced === '') {
    return failed('POLICY_BROKEN', 'root and namespaced of an entry must not be empty');
  }
  // An empty list would make a policy that applies to nothing out of one that applies.
  if (namespaces?.length === 0 || scopes?.length === 0) {
    return failed('POLICY_BROKEN', 'namespaces and scopes of an entry must not be empty lists');
  }
  const wrong = scopes?.find((scope) => !isScope(scope));
  if (wrong !== undefined) return failed('POLICY_BROKEN', `"${printable(wrong)}" is no image scope`);
  const rules: EntryRules = {
    path,
    holds: 'policies',
    entry: number,
    root: root === undefined ? undefined : resolve(root),
    mode,
    narrowing: {
      namespaces: namespaces === undefined ? undefined : new Set(namespaces),
      scopes: scopes === undefined ? undefined : new Set(scopes.map(canonicalScope)),
    },
  };
  return ok(namespaced === undefined ? [rules] : [rules, { ...rules, path: namespaced, holds: 'namespaced' }]);
}
