import { describe, expect, it } from 'vitest';
import type { Leaf } from '../../../src/model/requirement.ts';
import type { CompiledPolicy } from '../../../src/policy/compiled.ts';
import { POLICY_DEFAULTS } from '../../../src/policy/defaults.ts';
import { readObject } from '../../../src/policy/dialects/openshift/object.ts';
import { KEY, policy, written } from './objects.ts';

const pem = (label: string): string => `-----BEGIN ${label}-----\n${'A'.repeat(64)}\n-----END ${label}-----\n`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const KEY_PEM = pem('PUBLIC KEY');
const CA = pem('CERTIFICATE');

function leaf({ policy: { state } }: CompiledPolicy): Leaf {
  if (state.kind !== 'ready' || state.require.kind !== 'some') throw new Error(JSON.stringify(state));
  return state.require.leaf;
}

function broken({ policy: { state } }: CompiledPolicy): string {
  return state.kind === 'broken' ? state.failure.message : 'it is not broken';
}

describe('compiling', () => {
  it('a public key is the whole leaf, with nothing left to be assumed', () => {
    expect(policy({}).policy).toEqual({
      origin: { kind: 'ClusterImagePolicy', namespace: undefined, name: 'policy', source: 'test', generation: 3 },
      mode: undefined,
      subjectRule: 'indexOrEveryInstance',
      evidence: 'complete',
      state: {
        kind: 'ready',
        require: {
          kind: 'some',
          leaf: {
            name: 'policy',
            where: {
              stores: ['cosign-tag', 'sigstore-bundle', 'cosign-referrer'],
              storage: 'registry',
              repository: 'own',
              tagPrefix: '',
              attempts: 64,
            },
            proof: {
              kind: 'keys',
              keys: [{ kind: 'inline', text: KEY_PEM }],
              hash: 'sha256',
              transparency: 'none',
            },
            signer: 'any',
            names: { kind: 'matchRepoDigestOrExact' },
            conditions: [],
            about: 'none',
          },
        },
      },
    });
  });

  it('a Rekor key beside it makes the log mandatory', () => {
    const rootOfTrust = { policyType: 'PublicKey', publicKey: { keyData: KEY, rekorKeyData: base64(KEY_PEM) } };
    const transparency = { kind: 'rekor', logs: [{ kind: 'inline', text: KEY_PEM }] };
    expect(leaf(policy({ rootOfTrust })).proof).toMatchObject({ kind: 'keys', transparency });
  });

  it('Fulcio asks for certificate, log, issuer and e-mail', () => {
    const rootOfTrust = {
      policyType: 'FulcioCAWithRekor',
      fulcioCAWithRekor: {
        fulcioCAData: base64(CA),
        rekorKeyData: base64(KEY_PEM),
        fulcioSubject: { oidcIssuer: 'https://issuer.example', signedEmail: 'a@b.example' },
      },
    };
    expect(leaf(policy({ rootOfTrust }))).toMatchObject({
      proof: {
        kind: 'certificates',
        roots: [{ text: CA }],
        validAt: { kind: 'rekor', logs: [{ text: KEY_PEM }] },
      },
      signer: {
        kind: 'identities',
        anyOf: [
          {
            issuer: { kind: 'exact', text: 'https://issuer.example' },
            subject: { of: 'email', text: { kind: 'exact', text: 'a@b.example' } },
          },
        ],
      },
    });
  });

  it.each([
    [{ hostname: '*.example.com' }, { email: 'any', hostname: { kind: 'exact', text: '*.example.com' } }],
    [{ email: 'a@b.example' }, { email: { kind: 'exact', text: 'a@b.example' }, hostname: 'any' }],
    [
      { email: 'a@b.example', hostname: 'c.example' },
      { email: { kind: 'exact', text: 'a@b.example' }, hostname: { kind: 'exact', text: 'c.example' } },
    ],
  ])('a PKI subject %j is asked for as written [openshift 93]', (pkiCertificateSubject, subject) => {
    const pki = { caRootsData: base64(CA), caIntermediatesData: base64(CA), pkiCertificateSubject };
    expect(leaf(policy({ rootOfTrust: { policyType: 'PKI', pki } }))).toMatchObject({
      proof: {
        kind: 'certificates',
        roots: [{ text: CA }],
        intermediates: [{ text: CA }],
        validAt: 'now',
      },
      signer: { kind: 'subject', ...subject },
    });
  });

  it.each([
    [{ matchPolicy: 'MatchRepoDigestOrExact' }, { kind: 'matchRepoDigestOrExact' }],
    [{ matchPolicy: 'MatchRepository' }, { kind: 'matchRepository' }],
    [
      { matchPolicy: 'ExactRepository', exactRepository: { repository: 'a.example/b' } },
      { kind: 'exactRepository', repository: 'a.example/b' },
    ],
    [
      { matchPolicy: 'RemapIdentity', remapIdentity: { prefix: 'a.example', signedPrefix: 'b.example' } },
      { kind: 'remapIdentity', prefix: 'a.example', signedPrefix: 'b.example' },
    ],
  ])('signedIdentity %j', (signedIdentity, names) => {
    expect(leaf(policy({ signedIdentity })).names).toEqual(names);
  });

  it('a key in the right wrapping that is no key does not break the policy, since trust is another matter [M8]', () => {
    const garbage = base64(`-----BEGIN PUBLIC KEY-----\n${'not a key '.repeat(9)}\n-----END PUBLIC KEY-----`);
    expect(leaf(policy({ keyData: garbage })).proof.kind).toBe('keys');
  });

  it('a key of 4096 bits fits [openshift 94]', () => {
    const wide = base64(`-----BEGIN PUBLIC KEY-----\n${'A'.repeat(736)}\n-----END PUBLIC KEY-----\n`);
    expect(leaf(policy({ keyData: wide })).proof.kind).toBe('keys');
  });

  it.each([
    ['unpadded', KEY.replace(/=+$/, '').slice(0, -1)],
    ['broken by a line feed', `${KEY.slice(0, 40)}\n${KEY.slice(40)}`],
    ['in the URL alphabet', `${KEY.slice(0, 40)}-${KEY.slice(41)}`],
  ])('base64 that is %s is refused', (_, keyData) => {
    expect(broken(policy({ keyData }))).toContain('must be of type byte');
  });
});

