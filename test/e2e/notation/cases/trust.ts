import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { objectIdentifier, sequence, setOfOne, utf8String } from '../../../../src/encoding/der-writer.ts';
import { issueIntermediate } from '../../../fixtures/certificates.ts';
import { admitted, type Case, type Place, refused, type Verdict, wider } from '../case.ts';
import { sign, signerBelowAcme } from '../sign.ts';
import { ACME, leafOf, subject } from '../signers.ts';

const signed = (question: (place: Place) => object) => async (place: Place) => {
  await sign(place);
  return question(place);
};
const UNTRUSTED = /trusted certificate/;
const NO_MATCH = /does not match the X.509 trusted identities/;
const LINKS = 'a trust policy or a trust store that is a symbolic link';
const IDENTITY = 'x509.subject: C=US, ST=WA, O=Acme';

/** Who signs, and whom the policy names. */
function named(
  title: string,
  names: Parameters<typeof subject>[0],
  identities: readonly string[],
  verdict: Verdict,
  because = NO_MATCH,
): Case {
  const arrange: Case['arrange'] = async (place) => {
    await sign(place, {}, signerBelowAcme(place, { name: subject(names) }));
    return { statement: { trustedIdentities: identities } };
  };
  return verdict === 'runs' ? admitted(title, arrange) : refused(title, because, 'IDENTITY_MISMATCH', arrange);
}

/** A store that cannot be used: notation says so when it verifies, countersign before it does. */
const spoiled = (title: string, because: RegExp, question: (place: Place) => object): Case => ({
  ...refused(title, because, 'truststore', signed(question)),
  here: 'unreadable',
});

