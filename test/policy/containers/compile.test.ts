import { describe, expect, it } from 'vitest';
import { NO_STORAGE, type StorageSection } from '../../../src/image/signature-storage.ts';
import type { Requirement, TrustRef } from '../../../src/model/requirement.ts';
import { POLICY_DEFAULTS } from '../../../src/policy/defaults.ts';
import { type ContainersContext, namedFiles } from '../../../src/policy/dialects/containers/compile.ts';
import { neverMatches } from '../../../src/policy/dialects/containers/docker-scope.ts';
import { attachmentWarnings } from '../../../src/policy/dialects/containers/warnings.ts';
import { ACCEPT, base64, compiled, document, REJECT, withRequirement, withScopes } from './documents.ts';

/** What a requirement comes to. */
function requirement(written: unknown, context: Partial<ContainersContext> = {}): Requirement {
  const [policy] = compiled(withRequirement(written), context);
  if (policy?.policy.state.kind !== 'ready') throw new Error('it is not ready');
  return policy.policy.state.require;
}

/** What a text says that is warned about, without what is said of its `default`. */
function warnings(text: string): readonly string[] {
  return compiled(text).flatMap((policy) => policy.warnings.map(({ message }) => message));
}

const gpg = (fields: object) => ({ type: 'signedBy', keyType: 'GPGKeys', ...fields });
const BINARY = Buffer.from([0x99, 0x01, 0x0d]);
const UNAVAILABLE: TrustRef = { kind: 'unavailable', why: 'gone' };

describe('each scope', () => {
  it('is a policy under its own name, and default is the last', () => {
    const text = withScopes({ 'Example.com/App': [ACCEPT], '': [REJECT] });
    const policies = compiled(text, { mode: 'warn' });
    const origin = {
      kind: 'policy.json',
      namespace: undefined,
      source: '/etc/containers/policy.json',
      generation: undefined,
    };
    expect(policies.map(({ policy, reach, dialect, holdsIn }) => ({ policy, reach, dialect, holdsIn }))).toMatchObject([
      {
        dialect: 'containers',
        holdsIn: { kind: 'cluster' },
        policy: { origin: { ...origin, name: 'Example.com/App' }, mode: 'warn', evidence: 'complete' },
        reach: [{ written: 'Example.com/App', canonical: 'example.com/App' }],
      },
      { policy: { origin: { ...origin, name: 'docker' } }, reach: [{ written: '', canonical: '' }] },
      { policy: { origin: { ...origin, name: 'default' } }, reach: 'everything' },
    ]);
  });

  it('of a namespaced file holds in that namespace, and is no policy of a tenant', () => {
    const policies = compiled(withScopes({ 'a.example': [ACCEPT] }), { file: 'team-a.json', namespace: 'team-a' });
    for (const { holdsIn, policy } of policies) {
      expect(holdsIn).toEqual({ kind: 'namespace', namespace: 'team-a' });
      expect(policy.origin).toMatchObject({ kind: 'team-a.json', namespace: undefined });
    }
  });

  it('is for the index or every instance, or for every instance always', () => {
    const every = { ...POLICY_DEFAULTS, instances: 'every' as const };
    expect(compiled(withScopes({}))[0]?.policy.subjectRule).toBe('indexOrEveryInstance');
    expect(compiled(withScopes({}), { defaults: every })[0]?.policy.subjectRule).toBe('everyInstance');
  });

  it('shows no control characters in its name [hostile]', () => {
    expect(compiled(withScopes({ 'a\u202eb': [ACCEPT] }))[0]?.policy.origin.name).toBe('a\\u202eb');
  });
});