describe('annotations', () => {
  it('accept unnamed signatures by policy or by configuration, and say so in the rule [M10]', () => {
    const accepting = { kind: 'ifNamed', rule: { kind: 'matchRepoDigestOrExact' } };
    const annotated = policy({ annotations: { 'countersign.dev/unnamed-signatures': 'accept' } });
    const configured = policy({}, { defaults: { ...POLICY_DEFAULTS, unnamedSignatures: 'accept' } });
    expect([leaf(annotated).names, leaf(configured).names]).toEqual([accepting, accepting]);
  });

  it('ask for every instance by policy or by configuration [M9]', () => {
    const annotated = policy({ annotations: { 'countersign.dev/instances': 'every' } });
    const configured = policy({}, { defaults: { ...POLICY_DEFAULTS, instances: 'every' } });
    expect([annotated.policy.subjectRule, configured.policy.subjectRule]).toEqual(['everyInstance', 'everyInstance']);
  });

  it('give the mode, which beats that of the entry', () => {
    const annotations = { 'countersign.dev/mode': 'audit' };
    expect(policy({ annotations }, { mode: 'warn' }).policy.mode).toBe('audit');
    expect(policy({}, { mode: 'warn' }).policy.mode).toBe('warn');
  });

  it.each([
    [{ 'countersign.dev/mode': 'off' }, 'supported values: "audit", "warn", "deny"'],
    [{ 'countersign.dev/mode': true }, 'must be a string'],
    [{ 'countersign.dev/instances': 'some' }, 'supported values: "every"'],
    [{ 'countersign.dev/unnamed-signatures': 'yes' }, 'supported values: "accept"'],
  ])('a value %j that means nothing breaks the policy, which is then enforced', (annotations, message) => {
    const compiled = policy({ annotations }, { mode: 'audit' });
    expect(broken(compiled)).toContain(message);
    expect(compiled.policy.mode).toBeUndefined();
    expect(compiled.reach).toEqual([{ written: 'example.com', canonical: 'example.com' }]);
  });

  it('break a policy of no scopes without making it reach everything', () => {
    expect(policy({ scopes: [], annotations: { 'countersign.dev/mode': 'off' } }).reach).toEqual([]);
  });

  it('of this prefix that mean nothing are warned about', () => {
    const { warnings } = policy({ annotations: { 'countersign.dev/instance': 'every', 'other.example/x': 'y' } });
    expect(warnings.map(({ message }) => message)).toEqual([
      'the annotation countersign.dev/instance means nothing here',
    ]);
  });
});

