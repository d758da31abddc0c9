const UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** The longest text that can be a sensible duration; Go's own longest rendering has 25 characters. */
const MAX_LENGTH = 40;

/**
 * Reads a duration as Go writes it (`10s`, `1m30s`, `500ms`, `1.5h`, `0`), which is how the API server tells webhooks
 * their timeout. Signs are refused: no time here is negative. Read by hand in one pass, as the text comes from outside.
 * @returns milliseconds, or undefined where the text is no duration
 * @see https://pkg.go.dev/time#ParseDuration
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (text.length === 0 || text.length > MAX_LENGTH) return undefined;
  let total = 0;
  let at = 0;
  while (at < text.length) {
    const numberEnd = skip(text, at, isNumberCharacter);
    const amount = decimal(text.slice(at, numberEnd));
    const unitEnd = skip(text, numberEnd, (character) => !isNumberCharacter(character));
    const unit = UNITS.get(text.slice(numberEnd, unitEnd));
    if (amount === undefined || unit === undefined) return undefined;
    total += amount * unit;
    at = unitEnd;
  }
  return total;
}

function skip(text: string, from: number, belongs: (character: string) => boolean): number {
  let at = from;
  while (at < text.length && belongs(text.charAt(at))) at += 1;
  return at;
}

function isNumberCharacter(character: string): boolean {
  return character === '.' || (character >= '0' && character <= '9');
}

/** Digits with at most one point and at least one digit, as Go takes them: `1`, `1.`, `.5`, `1.5`. */
function decimal(text: string): number | undefined {
  if (text === '' || text === '.' || text.indexOf('.') !== text.lastIndexOf('.')) return undefined;
  return Number(text);
}
