import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { POLICY_DEFAULTS } from '../../../src/policy/defaults.ts';
import { compileDocument, namedFiles } from '../../../src/policy/dialects/containers/compile.ts';
import type { PolicyRequirement } from '../../../src/policy/dialects/containers/document.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { ACCEPT, base64, document, REJECT, refusal, withRequirement, withScopes } from './documents.ts';

/** What a requirement for one repository is read as. */
function read(requirement: unknown): PolicyRequirement | undefined {
  return document(withRequirement(requirement)).transports.get('docker')?.get('example.com/app')?.[0];
}

/** What is said against a requirement, without the place where it stands. */
function against(requirement: unknown): string {
  const said = refusal(withRequirement(requirement));
  const place = 'transports.docker["example.com/app"][0]';
  if (said === undefined) return 'nothing';
  return said.startsWith(place) ? said.slice(place.length) : `elsewhere: ${said}`;
}

const gpg = (fields: object) => ({ type: 'signedBy', keyType: 'GPGKeys', ...fields });
const sigstore = (fields: object) => ({ type: 'sigstoreSigned', ...fields });
const named = (signedIdentity: unknown) => gpg({ keyPath: '/k', signedIdentity });
const FULCIO = { caPath: '/ca', oidcIssuer: 'https://issuer.example', subjectEmail: 'a@example.com' };
const PKI = { caRootsPath: '/roots', subjectEmail: 'a@example.com' };
const DATA = base64('nonsense');

describe('the document', () => {
  it('reads what has a default alone [openshift-containers 1, 6]', () => {
    expect(document('{"default":[{"type":"reject"}]}')).toEqual({
      default: [{ type: 'reject' }],
      transports: new Map(),
    });
    expect(refusal('{"default":[{"type":"reject"}],"transports":{}}')).toBeUndefined();
  });

  it.each([
    ['2', '{}', 'default: the default policy is missing'],
    ['2', '{"transports":{}}', 'default: the default policy is missing'],
    ['3', '{"default":[]}', 'default: the list of requirements is empty'],
    ['4', '{"default":{}}', 'default: it must be an array, not an object'],
    ['4', '{"default":1}', 'default: it must be an array, not a number'],
    ['4', '{"default":null}', 'default: it must be an array, not null'],
    ['5', '{"default":[{"type":"reject"}],"transports":[]}', 'transports: it must be an object'],
    ['5', '{"default":[{"type":"reject"}],"transports":1}', 'transports: it must be an object'],
    ['5', '{"default":[{"type":"reject"}],"transports":null}', 'transports: it must be an object'],
    ['7', '{"default":[{"type":"reject"}],"extra":1}', 'extra: the key is not known; known are default, transports'],
    ['7', '{"Default":[{"type":"reject"}]}', 'Default: the key is not known; write default'],
    ['8', '{"default":[{"type":"reject"}],"default":[{"type":"reject"}]}', 'a key is written twice'],
    ['8', '{"default":[{"type":"reject"}],"d\\u0065fault":[{"type":"reject"}]}', 'a key is written twice'],
    [
      '9',
      '{"default":[{"type":"reject"}],"transports":{"docker":{"a.example":[{"type":"reject"}],"a.example":[{"type":"reject"}]}}}',
      'a key is written twice',
    ],
    ['10', withScopes({ 'a.example': {} }), 'transports.docker["a.example"]: it must be an array, not an object'],
    ['10', withScopes({ 'a.example': 1 }), 'transports.docker["a.example"]: it must be an array, not a number'],
    ['10', withScopes({ 'a.example': [] }), 'transports.docker["a.example"]: the list of requirements is empty'],
    ['10', '{"default":[{"type":"reject"}],"transports":{"docker":[]}}', 'transports.docker: it must be an object'],
    ['11', withScopes({ 'a.example': [1] }), 'transports.docker["a.example"][0]: it must be an object with a type'],
    ['11', withScopes({ 'a.example': [ACCEPT, null] }), 'transports.docker["a.example"][1]: it must be an object'],
    ['33', '\ufeff{"default":[{"type":"reject"}]}', 'at character 0 of the JSON'],
    ['33', '{"default":[{"type":"reject"}]} // comment', 'more follows after the value'],
    ['33', '/* c */ {"default":[{"type":"reject"}]}', 'at character 0 of the JSON'],
    ['33', '{"default":[{"type":"reject"}],}', 'of the JSON'],
    ['33', '{"default":[{"type":"reject"}]}{}', 'more follows after the value'],
    ['33', '', 'at character 0 of the JSON'],
    ['33', '[]', 'a policy.json is one object'],
    ['33', 'null', 'a policy.json is one object'],
  ])('[openshift-containers %s] %s', (_, text, expected) => {
    expect(refusal(text)).toContain(expected);
  });

  it('takes keys that mean something to JavaScript for what they are [hostile]', () => {
    expect(refusal('{"default":[{"type":"reject"}],"__proto__":{}}')).toContain('["__proto__"]: the key is not known');
    expect(refusal('{"__proto__":{"default":[{"type":"reject"}]}}')).toContain('the key is not known');
    expect(refusal(withRequirement({ type: 'constructor' }))).toContain(
      'unknown policy requirement type "constructor"',
    );
    const read = document('{"default":[{"type":"reject"}],"transports":{"docker":{"__proto__":[{"type":"reject"}]}}}');
    expect([...(read.transports.get('docker') ?? [])]).toEqual([['__proto__', [{ type: 'reject' }]]]);
  });

  it('shows what stands in it without its control characters, and not at any length [hostile]', () => {
    const said = refusal(withScopes({ [`\u202e\n${'x'.repeat(5000)}`]: [] })) ?? '';
    expect(said).not.toMatch(/[\u202e\n]/);
    expect(said.length).toBeLessThan(400);
  });
});