/** Trust stores and identities (notation-ratify.md §1.8). */
export const TRUST_CASES: readonly Case[] = [
  refused(
    'a root that is in no store [notation-ratify 52]',
    UNTRUSTED,
    'CERTIFICATE_UNTRUSTED',
    signed(({ other }) => ({ stores: { 'ca/acme/root.pem': other.pem } })),
  ),
  admitted('the intermediate is in the store, and the root is not [notation-ratify 53]', async (place) => {
    const middle = issueIntermediate(place.other, 'middle');
    await sign(place, {}, place.signer([leafOf(middle), middle, place.other]));
    return { stores: { 'ca/acme/middle.pem': middle.pem } };
  }),
  refused('another intermediate of the root is in the store', UNTRUSTED, 'CERTIFICATE_UNTRUSTED', async (place) => {
    const middle = issueIntermediate(place.other, 'middle');
    await sign(place, {}, place.signer([leafOf(middle), middle, place.other]));
    return { stores: { 'ca/acme/middle.pem': issueIntermediate(place.other, 'middle').pem } };
  }),
  refused(
    'the leaf alone is in the store [notation-ratify 54]',
    /failed to validate the trusted certificate/,
    'TRUST_MATERIAL_UNAVAILABLE',
    async (place) => {
      const leaf = leafOf(place.acme);
      await sign(place, {}, place.signer([leaf, place.acme]));
      return { stores: { 'ca/acme/leaf.pem': leaf.pem } };
    },
  ),
  refused(
    'a leaf beside its root in the store [notation-ratify 54]',
    /failed to validate the trusted certificate/,
    'TRUST_MATERIAL_UNAVAILABLE',
    async (place) => {
      const leaf = leafOf(place.acme);
      await sign(place, {}, place.signer([leaf, place.acme]));
      return { stores: { 'ca/acme/all.pem': leaf.pem + place.acme.pem } };
    },
  ),
  refused(
    'only a store of signing authorities [notation-ratify 55]',
    UNTRUSTED,
    'CERTIFICATE_UNTRUSTED',
    signed(({ acme }) => ({
      statement: { trustStores: ['signingAuthority:acme'] },
      stores: { 'signingAuthority/acme/root.pem': acme.pem },
    })),
  ),
  refused(
    'only a store of timestamp authorities [notation-ratify 55]',
    /no trusted certificates are found/,
    'CERTIFICATE_UNTRUSTED',
    signed(({ acme }) => ({ statement: { trustStores: ['tsa:acme'] }, stores: { 'tsa/acme/root.pem': acme.pem } })),
  ),
  admitted(
    'the second of two stores holds the root [notation-ratify 56]',
    signed(({ acme, other }) => ({
      statement: { trustStores: ['ca:other', 'ca:acme'] },
      stores: { 'ca/acme/root.pem': acme.pem, 'ca/other/root.pem': other.pem },
    })),
  ),
  admitted(
    'several certificates in one file',
    signed(({ acme, other }) => ({ stores: { 'ca/acme/all.pem': other.pem + acme.pem } })),
  ),
  admitted(
    'a certificate in DER',
    signed(({ acme }) => ({ stores: { 'ca/acme/root.der': acme.der } })),
  ),
  admitted(
    'a certificate whose file has another ending',
    signed(({ acme }) => ({ stores: { 'ca/acme/root.txt': acme.pem } })),
  ),
  admitted(
    'text before a certificate',
    signed(({ acme }) => ({ stores: { 'ca/acme/root.pem': `Our root.\n${acme.pem}` } })),
  ),
  spoiled('a store that is not there [notation-ratify 57]', /does not exist/, () => ({ stores: {} })),
  spoiled('an empty store [notation-ratify 57]', /no x509 certificates were found/, () => ({
    stores: {},
    tamper: (folder: string) => mkdirSync(join(folder, 'truststore/x509/ca/acme'), { recursive: true }),
  })),
  refused(
    'something else in a store [notation-ratify 57]',
    /failed to read the trusted certificate/,
    'TRUST_MATERIAL_UNAVAILABLE',
    signed(({ acme }) => ({ stores: { 'ca/acme/root.pem': acme.pem, 'ca/acme/readme.md': 'Our roots.' } })),
  ),
  spoiled('one of two stores is not there', /does not exist/, ({ acme }) => ({
    statement: { trustStores: ['ca:acme', 'ca:lost'] },
    stores: { 'ca/acme/root.pem': acme.pem },
  })),
  spoiled('a folder in a store', /is not a regular file/, ({ acme }) => ({
    stores: { 'ca/acme/root.pem': acme.pem, 'ca/acme/more/root.pem': acme.pem },
  })),
  spoiled('a link in a store', /is not a regular file/, ({ acme }) => ({
    stores: { 'ca/acme/root.pem': acme.pem },
    tamper: (folder: string) => symlinkSync('root.pem', join(folder, 'truststore/x509/ca/acme/link.pem')),
  })),
  wider(
    'a store that is a link',
    /is not a regular directory/,
    LINKS,
    signed(({ acme }) => ({
      stores: { 'ca/acme/root.pem': acme.pem },
      tamper: (folder: string) => {
        renameSync(join(folder, 'truststore/x509/ca/acme'), join(folder, 'truststore/x509/ca/real'));
        symlinkSync('real', join(folder, 'truststore/x509/ca/acme'));
      },
    })),
  ),
  named('an identity that is a part of the subject [notation-ratify 58]', ACME, [IDENTITY], 'runs'),
  named('the whole subject', ACME, [`${IDENTITY}, CN=release`], 'runs'),
  named('the parts in another order', ACME, ['x509.subject: CN=release, O=Acme, C=US, ST=WA'], 'runs'),
  named('a part that the subject has not', ACME, [`${IDENTITY}, OU=Build`], 'refused'),
  named('another organisation', { ...ACME, O: 'Umbrella' }, [IDENTITY], 'refused'),
  named('an organisation in other letters', { ...ACME, O: 'acme' }, [IDENTITY], 'refused'),
  named('a country in other letters [notation-ratify 59]', { ...ACME, C: 'us' }, [IDENTITY], 'refused'),
  named('S for ST [notation-ratify 60]', ACME, ['x509.subject: C=US, S=WA, O=Acme'], 'runs'),
  named('the second of two identities', ACME, ['x509.subject: C=US, ST=WA, O=Umbrella', IDENTITY], 'runs'),
  named(
    'a subject without country and state [notation-ratify 62]',
    { O: 'Acme', CN: 'release' },
    [IDENTITY],
    'refused',
    /has no mandatory RDN attribute/,
  ),
  named(
    'a subject without country and state, whoever it is [notation-ratify 62]',
    { O: 'Acme', CN: 'release' },
    ['*'],
    'runs',
  ),
  named(
    'a comma in an organisation [notation-ratify 67]',
    { ...ACME, O: 'Acme, Inc.' },
    ['x509.subject: C=US, ST=WA, O=Acme\\, Inc.'],
    'runs',
  ),
  named(
    'a comma in another organisation [notation-ratify 67]',
    { ...ACME, O: 'Acme, Ltd.' },
    ['x509.subject: C=US, ST=WA, O=Acme\\, Inc.'],
    'refused',
  ),
  named('a plus in an organisation', { ...ACME, O: 'Acme+Co' }, ['x509.subject: C=US, ST=WA, O=Acme\\+Co'], 'runs'),
  named('an organisation that looks like two parts', { ...ACME, O: 'Umbrella, O=Acme' }, [IDENTITY], 'refused'),
  named('letters beyond ASCII', { ...ACME, O: 'Ünïcode GmbH' }, ['x509.subject: C=US, ST=WA, O=Ünïcode GmbH'], 'runs'),
  named(
    'a kind of identity that nobody knows, beside one that is known',
    ACME,
    ['acme.name: release', IDENTITY],
    'runs',
  ),
  {
    ...named(
      'a kind of identity that nobody knows, alone',
      ACME,
      ['acme.name: release'],
      'refused',
      /no x509 trusted identities/,
    ),
    here: 'unreadable',
    code: 'trustedIdentities',
    differs: 'identities of kinds that nobody knows, and no other',
  },
  refused(
    'a subject with two organisations in two parts',
    /multi-valued|duplicate/,
    'IDENTITY_MISMATCH',
    byName(() =>
      sequence(...parts(['2.5.4.6', 'US'], ['2.5.4.8', 'WA'], ['2.5.4.10', 'Acme'], ['2.5.4.10', 'Umbrella'])),
    ),
  ),
  refused(
    'a subject with an address',
    /=#/,
    'IDENTITY_MISMATCH',
    byName(() =>
      sequence(
        ...parts(
          ['2.5.4.6', 'US'],
          ['2.5.4.8', 'WA'],
          ['2.5.4.10', 'Acme'],
          ['1.2.840.113549.1.9.1', 'a@acme.example'],
        ),
      ),
    ),
  ),
];

function byName(name: () => Uint8Array): Case['arrange'] {
  return async (place) => {
    await sign(place, {}, signerBelowAcme(place, { name: name() }));
    return { statement: { trustedIdentities: [IDENTITY] } };
  };
}

function parts(...all: readonly (readonly [oid: string, text: string])[]): readonly Uint8Array[] {
  return all.map(([oid, text]) => setOfOne(sequence(objectIdentifier(oid), utf8String(text))));
}
