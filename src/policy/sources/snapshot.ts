import { relative, resolve } from 'node:path';
import type { Failure, Result } from '../../codes/result.ts';
import type { PolicyDefaults } from '../defaults.ts';
import type { EntryRules } from './entry.ts';
import { brokenState, type FileState, type FileUse, isSameState, isUnread, stateOf } from './file-state.ts';
import { type Listing, listFiles, type PolicyFile } from './files.ts';
import { currentFingerprint, type MaterialFile, saysTheSame } from './material.ts';
import { type FileReading, identityOf, MAX_OBJECTS, type ReadingContext, readPolicyFile } from './policy-file.ts';
import { type PolicyProblem, problem } from './problem.ts';

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
 * Reads all entries, or what changed of them since the snapshot before; see {@link stateOf} for what a file comes to. A
 * file that is gone is gone with its policies; an entry that is gone cannot be read (MODEL.md M8, DESIGN.md §5). A file
 * that policies name is never remembered: gone, it is gone for them at once.
 */
export async function takeSnapshot(
  entries: readonly ListedEntry[],
  before: Snapshot | undefined,
  defaults: PolicyDefaults,
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
    const looked: Looked[] = [];
    for (const file of listing.value.files) {
      const last = known.get(file.path);
      const context = { defaults, mode: rules.mode, holds: rules.holds, root: rules.root, lastScopes };
      const one = await readFile(file, last, MAX_OBJECTS - objects, context);
      looked.push(one);
      objects += one.reading.policies.length;
    }
    const useOf = usesOf(looked, listing.value, rules.path);
    const files = looked.map((one) => settle(one, useOf(one.file)));
    states.push(listed(rules, listing.value, files));
  }
  return states;
}

/** Whether something could not be read, and must be tried again although it has not changed. */
export function hasUnread(snapshot: Snapshot): boolean {
  return snapshot.some(({ failures, files }) => failures.length > 0 || files.some(isUnread));
}

/** Whether two snapshots hold the same files in the same state. */
export function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  return a.every((entry, i) => {
    const other = b[i];
    if (other === undefined || entry.files.length !== other.files.length) return false;
    if (reasons(entry.failures) !== reasons(other.failures) || reasons(entry.problems) !== reasons(other.problems)) {
      return false;
    }
    return entry.files.every((state, j) => {
      const now = other.files[j];
      return now !== undefined && state.file.path === now.file.path && isSameState(state, now);
    });
  });
}

function reasons(problems: readonly PolicyProblem[]): string {
  return problems.map(({ reason }) => reason).join();
}

/** The files whose change changes policies: what broken ones name changes nothing until they are mended. */
export function materialOf(snapshot: Snapshot): readonly MaterialFile[] {
  return snapshot
    .filter(({ failures }) => failures.length === 0)
    .flatMap(({ files }) => files.flatMap(({ failures, material }) => (failures.length === 0 ? material : [])));
}

function listed(rules: EntryRules, { directories }: Listing, files: readonly FileState[]): EntryState {
  const isEmpty =
    rules.holds === 'policies' &&
    files.every(({ reading, failures }) => reading.content !== 'policies' && failures.length === 0);
  const problems = isEmpty ? [problem('POLICY_BROKEN', rules.path, 'the directory holds no policies')] : [];
  return { rules, files, directories, failures: [], problems };
}

function unlisted(rules: EntryRules, previous: EntryState | undefined, failure: Failure): EntryState {
  const against = problem(failure.code, rules.path, failure.message);
  if (previous?.failures[0]?.reason === against.reason) return previous;
  const files = previous?.files.map((state) => brokenState(state, against.reason, [])) ?? [];
  return { rules, files, directories: previous?.directories ?? [], failures: [against], problems: [] };
}

/** A file and what stands in it; `kept` where nothing of it changed. */
type Looked = {
  readonly file: PolicyFile;
  readonly reading: FileReading;
  readonly last: FileState | undefined;
  readonly kept: FileState | undefined;
};

async function readFile(
  file: PolicyFile,
  last: FileState | undefined,
  room: number,
  context: ReadingContext,
): Promise<Looked> {
  const isSame = last?.file.fingerprint === file.fingerprint;
  if (last !== undefined && isSame && (last.failures.length > 0 || (await isMaterialSame(last)))) {
    return { file, reading: last.reading, last, kept: last };
  }
  const reading = await readPolicyFile(file.path, room, context);
  if (last !== undefined && isSame && saysTheSame(last.material, reading.material)) {
    // Touched, or replaced by a copy: no news for the policies.
    const kept = { ...last, material: reading.material };
    return { file, reading: last.reading, last, kept };
  }
  return { file, reading, last, kept: undefined };
}

async function isMaterialSame({ material }: FileState): Promise<boolean> {
  for (const file of material) {
    if (!file.isSettled || (await currentFingerprint(file)) !== file.fingerprint) return false;
  }
  return true;
}

function settle({ file, reading, last, kept }: Looked, use: FileUse): FileState {
  return kept?.use === use ? kept : stateOf(file, reading, use, last);
}

/** What the policies of an entry name each of its files as, under whatever path. */
function usesOf(looked: readonly Looked[], { directories }: Listing, entry: string): (file: PolicyFile) => FileUse {
  if (directories.length === 0) return () => 'entry';
  const named = new Set<string>();
  for (const { reading, last, kept } of looked) {
    // While a file cannot be read, what it named stays what it is.
    const material = kept?.material ?? (reading.failures.length > 0 ? last?.material : reading.material) ?? [];
    for (const { id, place } of material) named.add(place.path).add(id ?? place.path);
  }
  return ({ path, id }) =>
    isInTrustStore(path, entry) || named.has(resolve(path)) || (id !== undefined && named.has(id)) ? 'named' : 'other';
}

/**
 * Trust stores stand in notation's layout whether a statement names them or not, and hold nothing but certificates. An entry
 * that itself stands in such a place holds policies: those that cannot be read must refuse there too.
 */
function isInTrustStore(path: string, entry: string): boolean {
  return `/${relative(entry, path)}`.includes('/truststore/x509/');
}

/** The scopes that every object had, by what names it, wherever it is written now. */
function scopesOf(before: Snapshot | undefined): ReadonlyMap<string, readonly string[]> {
  const scopes = new Map<string, readonly string[]>();
  for (const { files } of before ?? []) {
    for (const { dialect, policy, reach } of files.flatMap((state) => state.policies)) {
      if (reach === 'everything') continue;
      const key = identityOf(dialect, policy.origin);
      scopes.set(key, [...(scopes.get(key) ?? []), ...reach.map(({ written }) => written)]);
    }
  }
  return scopes;
}
