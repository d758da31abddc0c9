import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import type { Mode } from '../../model/mode.ts';
import { type Narrowing, NOT_NARROWED } from '../compiled.ts';
import { isScope } from '../dialects/openshift/grammar.ts';
import { canonicalScope } from '../scope.ts';

/** One `--policy PATH` or item of `policies:` (DESIGN.md §5). */
export type PolicyEntry =
  | string
  | {
      readonly path: string;
      /** Where absolute key paths of a policy are looked up; no dialect of this version has any, so it is refused. */
      readonly root?: string | undefined;
      /** Only requests from these namespaces; an asker whose namespace is not known counts as one of them. */
      readonly namespaces?: readonly string[] | undefined;
      /** Only images in one of these scopes. A policy keeps its own scope's place in precedence. */
      readonly scopes?: readonly string[] | undefined;
      /** The mode of policies that say none themselves. */
      readonly mode?: Mode | undefined;
    };

/** An entry after reading. */
export type EntryRules = { readonly path: string; readonly narrowing: Narrowing; readonly mode: Mode | undefined };

/**
 * Reads an entry.
 * @returns FEATURE_NOT_SUPPORTED for `root`; POLICY_BROKEN for a list that is empty or a scope that is none
 */
export function readEntry(entry: PolicyEntry): Result<EntryRules> {
  if (typeof entry === 'string') return ok({ path: entry, narrowing: NOT_NARROWED, mode: undefined });
  const { path, root, namespaces, scopes, mode } = entry;
  if (root !== undefined) {
    return failed('FEATURE_NOT_SUPPORTED', 'root is for policies that name key files, and this version reads none');
  }
  // An empty list would make a policy that applies to nothing out of one that applies.
  if (namespaces?.length === 0 || scopes?.length === 0) {
    return failed('POLICY_BROKEN', 'namespaces and scopes of an entry must not be empty lists');
  }
  const wrong = scopes?.find((scope) => !isScope(scope));
  if (wrong !== undefined) return failed('POLICY_BROKEN', `"${printable(wrong)}" is no image scope`);
  return ok({
    path,
    mode,
    narrowing: {
      namespaces: namespaces === undefined ? undefined : new Set(namespaces),
      scopes: scopes === undefined ? undefined : new Set(scopes.map(canonicalScope)),
    },
  });
}
