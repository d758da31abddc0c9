import { type Case, type Place } from './case.ts';

type Text = string | ((place: Place) => string);

/** The image is not signed, so `default` decides wherever the text can be read. */
const parsed = (title: string, verdict: Case['here'], text: Text, more: Partial<Case> = {}): Case => ({
  title,
  skopeo: verdict,
  current: verdict,
  here: verdict,
  shared: 'parsing',
  arrange: (place) => ({ image: `${place.repository}:1`, policy: typeof text === 'string' ? text : text(place) }),
  ...more,
});

const ACCEPT = '[{"type":"insecureAcceptAnything"}]';
const bad = (title: string, text: Text, more: Partial<Case> = {}) => parsed(title, 'unreadable', text, more);
const good = (title: string, text: Text, more: Partial<Case> = {}) => parsed(title, 'runs', text, more);

/** A requirement in a scope that the image is not in. */
const elsewhere = (requirement: string, transport = 'docker', scope = 'elsewhere.example'): string =>
  `{"default":${ACCEPT},"transports":{"${transport}":{"${scope}":[${requirement}]}}}`;
const badRequirement = (title: string, requirement: string, more: Partial<Case> = {}) =>
  bad(title, elsewhere(requirement), more);
const goodRequirement = (title: string, requirement: string, more: Partial<Case> = {}) =>
  good(title, elsewhere(requirement), more);
/** Types and fields that 1.9.3 does not know. */
const NEW = { skopeo: undefined } as const;

const DOCUMENT: readonly Case[] = [
  parsed('[1] reject alone', 'refused', '{"default":[{"type":"reject"}]}'),
  bad('[2] no default', '{"transports":{}}'),
  bad('[2] nothing', '{}'),
  bad('[3] default is empty', '{"default":[]}'),
  bad('[4] default is an object', '{"default":{}}'),
  bad('[4] default is a number', '{"default":1}'),
  bad('[4] default is null', '{"default":null}'),
  bad('[5] transports is a list', `{"default":${ACCEPT},"transports":[]}`),
  bad('[5] transports is a number', `{"default":${ACCEPT},"transports":1}`),
  bad('[5] transports is null', `{"default":${ACCEPT},"transports":null}`),
  good('[6] transports is empty', `{"default":${ACCEPT},"transports":{}}`),
  bad('[7] a member more', `{"default":${ACCEPT},"more":1}`),
  bad('[8] default twice', `{"default":${ACCEPT},"default":${ACCEPT}}`),
  bad('[9] a scope twice', `{"default":${ACCEPT},"transports":{"docker":{"a":${ACCEPT},"a":${ACCEPT}}}}`),
  bad('[9] a transport twice', `{"default":${ACCEPT},"transports":{"docker":{},"docker":{}}}`),
  bad('[10] a scope is an object', `{"default":${ACCEPT},"transports":{"docker":{"a":{}}}}`),
  bad('[10] a scope is a number', `{"default":${ACCEPT},"transports":{"docker":{"a":1}}}`),
  bad('[10] a scope is empty', `{"default":${ACCEPT},"transports":{"docker":{"a":[]}}}`),
  bad('a transport is null', `{"default":${ACCEPT},"transports":{"docker":null}}`),
  bad('a scope is null', `{"default":${ACCEPT},"transports":{"docker":{"a":null}}}`),
  bad('Default in upper case', `{"Default":${ACCEPT}}`),
  bad('a list', '[]'),
  bad('null', 'null'),
  bad('empty', ''),
  bad('[33] a byte order mark', `\uFEFF{"default":${ACCEPT}}`),
  bad('[33] a comment', `{"default":${ACCEPT}} // all`),
  bad('[33] a comment within', `{/* all */"default":${ACCEPT}}`),
  bad('[33] more behind it', `{"default":${ACCEPT}}{}`),
  bad('a comma too many', `{"default":${ACCEPT},}`),
  good('spaces behind it', `{"default":${ACCEPT}}\n\n  `),
];

