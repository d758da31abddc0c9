import { asciiText, type DerElement, oidText, readElements, readSequence, TAG, utf8Text } from './der.ts';

/** One attribute of a distinguished name; its text is undefined where it is not, or not safely, text. */
export type CertificateAttribute = { readonly oid: string; readonly text: string | undefined };

/**
 * Reads the attributes of a distinguished name, in their order and with those of one part one after the other.
 * @param name DER, attacker-controlled until the certificate's signature was verified
 * @returns undefined where it is no name
 * @see RFC 5280 §4.1.2.4
 */
export function readNameAttributes(name: Uint8Array): readonly CertificateAttribute[] | undefined {
  const attributes: CertificateAttribute[] = [];
  const parts = readSequence(name);
  if (parts === undefined) return undefined;
  for (const part of parts) {
    const members = part.tag === TAG.set ? readElements(part.content) : undefined;
    if (members === undefined || members.length === 0) return undefined;
    for (const member of members) {
      const [type, value, ...rest] = (member.tag === TAG.sequence ? readElements(member.content) : undefined) ?? [];
      const oid = type?.tag === TAG.oid ? oidText(type.content) : undefined;
      if (oid === undefined || value === undefined || rest.length > 0) return undefined;
      attributes.push({ oid, text: directoryText(value) });
    }
  }
  return attributes;
}

/** The kinds of text that names are written in, save TeletexString, which every reader reads in another way. */
function directoryText({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case TAG.utf8String:
      return utf8Text(content);
    case TAG.printableString:
      return textWithin(content, PRINTABLE);
    case TAG.numericString:
      return textWithin(content, NUMERIC);
    case TAG.ia5String:
      return asciiText(content);
    case TAG.bmpString:
      return bmpText(content);
    default:
      return undefined;
  }
}

/** `*` and `&` are not among X.680's, but authorities write them and Go reads them. */
const PRINTABLE = /^[A-Za-z0-9 '()+,./:=?*&-]*$/;
const NUMERIC = /^[0-9 ]*$/;

function textWithin(content: Uint8Array, alphabet: RegExp): string | undefined {
  const text = asciiText(content);
  return text !== undefined && alphabet.test(text) ? text : undefined;
}

/** Two octets a character, and none of the halves of which other encodings make more. */
function bmpText(content: Uint8Array): string | undefined {
  if (content.length % 2 !== 0) return undefined;
  const text = Buffer.from(content).swap16().toString('utf16le');
  const hasHalves = content.some((octet, index) => index % 2 === 0 && octet >= 0xd8 && octet <= 0xdf);
  return hasHalves || /\p{Cc}/u.test(text) ? undefined : text;
}
