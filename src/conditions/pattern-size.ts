/**
 * How many steps the program of an RE2 pattern may come to, without making it: counted repetitions are copied out, so
 * that a thousand characters can stand for a million steps.
 *
 * It never says too few of what the engine accepts, and seldom many more. What is no pattern at all gets a number too,
 * and is left to the engine.
 */
export function programBound(pattern: string): number {
  const above: Group[] = [];
  let group: Group = { steps: 0, last: 0 };
  const add = (steps: number): void => void (group = { steps: group.steps + steps, last: steps });
  const repeat = (steps: number): void => void (group = { steps: group.steps + steps, last: group.last + steps });

  let at = 0;
  while (at < pattern.length) {
    const c = pattern.charAt(at);
    if (pattern.startsWith('\\Q', at)) {
      // With nothing in it, it is no item: an operator behind it repeats what stands before.
      const close = pattern.indexOf('\\E', at);
      const end = close < 0 ? pattern.length : close;
      for (let quoted = at + 2; quoted < end; quoted++) add(1);
      at = close < 0 ? end : close + 2;
    } else if (c === '\\') {
      add(1);
      at += pattern.charAt(at + 1).toLowerCase() === 'p' ? 3 : 2;
    } else if (c === '[') {
      add(1);
      at = behindClass(pattern, at);
    } else if (c === '(' && /^\(\?[A-Za-z-]*\)/.test(pattern.slice(at))) {
      // Flags are no item: an operator behind them repeats what stands before them.
      at = endOf(pattern, ')', at);
    } else if (c === '(') {
      above.push(group);
      const isPlain = pattern.startsWith('?:', at + 1);
      group = { steps: isPlain ? NOTHING : CAPTURE, last: 0 };
      at += isPlain ? 3 : 1;
    } else if (c === ')') {
      const { steps } = group;
      group = above.pop() ?? { steps: 0, last: 0 };
      add(steps);
      at++;
    } else if (c === '{') {
      const counted = readCount(pattern, at);
      if (counted === undefined) add(1);
      else repeat((group.last + 1) * counted.most + REPEAT);
      at = counted?.behind ?? at + 1;
    } else {
      if (c === '*' || c === '+' || c === '?') repeat(REPEAT);
      // A branch that is empty takes a step of its own.
      else add(c === '|' ? 2 : 1);
      at++;
    }
  }
  return above.reduce((sum, { steps }) => sum + steps, group.steps) + FIRST_AND_LAST;
}

/** What was read of a group: all its steps, and those of its last item, which an operator behind it would repeat. */
type Group = { readonly steps: number; readonly last: number };

/** A group that is empty takes a step. */
const NOTHING = 1;
/** As do the start and the end of one whose text is kept. */
const CAPTURE = 3;
/** A loop, and a branch around it where what it repeats may be empty. */
const REPEAT = 2;
/** Failing, matching, and one for an empty pattern. */
const FIRST_AND_LAST = 3;

/** The place behind `ending`, or behind everything. */
function endOf(pattern: string, ending: string, from: number): number {
  const at = pattern.indexOf(ending, from);
  return at < 0 ? pattern.length : at + ending.length;
}

/** The place behind a class, read as the engine reads it: what ends a class elsewhere would hide a group from the count. */
function behindClass(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern.charAt(at) === '^') at++;
  // A bracket that comes first is one of the characters.
  for (let isFirst = true; at < pattern.length && (isFirst || pattern.charAt(at) !== ']'); isFirst = false) {
    if (pattern.startsWith('[:', at) && pattern.includes(':]', at + 2)) at = endOf(pattern, ':]', at + 2);
    else if (/^\\[pP]\{/.test(pattern.slice(at, at + 3))) at = endOf(pattern, '}', at);
    else if (/^\\[pP]/.test(pattern.slice(at, at + 2))) at += 3;
    else if (/^\\[dDsSwW]/.test(pattern.slice(at, at + 2))) at += 2;
    else at = behindRange(pattern, at);
  }
  return at + 1;
}

/** The place behind a character of a class, or behind two with a hyphen between them, the second of which may be `[`. */
function behindRange(pattern: string, start: number): number {
  const at = behindCharacter(pattern, start);
  const isRange = pattern.charAt(at) === '-' && at + 1 < pattern.length && pattern.charAt(at + 1) !== ']';
  return isRange ? behindCharacter(pattern, at + 1) : at;
}

function behindCharacter(pattern: string, at: number): number {
  const escape = pattern.charAt(at) === '\\' ? 1 : 0;
  // `\x{10FFFF}` could be the end of a range, and its brace the start of none.
  if (pattern.startsWith('\\x{', at)) return endOf(pattern, '}', at);
  return at + escape + ((pattern.codePointAt(at + escape) ?? 0) > 0xffff ? 2 : 1);
}

/** `{n}`, `{n,}` or `{n,m}`: how many copies it makes, and where it ends. Anything else in braces is text. */
function readCount(pattern: string, start: number): { readonly most: number; readonly behind: number } | undefined {
  const close = pattern.indexOf('}', start);
  const [least = '', most = least, ...rest] = close < 0 ? [] : pattern.slice(start + 1, close).split(',');
  if (!isNumber(least) || (most !== '' && !isNumber(most)) || rest.length > 0) return undefined;
  return { most: Math.max(1, Number(least), Number(most)), behind: close + 1 };
}

/** More digits than these are no count to the engine either. */
function isNumber(text: string): boolean {
  return /^[0-9]{1,8}$/.test(text);
}