const TYPES: readonly Case[] = [
  badRequirement('[11] a requirement is a text', '"reject"'),
  badRequirement('[11] a requirement is null', 'null'),
  badRequirement('[12] a type that nobody knows', '{"type":"nosuch"}'),
  badRequirement('[12] no type', '{}'),
  badRequirement('[12] a type that is a number', '{"type":1}'),
  badRequirement('[13] type twice', '{"type":"reject","type":"reject"}'),
  badRequirement('[14] Type in upper case', '{"Type":"reject"}'),
  badRequirement('[15] a member more in insecureAcceptAnything', '{"type":"insecureAcceptAnything","more":1}'),
  badRequirement('[15] a member more in reject', '{"type":"reject","more":1}'),
];

const signedBy = (fields: string): string => `{"type":"signedBy","keyType":"GPGKeys",${fields}}`;
const identity = (json: string): string => signedBy(`"keyPath":"/k","signedIdentity":${json}`);

const SIGNED_BY: readonly Case[] = [
  badRequirement('[16] no keyType', '{"type":"signedBy","keyPath":"/k"}'),
  badRequirement('[17] keyType in lower case', '{"type":"signedBy","keyType":"gpgkeys","keyPath":"/k"}'),
  badRequirement('[17] keyType that nobody knows', '{"type":"signedBy","keyType":"SSH","keyPath":"/k"}'),
  badRequirement('[18] no key', '{"type":"signedBy","keyType":"GPGKeys"}'),
  badRequirement('[18] keyPath and keyData', signedBy('"keyPath":"/k","keyData":"AAAA"')),
  badRequirement('[18] keyPath and keyPaths', signedBy('"keyPath":"/k","keyPaths":["/k"]')),
  badRequirement('[18] all three', signedBy('"keyPath":"/k","keyPaths":["/k"],"keyData":"AAAA"')),
  badRequirement('[19] keyPath is empty', signedBy('"keyPath":""')),
  badRequirement('[19] keyPath is null', signedBy('"keyPath":null')),
  badRequirement('[20] keyData is no base64', signedBy('"keyData":"&"')),
  badRequirement('[20] keyData without padding', signedBy('"keyData":"AA"')),
  badRequirement('[21] keyPaths of numbers', signedBy('"keyPaths":[1]')),
  badRequirement('keyPath is a number', signedBy('"keyPath":1')),
  badRequirement('keyPath twice', signedBy('"keyPath":"/k","keyPath":"/k"')),
  badRequirement('a member more in signedBy', signedBy('"keyPath":"/k","more":1')),
  badRequirement('KeyPath in upper case', signedBy('"KeyPath":"/k"')),
  badRequirement('[22] signedIdentity is a text', identity('"matchExact"')),
  badRequirement('[22] signedIdentity is null', identity('null')),
  badRequirement('[22] signedIdentity is empty', identity('{}')),
  badRequirement('[22] signedIdentity of a type that nobody knows', identity('{"type":"matchAny"}')),
  badRequirement('[24] matchExact with a member more', identity('{"type":"matchExact","more":1}')),
  badRequirement('[24] matchRepository with a member more', identity('{"type":"matchRepository","more":1}')),
  badRequirement(
    '[25] exactReference without tag',
    identity('{"type":"exactReference","dockerReference":"example.com/app"}'),
  ),
  badRequirement('[25] exactReference in upper case', identity('{"type":"exactReference","dockerReference":"UPPER"}')),
  badRequirement('[25] exactReference without a name', identity('{"type":"exactReference"}')),
  badRequirement(
    '[26] exactRepository in upper case',
    identity('{"type":"exactRepository","dockerRepository":"UPPER"}'),
  ),
  badRequirement('[26] exactRepository is empty', identity('{"type":"exactRepository","dockerRepository":""}')),
  badRequirement(
    '[27] remapIdentity without prefix',
    identity('{"type":"remapIdentity","signedPrefix":"example.com"}'),
  ),
  badRequirement(
    '[27] remapIdentity without signedPrefix',
    identity('{"type":"remapIdentity","prefix":"example.com"}'),
  ),
  badRequirement(
    '[27] remapIdentity with a tag',
    identity('{"type":"remapIdentity","prefix":"example.com/a:1","signedPrefix":"example.com"}'),
  ),
  badRequirement(
    '[27] remapIdentity with a slash behind',
    identity('{"type":"remapIdentity","prefix":"example.com/","signedPrefix":"example.com"}'),
  ),
  badRequirement(
    '[27] remapIdentity that is empty',
    identity('{"type":"remapIdentity","prefix":"","signedPrefix":"example.com"}'),
  ),
  badRequirement('[28] signedBaseLayer without identity', '{"type":"signedBaseLayer"}'),
  badRequirement('[28] signedBaseLayer with null', '{"type":"signedBaseLayer","baseLayerIdentity":null}'),
];