describe('what is odd without being wrong', () => {
  it.each([
    [[], 'the policy has no scopes, so it applies to no image'],
    [['docker.io/busybox:1'], 'the scope docker.io/busybox:1 can never match an image'],
    [['example.com:latest'], 'the scope example.com:latest can never match an image'],
    [
      [`example.com/a:1@sha256:${'a'.repeat(64)}`],
      `the scope example.com/a:1@sha256:${'a'.repeat(64)} can never match an image`,
    ],
  ])('scopes %j are warned about', (scopes, message) => {
    expect(policy({ scopes }).warnings.map((warning) => warning.message)).toEqual([message]);
  });

  it.each(['example.com:5000', 'example.com/a:1', 'docker.io/bitnami', 'docker.io/library/a:1', '*.example.com'])(
    'the scope %s is not',
    (scope) => {
      expect(policy({ scopes: [scope] }).warnings).toEqual([]);
    },
  );
});

describe('what the API server would refuse breaks a policy', () => {
  it.each([
    [{ scopes: ['example.com', 'example.com'] }, 'spec.scopes[1]: Duplicate value: "example.com"'],
    [{ scopes: Array.from({ length: 257 }, (_, i) => `a${i}.example`) }, 'Too many: 257: must have at most 256 items'],
    [{ scopes: [`example.com/${'a'.repeat(512)}`] }, 'spec.scopes[0]: Too long: may not be more than 512 bytes'],
    [{ scopes: null }, 'spec.scopes: Invalid value: "null": spec.scopes in body must be of type array: "null"'],
    [{ rootOfTrust: {} }, 'spec.policy.rootOfTrust.policyType: Required value'],
    [
      { rootOfTrust: { policyType: 'publicKey' } },
      'policyType: Unsupported value: "publicKey": supported values: "PublicKey", "FulcioCAWithRekor", "PKI"',
    ],
    [{ signedIdentity: {} }, 'spec.policy.signedIdentity.matchPolicy: Required value'],
    [{ name: '' }, 'metadata.name: Required value'],
    [{ name: 'Release_Key' }, 'metadata.name: Invalid value: "Release_Key": a lowercase RFC 1123 subdomain'],
  ])('%j', (how, message) => {
    expect(broken(policy(how))).toContain(message);
  });

  it('an ImagePolicy of no namespace, whose reach is then nobody’s but the cluster’s', () => {
    const { metadata: _, ...object } = written({ namespace: 'x' });
    const read = readObject({ ...object, metadata: { name: 'a' } }, 'ImagePolicy', 'v1');
    expect(read).toMatchObject({ kind: 'invalid', problems: [{ path: 'metadata.namespace' }] });
  });

  it('a field that the schema does not know, with its path', () => {
    expect(
      broken(policy({ rootOfTrust: { policyType: 'PublicKey', publicKey: { keyData: KEY, hash: 1 } } })),
    ).toContain('unknown field "spec.policy.rootOfTrust.publicKey.hash"');
  });
});

it('an object that is wrong in a thousand places is not told about in a thousand lines [hostile]', () => {
  const { problems } = policy({ scopes: Array.from({ length: 250 }, (_, i) => `UPPER${i}`) });
  expect(problems).toHaveLength(21);
  expect(problems.at(-1)?.text).toBe('and 480 more');
});

it('annotations under a misspelt name are an error, since what they ask for would be lost', () => {
  const { metadata, ...object } = written({});
  const misspelt = { ...object, metadata: { ...metadata, annotation: { 'countersign.dev/instances': 'every' } } };
  expect(readObject(misspelt, 'ClusterImagePolicy', 'v1')).toMatchObject({
    kind: 'invalid',
    problems: [{ path: 'metadata.annotation', text: 'unknown field "metadata.annotation"' }],
  });
});

describe('v1alpha1', () => {
  it('accepts keys that v1 would look into, and no more', () => {
    const object = written({ keyData: base64('x'.repeat(60)) });
    expect(readObject(object, 'ClusterImagePolicy', 'v1').kind).toBe('invalid');
    expect(readObject(object, 'ClusterImagePolicy', 'v1alpha1').kind).toBe('valid');
    const scope = written({ keyData: base64('x'.repeat(60)), scopes: ['busybox'] });
    expect(readObject(scope, 'ClusterImagePolicy', 'v1alpha1').kind).toBe('invalid');
  });
});
