import {
  authority,
  CODE_SIGNING,
  extendedUsage,
  issueIntermediate,
  issueRoot,
  usage,
} from '../../../fixtures/certificates.ts';
import { admitted, type Case, inBothForms, type Place, type Question, refused, stricter } from '../case.ts';
import { type Answers, crlAt, ocspAt, type Sources } from '../revocation.ts';
import { sign } from '../sign.ts';
import { inHours, leafOf } from '../signers.ts';

type Named = 'ocsp' | 'crl' | 'both';
type Format = 'jws' | 'cose';

/** Signs by a certificate that names sources, below an authority for which the server answers. */
const asking =
  (answers: Answers, named: Named, format: Format = 'jws', scheme?: 'notary.x509.signingAuthority') =>
  async (place: Place): Promise<Question> => {
    const root = issueRoot(`${place.name} root`);
    const sources = await place.revocation.answerFor(root, answers);
    return signedBelow(place, root, extensionsOf(sources, named), format, scheme);
  };

const extensionsOf = ({ ocsp, crl }: Sources, named: Named) =>
  named === 'both' ? [ocsp, crl] : [named === 'ocsp' ? ocsp : crl];

async function signedBelow(
  place: Place,
  root: ReturnType<typeof issueRoot>,
  extensions: readonly Uint8Array[],
  format: Format = 'jws',
  scheme?: 'notary.x509.signingAuthority',
): Promise<Question> {
  const leaf = leafOf(root, { extensions: [usage(0), extendedUsage(CODE_SIGNING), ...extensions] });
  const options = scheme === undefined ? { format } : { format, scheme, at: inHours(-1) };
  await sign(place, options, place.signer([leaf, root]));
  const type = scheme === undefined ? 'ca' : 'signingAuthority';
  return {
    statement: { trustStores: [`${type}:acme`] },
    stores: { [`${type}/acme/root.pem`]: root.pem },
  };
}

const REVOKED = /is revoked/;
const UNKNOWN = /revocation status is unknown/;
const isRevoked = (title: string, answers: Answers, named: Named, format?: Format) =>
  refused(title, REVOKED, 'CERTIFICATE_REVOKED', asking(answers, named, format));
const isUnknown = (title: string, answers: Answers, named: Named) =>
  refused(title, UNKNOWN, 'REVOCATION_UNKNOWN', asking(answers, named));

