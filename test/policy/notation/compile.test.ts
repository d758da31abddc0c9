import { describe, expect, it } from 'vitest';
import { matchDistinguishedNames } from '../../../src/conditions/distinguished-names.ts';
import { hashOf } from '../../../src/model/hash.ts';
import type { Leaf, NameAttribute } from '../../../src/model/requirement.ts';
import type { NotationContext } from '../../../src/policy/dialects/notation/compile.ts';
import { compiled, SUBJECT, skipping, statement, withScopes, withStatements } from './documents.ts';

/** The leaf of the first statement. */
function leaf(fields: Readonly<Record<string, unknown>>, context: Partial<NotationContext> = {}): Leaf {
  const [first] = compiled(withStatements(statement(fields)), context);
  const state = first?.policy.state;
  if (state?.kind !== 'ready' || state.require.kind !== 'some') throw new Error('the statement asks for no signature');
  return state.require.leaf;
}

function proof(fields: Readonly<Record<string, unknown>>, context: Partial<NotationContext> = {}) {
  const { proof } = leaf(fields, context);
  if (proof.kind !== 'notation') throw new Error('it is no proof of notation');
  return proof;
}

const warnings = (text: string) => compiled(text).flatMap((one) => one.warnings.map(({ message }) => message));

describe('a statement as a policy', () => {
  it('asks for any one signature, by whom it names, in the repository of the image', () => {
    const text = withStatements(
      statement({ trustStores: ['ca:acme', 'tsa:time'], trustedIdentities: [SUBJECT] }),
      skipping('rest', '*'),
    );
    expect(compiled(text, { mode: 'warn' })[0]).toEqual({
      dialect: 'notation',
      policy: {
        origin: {
          kind: 'trustpolicy.json',
          namespace: undefined,
          name: 'acme',
          source: '/etc/notation/trustpolicy.json',
          generation: undefined,
        },
        mode: 'warn',
        subjectRule: 'asResolved',
        evidence: 'isolate',
        state: {
          kind: 'ready',
          require: {
            kind: 'some',
            leaf: {
              name: 'acme',
              where: { stores: ['notation'], storage: 'registry', repository: 'own', tagPrefix: '', attempts: 100 },
              proof: {
                kind: 'notation',
                authorities: [
                  { kind: 'inline', text: 'truststore/x509/ca/acme/a.pem' },
                  { kind: 'inline', text: 'truststore/x509/ca/acme/b.pem' },
                ],
                signingAuthorities: [],
                timestampAuthorities: [
                  { kind: 'inline', text: 'truststore/x509/tsa/time/a.pem' },
                  { kind: 'inline', text: 'truststore/x509/tsa/time/b.pem' },
                ],
                levels: {
                  authenticity: 'enforce',
                  authenticTimestamp: 'enforce',
                  expiry: 'enforce',
                  revocation: 'enforce',
                },
                verifyTimestamp: 'always',
              },
              signer: {
                kind: 'distinguishedNames',
                anyOf: [
                  [
                    { type: 'C', value: 'US' },
                    { type: 'O', value: 'acme' },
                    { type: 'ST', value: 'WA' },
                  ],
                ],
              },
              names: { kind: 'unchecked' },
              conditions: [],
              about: 'none',
            },
          },
        },
      },
      holdsIn: { kind: 'cluster' },
      reach: [{ written: 'example.com/app', canonical: 'example.com/app' }],
      problems: [],
      warnings: [],
    });
  });

  it('lets in without a look where it skips', () => {
    const [first] = compiled(withStatements(skipping('a', 'a.example/a')));
    expect(first?.policy.state).toEqual({ kind: 'ready', require: { kind: 'accept' } });
  });

  it('refuses what no statement names, unless one is for everything [notation-ratify 73]', () => {
    const names = (text: string) =>
      compiled(text).map(
        ({ policy, reach }) => `${policy.origin.name}: ${reach === 'everything' ? reach : reach.length}`,
      );
    expect(names(withScopes({ a: ['a.example/a', 'a.example/b'], b: ['a.example/c'] }))).toEqual([
      'a: 2',
      'b: 1',
      'no applicable trust policy: everything',
    ]);
    expect(names(withScopes({ a: ['a.example/a'], b: ['*'] }))).toEqual(['a: 1', 'b: everything']);
    const [, none] = compiled(withScopes({ a: ['a.example/a'] }), { mode: 'audit' });
    expect(none?.policy).toMatchObject({
      origin: { kind: 'trustpolicy.json', name: 'no applicable trust policy' },
      mode: 'audit',
      state: { kind: 'ready', require: { kind: 'reject' } },
    });
  });

  it('shows its name escaped [hostile]', () => {
    const [first] = compiled(withStatements(skipping('a\u202e\n', '*')));
    expect(first?.policy.origin.name).toBe('a\\u202e\\u000a');
    expect(leaf({ name: 'a\u202e' }).name).toBe('a\\u202e');
  });
});