/** What these say is read; the keys that they name do not matter here, or are the bench's. */
const withKey = (title: string, fields: string): Case =>
  good(title, ({ keys }) =>
    elsewhere(`{"type":"signedBy","keyType":"GPGKeys","keyPath":"${keys.one}","signedIdentity":${fields}}`),
  );

const READ: readonly Case[] = [
  withKey('[26] exactRepository with a tag', '{"type":"exactRepository","dockerRepository":"library/busybox:latest"}'),
  withKey(
    '[27] remapIdentity behind a port',
    '{"type":"remapIdentity","prefix":"example.com:80/ns","signedPrefix":"example.com"}',
  ),
  withKey(
    '[27] remapIdentity of a short name',
    '{"type":"remapIdentity","prefix":"shortname","signedPrefix":"example.com"}',
  ),
  withKey(
    '[27] remapIdentity of a short name with a namespace',
    '{"type":"remapIdentity","prefix":"ns/shortname","signedPrefix":"example.com"}',
  ),
  withKey(
    '[25] exactReference with a digest',
    `{"type":"exactReference","dockerReference":"example.com/a@sha256:${'0'.repeat(64)}"}`,
  ),
  goodRequirement('[28] signedBaseLayer', '{"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}}'),
];

const sigstore = (fields: string): string => `{"type":"sigstoreSigned",${fields}}`;
const FULCIO = '"caData":"AAAA","oidcIssuer":"https://i.example","subjectEmail":"a@b.example"';
const fulcio = (fields: string): string => sigstore(`"fulcio":{${fields}},"rekorPublicKeyData":"AAAA"`);
const pki = (fields: string, more = ''): string => sigstore(`"pki":{${fields}}${more}`);
const ROOTS = '"caRootsData":"AAAA","subjectEmail":"a@b.example"';

