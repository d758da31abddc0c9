import { describe, expect, it } from 'vitest';
import { matchDistinguishedNames, parseDistinguishedName } from '../../../src/conditions/distinguished-names.ts';
import { type Der, element, objectIdentifier, sequence, utf8String } from '../../../src/encoding/der-writer.ts';
import { readSubject } from '../../../src/trust/notation/distinguished-name.ts';
import { distinguishedName } from '../../fixtures/certificates.ts';
import { leafOf, NOTARY, parsed } from './chains.ts';

const OID = { CN: '2.5.4.3', C: '2.5.4.6', L: '2.5.4.7', ST: '2.5.4.8', O: '2.5.4.10', OU: '2.5.4.11' } as const;

const printable = (text: string) => element(0x13, Buffer.from(text));
const ia5 = (text: string) => element(0x16, Buffer.from(text));
const teletex = (text: string) => element(0x14, Buffer.from(text, 'latin1'));
const bmp = (text: string) => element(0x1e, Buffer.from(text, 'utf16le').swap16());

/** The subject of a certificate of that name, as a record, or the code of what stands against it. */
function read(name: Der): Record<string, string> | string {
  const subject = readSubject(parsed(leafOf('self', { name })));
  return subject.ok ? Object.fromEntries(subject.value.map(({ type, value }) => [type, value])) : subject.code;
}

/** Whether the holder of a certificate of that name is whom an identity names. */
function match(identity: string, name: Der): string {
  const wanted = parseDistinguishedName(identity);
  if (!wanted.ok) throw new Error(wanted.failure.message);
  const subject = readSubject(parsed(leafOf('self', { name })));
  if (!subject.ok) return subject.code;
  const result = matchDistinguishedNames([wanted.value], subject.value);
  return result.kind === 'accepted' ? result.kind : result.code;
}

const withO = (value: Der) => distinguishedName([OID.C, printable('US')], [OID.ST, utf8String('WA')], [OID.O, value]);

describe('the subject of a certificate', () => {
  it('is read by the names of its types', () => {
    expect(read(NOTARY)).toEqual({ C: 'US', ST: 'WA', O: 'Notary', CN: 'signer' });
    const rest = ['2.5.4.5', '2.5.4.9', '2.5.4.17', '2.5.4.7', '2.5.4.11'].map((oid) => [oid, ia5('x')] as const);
    expect(read(distinguishedName(...rest))).toEqual({
      SERIALNUMBER: 'x',
      STREET: 'x',
      POSTALCODE: 'x',
      L: 'x',
      OU: 'x',
    });
  });

  it.each<[string, Der, string]>([
    ['UTF8String', utf8String('Žižka 🐇'), 'Žižka 🐇'],
    ['PrintableString', printable("A-Z (a) 0.9, 'b' +c/d:e=f? *&"), "A-Z (a) 0.9, 'b' +c/d:e=f? *&"],
    ['IA5String', ia5('a@example.com'), 'a@example.com'],
    ['NumericString', element(0x12, Buffer.from('12 34')), '12 34'],
    ['BMPString', bmp('Žižka'), 'Žižka'],
    ['spaces at both ends', utf8String(' x '), ' x '],
  ])('is read from %s', (_what, value, expected) => {
    expect(read(withO(value))).toEqual({ C: 'US', ST: 'WA', O: expected });
  });

  it('is read from a part that has several values, as Go reads it', () => {
    const attribute = (oid: string, text: string) => sequence(objectIdentifier(oid), utf8String(text));
    const several = sequence(
      element(0x31, attribute(OID.C, 'US'), attribute(OID.O, 'x')),
      element(0x31, attribute(OID.ST, 'WA')),
    );
    expect(read(several)).toEqual({ C: 'US', O: 'x', ST: 'WA' });
  });

  it.each<[string, Der]>([
    ['no attribute', sequence()],
    ['a type twice', distinguishedName([OID.O, utf8String('a')], [OID.O, utf8String('b')])],
    [
      'two common names, of which Go takes the last',
      distinguishedName([OID.CN, utf8String('a')], [OID.CN, utf8String('b')]),
    ],
    ['an e-mail address', distinguishedName([OID.O, utf8String('a')], ['1.2.840.113549.1.9.1', ia5('a@b.c')])],
    ['a domain component', distinguishedName([OID.O, utf8String('a')], ['0.9.2342.19200300.100.1.25', ia5('b')])],
    ['an integer for a name', withO(element(0x02, Buffer.from([1])))],
    ['bytes for a name', withO(element(0x04, Buffer.from('x')))],
    ['a sequence for a name', withO(sequence(utf8String('x')))],
    ['TeletexString, which readers read differently', withO(teletex('é'))],
    ['UTF-8 that is none', withO(element(0x0c, Buffer.from([0xc3])))],
    ['an overlong UTF-8 form', withO(element(0x0c, Buffer.from([0xc0, 0xaf])))],
    ['a NUL', withO(utf8String('a\0b'))],
    ['a NUL in an IA5String', withO(ia5('a\0b'))],
    ['a control character', withO(utf8String('a\nb'))],
    ['a control character in a BMPString', withO(bmp('a\0'))],
    ['an odd BMPString', withO(element(0x1e, Buffer.from([0, 0x41, 0])))],
    ['halves of characters in a BMPString', withO(bmp('🐇'))],
    ['a PrintableString of other characters', withO(printable('a@b'))],
    ['a NumericString of letters', withO(element(0x12, Buffer.from('a')))],
    ['an empty value', withO(utf8String(''))],
    ['"=#", which notation takes for hexadecimal', withO(utf8String('a=#b'))],
    [
      'a part without attributes',
      sequence(element(0x31), element(0x31, sequence(objectIdentifier(OID.O), utf8String('a')))),
    ],
    ['a part that is no DER', sequence(element(0x31, Buffer.from([0x30])))],
    ['an attribute without value', sequence(element(0x31, sequence(objectIdentifier(OID.O))))],
    [
      'an attribute with two values',
      sequence(element(0x31, sequence(objectIdentifier(OID.O), utf8String('a'), utf8String('b')))),
    ],
    ['a part that is no set of sequences', sequence(element(0x31, utf8String('a')))],
  ])('is nobody that a policy could name, with %s', (_what, name) => {
    expect(read(name)).toBe('IDENTITY_MISMATCH');
  });
});