describe('whom a statement trusts', () => {
  it('under each scheme by stores of its own type, never by those of another [notation-ratify 55]', () => {
    expect(proof({ trustStores: ['signingAuthority:a'] })).toMatchObject({
      authorities: [],
      signingAuthorities: [{ text: 'truststore/x509/signingAuthority/a/a.pem' }, {}],
      timestampAuthorities: [],
    });
    expect(proof({ trustStores: ['ca:a'] })).toMatchObject({ authorities: [{}, {}], signingAuthorities: [] });
    expect(proof({ trustStores: ['tsa:a'] })).toMatchObject({ authorities: [], signingAuthorities: [] });
  });

  it('by all stores that it names [notation-ratify 56]', () => {
    expect(proof({ trustStores: ['ca:a', 'tsa:t', 'ca:b'] }).authorities).toEqual([
      { kind: 'inline', text: 'truststore/x509/ca/a/a.pem' },
      { kind: 'inline', text: 'truststore/x509/ca/a/b.pem' },
      { kind: 'inline', text: 'truststore/x509/ca/b/a.pem' },
      { kind: 'inline', text: 'truststore/x509/ca/b/b.pem' },
    ]);
  });

  it('not by a store that cannot be read, and is not as though that were not named [notation-ratify 57]', () => {
    const store: NotationContext['store'] = ({ type, name }) => [{ kind: 'unavailable', why: `no ${type}:${name}` }];
    expect(proof({ trustStores: ['ca:a', 'tsa:t'] }, { store })).toMatchObject({
      authorities: [{ kind: 'unavailable', why: 'no ca:a' }],
      signingAuthorities: [],
      timestampAuthorities: [{ kind: 'unavailable', why: 'no tsa:t' }],
    });
  });

  it('whoever the stores vouch for, where it says "*"', () => {
    expect(leaf({ trustedIdentities: ['*'] }).signer).toBe('any');
  });

  it.each([
    ['58', 'C=US,ST=WA,O=Notary', true],
    ['58', 'O=Notary, CN=wabbit, C=US, ST=WA', true],
    ['59', 'C=us,ST=WA,O=Notary', false],
    ['59', 'C=US,ST=WA,O=notary', false],
    ['60', 'C=US,S=WA,O=Notary', true],
    ['58', 'C=US,ST=WA,O=Notary,OU=other', false],
  ])('whose certificate has all that the identity says [notation-ratify %s]: %s', (_, identity, accepted) => {
    const subject = toSubject({ C: 'US', ST: 'WA', L: 'Seattle', O: 'Notary', CN: 'wabbit' });
    expect(trusts(`x509.subject: ${identity}`, subject)).toBe(accepted);
  });

  it('nobody without C, ST and O, unless it says "*" [notation-ratify 62]', () => {
    const subject = toSubject({ CN: 'ratify.default' });
    expect(trusts('x509.subject:C=US,ST=WA,O=Notary', subject)).toBe(false);
    expect(trusts('*', subject)).toBe(true);
  });

  it('also by names with separators in them [notation-ratify 67]', () => {
    const subject = toSubject({ C: 'US', ST: 'WA', O: 'Acme, Inc.' });
    expect(trusts('x509.subject:C=US,ST=WA,O=Acme\\, Inc.', subject)).toBe(true);
    expect(trusts('x509.subject:C=US,ST=WA,O=Acme\\2C Inc.', subject)).toBe(true);
    expect(trusts('x509.subject:C=US,ST=WA,O=Acme', subject)).toBe(false);
  });

  it('nobody where all identities are of kinds that nobody knows, at any level: it is broken', () => {
    for (const level of ['strict', 'audit']) {
      const text = withStatements(
        skipping('b', 'a.example/b'),
        statement({ trustedIdentities: ['future:a', 'other:b'], signatureVerification: { level } }),
      );
      const [, one] = compiled(text);
      expect(one?.policy.state).toMatchObject({ kind: 'broken', failure: { code: 'POLICY_BROKEN' } });
      expect(one?.reach).toEqual([{ written: 'example.com/app', canonical: 'example.com/app' }]);
      expect(one?.problems).toEqual([
        {
          path: 'trustPolicies[1].trustedIdentities',
          text: 'trustPolicies[1].trustedIdentities: none of them is an x509.subject, so that nobody is trusted',
        },
      ]);
    }
    expect(leaf({ trustedIdentities: ['future:a', SUBJECT] }).signer).toMatchObject({ anyOf: [expect.anything()] });
  });

  it('is part of what proofs are kept by: two statements that differ in it share none [MODEL 3.2]', () => {
    const proofs = [
      {},
      { trustStores: ['ca:b'] },
      { trustStores: ['signingAuthority:acme'] },
      { trustStores: ['tsa:acme'] },
      { trustStores: ['ca:acme', 'tsa:acme'] },
      { signatureVerification: { level: 'permissive' } },
      { signatureVerification: { level: 'audit' } },
      { signatureVerification: { level: 'strict', verifyTimestamp: 'afterCertExpiry' } },
      ...['authenticity', 'authenticTimestamp', 'expiry', 'revocation'].map((check) => ({
        signatureVerification: { level: 'strict', override: { [check]: 'log' } },
      })),
      { signatureVerification: { level: 'strict', override: { revocation: 'skip' } } },
    ];
    expect(new Set(proofs.map((fields) => hashOf(proof(fields)))).size).toBe(proofs.length);
  });
});