/** An OCSP responder and revocation lists by openssl (notation-ratify.md §1.11). */
export const REVOCATION_CASES: readonly Case[] = [
  ...inBothForms((format) => admitted('OCSP: good [notation-ratify 91]', asking({ ocsp: 'good' }, 'ocsp', format))),
  ...inBothForms((format) => isRevoked('OCSP: revoked [notation-ratify 91]', { ocsp: 'revoked' }, 'ocsp', format)),
  ...inBothForms((format) => admitted('a list without the certificate', asking({ crl: 'good' }, 'crl', format))),
  ...inBothForms((format) => isRevoked('a list with the certificate', { crl: 'revoked' }, 'crl', format)),
  isRevoked('OCSP: on hold', { ocsp: 'on hold' }, 'ocsp'),
  isRevoked('a list in which the certificate is on hold [notation-ratify 95]', { crl: 'on hold' }, 'crl'),
  isUnknown('OCSP: unknown, and no list [notation-ratify 91]', { ocsp: 'unknown' }, 'ocsp'),
  admitted(
    'OCSP: unknown, and a list without the certificate [notation-ratify 91]',
    asking({ ocsp: 'unknown' }, 'both'),
  ),
  isRevoked('OCSP: unknown, and a list with the certificate', { ocsp: 'unknown', crl: 'revoked' }, 'both'),
  admitted(
    'OCSP: good, and a list with the certificate, for which nobody asks',
    asking({ ocsp: 'good', crl: 'revoked' }, 'both'),
  ),
  isRevoked('OCSP: revoked, and a list without the certificate', { ocsp: 'revoked', crl: 'good' }, 'both'),
  isUnknown('OCSP: status 500', { ocsp: 'status 500' }, 'ocsp'),
  isUnknown('OCSP: no answer [notation-ratify 92]', { ocsp: 'no answer' }, 'ocsp'),
  isRevoked(
    'OCSP: no answer, and a list with the certificate [notation-ratify 92]',
    { ocsp: 'no answer', crl: 'revoked' },
    'both',
  ),
  admitted('OCSP: status 500, and a list without the certificate', asking({ ocsp: 'status 500' }, 'both')),
  isUnknown('OCSP: a page', { ocsp: 'a page' }, 'ocsp'),
  isUnknown('OCSP: an answer by another', { ocsp: 'signed by another' }, 'ocsp'),
  admitted('OCSP: good, by whom the authority appointed', asking({ ocsp: 'good, by a delegate' }, 'ocsp')),
  stricter(
    'OCSP: good, by a signer of code below the authority',
    'REVOCATION_UNKNOWN',
    'answers of OCSP by a certificate of the authority that is not for them',
    asking({ ocsp: 'good, by a delegate for code' }, 'ocsp'),
  ),
  isUnknown('OCSP: an answer that does not say how long it holds', { ocsp: 'without an end' }, 'ocsp'),
  isUnknown('a list that has ended [notation-ratify 93]', { crl: 'expired' }, 'crl'),
  isUnknown('a list by another authority [notation-ratify 94]', { crl: 'signed by another' }, 'crl'),
  stricter(
    'a list about authorities alone',
    'REVOCATION_UNKNOWN',
    'a revocation list that is about other certificates, by its issuing distribution point',
    asking({ crl: 'about authorities' }, 'crl'),
  ),
  refused('two lists, of which one cannot be had', UNKNOWN, 'REVOCATION_UNKNOWN', async (place) => {
    const root = issueRoot(`${place.name} root`);
    const lost = `http://${place.revocation.host}/crl/lost`;
    const { list } = await place.revocation.answerFor(root, { crl: 'good' });
    return signedBelow(place, root, [crlAt(list, lost)]);
  }),
  isUnknown('no list: status 500', { crl: 'status 500' }, 'crl'),
  isUnknown('no list: no answer', { crl: 'no answer' }, 'crl'),
  isUnknown('no list: a page', { crl: 'a page' }, 'crl'),
  refused('a responder by https [notation-ratify 96]', UNKNOWN, 'REVOCATION_UNKNOWN', async (place) =>
    signedBelow(place, issueRoot(`${place.name} root`), [ocspAt(`https://${place.revocation.host}/ocsp/1`)]),
  ),
  refused('a list by https [notation-ratify 96]', UNKNOWN, 'REVOCATION_UNKNOWN', async (place) =>
    signedBelow(place, issueRoot(`${place.name} root`), [crlAt(`https://${place.revocation.host}/crl/1`)]),
  ),
  refused('a responder where nobody listens', UNKNOWN, 'REVOCATION_UNKNOWN', async (place) =>
    signedBelow(place, issueRoot(`${place.name} root`), [ocspAt('http://127.0.0.1:1/')]),
  ),
  refused('an answer for another authority', UNKNOWN, 'REVOCATION_UNKNOWN', async (place) => {
    const { ocsp } = await place.revocation.answerFor(place.other, { ocsp: 'good' });
    return signedBelow(place, issueRoot(`${place.name} root`), [ocsp]);
  }),
  refused('an intermediate that is revoked', REVOKED, 'CERTIFICATE_REVOKED', async (place) => {
    const root = issueRoot(`${place.name} root`);
    const { ocsp } = await place.revocation.answerFor(root, { ocsp: 'revoked' });
    const middle = issueIntermediate(root, 'middle', { extensions: [authority(0), usage(5), ocsp] });
    await sign(place, {}, place.signer([leafOf(middle), middle, root]));
    return { stores: { 'ca/acme/root.pem': root.pem } };
  }),
  admitted('a root that says of itself that it is revoked: nobody asks', async (place) => {
    const draft = issueRoot(`${place.name} root`);
    const { ocsp } = await place.revocation.answerFor(draft, { ocsp: 'revoked' });
    const root = issueRoot(`${place.name} root`, { keys: draft.keys, extensions: [authority(), usage(5, 6), ocsp] });
    await sign(place, {}, place.signer([leafOf(root), root]));
    return { stores: { 'ca/acme/root.pem': root.pem } };
  }),
  admitted('revoked, where revocation is skipped', async (place) => {
    const { statement, ...question } = await asking({ ocsp: 'revoked' }, 'ocsp')(place);
    const signatureVerification = { level: 'strict', override: { revocation: 'skip' } };
    return { ...question, statement: { ...statement, signatureVerification } };
  }),
  admitted('revoked, where revocation is only logged', async (place) => {
    const { statement, ...question } = await asking({ crl: 'revoked' }, 'crl')(place);
    return { ...question, statement: { ...statement, signatureVerification: { level: 'permissive' } } };
  }),
  refused(
    'a signing authority whose certificate is revoked',
    REVOKED,
    'CERTIFICATE_REVOKED',
    asking({ ocsp: 'revoked' }, 'ocsp', 'jws', 'notary.x509.signingAuthority'),
  ),
];
