import type { z } from 'zod';
import { printable } from '../../../encoding/escape.ts';
import type { ObjectProblem } from '../../compiled.ts';
import { fieldOf, isFields } from '../../structural.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** What a schema says against the value at `spec`, a sentence each that begins with its path. */
export function problemsOf(error: z.ZodError, spec: unknown): readonly ObjectProblem[] {
  return error.issues.flatMap((issue) => said(issue, [], spec));
}

/** A problem at a path. */
export function problemAt(path: string, sentence: string): ObjectProblem {
  return { path, text: `${path}: ${sentence}` };
}

function said(issue: Issue, above: Path, spec: unknown): readonly ObjectProblem[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => problemAt(shown([...path, key]), `unknown field; ${issue.message}`));
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((one) => one.every((inner) => inner.path.length > 0 || !isWrongKind(inner)));
    if (branch !== undefined) return branch.flatMap((inner) => said(inner, path, spec));
  }
  if (issue.code === 'invalid_key') return issue.issues.flatMap((inner) => said(inner, path, spec));
  return [problemAt(shown(path), sentence(issue, valueAt(spec, path)))];
}

/** Whether an issue says that the value is another kind of thing altogether. */
function isWrongKind({ code }: Issue): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

function sentence(issue: Issue, value: unknown): string {
  if (value === undefined && issue.code !== 'custom') return 'is required';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${WANTED.get(issue.expected) ?? issue.expected}, not ${kindOf(value)}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}, not ${quoted(value)}`;
    case 'invalid_union':
      return `must be none, or an object of fields, not ${quoted(value)}`;
    case 'too_small':
      if (issue.origin === 'number' || issue.origin === 'int') return `must be at least ${issue.minimum}`;
      return 'must not be empty';
    case 'too_big':
      if (issue.origin === 'number' || issue.origin === 'int') return `must be at most ${issue.maximum}`;
      return `must have at most ${issue.maximum} ${issue.origin === 'string' ? 'characters' : 'items'}`;
    case 'unrecognized_keys':
    case 'invalid_key':
    case 'invalid_element':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'custom':
      return issue.message;
  }
}

const WANTED: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['int', 'a whole number'],
  ['number', 'a whole number'],
  ['object', 'an object of fields'],
  ['record', 'an object of fields'],
  ['array', 'a list'],
]);

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'number') return 'a number';
  return typeof value === 'boolean' ? 'true or false' : 'an object';
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(printable(value, 60)) : kindOf(value);
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const key of path) {
    if (Array.isArray(at)) at = typeof key === 'number' ? at[key] : undefined;
    else if (isFields(at)) at = fieldOf(at, String(key));
    else return undefined;
  }
  return at;
}

function shown(path: Path): string {
  return path.reduce<string>((before, key) => {
    if (typeof key === 'number') return `${before}[${key}]`;
    const name = String(key);
    return /^[A-Za-z][A-Za-z0-9]*$/.test(name) ? `${before}.${name}` : `${before}[${JSON.stringify(name)}]`;
  }, 'spec');
}
