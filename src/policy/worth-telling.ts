import { printable } from '../encoding/escape.ts';
import type { ObjectProblem } from './compiled.ts';

/** How much that is wrong with one object is told. */
const MAX_PROBLEMS = 20;

/** The first of them, escaped: an object can be wrong in a hundred thousand places. */
export function worthTelling(problems: readonly ObjectProblem[]): readonly ObjectProblem[] {
  const told = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ path, text }) => ({ path: printable(path), text: printable(text, 1000) }));
  const rest = problems.length - told.length;
  return rest === 0 ? told : [...told, { path: '', text: `and ${rest} more` }];
}
