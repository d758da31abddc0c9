/**
 * Compares keys as Go's yaml.v2 does when it writes a map: numbers within a text by their value, so `a2` comes before `a10`,
 * and what is no letter before letters.
 */
export function byNature(one: string, other: string): number {
  const a = Array.from(one);
  const b = Array.from(other);
  const at = a.findIndex((character, i) => character !== b[i]);
  // Equal as far as the first goes: the shorter is first.
  if (at < 0 || at >= b.length) return a.length - b.length;
  const [x = '', y = ''] = [a[at], b[at]];
  const letters = Number(isLetter(x)) - Number(isLetter(y));
  if (letters !== 0) return letters;
  if (isLetter(x)) return code(x) - code(y);

  // Behind another digit than zero, a zero is no leading one.
  const goesOn = (x === '0' || y === '0') && followsANumber(a, at);
  const left = numberFrom(a, at, goesOn);
  const right = numberFrom(b, at, goesOn);
  if (left.value !== right.value) return left.value < right.value ? -1 : 1;
  return left.end - right.end || code(x) - code(y);
}

/**
 * Writes a key of a block mapping as Go's yaml.v2 does. Keys here are names of registries and repositories: of what YAML
 * gives a meaning, only the asterisk of a wildcard and texts that could be numbers or words of YAML 1.1 come up.
 * @param indent of the mapping
 * @param value one line
 */
export function mappingEntry(key: string, indent: string, value: string): string {
  const written = writtenKey(key);
  // A key as long as that cannot be a simple one.
  if (key.length > 128) return `${indent}? ${written}\n${indent}: ${value}\n`;
  return `${indent}${written}:\n${indent}  ${value}\n`;
}

function writtenKey(key: string): string {
  if (key.startsWith('*')) return `'${key}'`;
  return isOtherThanText(key) ? `"${key}"` : key;
}

const WORDS: readonly string[] = ['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null', '~', ''];

/** Whether the text alone would be read as something else, or as one by other readers (`10:30`, in base 60). */
function isOtherThanText(text: string): boolean {
  const number = text.replaceAll('_', '');
  return (
    WORDS.includes(text.toLowerCase()) ||
    /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(number) ||
    /^0([xX][0-9a-fA-F]{1,16}|[bB][01]{1,64}|[oO][0-7]{1,21})$/.test(number) ||
    /^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/.test(text)
  );
}

function followsANumber(text: readonly string[], end: number): boolean {
  for (let i = end - 1; isDigit(text[i]); i--) if (text[i] !== '0') return true;
  return false;
}

/** Large numbers overflow in Go; a name that holds one is as good in either place. */
function numberFrom(text: readonly string[], start: number, goesOn: boolean): { value: bigint; end: number } {
  let value = goesOn ? 1n : 0n;
  let end = start;
  for (; isDigit(text[end]); end++) value = BigInt.asIntN(64, value * 10n + BigInt(text[end] ?? ''));
  return { value, end };
}

const isDigit = (character: string | undefined): boolean => character !== undefined && /^[0-9]$/.test(character);
const isLetter = (character: string): boolean => /^\p{L}$/u.test(character);
const code = (character: string): number => character.codePointAt(0) ?? 0;
