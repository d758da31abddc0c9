import type { ErrorCode } from '../../codes/codes.ts';
import type { Failure } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';

/** Something wrong with what was given as policy, and where. All texts are escaped. */
export type PolicyProblem = {
  readonly code: ErrorCode;
  readonly file: string;
  /** Which document of the file, counted from 1; undefined where it is about the file. */
  readonly document: number | undefined;
  /** Path inside the document, such as `spec.scopes[0]`; empty where it is about the whole. */
  readonly path: string;
  readonly reason: string;
};

/** What keeps policies from being loaded at all: every problem that was found, and one sentence of all. */
export type LoadFailure = Failure & { readonly problems: readonly [PolicyProblem, ...PolicyProblem[]] };

/** A problem with a file, or with one of its documents. */
export function problem(
  code: ErrorCode,
  file: string,
  reason: string,
  where: { readonly document?: number; readonly path?: string } = {},
): PolicyProblem {
  return {
    code,
    file: printable(file, 400),
    document: where.document,
    path: printable(where.path ?? ''),
    reason: printable(reason, 1000),
  };
}

/** One line for a person: file, document, what is wrong (which begins with the path where there is one). */
export function describeProblem({ file, document, reason }: PolicyProblem): string {
  return `${file}${document === undefined ? '' : `, document ${document}`}: ${reason}`;
}

/** All problems as one failure; its code is that of the first. */
export function loadFailure(problems: readonly [PolicyProblem, ...PolicyProblem[]]): LoadFailure {
  return { code: problems[0].code, message: problems.map(describeProblem).join('; '), problems };
}
