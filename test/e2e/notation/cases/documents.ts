import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { admitted, type Case, type Place, refused } from '../case.ts';
import { statement, trustPolicy } from '../judges.ts';
import { sign } from '../sign.ts';

const signed = (question: (place: Place) => object) => async (place: Place) => {
  await sign(place);
  return question(place);
};
const SKIP = { signatureVerification: { level: 'skip' }, trustStores: [], trustedIdentities: [] } as const;
const pathOf = ({ repository }: Place) => repository;

/** A document that neither reads. */
const unreadable = (title: string, because: RegExp, policy: (place: Place) => object | string): Case => ({
  ...refused(
    title,
    because,
    'trustpolicy.json',
    signed((place) => ({ policy: policy(place) })),
  ),
  there: 'unreadable',
  here: 'unreadable',
});
const wrongStatement = (title: string, because: RegExp, members: object) =>
  unreadable(title, because, () => trustPolicy(statement(members)));

/** A document that countersign alone does not read. */
const readThere = (title: string, differs: string, policy: (place: Place) => object | string): Case => ({
  title,
  on: 'fallback',
  there: 'runs',
  here: 'unreadable',
  differs,
  arrange: signed((place) => ({ policy: policy(place) })),
});
const LOOSE =
  'a trust policy with members that nobody knows, that stand twice or in other letters, or with text behind it';
const OTHER_STORE = { trustStores: ['ca:other'] } as const;
/** Files of both stores, `ca:acme` and `ca:other`. */
const bothStores = ({ acme, other }: Place) => ({ 'ca/acme/root.pem': acme.pem, 'ca/other/root.pem': other.pem });