describe('requirements', () => {
  it('one is itself, several are all required', () => {
    expect(requirement(ACCEPT)).toEqual({ kind: 'accept' });
    expect(requirement(REJECT)).toMatchObject({ kind: 'reject', says: expect.stringContaining('rejected by policy') });
    const [both] = compiled(withScopes({ 'a.example': [ACCEPT, gpg({ keyPath: '/k' })] }));
    expect(both?.policy.state).toMatchObject({
      require: { kind: 'allOf', of: [{ kind: 'accept' }, { kind: 'some', leaf: { name: 'signedBy' } }] },
    });
  });

  it('GPG keys look at detached signatures where registries.d says so', () => {
    expect(requirement(gpg({ keyPath: '/k', signedIdentity: { type: 'matchRepository' } }))).toEqual({
      kind: 'some',
      leaf: {
        name: 'signedBy',
        where: { stores: ['lookaside'], storage: 'registriesD', repository: 'own', tagPrefix: '', attempts: 128 },
        proof: { kind: 'openpgp', keyrings: [{ kind: 'inline', text: '/k' }], weakAlgorithms: 'refuse' },
        signer: 'any',
        names: { kind: 'matchRepository' },
        conditions: [],
        about: 'none',
      },
    });
  });

  it('weak algorithms count where the configuration says so, and only there', () => {
    const lax = requirement(gpg({ keyPath: '/k' }), { defaults: { ...POLICY_DEFAULTS, weakOpenPgp: 'accept' } });
    expect(lax).toMatchObject({ leaf: { proof: { weakAlgorithms: 'accept' } } });
  });

  it.each([
    [gpg({ keyPaths: [] }), [{ kind: 'unavailable', why: expect.stringContaining('No public keys imported') }]],
    [gpg({ keyData: '' }), [{ kind: 'unavailable', why: expect.stringContaining('No public keys imported') }]],
    [gpg({ keyData: base64('armored') }), [{ kind: 'inline', text: 'armored' }]],
    [gpg({ keyData: BINARY.toString('base64') }), [{ kind: 'binary', base64: BINARY.toString('base64') }]],
    [
      gpg({ keyPaths: ['/k', '/l'] }),
      [
        { kind: 'inline', text: '/k' },
        { kind: 'inline', text: '/l' },
      ],
    ],
  ])('%j has the keyrings that it names, and never none', (written, keyrings) => {
    expect(requirement(written)).toMatchObject({ leaf: { proof: { keyrings } } });
  });

  it('a file that cannot be read stays in its list, so that the list does not load', () => {
    const context = {
      material: (path: string): TrustRef => (path === '/gone' ? UNAVAILABLE : { kind: 'inline', text: path }),
    };
    const sigstore = { type: 'sigstoreSigned', keyPaths: ['/gone', '/k'], rekorPublicKeyPaths: ['/r', '/gone'] };
    expect(requirement(gpg({ keyPaths: ['/k', '/gone'] }), context)).toMatchObject({
      leaf: { proof: { keyrings: [{ kind: 'inline' }, UNAVAILABLE] } },
    });
    expect(requirement(sigstore, context)).toMatchObject({
      leaf: { proof: { keys: [UNAVAILABLE, { text: '/k' }], transparency: { logs: [{ text: '/r' }, UNAVAILABLE] } } },
    });
  });

  it.each(['signedByGPGKeys', 'X509Certificates', 'signedByX509CAs'])('%s is refused as not implemented', (keyType) => {
    const written = { type: 'signedBy', keyType, keyPath: '/k' };
    expect(requirement(written)).toEqual({ kind: 'reject', says: `Unimplemented "keyType" value "${keyType}"` });
    expect(namedFiles(document(withRequirement(written)))).toEqual([]);
  });

  it('signedBaseLayer is refused as not implemented', () => {
    expect(requirement({ type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } })).toEqual({
      kind: 'reject',
      says: 'signedBaseLayer not implemented yet!',
    });
  });

  it('sigstore keys look wherever containers/image does, and at bundles', () => {
    const written = { type: 'sigstoreSigned', keyPath: '/k', keyData: undefined };
    expect(requirement(written)).toMatchObject({
      leaf: {
        where: {
          stores: ['lookaside', 'cosign-tag', 'sigstore-bundle', 'cosign-referrer'],
          storage: 'registriesD',
          attempts: 128,
        },
        proof: { kind: 'keys', keys: [{ kind: 'inline', text: '/k' }], hash: 'sha256', transparency: 'none' },
        signer: 'any',
        names: { kind: 'matchRepoDigestOrExact' },
      },
    });
    const unnamed = requirement(written, { defaults: { ...POLICY_DEFAULTS, unnamedSignatures: 'accept' } });
    expect(unnamed).toMatchObject({ leaf: { names: { kind: 'ifNamed', rule: { kind: 'matchRepoDigestOrExact' } } } });
  });

  it('a log is asked for where its keys are named', () => {
    expect(
      requirement({ type: 'sigstoreSigned', keyPath: '/k', rekorPublicKeyDatas: [base64('a'), base64('b')] }),
    ).toMatchObject({
      leaf: { proof: { transparency: { kind: 'rekor', logs: [{ text: 'a' }, { text: 'b' }] } } },
    });
  });

  it('Fulcio is asked for exactly this issuer and address, when the log took the signature in', () => {
    const fulcio = { caPath: '/ca', oidcIssuer: 'https://issuer.example', subjectEmail: 'a@example.com' };
    expect(requirement({ type: 'sigstoreSigned', fulcio, rekorPublicKeyPath: '/r' })).toMatchObject({
      leaf: {
        proof: {
          kind: 'certificates',
          roots: [{ text: '/ca' }],
          intermediates: [],
          validAt: { kind: 'rekor', logs: [{ text: '/r' }] },
        },
        signer: {
          kind: 'identities',
          anyOf: [
            {
              issuer: { kind: 'exact', text: 'https://issuer.example' },
              subject: { of: 'email', text: { kind: 'exact', text: 'a@example.com' } },
            },
          ],
        },
      },
    });
  });

  it('a PKI is asked for both names where both are given, now', () => {
    const pki = { caRootsPath: '/r', caIntermediatesPath: '/i', subjectEmail: 'a@b', subjectHostname: 'h.example' };
    expect(requirement({ type: 'sigstoreSigned', pki })).toMatchObject({
      leaf: {
        proof: { kind: 'certificates', roots: [{ text: '/r' }], intermediates: [{ text: '/i' }], validAt: 'now' },
        signer: { kind: 'subject', email: { text: 'a@b' }, hostname: { text: 'h.example' } },
      },
    });
    expect(
      requirement({ type: 'sigstoreSigned', pki: { caRootsPath: '/r', subjectHostname: 'h.example' } }),
    ).toMatchObject({
      leaf: { proof: { intermediates: [] }, signer: { email: 'any', hostname: { text: 'h.example' } } },
    });
  });

  it.each([
    ['empty', ''],
    ['no text', BINARY.toString('base64')],
  ])('data of sigstore that is %s does not load', (_, keyData) => {
    expect(requirement({ type: 'sigstoreSigned', keyData })).toMatchObject({
      leaf: { proof: { keys: [{ kind: 'unavailable', why: expect.stringContaining('and so no PEM') }] } },
    });
    const binary = { material: (): TrustRef => ({ kind: 'binary', base64: BINARY.toString('base64') }) };
    expect(requirement({ type: 'sigstoreSigned', keyPath: '/k' }, binary)).toMatchObject({
      leaf: { proof: { keys: [{ kind: 'unavailable', why: 'the file "/k" is no text, and so no PEM' }] } },
    });
  });
});

