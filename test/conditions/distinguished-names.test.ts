import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchDistinguishedNames, overlaps, parseDistinguishedName } from '../../src/conditions/distinguished-names.ts';
import type { DistinguishedName, NameAttribute } from '../../src/model/requirement.ts';

function parsed(text: string): DistinguishedName {
  const name = parseDistinguishedName(text);
  if (!name.ok) throw new Error(name.failure.message);
  return name.value;
}

const asRecord = (name: readonly NameAttribute[]) => Object.fromEntries(name.map(({ type, value }) => [type, value]));

/** A subject as it is read from a certificate. */
const subject = (record: Record<string, string>): readonly NameAttribute[] =>
  Object.entries(record).map(([type, value]) => ({ type, value }));

const NOTARY = { C: 'US', ST: 'WA', L: 'Seattle', O: 'Notary', CN: 'wabbit-networks.io' };

/** `accepted`, or the code of what stands against it. */
function match(identities: readonly [string, ...string[]], record: Record<string, string>): string {
  const [first, ...rest] = identities;
  const result = matchDistinguishedNames([parsed(first), ...rest.map(parsed)], subject(record));
  return result.kind === 'accepted' ? result.kind : result.code;
}

describe('identities that are read', () => {
  it.each<[string, string, Record<string, string>]>([
    ['parts in any order', 'O=Notary,C=US,ST=WA', { C: 'US', ST: 'WA', O: 'Notary' }],
    ['spaces around types and values', ' C = US , ST =WA,O= Notary ', { C: 'US', ST: 'WA', O: 'Notary' }],
    [
      'spaces within values',
      'C=US,ST=New  York,O=The Notary Project',
      { C: 'US', ST: 'New  York', O: 'The Notary Project' },
    ],
    ['S for ST [notation-ratify 60]', 'C=US,S=WA,O=Notary', { C: 'US', ST: 'WA', O: 'Notary' }],
    ['semicolons between parts, as in RFC 2253', 'C=US;ST=WA;O=Notary', { C: 'US', ST: 'WA', O: 'Notary' }],
    ['an escaped comma [notation-ratify 67]', 'C=US,ST=WA,O=Notary\\, Inc.', { C: 'US', ST: 'WA', O: 'Notary, Inc.' }],
    ['an escaped comma in hexadecimal [notation-ratify 67]', 'C=US,ST=WA,O=a\\2Cb', { C: 'US', ST: 'WA', O: 'a,b' }],
    ['every special character', 'C=US,ST=WA,O=\\"\\#\\+\\,\\;\\<\\=\\>\\\\', { C: 'US', ST: 'WA', O: '"#+,;<=>\\' }],
    ['escaped spaces at both ends', 'C=US,ST=WA,O=\\  x \\  ', { C: 'US', ST: 'WA', O: '  x  ' }],
    ['a backslash and a space at the end', 'C=US,ST=WA,O=x\\\\ ', { C: 'US', ST: 'WA', O: 'x\\' }],
    ['a value that is an escaped space', 'C=US,ST=WA,O=x,CN=\\ ', { C: 'US', ST: 'WA', O: 'x', CN: ' ' }],
    ['UTF-8 by its bytes', 'C=US,ST=WA,O=Lu\\C4\\8Di\\C4\\87', { C: 'US', ST: 'WA', O: 'Lučić' }],
    ['characters beyond ASCII as they are', 'C=CZ,ST=Praha,O=Žižka 🐇', { C: 'CZ', ST: 'Praha', O: 'Žižka 🐇' }],
    ['an equals sign in a value', 'C=US,ST=WA,O=a=b', { C: 'US', ST: 'WA', O: 'a=b' }],
    ['a number sign inside a value', 'C=US,ST=WA,O=a#b', { C: 'US', ST: 'WA', O: 'a#b' }],
    [
      'types that no certificate is read with',
      'C=US,ST=WA,O=x,cn=y,2.5.4.3=z',
      { C: 'US', ST: 'WA', O: 'x', cn: 'y', '2.5.4.3': 'z' },
    ],
  ])('%s', (_what, text, expected) => {
    expect(asRecord(parsed(text))).toEqual(expected);
  });

  it('are the same value in whatever order they are written, because a policy is known by its content', () => {
    expect(parsed('O=Notary,ST=WA,C=US')).toEqual(parsed('C=US, S=WA, O=Notary'));
  });
});

