/**
 * Makes text from outside safe to show in a message, a log line or a terminal (DESIGN.md §4.13): control, line, bidi
 * and invisible characters and lone surrogates become `\uXXXX`, and what is longer than `maxLength` ends in `…`.
 * @param maxLength in characters as they come out
 */
export function printable(text: string, maxLength = 200): string {
  if (text.length <= maxLength && PLAIN.test(text)) return text;
  let out = '';
  let length = 0;
  for (const character of text) {
    const shown = hidden(character.codePointAt(0) ?? 0) ? escaped(character) : character;
    length += shown === character ? 1 : shown.length;
    if (length > maxLength) return `${out}…`;
    out += shown;
  }
  return out;
}

/** Begins a sentence with a capital where a word begins it; the names of registries and the paths of fields stay as they are. */
export function asSentence(text: string): string {
  return /^[a-z]+ /.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
}

/** Nearly everything is printable ASCII, and this runs many times a review. One class, no backtracking. */
const PLAIN = /^[ -~]*$/;

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Whether a code point moves, breaks or hides the text around it. */
function hidden(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    code === 0xad ||
    code === 0x61c ||
    code === 0x180e ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    code === 0xfeff ||
    (code >= 0xfff9 && code <= 0xfffb) ||
    (code >= 0xe0000 && code <= 0xe007f)
  );
}
