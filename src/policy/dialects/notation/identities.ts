import { ok, type Result } from '../../../codes/result.ts';
import { overlaps, parseDistinguishedName } from '../../../conditions/distinguished-names.ts';
import type { DistinguishedName, NonEmpty } from '../../../model/requirement.ts';
import { shown, wrong } from '../containers/fields.ts';
import type { TrustedIdentities } from './document.ts';

/** The one kind of identity that notation knows. */
const SUBJECT = 'x509.subject';

/**
 * Identities of one statement, and parts of one of them. Each is compared with each other, and a document may be
 * whoever's who writes Ratify's objects.
 */
const MAX_IDENTITIES = 256;
const MAX_PARTS = 32;

/**
 * Reads the identities of a statement: `*` alone, or `x509.subject:` with a distinguished name, of which none may say
 * what another says already. Kinds that nobody knows are passed over, as by notation, and trust nobody.
 * @returns POLICY_BROKEN
 * @see reference/notation-ratify.md §1.8
 */
export function readIdentities(written: NonEmpty<string>, path: string): Result<TrustedIdentities> {
  if (written.length > MAX_IDENTITIES) return wrong(path, `there are more than ${MAX_IDENTITIES} identities`);
  if (written.includes('*')) {
    return written.length === 1 ? ok({ kind: 'any' }) : wrong(path, '"*" stands for everybody, and must stand alone');
  }
  const passedOver: string[] = [];
  const subjects: { readonly at: string; readonly name: DistinguishedName }[] = [];
  for (const [i, identity] of written.entries()) {
    const at = `${path}[${i}]`;
    if (identity === '') return wrong(at, 'it is empty');
    const colon = identity.indexOf(':');
    if (colon < 0) return wrong(at, `${shown(identity)} is no identity; write it as ${SUBJECT}: and a name, or "*"`);
    if (identity.slice(0, colon) !== SUBJECT) {
      passedOver.push(identity);
      continue;
    }
    const name = parseDistinguishedName(identity.slice(colon + 1));
    if (!name.ok) return wrong(at, name.failure.message);
    if (name.value.length > MAX_PARTS) return wrong(at, `the name has more than ${MAX_PARTS} parts`);
    const same = subjects.find((subject) => overlaps(subject.name, name.value));
    if (same !== undefined) return wrong(at, `it overlaps with ${same.at}: whoever is the one is the other too`);
    subjects.push({ at, name: name.value });
  }
  const [subject, ...more] = subjects.map(({ name }) => name);
  if (subject !== undefined) return ok({ kind: 'subjects', anyOf: [subject, ...more], passedOver });
  const [first, ...rest] = passedOver;
  return first === undefined ? wrong(path, 'it is empty') : ok({ kind: 'none', passedOver: [first, ...rest] });
}
