import { ok, type Result } from '../../../codes/result.ts';
import { asObject, type JsonValue } from '../../../encoding/strict-json.ts';
import type { NotationLevels } from '../../../model/requirement.ts';
import { entryOf, shown, wrong } from '../containers/fields.ts';

/** What each level does with a check that fails; `skip` is no row, since it verifies nothing. */
const MATRIX = {
  strict: { authenticity: 'enforce', authenticTimestamp: 'enforce', expiry: 'enforce', revocation: 'enforce' },
  permissive: { authenticity: 'enforce', authenticTimestamp: 'log', expiry: 'log', revocation: 'log' },
  audit: { authenticity: 'log', authenticTimestamp: 'log', expiry: 'log', revocation: 'log' },
} as const satisfies Readonly<Record<string, NotationLevels>>;

/** A level by its name. */
export type LevelName = keyof typeof MATRIX | 'skip';

/** Every level, as messages list them. */
export const LEVEL_NAMES: readonly LevelName[] = ['strict', 'permissive', 'audit', 'skip'];

/** The checks that an override may change, as it names them. */
const CHECKS = ['authenticity', 'authenticTimestamp', 'expiry', 'revocation'] as const;

/** Whether a text names a level; letters keep their case. */
export function isLevelName(text: string): text is LevelName {
  return LEVEL_NAMES.some((name) => name === text);
}

/**
 * What a level comes to under its override. Integrity cannot be overridden, `skip` cannot be customised, and of all
 * checks revocation alone can be skipped.
 * @param override as it is written; undefined where none is
 * @returns POLICY_BROKEN
 * @see reference/notation-ratify.md §1.8
 */
export function readLevels(
  level: LevelName,
  override: JsonValue | undefined,
  path: string,
): Result<NotationLevels | 'skip'> {
  const written = override === undefined ? {} : asObject(override);
  if (written === undefined) return wrong(path, 'it must be an object');
  const entries = Object.entries(written);
  if (level === 'skip') {
    return entries.length === 0 ? ok('skip') : wrong(path, 'the level skip cannot be customised: it verifies nothing');
  }
  let levels: NotationLevels = MATRIX[level];
  for (const [key, action] of entries) {
    const at = entryOf(path, key);
    if (key === 'integrity') return wrong(at, 'integrity is always enforced and cannot be overridden');
    const check = CHECKS.find((known) => known === key);
    if (check === undefined) return wrong(at, `there is no such check; known are ${CHECKS.join(', ')}`);
    if (action === 'enforce' || action === 'log') levels = { ...levels, [check]: action };
    else if (action !== 'skip')
      return wrong(at, `it must be enforce, log or, for revocation, skip, not ${shown(action)}`);
    else if (check === 'revocation') levels = { ...levels, revocation: 'skip' };
    else return wrong(at, `${check} cannot be skipped; write log where a failure is only to be reported`);
  }
  return ok(levels);
}