describe('the files that a document names', () => {
  it('are those of every requirement that reads any, once each', () => {
    const text = withScopes(
      {
        'a.example': [gpg({ keyPaths: ['/a', '/b'] })],
        'b.example': [
          { type: 'sigstoreSigned', keyPaths: ['/c', '/a'], rekorPublicKeyPath: '/d' },
          {
            type: 'sigstoreSigned',
            fulcio: { caPath: '/e', oidcIssuer: 'i', subjectEmail: 's' },
            rekorPublicKeyPaths: ['/f', '/d'],
          },
        ],
        'c.example': [
          {
            type: 'sigstoreSigned',
            pki: { caRootsPath: '/g', caIntermediatesPath: 'relative/h', subjectEmail: 's' },
          },
        ],
      },
      [gpg({ keyPath: '/i' }), gpg({ keyData: base64('x') })],
    );
    expect(namedFiles(document(text))).toEqual(['/a', '/b', '/c', '/d', '/e', '/f', '/g', 'relative/h', '/i']);
  });
});

describe('what is warned about', () => {
  it.each([
    ['busybox', 'the full name of a registry'],
    ['library/busybox', 'the full name of a registry'],
    ['docker.io/busybox:latest', 'library/'],
    [`index.docker.io/busybox@sha256:${'a'.repeat(64)}`, 'library/'],
    [`example.com/x:1@sha256:${'a'.repeat(64)}`, 'by tag or by digest, never by both'],
    ['example.com/x@sha256:abc', 'no sha256 digest'],
    ['example.com/x:%', 'no tag'],
    ['example.com/', 'no path of a repository'],
    ['example.com/Upper', 'no path of a repository'],
    ['example.com:latest', 'does not begin with a registry'],
    [`example.com@sha256:${'a'.repeat(64)}`, 'a registry has no digest'],
    ['*.example.com:5000', 'a part of a host alone'],
    ['*.example.com/x', 'a part of a host alone'],
    ['*', 'does not begin with a registry'],
    ['% nonsense', 'does not begin with a registry'],
  ])('the scope %s, which can never match', (scope, why) => {
    expect(neverMatches(scope)).toContain(why);
    expect(warnings(withScopes({ [scope]: [ACCEPT] }))).toMatchObject([expect.stringContaining(why)]);
  });

  it.each([
    '',
    'localhost',
    'localhost:5000/x',
    'example.com',
    'example.com:5000',
    'EXAMPLE.com/ns',
    'docker.io/library',
    'docker.io/library/busybox:latest',
    '[::1]:5000/x',
    '127.0.0.1:5057',
    '*.com',
    '*.0.0.1',
    'example.com/x:1',
    `example.com/x@SHA256:${'A'.repeat(64)}`,
  ])('and not the scope %j, which can', (scope) => {
    expect(neverMatches(scope)).toBeUndefined();
    expect(warnings(withScopes({ [scope]: [ACCEPT] }))).toEqual([]);
  });

  it.each([
    [undefined, true],
    [{ type: 'matchExact' }, true],
    [{ type: 'remapIdentity', prefix: 'a.example', signedPrefix: 'b.example' }, true],
    [{ type: 'matchRepository' }, false],
    [{ type: 'exactRepository', dockerRepository: 'a.example/b' }, false],
    [{ type: 'exactReference', dockerReference: 'a.example/b:1' }, false],
  ])('sigstoreSigned with the identity %j, which signatures of cosign never match: %s', (signedIdentity, isTold) => {
    const said = warnings(withRequirement({ type: 'sigstoreSigned', keyPath: '/k', signedIdentity }));
    expect(said.length).toBe(isTold ? 1 : 0);
    if (isTold) expect(said[0]).toContain('--sign-container-identity');
  });

  it('insecureAcceptAnything beside a requirement, and a transport that nobody knows', () => {
    expect(warnings(withScopes({ 'a.example': [ACCEPT, gpg({ keyPath: '/k' })] }))).toEqual([
      expect.stringContaining('insecureAcceptAnything does nothing beside other requirements'),
    ]);
    const dockers = JSON.stringify({
      default: [ACCEPT],
      transports: { dockers: { '': [REJECT] }, 'docker-archive': {} },
    });
    expect(warnings(dockers)).toEqual(['there is no transport "dockers": its scopes apply to no image']);
  });

  it('sigstoreSigned where registries.d turns attachments on nowhere', () => {
    const sigstore = { type: 'sigstoreSigned', keyPath: '/k', signedIdentity: { type: 'matchRepository' } };
    const policies = compiled(withScopes({ 'a.example': [sigstore], 'b.example': [gpg({ keyPath: '/k' })] }));
    const off: StorageSection = { lookaside: undefined, attachments: false };
    const on: StorageSection = { lookaside: undefined, attachments: true };
    const told = (storage: typeof NO_STORAGE) => attachmentWarnings(policies, storage).map(({ origin }) => origin.name);
    expect(told(NO_STORAGE)).toEqual(['a.example']);
    expect(told({ sections: { 'a.example': off }, otherwise: off })).toEqual(['a.example']);
    expect(told({ sections: { 'mirror.example': on }, otherwise: off })).toEqual([]);
    expect(told({ sections: {}, otherwise: on })).toEqual([]);
  });
});
