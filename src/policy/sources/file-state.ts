import { basename } from 'node:path';
import { breakPolicy, type CompiledPolicy, unreadablePolicy } from '../compiled.ts';
import type { PolicyFile } from './files.ts';
import type { MaterialFile } from './material.ts';
import type { FileReading } from './policy-file.ts';
import { type PolicyProblem, problem } from './problem.ts';

/** What one file came to, beside the others of its entry. */
export type FileState = {
  readonly file: PolicyFile;
  /** What was read of it, alone. */
  readonly reading: FileReading;
  /** What a policy of its entry may name it as. */
  readonly use: FileUse;
  readonly policies: readonly CompiledPolicy[];
  /** What is wrong with it as a file; then its policies are those it last had, broken. */
  readonly failures: readonly PolicyProblem[];
  /** What is wrong with single objects of it, or with its standing here. */
  readonly problems: readonly PolicyProblem[];
  /** What it says of storage and of mirrors, or said when it last could be read. */
  readonly storage: FileReading['storage'];
  readonly mirrors: FileReading['mirrors'];
  /** The files that its policies name, or named when they last could be read. */
  readonly material: readonly MaterialFile[];
};

/** What a file is to its entry: the entry itself, one that a policy of the entry names, or any other below it. */
export type FileUse = 'entry' | 'named' | 'other';

/** Stands for the fingerprint of what was not read, and is that of no file. */
const UNREAD = 'unread';

/** Nothing, always the same. */
const NONE: readonly never[] = [];
const NOTHING = { policies: NONE, storage: NONE, mirrors: NONE, failures: NONE, problems: NONE, material: NONE };

function saysSomething({ policies, storage, mirrors }: FileState): boolean {
  return policies.some(({ dialect }) => dialect !== 'unreadable') || storage.length > 0 || mirrors.length > 0;
}

/** Whether a file must be looked at again although nothing changed. */
export function isUnread({ file, failures, material }: FileState): boolean {
  return file.fingerprint === UNREAD || (failures.length === 0 && material.some(({ isSettled }) => !isSettled));
}

/** Whether two states of a file hold the same policies in the same state. */
export function isSameState(a: FileState, b: FileState): boolean {
  return (
    isSameList(a.policies, b.policies) &&
    isSameList(a.storage, b.storage) &&
    isSameList(a.mirrors, b.mirrors) &&
    isSameList(a.failures, b.failures) &&
    isSameList(a.problems, b.problems)
  );
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === 0 && b.length === 0);
}

/**
 * What a file comes to.
 *
 * A file that could be read before and no longer can keeps its place with its last policies, each broken, so that a slip
 * of the pen refuses what it protected; one that never could may have named anything and refuses everything (MODEL.md
 * M8). What it said of storage and mirrors stays in force: it never lets an image in that is not signed. What a policy names as a file is no policy, and what could only be that is a problem where no policy names it, and
 * refuses nothing: keys are brought before the policies that name them.
 */
export function stateOf(file: PolicyFile, reading: FileReading, use: FileUse, last: FileState | undefined): FileState {
  const { policies, problems, failures, material, storage, mirrors } = reading;
  const [first] = failures;
  if (first === undefined) return { file, reading, use, policies, storage, mirrors, failures, problems, material };

  const held = last !== undefined && saysSomething(last);
  const empty = { ...NOTHING, file, reading, use };
  if (reading.content !== 'policies' && !held) {
    if (use === 'named') return empty;
    if (use === 'other' && reading.content !== 'unknown') {
      return { ...empty, problems: [problem('POLICY_BROKEN', file.path, STRAY[reading.content])] };
    }
  }
  // What could not be read is tried again each time, and is no news as long as it fails in the same way.
  if (!reading.isText && last?.failures[0]?.reason === first.reason) return last;
  const tried = reading.isText ? file : { ...file, fingerprint: UNREAD };
  if (last !== undefined && held) return { ...brokenState(last, first.reason, failures), file: tried, reading, use };
  return {
    ...empty,
    file: tried,
    policies: [unreadablePolicy(file.path, basename(file.path), first.reason, reading.namespace)],
    failures,
  };
}

const STRAY = {
  pem: 'it holds keys or certificates (PEM), and no policy beside it names it',
  trustedRoot: 'it is a sigstore trusted root (trusted_root.json), and no policy beside it names it',
} as const;

/** The policies that a file last had, refusing; it will be read again, even if it has not changed. */
export function brokenState(last: FileState, reason: string, failures: readonly PolicyProblem[]): FileState {
  const policies = last.policies.map((policy) => breakPolicy(policy, reason));
  return { ...last, file: { ...last.file, fingerprint: UNREAD }, policies, failures, problems: NONE };
}