describe('identities that are refused', () => {
  it('one that is as long as allowed is read', () => {
    const text = 'C=US,ST=WA,O=';
    expect(parseDistinguishedName(text + 'x'.repeat(8192 - text.length)).ok).toBe(true);
    expect(parseDistinguishedName(text + 'x'.repeat(8193 - text.length)).ok).toBe(false);
  });

  it.each<[string, string, RegExp]>([
    ['no ST [notation-ratify 61]', 'C=US,O=Notary', /no ST,/],
    ['no O [notation-ratify 61]', 'C=US,ST=WA', /no O,/],
    ['no C [notation-ratify 61]', 'ST=WA,O=Notary', /no C,/],
    ['none of the three', 'CN=wabbit-networks.io', /no C and no ST and no O/],
    ['lower-case types are others', 'c=US,st=WA,o=Notary', /no C and no ST and no O/],
    ['an empty mandatory part', 'C=US,ST=WA,O=', /empty/],
    ['an empty part, which would meet any certificate without it', 'C=US,ST=WA,O=x,OU=', /empty/],
    ['a part of spaces', 'C=US,ST=WA,O=x,OU=   ', /empty/],
    ['nothing', '', /no "="/],
    ['no part', 'invalid', /no "="/],
    ['several values in a part [notation-ratify 65]', 'C=US,ST=WA,O=x,CN=a+OU=b', /several values/],
    ['a hexadecimal value [notation-ratify 66]', 'C=US,ST=WA,O=#0401', /#/],
    ['a hexadecimal value behind a space', 'C=US,ST=WA,O= #0401', /#/],
    ['"=#" anywhere, as notation has it', 'C=US,ST=WA,O=Notary Project=#', /"=#"/],
    ['"=#" behind a backslash, as notation has it', 'C=US,ST=WA,O=a\\=#b', /"=#"/],
    ['a type twice', 'C=US,ST=WA,O=x,O=x', /O twice/],
    ['a type twice under both of its names', 'C=US,ST=WA,O=x,S=WA', /ST twice/],
    ['a type twice, once empty', 'C=US,ST=WA,O=x,OU=,OU=y', /empty/],
    ['a comma at the end', 'C=US,ST=WA,O=x,', /no "="/],
    ['two commas', 'C=US,,ST=WA,O=x', /type of a part/],
    ['a comma that is not escaped', 'C=US,ST=WA,O=Notary, Inc.', /no "="/],
    ['quotation marks', 'C=US,ST=WA,O="Notary, Inc."', /without a/],
    ['an angle bracket', 'C=US,ST=WA,O=a<b', /without a/],
    ['a backslash at the end', 'C=US,ST=WA,O=x\\', /escapes nothing/],
    ['half an escape', 'C=US,ST=WA,O=x\\4', /escapes nothing/],
    ['an escape of nothing special', 'C=US,ST=WA,O=\\xyz', /escapes nothing/],
    ['bytes that are no UTF-8', 'C=US,ST=WA,O=\\C4', /no text/],
    ['a control character', 'C=US,ST=WA,O=a\nb', /no text/],
    ['an escaped NUL', 'C=US,ST=WA,O=a\\00', /no text/],
    ['half a surrogate pair', 'C=US,ST=WA,O=a\uD800', /no text/],
    ['an escape in a type', 'C=US,ST=WA,\\4F=x', /type of a part/],
    ['an empty type', 'C=US,ST=WA,O=x,=y', /type of a part/],
    ['more than anybody is called', `C=US,ST=WA,O=${'x'.repeat(9000)}`, /longer/],
  ])('%s', (_what, text, why) => {
    const name = parseDistinguishedName(text);
    expect(name).toMatchObject({ ok: false, failure: { code: 'POLICY_BROKEN' } });
    expect(name.ok ? '' : name.failure.message).toMatch(why);
  });
});

describe('identities and subjects', () => {
  it.each<[string, string, Record<string, string>, string]>([
    ['part of the subject [notation-ratify 58]', 'C=US,ST=WA,O=Notary', NOTARY, 'accepted'],
    ['all of the subject', 'CN=wabbit-networks.io,O=Notary,L=Seattle,ST=WA,C=US', NOTARY, 'accepted'],
    ['in another case [notation-ratify 59]', 'C=us,ST=WA,O=Notary', NOTARY, 'IDENTITY_MISMATCH'],
    [
      'types in another case [notation-ratify 59]',
      'C=US,ST=WA,O=Notary,cn=wabbit-networks.io',
      NOTARY,
      'IDENTITY_MISMATCH',
    ],
    ['S for ST [notation-ratify 60]', 'C=US,S=WA,O=Notary', NOTARY, 'accepted'],
    ['with a part that the subject has otherwise', 'C=US,ST=WA,O=Notary,CN=other', NOTARY, 'IDENTITY_MISMATCH'],
    ['with a part that the subject has not', 'C=US,ST=WA,O=Notary,OU=x', NOTARY, 'IDENTITY_MISMATCH'],
    ['beginning alike', 'C=US,ST=WA,O=Nota', NOTARY, 'IDENTITY_MISMATCH'],
    ['values of each other', 'C=WA,ST=US,O=Notary', NOTARY, 'IDENTITY_MISMATCH'],
    [
      'an escaped comma [notation-ratify 67]',
      'C=US,ST=WA,O=Notary\\, Inc.',
      { ...NOTARY, O: 'Notary, Inc.' },
      'accepted',
    ],
    ['composed otherwise', 'C=US,ST=WA,O=\u00E9', { ...NOTARY, O: 'e\u0301' }, 'IDENTITY_MISMATCH'],
    [
      'a subject like AKS samples [notation-ratify 62]',
      'C=US,ST=WA,O=Ratify',
      { O: 'Ratify', CN: 'x' },
      'IDENTITY_MISMATCH',
    ],
  ])('%s', (_what, identity, record, expected) => {
    expect(match([identity], record)).toBe(expected);
  });

  it('are met by one of several identities, never by parts of two', () => {
    expect(match(['C=US,ST=WA,O=Other', 'C=US,ST=WA,O=Notary'], NOTARY)).toBe('accepted');
    expect(match(['C=US,ST=CA,O=Notary', 'C=US,ST=WA,O=Other'], NOTARY)).toBe('IDENTITY_MISMATCH');
  });

  it('are not met by a subject in which a type stands twice', () => {
    const twice = [...subject(NOTARY), { type: 'O', value: 'Other' }];
    expect(matchDistinguishedNames([parsed('C=US,ST=WA,O=Notary')], twice).kind).toBe('refused');
  });

  it('say whom the certificate belongs to and whom the policy wants, with nothing that moves the cursor', () => {
    const result = matchDistinguishedNames([parsed('C=US,ST=WA,O=Acme')], subject({ ...NOTARY, O: 'a\u202Eb' }));
    expect(result).toMatchObject({
      message:
        'the certificate belongs to "C=US, ST=WA, L=Seattle, O=a\\u202eb, CN=wabbit-networks.io", and the policy wants "C=US, O=Acme, ST=WA"',
    });
  });

  it('say what the certificate lacks that an identity must have [notation-ratify 62]', () => {
    const result = matchDistinguishedNames([parsed('C=US,ST=WA,O=Ratify')], subject({ O: 'Ratify', CN: 'x' }));
    expect(result).toMatchObject({
      message:
        'the certificate belongs to "O=Ratify, CN=x", which has no C and no ST, and the policy names an identity',
    });
  });

  it.each<[string, string, string, boolean]>([
    ['one within the other [notation-ratify 63]', 'C=US,ST=WA,O=Notary', 'C=US,ST=WA,O=Notary,CN=x', true],
    ['the other within the one [notation-ratify 63]', 'C=US,ST=WA,O=Notary,CN=x', 'C=US,ST=WA,O=Notary', true],
    ['the same in another order [notation-ratify 63]', 'C=US,ST=WA,O=Notary', 'O=Notary,S=WA,C=US', true],
    ['each with something of its own', 'C=US,ST=WA,O=Notary,CN=x', 'C=US,ST=WA,O=Notary,OU=x', false],
    ['different values', 'C=US,ST=WA,O=Notary', 'C=US,ST=WA,O=Other', false],
  ])('overlap: %s', (_what, a, b, expected) => {
    expect(overlaps(parsed(a), parsed(b))).toBe(expected);
  });
});

/** Any text of a certificate, escaped as Go's pkix does. */
const value = fc
  .string({ unit: fc.constantFrom(...Array.from('aZ é,;+"\\<>=#€🐇')), minLength: 1, maxLength: 8 })
  .filter((text) => !text.includes('=#'));

function escaped(text: string): string {
  const characters = Array.from(text, (character) => (',+"\\<>;'.includes(character) ? `\\${character}` : character));
  const first = characters[0];
  if (first === ' ' || first === '#') characters[0] = `\\${first}`;
  if (characters.length > 1 && characters.at(-1) === ' ') characters[characters.length - 1] = '\\ ';
  return characters.join('');
}

const names = fc.record(
  { C: value, ST: value, O: value, CN: value, OU: value, L: value },
  { requiredKeys: ['C', 'ST', 'O'], noNullPrototype: true },
);

describe('any name', () => {
  it('is read as it was written and meets its own certificate', () => {
    fc.assert(
      fc.property(names, (record) => {
        const text = Object.entries(record)
          .map(([type, of]) => `${type}=${escaped(of)}`)
          .join(',');
        expect(asRecord(parsed(text))).toEqual(record);
        expect(match([text], record)).toBe('accepted');
      }),
    );
  });

  it('meets a subject exactly if every part of it is there', () => {
    fc.assert(
      fc.property(names, names, (identity, record) => {
        const text = Object.entries(identity)
          .map(([type, of]) => `${type}=${escaped(of)}`)
          .join(',');
        const has: ReadonlyMap<string, string> = new Map(Object.entries(record));
        const within = Object.entries(identity).every(([type, of]) => has.get(type) === of);
        expect(match([text], record)).toBe(within ? 'accepted' : 'IDENTITY_MISMATCH');
      }),
    );
  });

  it('of any characters is read or refused, and what is read holds no control characters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('C=US,T;O\\+#"4F \n\0é')), maxLength: 60 }),
        (text) => {
          const name = parseDistinguishedName(text);
          if (!name.ok) return;
          expect(name.value.map(({ type }) => type)).toEqual(expect.arrayContaining(['C', 'ST', 'O']));
          expect(name.value.every(({ value: of }) => of !== '' && !/\p{Cc}/u.test(of))).toBe(true);
        },
      ),
    );
  });

  it('as long as allowed is read in no time, whatever it is made of', () => {
    for (const unit of ['\\ ', ' ', '=', 'C=,', '\\', 'a=b,', ';', '+']) {
      const began = performance.now();
      parseDistinguishedName(`C=US,ST=WA,O=x,CN=${unit.repeat(8000 / unit.length)}`);
      expect(performance.now() - began).toBeLessThan(200);
    }
  });
});
