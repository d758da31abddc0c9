/** How a registry asks for authentication (RFC 9110 §11.6.1): a scheme with its parameters, names in lower case. */
export type Challenge = {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
};

const MAX_LENGTH = 8_192;

/**
 * Reads a WWW-Authenticate header by hand, in linear time. What cannot be read ends the list: what came before it stands.
 * @param header attacker-controlled
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, MAX_LENGTH);
  const challenges: { readonly scheme: string; readonly parameters: Map<string, string> }[] = [];
  let at = skip(text, 0, ' \t,');
  while (at < text.length) {
    const name = tokenAt(text, at);
    if (name === '') return challenges;
    const after = skip(text, at + name.length, ' \t');
    const current = challenges.at(-1);
    if (text[after] === '=' && current !== undefined) {
      const value = valueAt(text, skip(text, after + 1, ' \t'));
      if (value === undefined) return challenges;
      const key = name.toLowerCase();
      // Of a parameter that is written twice, neither can be believed.
      current.parameters.set(key, current.parameters.has(key) ? '' : value.value);
      at = skip(text, value.end, ' \t,');
    } else if (text[after] === '=') {
      return challenges;
    } else {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
      at = skip(text, after, ' \t,');
    }
  }
  return challenges;
}

function skip(text: string, from: number, characters: string): number {
  let at = from;
  while (at < text.length && characters.includes(text.charAt(at))) at++;
  return at;
}

function tokenAt(text: string, from: number): string {
  let at = from;
  while (at < text.length && isTokenCharacter(text.charCodeAt(at))) at++;
  return text.slice(from, at);
}

function valueAt(text: string, from: number): { readonly value: string; readonly end: number } | undefined {
  if (text[from] !== '"') {
    const value = tokenAt(text, from);
    return value === '' ? undefined : { value, end: from + value.length };
  }
  const parts: string[] = [];
  for (let at = from + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') return { value: parts.join(''), end: at + 1 };
    parts.push(character === '\\' ? text.charAt(++at) : character);
  }
  return undefined;
}

/** RFC 9110 §5.6.2, and `/ : ?`, which some registries leave unquoted in a realm. */
function isTokenCharacter(c: number): boolean {
  const alphanumeric = (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a);
  return alphanumeric || "!#$%&'*+-.^_`|~/:?".includes(String.fromCharCode(c));
}