/** Documents, scopes and which statement decides (notation-ratify.md §1.8). */
export const DOCUMENT_CASES: readonly Case[] = [
  unreadable('two statements of one name [notation-ratify 68]', /same name/, (place) =>
    trustPolicy(statement(), statement({ registryScopes: [pathOf(place)] })),
  ),
  unreadable('a scope in two statements [notation-ratify 69]', /multiple trust policy statements/, (place) =>
    trustPolicy(
      statement({ registryScopes: [pathOf(place)] }),
      statement({ name: 'b', registryScopes: [pathOf(place)] }),
    ),
  ),
  unreadable('a scope twice in one statement [notation-ratify 69]', /multiple trust policy statements/, (place) =>
    trustPolicy(statement({ registryScopes: [pathOf(place), pathOf(place)] })),
  ),
  unreadable('two statements for everything', /multiple trust policy statements/, () =>
    trustPolicy(statement(), statement({ name: 'b' })),
  ),
  unreadable('a scope beside * [notation-ratify 70]', /wildcard/, (place) =>
    trustPolicy(statement({ registryScopes: ['*', pathOf(place)] })),
  ),
  ...[
    ['a scheme', 'https://a.example/b'],
    ['a tag', 'a.example/b:1'],
    ['a digest', `a.example/b@sha256:${'0'.repeat(64)}`],
    ['a wildcard', 'a.example/*'],
    ['a backslash', 'a.example/b\\c'],
    ['no path', 'a.example'],
    ['capitals in its path', 'a.example/B'],
    ['nothing in it', ''],
  ].map(([what, scope]) =>
    wrongStatement(`a scope with ${what} [notation-ratify 71]`, /registry scope|wild card/, {
      registryScopes: [scope],
    }),
  ),
  wrongStatement('no scopes', /zero registry scopes/, { registryScopes: [] }),
  admitted(
    'the exact repository decides before * [notation-ratify 72]',
    signed((place) => ({
      policy: trustPolicy(statement({ ...OTHER_STORE, name: 'other' }), statement({ registryScopes: [pathOf(place)] })),
      stores: bothStores(place),
    })),
  ),
  {
    ...readThere(
      'a statement that does not decide names a store that is not there',
      'a trust store that is not there, named by a statement that does not decide',
      (place) =>
        trustPolicy(
          statement({ name: 'other', trustStores: ['ca:nobody'] }),
          statement({ registryScopes: [pathOf(place)] }),
        ),
    ),
  },
  refused(
    'the exact repository decides before *, and refuses [notation-ratify 72]',
    /does not contain any trusted certificate/,
    'CERTIFICATE_UNTRUSTED',
    signed((place) => ({
      policy: trustPolicy(statement(), statement({ ...OTHER_STORE, name: 'exact', registryScopes: [pathOf(place)] })),
      stores: bothStores(place),
    })),
  ),
  admitted('the exact repository is skipped', (place) => ({
    policy: trustPolicy(statement(), statement({ ...SKIP, name: 'exact', registryScopes: [pathOf(place)] })),
  })),
  admitted('everything is skipped', () => ({ statement: SKIP })),
  admitted(
    'the exact repository among several',
    signed((place) => ({ statement: { registryScopes: ['a.example/b', pathOf(place)] } })),
  ),
  refused(
    'another repository alone [notation-ratify 73]',
    /no applicable trust policy/,
    'REJECTED_BY_POLICY',
    signed((place) => ({ statement: { registryScopes: [`${pathOf(place)}-other`] } })),
  ),
  refused(
    'the repository above',
    /no applicable trust policy/,
    'REJECTED_BY_POLICY',
    signed((place) => ({ statement: { registryScopes: [pathOf(place).slice(0, pathOf(place).lastIndexOf('/'))] } })),
  ),
  refused(
    'another repository alone, and it is skipped [notation-ratify 73]',
    /no applicable trust policy/,
    'REJECTED_BY_POLICY',
    () => ({ statement: { ...SKIP, registryScopes: ['a.example/b'] } }),
  ),
  wrongStatement('an override of integrity [notation-ratify 74]', /can not be overridden/, {
    signatureVerification: { level: 'strict', override: { integrity: 'log' } },
  }),
  wrongStatement('an override of skip [notation-ratify 74]', /can't be used to customize/, {
    ...SKIP,
    signatureVerification: { level: 'skip', override: { expiry: 'log' } },
  }),
  wrongStatement('authenticity is skipped [notation-ratify 74]', /can not be skipped/, {
    signatureVerification: { level: 'strict', override: { authenticity: 'skip' } },
  }),
  wrongStatement('the timestamp is skipped', /can not be skipped/, {
    signatureVerification: { level: 'strict', override: { authenticTimestamp: 'skip' } },
  }),
  wrongStatement('an override of a check that nobody knows', /is not supported/, {
    signatureVerification: { level: 'strict', override: { names: 'log' } },
  }),
  wrongStatement('an override to an action that nobody knows', /is not supported/, {
    signatureVerification: { level: 'strict', override: { expiry: 'warn' } },
  }),
  wrongStatement('skip with trust stores [notation-ratify 75]', /set to skip signature verification but configured/, {
    signatureVerification: { level: 'skip' },
    trustedIdentities: [],
  }),
  wrongStatement('skip with identities [notation-ratify 75]', /set to skip signature verification but configured/, {
    signatureVerification: { level: 'skip' },
    trustStores: [],
  }),
  wrongStatement('a level that nobody knows [notation-ratify 76]', /invalid signature verification level/, {
    signatureVerification: { level: 'lax' },
  }),
  wrongStatement('a level in capitals', /invalid signature verification level/, {
    signatureVerification: { level: 'Strict' },
  }),
  wrongStatement('no level', /level is empty or missing/, { signatureVerification: {} }),
  unreadable('another version [notation-ratify 76]', /unsupported version/, () => ({
    version: '2.0',
    trustPolicies: [statement()],
  })),
  unreadable('no version', /empty version/, () => ({ trustPolicies: [statement()] })),
  unreadable('no statements [notation-ratify 76]', /zero trust policy statements/, () => trustPolicy()),
  wrongStatement('no name', /missing a name/, { name: '' }),
  wrongStatement('no trust stores', /missing trust stores or trusted identities/, { trustStores: [] }),
  wrongStatement('no identities', /missing trust stores or trusted identities/, { trustedIdentities: [] }),
  wrongStatement('a trust store of no type', /malformed trust store value/, { trustStores: ['acme'] }),
  wrongStatement('a trust store of a type that nobody knows', /unsupported trust store type/, {
    trustStores: ['roots:acme'],
  }),
  wrongStatement('a trust store elsewhere', /unsupported trust store name/, { trustStores: ['ca:../../acme'] }),
  wrongStatement('an identity without a state [notation-ratify 61]', /no mandatory RDN attribute/, {
    trustedIdentities: ['x509.subject: C=US, O=Acme'],
  }),
  wrongStatement('overlapping identities [notation-ratify 63]', /overlap/, {
    trustedIdentities: ['x509.subject: C=US, ST=WA, O=Acme', 'x509.subject: C=US, ST=WA, O=Acme, CN=release'],
  }),
  wrongStatement('an identity beside * [notation-ratify 64]', /wildcard/, {
    trustedIdentities: ['*', 'x509.subject: C=US, ST=WA, O=Acme'],
  }),
  wrongStatement('two attributes in one part of an identity [notation-ratify 65]', /multi-valued/, {
    trustedIdentities: ['x509.subject: C=US, ST=WA, O=Acme, CN=a+OU=b'],
  }),
  wrongStatement('an identity in hexadecimal [notation-ratify 66]', /=#/, {
    trustedIdentities: ['x509.subject: C=US, ST=WA, O=#0401'],
  }),
  wrongStatement('an attribute twice in an identity', /duplicate RDN attribute/, {
    trustedIdentities: ['x509.subject: C=US, ST=WA, O=Acme, O=Acme'],
  }),
  wrongStatement('an identity of no kind', /missing separator/, { trustedIdentities: ['C=US'] }),
  wrongStatement('an empty identity', /empty trusted identity|without an identity value|missing separator/, {
    trustedIdentities: ['x509.subject:'],
  }),
  wrongStatement('when to verify timestamps, in a word that nobody knows', /verifyTimestamp must be/, {
    signatureVerification: { level: 'strict', verifyTimestamp: 'never' },
  }),
  unreadable('no JSON', /malformed trust policy/, () => 'version: "1.0"'),
  unreadable('a list', /malformed trust policy/, () => '[]'),
  readThere('a member that nobody knows', LOOSE, () => trustPolicy(statement({ enforce: true }))),
  readThere('a member that stands twice', LOOSE, () =>
    JSON.stringify(trustPolicy(statement())).replace('{', '{"version":"2.0",'),
  ),
  readThere('a member in capitals', LOOSE, () =>
    JSON.stringify(trustPolicy(statement())).replace('"version"', '"Version"'),
  ),
  readThere('text behind the document', LOOSE, () => `${JSON.stringify(trustPolicy(statement()))} and more`),
  {
    ...admitted(
      'the document is a link',
      signed(() => ({
        tamper: (folder: string) => {
          renameSync(join(folder, 'trustpolicy.json'), join(folder, '.real.json'));
          symlinkSync('.real.json', join(folder, 'trustpolicy.json'));
        },
      })),
    ),
    there: 'unreadable',
    differs: 'a trust policy or a trust store that is a symbolic link',
  },
];