describe('a policy that names identities', () => {
  const bare = distinguishedName([OID.O, utf8String('Ratify')], [OID.CN, utf8String('Ratify Sample')]);

  it.each<[string, string, Der, string]>([
    ['part of the subject [notation-ratify 58]', 'C=US,ST=WA,O=Notary', NOTARY, 'accepted'],
    ['the case of a value [notation-ratify 59]', 'C=us,ST=WA,O=Notary', NOTARY, 'IDENTITY_MISMATCH'],
    ['S for ST [notation-ratify 60]', 'C=US,S=WA,O=Notary', NOTARY, 'accepted'],
    ['a certificate without C and ST [notation-ratify 62]', 'C=US,ST=WA,O=Ratify', bare, 'IDENTITY_MISMATCH'],
    [
      'an escaped comma [notation-ratify 67]',
      'C=US,ST=WA,O=Notary\\, Inc.',
      withO(utf8String('Notary, Inc.')),
      'accepted',
    ],
    ['an escaped number sign', 'C=US,ST=WA,O=\\#1', withO(utf8String('#1')), 'accepted'],
    ['escaped spaces', 'C=US,ST=WA,O=\\ x\\ ', withO(utf8String(' x ')), 'accepted'],
    ['spaces that are in the certificate alone', 'C=US,ST=WA,O=x', withO(utf8String('x ')), 'IDENTITY_MISMATCH'],
    ['a value that tries to be two', 'C=US,ST=WA,O=x', withO(utf8String('x,CN=y')), 'IDENTITY_MISMATCH'],
    ['a value that tries to be another', 'C=US,ST=WA,O=x,CN=y', withO(utf8String('x,CN=y')), 'IDENTITY_MISMATCH'],
    ['kinds of text that differ', 'C=US,ST=WA,O=x', withO(bmp('x')), 'accepted'],
    ['an unknown type in lower case', 'C=US,ST=WA,O=Notary,cn=signer', NOTARY, 'IDENTITY_MISMATCH'],
    ['a type by its number', 'C=US,ST=WA,O=Notary,2.5.4.3=signer', NOTARY, 'IDENTITY_MISMATCH'],
  ])('compares %s', (_what, identity, name, expected) => {
    expect(match(identity, name)).toBe(expected);
  });
});
