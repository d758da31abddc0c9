import type { Failure } from '../codes/result.ts';
import type { Mode } from '../model/mode.ts';
import type { Origin } from '../model/outcome.ts';
import type { Requirement } from '../model/requirement.ts';
import type { Asked, Asker } from '../model/subject.ts';

/**
 * Which manifests of an image must meet the requirement (MODEL.md M9): the one that was asked for, the index or else
 * every instance that could run, or every instance always (as CRI-O does).
 */
export type SubjectRule = 'asResolved' | 'indexOrEveryInstance' | 'everyInstance';

/**
 * Whether one unreadable piece of evidence spoils the rest (MODEL.md M4): `isolate` judges what could be read,
 * `complete` refuses unless everything that the reference implementation reads could be read.
 */
export type EvidenceRule = 'isolate' | 'complete';

/** A policy after compilation. A broken one keeps its place and refuses what is in its reach (MODEL.md M8). */
export type Policy = {
  readonly origin: Origin;
  readonly mode: Mode | undefined;
  readonly subjectRule: SubjectRule;
  readonly evidence: EvidenceRule;
  readonly state:
    | { readonly kind: 'ready'; readonly require: Requirement }
    | { readonly kind: 'broken'; readonly failure: Failure };
};

/** A policy that applies to an image, with the scope through which it does and what it asks of this image. */
export type Selected = {
  readonly policy: Policy;
  readonly scope: string;
  readonly state: Policy['state'];
};

/** What one dialect's objects or documents say together; each set keeps its dialect's own precedence (MODEL.md M7). */
export type PolicySet = {
  /** For people: the dialect. */
  readonly name: string;
  readonly policies: readonly Policy[];
  /** The policies that apply. Pure; costs no request. */
  readonly select: (asked: Asked, asker: Asker) => readonly Selected[];
};

/** Something odd in a policy that does not stop it from working, such as an empty list of scopes. */
export type PolicyWarning = { readonly origin: Origin; readonly message: string };