describe('what a statement warns of', () => {
  it('that it skips for everything', () => {
    expect(warnings(withScopes({ a: ['*'] }))).toEqual([
      'the level skip with the scope "*" lets in every image that no other statement names, signed or not',
    ]);
    expect(warnings(withScopes({ a: ['a.example/a'] }))).toEqual([]);
  });

  it('that anybody may sign', () => {
    const said = 'authenticity is only reported: images are let in with a signature by anybody';
    const of = (signatureVerification: object) => warnings(withStatements(statement({ signatureVerification })));
    expect(of({ level: 'audit' })).toEqual([said]);
    expect(of({ level: 'strict', override: { authenticity: 'log' } })).toEqual([said]);
    expect(of({ level: 'audit', override: { authenticity: 'enforce' } })).toEqual([]);
    expect(of({ level: 'permissive' })).toEqual([]);
  });

  it('that it trusts only clocks', () => {
    expect(warnings(withStatements(statement({ trustStores: ['tsa:a'] })))).toEqual([
      'trust stores of the type tsa are for timestamps: without another, no signer is trusted',
    ]);
    expect(warnings(withStatements(statement({ trustStores: ['tsa:a', 'signingAuthority:a'] })))).toEqual([]);
  });

  it('that an identity counts for nothing, or a scope', () => {
    const fields = { registryScopes: ['local/a', 'a.example/b'], trustedIdentities: [SUBJECT, 'future:\u202e'] };
    const [first] = compiled(withStatements(statement(fields)));
    expect(first?.warnings.map(({ message }) => message)).toEqual([
      'the scope "local/a" can never match an image: images of that name are those of docker.io/local/a; write it so',
      'the trusted identity "future:\\u202e" is passed over: its kind is not x509.subject',
    ]);
    expect(first?.warnings[0]?.origin).toEqual(first?.policy.origin);
  });
});

function toSubject(parts: Readonly<Record<string, string>>): readonly NameAttribute[] {
  return Object.entries(parts).map(([type, value]) => ({ type, value }));
}

/** Whether the one identity of a statement is met by a certificate that its stores vouch for. */
function trusts(identity: string, subject: readonly NameAttribute[]): boolean {
  const { signer } = leaf({ trustedIdentities: [identity] });
  if (signer === 'any') return true;
  if (signer.kind !== 'distinguishedNames') throw new Error('it is no rule of notation');
  return matchDistinguishedNames(signer.anyOf, subject).kind === 'accepted';
}
