import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import type { DistinguishedName, NameAttribute, NonEmpty } from '../model/requirement.ts';
import type { SignerMatch } from './identities.ts';

/** Without these a name would stand for anybody who has the same common name, in the identity and in the certificate. */
const MANDATORY = ['C', 'ST', 'O'] as const;

/** Characters of an identity; X.520 bounds most parts of a name to 128. */
const MAXIMUM_LENGTH = 8192;

/**
 * Reads the identity behind `x509.subject:` of a notation trust policy, in the order of the types, so that one identity in
 * two spellings is one: a distinguished name of RFC 4514 under notation's
 * rules. Every type stands once, alone in its part (`+` is refused) and as text (`#` is refused); `S` is another name of
 * `ST`; C, ST and O must be there. Letters keep their case, in types too: `cn` is no type that a certificate has.
 * @returns POLICY_BROKEN
 * @see reference/notation-ratify.md §1.8, "DN rules"; notation-go internal/pkix, go-ldap ParseDN
 */
export function parseDistinguishedName(text: string): Result<DistinguishedName> {
  if (text.length > MAXIMUM_LENGTH) return broken(text, `it is longer than ${MAXIMUM_LENGTH} characters`);
  // notation refuses the two characters wherever they stand, with a backslash before them or without.
  if (text.includes('=#')) return broken(text, 'it holds "=#", and hexadecimal values are not read');
  // Half a character would become the same replacement for all of them.
  if (!text.isWellFormed()) return broken(text, 'it is no text');
  const attributes = new Map<string, string>();
  for (let at = 0; ; ) {
    const type = readType(text, at);
    if (!type.ok) return broken(text, type.why);
    const value = readValue(text, type.end);
    if (!value.ok) return broken(text, value.why);
    const name = type.value === 'S' ? 'ST' : type.value;
    if (attributes.has(name)) return broken(text, `it has ${name} twice`);
    attributes.set(name, value.value);
    if (value.end >= text.length) break;
    at = value.end + 1;
  }
  const missing = missingFrom(attributes);
  if (missing.length > 0) return broken(text, `it has no ${missing.join(' and no ')}, which an identity must have`);
  const [first, ...rest] = [...attributes]
    .map(([type, value]): NameAttribute => ({ type, value }))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
  return first === undefined ? broken(text, 'it is empty') : ok([first, ...rest]);
}

/** Whether everybody who meets one of two identities meets the other, so that one of them says nothing. */
export function overlaps(a: DistinguishedName, b: DistinguishedName): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

/**
 * Compares the subject of a signer's certificate with the identities that a policy names: all parts of one identity must
 * be in it, letter for letter and in whatever order; more may be.
 * @param subject of a chain that the policy trusts, read strictly, each type once
 * @returns accepted, or IDENTITY_MISMATCH
 */
export function matchDistinguishedNames(
  anyOf: NonEmpty<DistinguishedName>,
  subject: readonly NameAttribute[],
): SignerMatch {
  const who = `the certificate belongs to ${shown(subject)}`;
  const missing = missingFrom(new Map(subject.map(({ type, value }) => [type, value])));
  if (missing.length > 0)
    return refused(`${who}, which has no ${missing.join(' and no ')}, and the policy names an identity`);
  if (new Set(subject.map(({ type }) => type)).size < subject.length)
    return refused(`${who}, in which a type stands twice, and the policy names an identity`);
  if (anyOf.some((identity) => isWithin(identity, subject))) return { kind: 'accepted' };
  return refused(`${who}, and the policy wants ${anyOf.map(shown).join(' or ')}`);
}

/** Writes a distinguished name for a person. */
function shown(name: readonly NameAttribute[]): string {
  return `"${printable(name.map(({ type, value }) => `${type}=${value}`).join(', '))}"`;
}

function isWithin(name: DistinguishedName, other: readonly NameAttribute[]): boolean {
  return name.every(({ type, value }) => other.some((part) => part.type === type && part.value === value));
}

function missingFrom(attributes: ReadonlyMap<string, string>): readonly string[] {
  return MANDATORY.filter((type) => (attributes.get(type) ?? '') === '');
}

type Read = { readonly ok: true; readonly value: string; readonly end: number } | Unread;
type Unread = { readonly ok: false; readonly why: string };

/** The type that begins at a place, up to its `=`, and what stands behind that. */
function readType(text: string, at: number): Read {
  const end = text.indexOf('=', at);
  if (end < 0) return unread('a part of it has no "="');
  const type = withoutSpaces(text.slice(at, end));
  return /^[A-Za-z0-9.-]{1,64}$/.test(type)
    ? { ok: true, value: type, end: end + 1 }
    : unread(`"${printable(type)}" is no type of a part`);
}

/** The value that begins at a place, up to a separator that is not escaped or the end. */
function readValue(text: string, from: number): Read {
  let at = from;
  while (text[at] === ' ') at++;
  if (text[at] === '#') return unread('a value begins with "#", and hexadecimal values are not read');
  const bytes: Buffer[] = [];
  // Spaces at the end belong to the value only where they are escaped.
  let kept = 0;
  for (; at < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === ',' || character === ';') break;
    if (character === '+') return unread('a part of it has several values ("+")');
    if (FORBIDDEN.has(character)) return unread(`"${printable(character)}" stands in it without a "\\" before it`);
    if (character !== '\\') {
      bytes.push(Buffer.from(character));
      at += character.length;
      if (character !== ' ') kept = bytes.length;
      continue;
    }
    const escape = readEscape(text, at + 1);
    if (escape === undefined) return unread('a "\\" in it escapes nothing');
    bytes.push(escape.bytes);
    at = escape.end;
    kept = bytes.length;
  }
  const value = textOf(Buffer.concat(bytes.slice(0, kept)));
  if (value === undefined) return unread('a value in it is no text');
  return value === '' ? unread('a value in it is empty') : { ok: true, value, end: at };
}

/** What RFC 4514 §2.4 wants escaped, beyond the separators. */
const FORBIDDEN: ReadonlySet<string> = new Set(['"', '<', '>', '\0']);

/** What may stand behind a backslash as itself (RFC 4514 §3). */
const SPECIAL: ReadonlySet<string> = new Set([' ', '"', '#', '+', ',', ';', '<', '=', '>', '\\']);

function readEscape(text: string, at: number): { readonly bytes: Buffer; readonly end: number } | undefined {
  const character = text[at];
  if (character === undefined) return undefined;
  if (SPECIAL.has(character)) return { bytes: Buffer.from(character), end: at + 1 };
  const pair = text.slice(at, at + 2);
  return /^[0-9A-Fa-f]{2}$/.test(pair) ? { bytes: Buffer.from(pair, 'hex'), end: at + 2 } : undefined;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text without control characters, as the subjects of certificates are read too. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = UTF8.decode(bytes);
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function withoutSpaces(text: string): string {
  let from = 0;
  let to = text.length;
  while (text[from] === ' ') from++;
  while (to > from && text[to - 1] === ' ') to--;
  return text.slice(from, to);
}

function unread(why: string): Unread {
  return { ok: false, why };
}

function broken(text: string, why: string): Result<never> {
  return failed('POLICY_BROKEN', `"${printable(text)}" is no identity of a certificate's subject: ${why}`);
}

function refused(message: string): SignerMatch {
  return { kind: 'refused', code: 'IDENTITY_MISMATCH', message };
}