const SIGSTORE: readonly Case[] = [
  badRequirement('[29] sigstoreSigned without a key', '{"type":"sigstoreSigned"}'),
  badRequirement('[29] sigstoreSigned with two sources', sigstore('"keyPath":"/k","keyData":"AAAA"')),
  badRequirement('[29] sigstoreSigned with keyData and keyDatas', sigstore('"keyData":"AAAA","keyDatas":["AAAA"]')),
  badRequirement('[29] fulcio without Rekor', sigstore(`"fulcio":{${FULCIO}}`)),
  badRequirement('[29] pki with Rekor', pki(ROOTS, ',"rekorPublicKeyData":"AAAA"'), NEW),
  badRequirement(
    '[29] two keys of Rekor',
    sigstore('"keyData":"AAAA","rekorPublicKeyData":"AAAA","rekorPublicKeyPath":"/k"'),
  ),
  badRequirement('[29] keyPaths is empty', sigstore('"keyPaths":[]'), NEW),
  badRequirement('[29] keyDatas is empty', sigstore('"keyDatas":[]'), NEW),
  badRequirement('[29] rekorPublicKeyPaths is empty', sigstore('"keyData":"AAAA","rekorPublicKeyPaths":[]'), NEW),
  badRequirement('[29] rekorPublicKeyDatas is empty', sigstore('"keyData":"AAAA","rekorPublicKeyDatas":[]'), NEW),
  badRequirement('[29] fulcio is null', sigstore('"fulcio":null,"rekorPublicKeyData":"AAAA"'), NEW),
  badRequirement('[29] pki is null', sigstore('"pki":null'), NEW),
  badRequirement('[30] fulcio without an issuer', fulcio('"caData":"AAAA","subjectEmail":"a@b.example"'), NEW),
  badRequirement('[30] fulcio without an address', fulcio('"caData":"AAAA","oidcIssuer":"https://i.example"'), NEW),
  badRequirement(
    '[30] fulcio without an authority',
    fulcio('"oidcIssuer":"https://i.example","subjectEmail":"a@b.example"'),
    NEW,
  ),
  badRequirement('[30] fulcio with two authorities', fulcio(`${FULCIO},"caPath":"/k"`), NEW),
  badRequirement('[30] fulcio with a member more', fulcio(`${FULCIO},"more":1`), NEW),
  badRequirement('[31] pki without roots', pki('"subjectEmail":"a@b.example"'), NEW),
  badRequirement('[31] pki with two roots', pki(`${ROOTS},"caRootsPath":"/k"`), NEW),
  badRequirement(
    '[31] pki with two intermediates',
    pki(`${ROOTS},"caIntermediatesData":"AAAA","caIntermediatesPath":"/k"`),
    NEW,
  ),
  badRequirement('[31] pki without a subject', pki('"caRootsData":"AAAA"'), NEW),
];

/** The command around containers/image knows no transport but `docker`, and so no rule for the scopes of others. */
const UNASKED = { current: undefined } as const;
const scope = (title: string, transport: string, name: string, verdict: Case['here'] = 'unreadable'): Case =>
  parsed(title, verdict, elsewhere('{"type":"reject"}', transport, name), transport === 'docker' ? {} : UNASKED);

const ATOMIC = 'a scope of `atomic` with more than three parts';

const SCOPES: readonly Case[] = [
  scope('[32] a transport that nobody knows', 'nosuch', 'any thing', 'runs'),
  scope('[32] a relative folder', 'dir', 'rel'),
  scope('[32] the root', 'dir', '/'),
  scope('a folder that is not clean', 'dir', '/a/../b'),
  scope('a folder', 'dir', '/a/b', 'runs'),
  scope('a relative layout', 'oci', 'rel'),
  scope('a layout', 'oci', '/a/b', 'runs'),
  scope('[32] a scope of docker-archive', 'docker-archive', 'x'),
  scope('[32] all of docker-archive', 'docker-archive', '', 'runs'),
  scope('[32] nonsense of docker', 'docker', 'a nonsense !! scope', 'runs'),
  scope('all of docker-daemon', 'docker-daemon', '', 'runs'),
  scope('a digest of docker-daemon', 'docker-daemon', `sha256:${'0'.repeat(64)}`),
  scope('a name of atomic', 'atomic', 'example.com/ns', 'runs'),
  { ...scope('four parts of atomic', 'atomic', 'example.com/a/b/c'), skopeo: 'runs', differs: ATOMIC },
  scope('a storage', 'containers-storage', '[overlay@/var/lib]', 'runs'),
  scope('a storage without brackets', 'containers-storage', 'x'),
];

/** What is read as policy.json at all; numbers are those of openshift-containers.md §5.2. */
export const PARSING_CASES: readonly Case[] = [...DOCUMENT, ...TYPES, ...SIGNED_BY, ...READ, ...SIGSTORE, ...SCOPES];