describe('requirements', () => {
  it('are read whole', () => {
    expect(read(ACCEPT)).toEqual({ type: 'insecureAcceptAnything' });
    expect(read(REJECT)).toEqual({ type: 'reject' });
    expect(read(gpg({ keyPath: '/k' }))).toEqual({
      type: 'signedBy',
      keyType: 'GPGKeys',
      keys: [{ kind: 'path', path: '/k' }],
      signedIdentity: { kind: 'matchRepoDigestOrExact' },
    });
    expect(read({ type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } })).toEqual({
      type: 'signedBaseLayer',
      baseLayerIdentity: { kind: 'matchExact' },
    });
  });

  it.each([
    ['12', { type: 'nonsense' }, '.type: unknown policy requirement type "nonsense"'],
    ['12', { type: '' }, '.type: unknown policy requirement type ""'],
    ['12', { type: 1 }, '.type: unknown policy requirement type 1'],
    ['12', {}, ': it must be an object with a type'],
    ['14', { Type: 'reject' }, ': it must be an object with a type'],
    ['14', { type: 'reject', Type: 'reject' }, '.Type: the key is not known; write type'],
    ['15', { ...ACCEPT, keyPath: '/k' }, '.keyPath: the key is not known; known are type'],
    ['15', { ...REJECT, extra: 1 }, '.extra: the key is not known'],
    ['16', { type: 'signedBy', keyPath: '/k' }, '.keyType: it is missing'],
    ['16', { type: 'signedBy', keyType: null, keyPath: '/k' }, '.keyType: it must be a string, not null'],
    ['17', { type: 'signedBy', keyType: 'gpgkeys', keyPath: '/k' }, '.keyType: unrecognized keyType value "gpgkeys"'],
    ['18', gpg({}), ': exactly one of keyPath, keyPaths and keyData must be specified'],
    ['18', gpg({ keyPath: '/k', keyPaths: ['/k'] }), ': at most one of keyPath, keyPaths and keyData can be used'],
    ['18', gpg({ keyPath: '/k', keyData: DATA }), ': at most one of keyPath, keyPaths and keyData can be used'],
    ['18', gpg({ keyPaths: ['/k'], keyData: DATA }), ': at most one of'],
    ['18', gpg({ keyPath: '/k', keyPaths: ['/k'], keyData: DATA }), ': at most one of'],
    ['18', gpg({ keyPath: null, keyData: DATA }), ': at most one of'],
    ['18', gpg({ keyDatas: [DATA] }), '.keyDatas: the key is not known'],
    ['19', gpg({ keyPath: '' }), '.keyPath: it is empty'],
    ['19', gpg({ keyPath: null }), '.keyPath: it must be a string, not null'],
    ['19', gpg({ keyPaths: null }), '.keyPaths: it must be an array, not null'],
    ['19', gpg({ keyData: null }), '.keyData: it must be a string, not null'],
    ['20', gpg({ keyData: '&' }), '.keyData: the base64 is not padded'],
    ['20', gpg({ keyData: 'bm9uc2Vuc2U' }), '.keyData: the base64 is not padded'],
    ['20', gpg({ keyData: '-_-_' }), '.keyData: the base64 has a character outside the standard alphabet'],
    ['20', gpg({ keyData: 'bm9uc2Vuc2V=' }), '.keyData: the base64 has bits set behind its end'],
    ['20', gpg({ keyData: 'bm9u c2Vuc2U=' }), '.keyData: the base64'],
    ['21', gpg({ keyPaths: [1] }), '.keyPaths[0]: it must be a string, not a number'],
    ['21', gpg({ keyPaths: ['/k', null] }), '.keyPaths[1]: it must be a string, not null'],
    ['21', gpg({ keyPaths: '/k' }), '.keyPaths: it must be an array, not a string'],
    ['28', { type: 'signedBaseLayer' }, '.baseLayerIdentity: it is missing'],
    ['28', { type: 'signedBaseLayer', baseLayerIdentity: null }, '.baseLayerIdentity: it must be an object'],
    ['28', { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' }, keyPath: '/k' }, '.keyPath: the key'],
  ])('[openshift-containers %s] %j', (_, requirement, expected) => {
    expect(against(requirement)).toContain(expected);
  });

  it('a type that is written twice is no type at all [openshift-containers 13]', () => {
    const text = withRequirement('X').replace('"X"', '{"type":"insecureAcceptAnything","type":"reject"}');
    expect(refusal(text)).toContain('a key is written twice');
  });

  it('lists of keyrings may be empty, and so may a keyring [openshift-containers 19]', () => {
    expect(read(gpg({ keyPaths: [] }))).toMatchObject({ keys: [] });
    expect(read(gpg({ keyData: '' }))).toMatchObject({ keys: [{ kind: 'data', bytes: Buffer.alloc(0) }] });
  });

  it('newlines in base64 are passed over', () => {
    const lines = `${DATA.slice(0, 4)}\r\n${DATA.slice(4)}\n`;
    expect(read(gpg({ keyData: lines }))).toMatchObject({ keys: [{ bytes: Buffer.from('nonsense') }] });
  });

  it.each(['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs'])('%s is a keyType', (keyType) => {
    expect(read({ type: 'signedBy', keyType, keyPath: '/k' })).toMatchObject({ keyType });
  });
});

describe('how names compare', () => {
  it.each([
    [{ type: 'matchExact' }, { kind: 'matchExact' }],
    [{ type: 'matchRepoDigestOrExact' }, { kind: 'matchRepoDigestOrExact' }],
    [{ type: 'matchRepository' }, { kind: 'matchRepository' }],
    [
      { type: 'exactReference', dockerReference: 'busybox:latest' },
      { kind: 'exactReference', reference: 'busybox:latest' },
    ],
    [
      { type: 'exactRepository', dockerRepository: 'library/busybox:latest' },
      { kind: 'exactRepository', repository: 'library/busybox:latest' },
    ],
    [
      { type: 'remapIdentity', prefix: 'example.com:80/ns', signedPrefix: 'shortname' },
      { kind: 'remapIdentity', prefix: 'example.com:80/ns', signedPrefix: 'shortname' },
    ],
    [
      { type: 'remapIdentity', prefix: 'ns/shortname', signedPrefix: 'EXAMPLE.com' },
      { kind: 'remapIdentity', prefix: 'ns/shortname', signedPrefix: 'EXAMPLE.com' },
    ],
  ])('%j is read [openshift-containers 26, 27]', (written, expected) => {
    expect(read(named(written))).toMatchObject({ signedIdentity: expected });
    expect(read(sigstore({ keyPath: '/k', signedIdentity: written }))).toMatchObject({ signedIdentity: expected });
    expect(read({ type: 'signedBaseLayer', baseLayerIdentity: written })).toMatchObject({
      baseLayerIdentity: expected,
    });
  });

  it('what is not written is matchRepoDigestOrExact [openshift-containers 23]', () => {
    const signedIdentity = { kind: 'matchRepoDigestOrExact' };
    expect(read(gpg({ keyPath: '/k' }))).toMatchObject({ signedIdentity });
    expect(read(sigstore({ keyPath: '/k' }))).toMatchObject({ signedIdentity });
  });

  it.each([
    ['22', 'matchExact', ': it must be an object with a type'],
    ['22', null, ': it must be an object with a type'],
    ['22', [], ': it must be an object with a type'],
    ['22', {}, ': it must be an object with a type'],
    ['22', { type: 'nonsense' }, '.type: unknown policy reference match type "nonsense"'],
    ['22', { type: 'remapRepository', prefix: 'a.example', signedPrefix: 'b.example' }, '.type: unknown policy'],
    ['24', { type: 'matchExact', extra: 1 }, '.extra: the key is not known'],
    ['24', { type: 'matchRepository', dockerReference: 'a:1' }, '.dockerReference: the key is not known'],
    ['25', { type: 'exactReference' }, '.dockerReference: it is missing'],
    ['25', { type: 'exactReference', dockerReference: 'busybox' }, '.dockerReference: it contains neither a tag'],
    [
      '25',
      { type: 'exactReference', dockerReference: 'UPPERCASE:1' },
      '.dockerReference: the image reference is invalid',
    ],
    ['25', { type: 'exactReference', dockerReference: 1 }, '.dockerReference: it must be a string'],
    ['25', { type: 'exactReference', dockerReference: '' }, '.dockerReference: it is empty'],
    ['26', { type: 'exactRepository' }, '.dockerRepository: it is missing'],
    ['26', { type: 'exactRepository', dockerRepository: 'a.example/UPPER' }, '.dockerRepository: the image reference'],
    ['26', { type: 'exactRepository', dockerRepository: '' }, '.dockerRepository: it is empty'],
    ['27', { type: 'remapIdentity', signedPrefix: 'a.example' }, '.prefix: it is missing'],
    ['27', { type: 'remapIdentity', prefix: 'a.example' }, '.signedPrefix: it is missing'],
    ['27', { type: 'remapIdentity', prefix: 'a.example/x:1', signedPrefix: 'b.example' }, '.prefix: the prefix'],
    ['27', { type: 'remapIdentity', prefix: 'a.example', signedPrefix: 'b.example/' }, '.signedPrefix: the prefix'],
    ['27', { type: 'remapIdentity', prefix: 'a.example', signedPrefix: '/b' }, '.signedPrefix: the prefix'],
    [
      '27',
      { type: 'remapIdentity', prefix: `a.example/x@sha256:${'a'.repeat(64)}`, signedPrefix: 'b.example' },
      '.prefix',
    ],
    ['27', { type: 'remapIdentity', prefix: 'a.example/UP', signedPrefix: 'b.example' }, '.prefix: the prefix'],
    ['27', { type: 'remapIdentity', prefix: '', signedPrefix: 'b.example' }, '.prefix: it is empty'],
  ])('[openshift-containers %s] %j', (_, identity, expected) => {
    expect(against(named(identity))).toContain(`.signedIdentity${expected}`);
    expect(against({ type: 'signedBaseLayer', baseLayerIdentity: identity })).toContain(
      `.baseLayerIdentity${expected}`,
    );
  });
});

describe('sigstoreSigned', () => {
  const rekor = { rekorPublicKeyPath: '/rekor' };

  it.each([
    [{ keyPath: '/k' }, { kind: 'keys', keys: [{ path: '/k' }], rekorKeys: undefined }],
    [{ keyPaths: ['/k', '/l'] }, { kind: 'keys', keys: [{ path: '/k' }, { path: '/l' }] }],
    [{ keyData: DATA }, { kind: 'keys', keys: [{ bytes: Buffer.from('nonsense') }] }],
    [{ keyDatas: [DATA, ''] }, { kind: 'keys', keys: [{ kind: 'data' }, { bytes: Buffer.alloc(0) }] }],
    [{ keyPath: '/k', ...rekor }, { rekorKeys: [{ path: '/rekor' }] }],
    [{ keyPath: '/k', rekorPublicKeyPaths: ['/r', '/s'] }, { rekorKeys: [{ path: '/r' }, { path: '/s' }] }],
    [{ keyPath: '/k', rekorPublicKeyData: DATA }, { rekorKeys: [{ kind: 'data' }] }],
    [{ keyPath: '/k', rekorPublicKeyDatas: [DATA] }, { rekorKeys: [{ kind: 'data' }] }],
    [
      { fulcio: FULCIO, ...rekor },
      {
        kind: 'fulcio',
        ca: { path: '/ca' },
        oidcIssuer: 'https://issuer.example',
        subjectEmail: 'a@example.com',
        rekorKeys: [{ path: '/rekor' }],
      },
    ],
    [
      { pki: { caRootsData: DATA, caIntermediatesPath: '/i', subjectEmail: 'a@b', subjectHostname: 'h.example' } },
      { kind: 'pki', intermediates: { path: '/i' }, subjectEmail: 'a@b', subjectHostname: 'h.example' },
    ],
    [{ pki: PKI }, { kind: 'pki', roots: { path: '/roots' }, intermediates: undefined, subjectHostname: undefined }],
  ])('%j is read [openshift-containers 31]', (fields, root) => {
    expect(read(sigstore(fields))).toMatchObject({ type: 'sigstoreSigned', root });
  });

  const without = (of: object, key: string) => Object.fromEntries(Object.entries(of).filter(([name]) => name !== key));
  it.each([
    ['29', {}, ': exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki'],
    ['29', { keyPath: '/k', keyData: DATA }, ': at most one of'],
    ['29', { keyPath: '/k', fulcio: FULCIO, ...rekor }, ': exactly one of'],
    ['29', { keyData: DATA, pki: PKI }, ': exactly one of'],
    ['29', { pki: PKI, fulcio: FULCIO, ...rekor }, ': exactly one of'],
    ['29', { fulcio: FULCIO }, 'must be specified if fulcio is used'],
    ['29', { pki: PKI, ...rekor }, 'are not supported for pki'],
    ['29', { keyPath: '/k', ...rekor, rekorPublicKeyData: DATA }, ': at most one of rekorPublicKeyPath'],
    ['29', { keyPaths: [] }, '.keyPaths: it contains no entries'],
    ['29', { keyDatas: [] }, '.keyDatas: it contains no entries'],
    ['29', { keyPath: '/k', rekorPublicKeyPaths: [] }, '.rekorPublicKeyPaths: it contains no entries'],
    ['29', { keyPath: '/k', rekorPublicKeyDatas: [] }, '.rekorPublicKeyDatas: it contains no entries'],
    // An empty path would be no log at all for containers/image, and a rule of the author's would be gone.
    ['29', { keyPath: '/k', rekorPublicKeyPath: '' }, '.rekorPublicKeyPath: it is empty'],
    ['29', { keyPath: '/k', rekorPublicKeyPath: null }, '.rekorPublicKeyPath: it must be a string'],
    ['29', { keyPath: '/k', rekorPublicKeyData: null }, '.rekorPublicKeyData: it must be a string'],
    ['29', { keyDatas: [null] }, '.keyDatas[0]: it must be a string'],
    ['29', { keyDatas: ['&&&&'] }, '.keyDatas[0]: the base64'],
    ['29', { keyPath: '/k', keyType: 'GPGKeys' }, '.keyType: the key is not known'],
    ['30', { fulcio: without(FULCIO, 'oidcIssuer'), ...rekor }, '.fulcio.oidcIssuer: it is missing'],
    ['30', { fulcio: without(FULCIO, 'subjectEmail'), ...rekor }, '.fulcio.subjectEmail: it is missing'],
    ['30', { fulcio: without(FULCIO, 'caPath'), ...rekor }, '.fulcio: exactly one of caPath and caData'],
    ['30', { fulcio: { ...FULCIO, caData: DATA }, ...rekor }, '.fulcio: at most one of caPath and caData'],
    ['30', { fulcio: { ...FULCIO, extra: 1 }, ...rekor }, '.fulcio.extra: the key is not known'],
    ['30', { fulcio: { ...FULCIO, oidcIssuer: '' }, ...rekor }, '.fulcio.oidcIssuer: it is empty'],
    ['30', { fulcio: { ...FULCIO, subjectEmail: null }, ...rekor }, '.fulcio.subjectEmail: it must be a string'],
    ['30', { fulcio: null, ...rekor }, '.fulcio: it must be an object'],
    ['31', { pki: without(PKI, 'caRootsPath') }, '.pki: exactly one of caRootsPath and caRootsData'],
    ['31', { pki: { ...PKI, caRootsData: DATA } }, '.pki: at most one of caRootsPath and caRootsData'],
    ['31', { pki: { ...PKI, caIntermediatesPath: '/i', caIntermediatesData: DATA } }, '.pki: at most one of caInter'],
    ['31', { pki: without(PKI, 'subjectEmail') }, '.pki: at least one of subjectEmail and subjectHostname'],
    ['31', { pki: { ...PKI, subjectHostname: '' } }, '.pki.subjectHostname: it is empty'],
    ['31', { pki: { ...PKI, oidcIssuer: 'https://i.example' } }, '.pki.oidcIssuer: the key is not known'],
    ['31', { pki: null }, '.pki: it must be an object'],
  ])('[openshift-containers %s] %j', (_, fields, expected) => {
    expect(against(sigstore(fields))).toContain(expected);
  });
});

describe('scopes of transports', () => {
  const HEX = 'a'.repeat(64);
  const text = (transport: string, scope: string) =>
    JSON.stringify({ default: [REJECT], transports: { [transport]: { [scope]: [ACCEPT] } } });

  it.each([
    ['nosuch', 'anything goes'],
    ['docker', '% nonsense //'],
    ['docker', ''],
    ['dir', ''],
    ['dir', '/a/b.c'],
    ['oci', '/a'],
    ['oci-archive', '/a'],
    ['sif', '/a/..b'],
    ['docker-archive', ''],
    ['tarball', ''],
    ['docker-daemon', 'example.com/x:1'],
    ['docker-daemon', 'sha256:abc'],
    ['docker-daemon', `sha256:${'A'.repeat(64)}`],
    ['atomic', 'host'],
    ['atomic', 'host:8443/ns'],
    ['atomic', 'host/ns/stream:tag'],
    ['atomic', 'host//:'],
    ['containers-storage', '[/root]'],
    ['containers-storage', '[overlay@/root]'],
    ['containers-storage', '[overlay@/root]example.com/x:1'],
    ['containers-storage', `[overlay@/root]x@${HEX}`],
    ['containers-storage', `[overlay@/root]x@sha256:${HEX}`],
    ['containers-storage', `[overlay@/root]x@sha256:${HEX}@${HEX}`],
  ])('%s: %j is one [openshift-containers 32]', (transport, scope) => {
    expect(refusal(text(transport, scope))).toBeUndefined();
  });

  it.each([
    ['dir', 'rel'],
    ['dir', '/'],
    ['dir', '//'],
    ['dir', '/a/'],
    ['dir', '/a//b'],
    ['dir', '/a/./b'],
    ['dir', '/a/../b'],
    ['oci', 'rel'],
    ['oci', '/'],
    ['oci-archive', '/a/'],
    ['sif', '.'],
    ['docker-archive', 'x'],
    ['tarball', '/a'],
    ['docker-daemon', `sha256:${HEX}`],
    ['docker-daemon', `sha512:${'a'.repeat(128)}`],
    ['atomic', 'host/repo:tag'],
    ['atomic', 'host/repo@sha256:abc'],
    ['atomic', 'host/ns/stream:a:b'],
    ['atomic', 'host/ns/stream/more'],
    ['containers-storage', 'example.com/x'],
    ['containers-storage', '[]'],
    ['containers-storage', '[rel]'],
    ['containers-storage', '[@/root]'],
    ['containers-storage', '[overlay@]'],
    ['containers-storage', '[overlay@rel]'],
    ['containers-storage', '[/root'],
    ['containers-storage', '[/root]x@y'],
    ['containers-storage', `[/root]x@${HEX}@${HEX}`],
    ['containers-storage', `[/root]x@sha256:${HEX}@y`],
    ['containers-storage', `[/root]x@sha256:${HEX}@${HEX}@${HEX}`],
  ])('%s: %j is none, and the document is refused [openshift-containers 32]', (transport, scope) => {
    expect(refusal(text(transport, scope))).toContain(`transports.${transport}[`);
  });

  it('take no longer for a scope that an expression would choke on [hostile]', () => {
    const begin = performance.now();
    for (const scope of ['/'.repeat(300_000), `host/${':'.repeat(300_000)}`, `[${'@'.repeat(300_000)}`]) {
      for (const transport of ['atomic', 'dir', 'containers-storage', 'docker-daemon']) refusal(text(transport, scope));
    }
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});

describeVectors('containers-image/fixtures', 'the policy.json of containers/image', (path) => {
  const fixture = document(readFileSync(join(path, 'policy.json'), 'utf8'));
  const docker = fixture.transports.get('docker');

  it('is read whole', () => {
    expect(fixture.default).toEqual([{ type: 'reject' }]);
    expect([...fixture.transports.keys()]).toEqual(['dir', 'docker']);
    expect(docker?.size).toBe(14);
    expect(docker?.get('example.com/hardened')).toEqual([
      {
        type: 'signedBy',
        keyType: 'GPGKeys',
        keys: [{ kind: 'path', path: '/keys/employee-gpg-keyring' }],
        signedIdentity: { kind: 'matchRepository' },
      },
      {
        type: 'signedBy',
        keyType: 'signedByGPGKeys',
        keys: [{ kind: 'path', path: '/keys/public-key-signing-gpg-keyring' }],
        signedIdentity: { kind: 'matchExact' },
      },
      {
        type: 'signedBaseLayer',
        baseLayerIdentity: { kind: 'exactRepository', repository: 'registry.access.redhat.com/rhel7/rhel' },
      },
    ]);
    expect(docker?.get('private-mirror:5000/vendor-mirror')).toMatchObject([
      {
        signedIdentity: {
          kind: 'remapIdentity',
          prefix: 'private-mirror:5000/vendor-mirror',
          signedPrefix: 'vendor.example.com',
        },
      },
    ]);
    expect(docker?.get('example.com/sigstore/key-data-example')).toMatchObject([
      { type: 'sigstoreSigned', root: { kind: 'keys', keys: [{ kind: 'data', bytes: Buffer.from('nonsense') }] } },
    ]);
  });

  it('names the files that somebody may ask for, and each scope is a policy', () => {
    expect(namedFiles(fixture)).toEqual([
      '/keys/employee-gpg-keyring',
      '/keys/RH-production-signing-key-gpg-keyring',
      '/keys/RH-beta-signing-key-gpg-keyring',
      '/keys/vendor-gpg-keyring',
      '/keys/public-key',
    ]);
    const policies = compileDocument(fixture, {
      file: 'policy.json',
      source: 'here',
      defaults: POLICY_DEFAULTS,
      mode: undefined,
      material: (file) => ({ kind: 'unavailable', why: file }),
      namespace: undefined,
    });
    const names = policies.map(({ policy }) => policy.origin.name);
    expect(names.slice(0, docker?.size)).toEqual([...(docker?.keys() ?? [])]);
    expect(names.at(-1)).toBe('default');
  });
});
