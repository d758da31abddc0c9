import type { SubjectName } from '../../model/finding.ts';
import { asciiText, contentOf, type DerElement, oidText, readElements, readSequence, TAG, utf8Text } from './der.ts';
import { type Checked, malformed } from './result.ts';

/** Subtrees of names that an authority may or may not issue for (RFC 5280 §4.2.1.10). */
export type NameConstraints = {
  /** Undefined where the certificate permits everything. */
  readonly permitted: readonly SubjectName[] | undefined;
  readonly excluded: readonly SubjectName[];
};

/** Identifier octets of GeneralName's choices (RFC 5280 §4.2.1.6). */
const OTHER_NAME = 0xa0;
const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;
/** x400Address, directoryName, ediPartyName and registeredID: known, and never compared. */
const UNREAD: ReadonlySet<number> = new Set([0xa3, 0xa4, 0xa5, 0x88]);

/**
 * Reads a SubjectAltName extension: every name in it, of every kind.
 * @param value attacker-controlled until the certificate's signature was verified
 */
export function readSubjectNames(value: Uint8Array): Checked<readonly SubjectName[]> {
  const elements = readSequence(value);
  if (elements === undefined || elements.length === 0) return malformed('its alternative names cannot be read');
  const names: SubjectName[] = [];
  for (const element of elements) {
    const name = readName(element);
    if (name === undefined || ('text' in name && name.text === ''))
      return malformed('one of its alternative names cannot be read');
    names.push(name);
  }
  return { ok: true, value: names };
}

/** Reads a NameConstraints extension. Bounds on the distance of a subtree, which RFC 5280 forbids, are refused. */
export function readNameConstraints(value: Uint8Array): Checked<NameConstraints> {
  const unreadable = malformed('its name constraints cannot be read');
  const parts = readSequence(value);
  if (parts === undefined || parts.length === 0) return unreadable;
  let permitted: readonly SubjectName[] | undefined;
  let excluded: readonly SubjectName[] | undefined;
  for (const part of parts) {
    const subtrees = readSubtrees(part.content);
    if (subtrees === undefined) return unreadable;
    if (part.tag === 0xa0 && permitted === undefined && excluded === undefined) permitted = subtrees;
    else if (part.tag === 0xa1 && excluded === undefined) excluded = subtrees;
    else return unreadable;
  }
  return { ok: true, value: { permitted, excluded: excluded ?? [] } };
}

function readSubtrees(content: Uint8Array): readonly SubjectName[] | undefined {
  const names: SubjectName[] = [];
  for (const subtree of readElements(content) ?? []) {
    const [base, ...bounds] = (subtree.tag === TAG.sequence ? readElements(subtree.content) : undefined) ?? [];
    const name = base === undefined || bounds.length > 0 ? undefined : readName(base);
    if (name === undefined) return undefined;
    names.push(name);
  }
  return names.length === 0 ? undefined : names;
}

function readName(element: DerElement): SubjectName | undefined {
  const { tag, content } = element;
  if (tag === EMAIL) return textName('email', content);
  if (tag === DNS) return textName('dns', content);
  if (tag === URI) return textName('uri', content);
  if (tag === IP) return { kind: 'ip', text: Buffer.from(content).toString('hex') };
  if (tag === OTHER_NAME) return readOtherName(element);
  return UNREAD.has(tag) ? { kind: 'unread', tag } : undefined;
}

function textName(kind: 'email' | 'uri' | 'dns', content: Uint8Array): SubjectName | undefined {
  const text = asciiText(content);
  return text === undefined ? undefined : { kind, text };
}

/** `SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }`, implicitly tagged; Fulcio writes a UTF8String. */
function readOtherName({ tag, content }: DerElement): SubjectName | undefined {
  const [type, value, ...rest] = readElements(content) ?? [];
  if (type?.tag !== TAG.oid || value?.tag !== 0xa0 || rest.length > 0) return undefined;
  const oid = oidText(type.content);
  if (oid === undefined) return undefined;
  const utf8 = contentOf(value.content, TAG.utf8String);
  if (utf8 === undefined) return { kind: 'unread', tag };
  const text = utf8Text(utf8);
  return text === undefined ? undefined : { kind: 'otherName', oid, text };
}
