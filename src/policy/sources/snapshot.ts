import { basename } from 'node:path';
import type { Failure, Result } from '../../codes/result.ts';
import { breakPolicy, type CompiledPolicy, unreadablePolicy } from '../compiled.ts';
import type { OpenShiftDefaults } from '../dialects/openshift/settings.ts';
import type { EntryRules } from './entry.ts';
import { type Listing, listFiles, type PolicyFile } from './files.ts';
import { identityOf, MAX_OBJECTS, type ReadingContext, readPolicyFile } from './policy-file.ts';
import { type PolicyProblem, problem } from './problem.ts';

/** What one file came to. */
export type FileState = {
  readonly file: PolicyFile;
  readonly policies: readonly CompiledPolicy[];
  /** What is wrong with it as a file; then its policies are those it last had, broken. */
  readonly failures: readonly PolicyProblem[];
  /** What is wrong with single objects of it. */
  readonly problems: readonly PolicyProblem[];
};

/** What one entry came to. */
export type EntryState = {
  readonly rules: EntryRules;
  readonly files: readonly FileState[];
  readonly directories: readonly string[];
  /** What keeps the entry as a whole from being read. */
  readonly failures: readonly PolicyProblem[];
  /** What is odd about the entry and keeps nothing from being read. */
  readonly problems: readonly PolicyProblem[];
};

/** All entries at one moment. */
export type Snapshot = readonly EntryState[];

/** An entry and what stands under it now. */
export type ListedEntry = { readonly rules: EntryRules; readonly listing: Result<Listing> };

/** Lists what stands under the entries, which costs no reading. */
export async function listEntries(rules: readonly EntryRules[]): Promise<readonly ListedEntry[]> {
  const entries: ListedEntry[] = [];
  for (const rule of rules) entries.push({ rules: rule, listing: await listFiles(rule.path) });
  return entries;
}

/**
 * Reads all entries, or what changed of them since the snapshot before.
 *
 * A file that could be read before and no longer can keeps its place with its last policies, each broken, so that a slip
 * of the pen refuses what it protected; a file that never could may have named anything and refuses everything. A file
 * that is gone is gone with its policies; an entry that is gone cannot be read (MODEL.md M8, DESIGN.md §5).
 */
export async function takeSnapshot(
  entries: readonly ListedEntry[],
  before: Snapshot | undefined,
  defaults: OpenShiftDefaults,
): Promise<Snapshot> {
  const lastScopes = scopesOf(before);
  const states: EntryState[] = [];
  let objects = 0;
  for (const [i, { rules, listing }] of entries.entries()) {
    const previous = before?.[i];
    if (!listing.ok) {
      states.push(unlisted(rules, previous, listing.failure));
      continue;
    }
    const known = new Map(previous?.files.map((state) => [state.file.path, state]));
    const files: FileState[] = [];
    for (const file of listing.value.files) {
      const last = known.get(file.path);
      const state =
        last?.file.fingerprint === file.fingerprint
          ? last
          : await readFile(file, last, MAX_OBJECTS - objects, { defaults, mode: rules.mode, lastScopes });
      files.push(state);
      objects += state.policies.length;
    }
    states.push(listed(rules, listing.value, files));
  }
  return states;
}

/** Whether something could not be read, and must be tried again although it has not changed. */
export function hasUnread(snapshot: Snapshot): boolean {
  return snapshot.some(
    ({ failures, files }) => failures.length > 0 || files.some(({ file }) => file.fingerprint === UNREAD),
  );
}

/** Whether two snapshots hold the same files in the same state. */
export function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  return a.every((entry, i) => {
    const other = b[i];
    if (other === undefined || entry.files.length !== other.files.length) return false;
    if (entry.failures.map(({ reason }) => reason).join() !== other.failures.map(({ reason }) => reason).join()) {
      return false;
    }
    return entry.files.every((state, j) => state === other.files[j]);
  });
}

/** Stands for the fingerprint of what was not read, and is that of no file. */
const UNREAD = 'unread';

function listed(rules: EntryRules, { directories }: Listing, files: readonly FileState[]): EntryState {
  const problems = files.length === 0 ? [problem('POLICY_BROKEN', rules.path, 'the directory holds no policies')] : [];
  return { rules, files, directories, failures: [], problems };
}

function unlisted(rules: EntryRules, previous: EntryState | undefined, failure: Failure): EntryState {
  const against = problem(failure.code, rules.path, failure.message);
  if (previous?.failures[0]?.reason === against.reason) return previous;
  const files = previous?.files.map((state) => broken(state, against.reason, [])) ?? [];
  return { rules, files, directories: previous?.directories ?? [], failures: [against], problems: [] };
}

/** The policies that a file last had, refusing; it will be read again, even if it has not changed. */
function broken(last: FileState, reason: string, failures: readonly PolicyProblem[]): FileState {
  const policies = last.policies.map((policy) => breakPolicy(policy, reason));
  return { file: { ...last.file, fingerprint: UNREAD }, policies, failures, problems: [] };
}

async function readFile(
  file: PolicyFile,
  last: FileState | undefined,
  room: number,
  context: ReadingContext,
): Promise<FileState> {
  const { policies, problems, failures, isText } = await readPolicyFile(file.path, room, context);
  const [first] = failures;
  if (first === undefined) return { file, policies, failures, problems };
  // What could not be read is tried again each time, and is no news as long as it fails in the same way.
  if (!isText && last?.failures[0]?.reason === first.reason) return last;
  const tried = isText ? file : { ...file, fingerprint: UNREAD };
  if (last !== undefined && last.policies.length > 0) return { ...broken(last, first.reason, failures), file: tried };
  const stand = unreadablePolicy(file.path, basename(file.path), first.reason);
  return { file: tried, policies: [stand], failures, problems: [] };
}

/** The scopes that every object had, by what names it, wherever it is written now. */
function scopesOf(before: Snapshot | undefined): ReadonlyMap<string, readonly string[]> {
  const scopes = new Map<string, readonly string[]>();
  for (const { files } of before ?? []) {
    for (const { policy, reach } of files.flatMap((state) => state.policies)) {
      if (reach === 'everything') continue;
      const key = identityOf(policy.origin);
      scopes.set(key, [...(scopes.get(key) ?? []), ...reach.map(({ written }) => written)]);
    }
  }
  return scopes;
}
