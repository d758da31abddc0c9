import { RE2JSException, RE2Set } from 're2js';
import { createBoundedCache } from '../cache/bounded-cache.ts';
import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { programBound } from './pattern-size.ts';

/** A pattern that is ready to be asked. */
export type Pattern = {
  /** Whether the text matches. One of more than 2,048 UTF-16 units never does, nor does one with half a character. */
  readonly matches: (text: string) => boolean;
};

/** A pattern as a policy writes it; `anchored` where the whole text must match, not just some of it. */
type PatternRule = { readonly pattern: string; readonly anchored: boolean };

/** UTF-16 units of a pattern. */
const MAX_PATTERN = 1024;
/** Steps of its program. Each character of a text costs at most as many. */
const MAX_PROGRAM = 1000;
/** UTF-16 units of a text: what CRDs of the field allow for an issuer, the longest of names. */
const MAX_TEXT = 2048;
/** What an automaton may remember of the texts it saw; beyond that it starts anew. */
const AUTOMATON_BYTES = 256 * 1024;
const MAX_KEPT = 256;

/** Compiled patterns with no state but what makes them faster: whoever asks for the same pattern may have the same one. */
const kept = createBoundedCache<Result<Pattern>>({
  entries: MAX_KEPT,
  bytes: MAX_KEPT * 2 * AUTOMATON_BYTES,
  lives: 'forever',
});

/**
 * Makes a pattern ready, or says what is wrong with it, for compilers of policies as for judgements. The syntax is RE2's:
 * no back-references, no looking around, `$` and `.` as Go has them. Time to match grows with the text, never faster.
 *
 * The automaton is one that remembers its states up to a bound; the library's other engines give the same answers, but
 * each of their patterns may hold eight megabytes.
 * @returns POLICY_BROKEN for what is no RE2 pattern, is empty, or is longer or repeats more than countersign allows
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function compilePattern({ pattern, anchored }: PatternRule): Result<Pattern> {
  const key = `${anchored ? 'whole' : 'part'} ${pattern}`;
  const there = kept.get(key);
  if (there !== undefined) return there;
  const made = make(pattern, anchored);
  kept.set(key, made, AUTOMATON_BYTES);
  return made;
}

function make(pattern: string, anchored: boolean): Result<Pattern> {
  if (pattern === '') return failed('POLICY_BROKEN', 'a pattern is empty, and names nobody');
  if (pattern.length > MAX_PATTERN) return broken(pattern, `it is longer than ${MAX_PATTERN} characters`);
  if (!pattern.isWellFormed()) return broken(pattern, 'it holds half a character');
  if (programBound(pattern) > MAX_PROGRAM) {
    return broken(pattern, `written out it would have more than ${MAX_PROGRAM} steps`);
  }
  const set = new RE2Set(anchored ? RE2Set.ANCHOR_BOTH : RE2Set.UNANCHORED, 0, AUTOMATON_BYTES);
  try {
    set.add(pattern);
    set.compile();
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return broken(pattern, error.message.replace('error parsing regexp: ', ''));
  }
  return ok({
    matches: (text) => text.length <= MAX_TEXT && text.isWellFormed() && set.match(text).length > 0,
  });
}

function broken(pattern: string, why: string): Result<never> {
  return failed('POLICY_BROKEN', `"${printable(pattern)}" is no pattern that countersign matches: ${printable(why)}`);
}
