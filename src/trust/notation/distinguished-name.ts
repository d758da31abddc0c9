import { printable } from '../../encoding/escape.ts';
import type { NameAttribute, NonEmpty } from '../../model/requirement.ts';
import type { Certificate } from '../x509/certificate.ts';
import { readNameAttributes } from '../x509/name-attributes.ts';
import { type Checked, refuse } from '../x509/result.ts';

/**
 * The types that Go writes by name. notation compares a subject by what Go writes of it, and refuses what has another type
 * in it, such as an e-mail address, since Go writes that in hexadecimal.
 */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.5', 'SERIALNUMBER'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'STREET'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.17', 'POSTALCODE'],
]);

/**
 * Reads the subject of a signer's certificate for comparison with the identities of a notation trust policy: each type
 * once, all of known types and in plain text. To be asked where a policy names identities; one that says `*` compares none.
 * @param certificate the signer's, of a chain that the policy trusts
 * @returns IDENTITY_MISMATCH where the subject cannot be compared: then it is nobody's that a policy could have named
 * @see reference/notation-ratify.md §1.8, "DN rules"; notation-go internal/pkix over Go's pkix.Name.String
 */
export function readSubject({ subject }: Certificate): Checked<NonEmpty<NameAttribute>> {
  const attributes = readNameAttributes(subject);
  if (attributes === undefined) return incomparable('it is no distinguished name');
  const parts = new Map<string, string>();
  for (const { oid, text } of attributes) {
    const type = TYPES.get(oid);
    if (type === undefined) return incomparable(`it has a part of the type ${oid}, which notation does not compare`);
    if (text === undefined || text === '') return incomparable(`its ${type} is empty or no text`);
    // Where Go writes such a text, notation takes it for a hexadecimal value.
    if (text.includes('=#')) return incomparable(`its ${type} "${printable(text)}" holds "=#"`);
    if (parts.has(type)) return incomparable(`it has ${type} twice`);
    parts.set(type, text);
  }
  const [first, ...rest] = [...parts].map(([type, value]): NameAttribute => ({ type, value }));
  return first === undefined ? incomparable('it is empty') : { ok: true, value: [first, ...rest] };
}

function incomparable(why: string): Checked<never> {
  return refuse(
    'IDENTITY_MISMATCH',
    `the policy names an identity, and the subject of the signer's certificate cannot be compared with it: ${why}`,
  );
}
