import { describe, expect, it } from 'vitest';
import { readTrustPolicy, readTrustPolicyValue } from '../../../src/policy/dialects/notation/read.ts';
import { document, refusal, SUBJECT, skipping, statement, withScopes, withStatements } from './documents.ts';

/** What is said against a statement, without the place where it stands. */
function against(fields: Readonly<Record<string, unknown>>): string {
  return inside(refusal(withStatements(statement(fields))));
}

function inside(said: string | undefined): string {
  if (said === undefined) return 'nothing';
  const place = 'trustPolicies[0].';
  return said.startsWith(place) ? said.slice(place.length) : `elsewhere: ${said}`;
}

const level = (name: unknown, more: object = {}) => ({ signatureVerification: { level: name, ...more } });

describe('a trust policy document', () => {
  it('is read with all that it says', () => {
    const text = withStatements(
      statement({
        registryScopes: ['example.com/app', 'localhost:5000/a/b'],
        signatureVerification: {
          level: 'permissive',
          override: { expiry: 'enforce' },
          verifyTimestamp: 'afterCertExpiry',
        },
        trustStores: ['ca:acme', 'signingAuthority:acme', 'tsa:time-1', 'ca:acme'],
        trustedIdentities: [SUBJECT, 'x509.subject:C=DE,S=Berlin,O=acme', 'email:a@example.com'],
      }),
      skipping('rest', '*'),
    );
    expect(document(text)).toEqual({
      statements: [
        {
          name: 'acme',
          scopes: ['example.com/app', 'localhost:5000/a/b'],
          verification: {
            kind: 'verify',
            levels: { authenticity: 'enforce', authenticTimestamp: 'log', expiry: 'enforce', revocation: 'log' },
            verifyTimestamp: 'afterCertExpiry',
            stores: [
              { type: 'ca', name: 'acme' },
              { type: 'signingAuthority', name: 'acme' },
              { type: 'tsa', name: 'time-1' },
            ],
            identities: {
              kind: 'subjects',
              anyOf: [
                [
                  { type: 'C', value: 'US' },
                  { type: 'O', value: 'acme' },
                  { type: 'ST', value: 'WA' },
                ],
                [
                  { type: 'C', value: 'DE' },
                  { type: 'O', value: 'acme' },
                  { type: 'ST', value: 'Berlin' },
                ],
              ],
              passedOver: ['email:a@example.com'],
            },
          },
        },
        { name: 'rest', scopes: '*', verification: { kind: 'skip' } },
      ],
    });
  });

  it.each([
    ['76', '{"version":"2.0","trustPolicies":[]}', 'version: the version "2.0" is not known: "1.0" is'],
    ['76', '{"version":1.0,"trustPolicies":[]}', 'version: it must be a string, not a number'],
    ['76', '{"version":"","trustPolicies":[]}', 'version: it is empty'],
    ['76', '{"trustPolicies":[]}', 'version: it is missing'],
    ['76', '{"version":"1.0","trustPolicies":[]}', 'trustPolicies: a document must have a statement'],
    ['76', '{"version":"1.0"}', 'trustPolicies: it is missing'],
    ['76', '{"version":"1.0","trustPolicies":null}', 'trustPolicies: it must be an array, not null'],
    ['76', '{"version":"1.0","trustPolicies":["a"]}', 'trustPolicies[0]: it must be an object, not a string'],
    ['76', '[]', 'a trust policy document is one object'],
    ['76', '', 'at character 0 of the JSON, there is no value'],
  ])('is refused for its version or for want of a statement [notation-ratify %s]: %s', (_, text, why) => {
    expect(refusal(text)).toBe(why);
  });

  it('is refused for a key that nobody reads, however little is wrong with it', () => {
    expect(refusal('{"version":"1.0","trustPolicies":[],"extra":1}')).toContain('extra: the key is not known');
    expect(against({ trustStore: ['ca:acme'] })).toContain('trustStore: the key is not known');
    expect(against({ Name: 'b' })).toBe('Name: the key is not known; write name');
    expect(against(level('strict', { overide: {} }))).toContain('signatureVerification.overide: the key is not known');
    expect(against({ globalPolicy: true })).toContain('globalPolicy: the key is not known');
  });

  it('is refused for a key that is written twice: two readers could read two policies [hostile]', () => {
    const twice = '{"version":"1.0","version":"1.0","trustPolicies":[]}';
    expect(refusal(twice)).toContain('a key is written twice');
    const level = '"signatureVerification":{"level":"strict","level":"skip"}';
    expect(refusal(`{"version":"1.0","trustPolicies":[{"name":"a","registryScopes":["*"],${level}}]}`)).toContain(
      'a key is written twice',
    );
  });

  it('is told from one for blobs, which says nothing of images', () => {
    const { registryScopes: _, ...blob } = statement();
    expect(inside(refusal(withStatements(blob)))).toBe(
      'registryScopes: it is missing; only trust policies for blobs have none, and they say nothing of images',
    );
  });

  it('has statements with names, each with one of its own [notation-ratify 68]', () => {
    expect(refusal(withScopes({ acme: ['a.example/a'], rest: ['*'] }))).toBeUndefined();
    expect(refusal(withStatements(skipping('acme', 'a.example/a'), skipping('acme', 'a.example/b')))).toBe(
      'trustPolicies[1].name: "acme" is the name of trustPolicies[0] too',
    );
    expect(against({ name: '' })).toBe('name: it is empty');
    expect(against({ name: undefined })).toBe('name: it is missing');
    expect(against({ name: null })).toBe('name: it must be a string, not null');
    expect(refusal(withStatements(skipping('__proto__', 'a.example/a'), skipping('constructor', '*')))).toBeUndefined();
  });

  it('shows what is not plain in it escaped [hostile]', () => {
    const said = refusal(withStatements(skipping('a\u202e\n', 'a.example/a'), skipping('a\u202e\n', '*')));
    expect(said).toBe('trustPolicies[1].name: "a\\u202e\\n" is the name of trustPolicies[0] too');
    expect(against({ registryScopes: ['a.example/\u202eb'] })).not.toContain('\u202e');
    expect(against({ 'a\u202e': 1 })).not.toContain('\u202e');
    expect(against({ trustStores: ['\u202eca:a'] })).not.toContain('\u202e');
    expect(against({ trustedIdentities: ['x509.subject:C=\u202e'] })).not.toContain('\u202e');
    expect(against(level('strict', { override: { '\u202e': 'log' } }))).not.toContain('\u202e');
  });

  it('is the same in an object, as Ratify has it', () => {
    const value = { version: '1.0', trustPolicies: [statement()] };
    expect(readTrustPolicyValue(value)).toEqual(readTrustPolicy(JSON.stringify(value)));
    expect(readTrustPolicyValue(value).ok).toBe(true);
  });

  it('is none where an object holds anything else, even itself [hostile]', () => {
    const itself: Record<string, unknown> = { version: '1.0' };
    itself['trustPolicies'] = [itself];
    for (const value of [undefined, null, 'text', 1, [], itself, { version: 1, trustPolicies: [] }, () => 1, 1n]) {
      expect(readTrustPolicyValue(value)).toMatchObject({ ok: false, failure: { code: 'POLICY_BROKEN' } });
    }
    let deep: unknown = 'bottom';
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(readTrustPolicyValue({ version: '1.0', trustPolicies: deep }).ok).toBe(false);
  });
});

describe('the verification that a statement asks for', () => {
  it.each(['Strict', 'none', '', 'constructor', null, undefined, 1])(
    'has a known level [notation-ratify 76]: %s',
    (name) => {
      expect(against(level(name))).toMatch(/^signatureVerification\.level: /);
    },
  );

  it('must be there, and be an object', () => {
    expect(against({ signatureVerification: undefined })).toBe('signatureVerification: it is missing');
    expect(against({ signatureVerification: 'strict' })).toBe(
      'signatureVerification: it must be an object, not a string',
    );
  });

  it('asks for timestamps always, unless it says after expiry', () => {
    const read = (more: object) =>
      document(withStatements(statement(level('strict', more)))).statements[0].verification;
    expect(read({})).toMatchObject({ verifyTimestamp: 'always' });
    expect(read({ verifyTimestamp: 'always' })).toMatchObject({ verifyTimestamp: 'always' });
    expect(read({ verifyTimestamp: 'afterCertExpiry' })).toMatchObject({ verifyTimestamp: 'afterCertExpiry' });
    expect(against(level('strict', { verifyTimestamp: 'never' }))).toBe(
      'signatureVerification.verifyTimestamp: it must be always or afterCertExpiry, not "never"',
    );
    expect(against(level('strict', { verifyTimestamp: '' }))).toContain('it is empty');
    expect(against(level('strict', { verifyTimestamp: null }))).toContain('it must be a string');
  });

  it('trusts nobody where it skips: who names a store meant to verify [notation-ratify 75]', () => {
    const why = 'the level skip verifies nothing, and so it can trust nobody';
    expect(against({ ...level('skip'), trustedIdentities: [] })).toBe(`trustStores: ${why}`);
    expect(against({ ...level('skip'), trustStores: [] })).toBe(`trustedIdentities: ${why}`);
    expect(against({ ...level('skip'), trustStores: [], trustedIdentities: ['nonsense'] })).toContain(why);
    expect(against({ ...level('skip'), trustStores: [], trustedIdentities: [] })).toBe('nothing');
    expect(refusal(withStatements(skipping('a', '*')))).toBeUndefined();
  });

  it('names whom it trusts where it does not skip', () => {
    for (const name of ['strict', 'permissive', 'audit']) {
      for (const list of [[], undefined]) {
        expect(against({ ...level(name), trustStores: list })).toBe(
          'trustStores: it must name a trust store, such as ca:acme',
        );
        expect(against({ ...level(name), trustedIdentities: list })).toBe(
          'trustedIdentities: it must name an identity, or "*" for whoever the trust stores vouch for',
        );
      }
    }
    expect(against({ trustStores: null })).toBe('trustStores: it must be an array, not null');
    expect(against({ trustStores: 'ca:acme' })).toBe('trustStores: it must be an array, not a string');
    expect(against({ trustedIdentities: [1] })).toBe('trustedIdentities[0]: it must be a string, not a number');
  });
});

describe('the trust stores of a statement', () => {
  it.each(['ca:a', 'signingAuthority:A.b-c_9', 'tsa:...', 'ca:.hidden', 'ca:-'])('may be %s', (store) => {
    expect(against({ trustStores: [store] })).toBe('nothing');
  });

  it.each(['*', '', 'acme', 'ca', 'CA:a', 'signingauthority:a', ':a', 'ca :a', 'hola:a', 'x509:a'])(
    'have a type that is known: not %j',
    (store) => {
      expect(against({ trustStores: [store] })).toMatch(
        /^trustStores\[0\]: ".*" (is no trust store|has no known type); /,
      );
    },
  );

  it.each([
    'ca:',
    'ca:..',
    'ca:.',
    'ca:a/b',
    'ca:../tsa/a',
    'ca:a b',
    'ca:ä',
    'ca:a\0',
    'ca:a\n',
    'ca:a:b',
    'ca:#@$@$',
  ])('have a name that is one part of a path, and leads nowhere else [hostile]: not %j', (store) => {
    expect(against({ trustStores: ['ca:ok', store] })).toMatch(/^trustStores\[1\]: ".*" has no name of a store/);
  });
});

describe('the identities of a statement', () => {
  const identities = (...trustedIdentities: readonly unknown[]) => against({ trustedIdentities });

  it('need C, ST and O [notation-ratify 61]', () => {
    expect(identities('x509.subject:C=US,O=acme')).toMatch(/^trustedIdentities\[0\]: .* it has no ST/);
    expect(identities('x509.subject:C=US,ST=WA')).toMatch(/^trustedIdentities\[0\]: .* it has no O/);
    expect(identities('x509.subject:ST=WA,O=acme')).toMatch(/^trustedIdentities\[0\]: .* it has no C/);
    expect(identities('x509.subject:C=US,S=WA,O=acme')).toBe('nothing');
  });

  it('do not overlap, in whatever order and place they stand [notation-ratify 63]', () => {
    const wide = 'x509.subject:C=US,ST=WA,O=acme';
    const narrow = 'x509.subject:O=acme,CN=a,S=WA,C=US';
    const other = 'x509.subject:C=US,ST=WA,O=other';
    const why = (i: number, j: number) =>
      `trustedIdentities[${i}]: it overlaps with trustedIdentities[${j}]: whoever is the one is the other too`;
    const placed = (said: string) => said.replace('with trustPolicies[0].', 'with ');
    expect(placed(identities(wide, narrow))).toBe(why(1, 0));
    expect(placed(identities(narrow, wide))).toBe(why(1, 0));
    expect(placed(identities(wide, other, wide))).toBe(why(2, 0));
    expect(placed(identities(other, 'future:a', narrow, wide))).toBe(why(3, 2));
    expect(identities(wide, other)).toBe('nothing');
    expect(identities('x509.subject:C=US,ST=WA,O=acme,CN=a', 'x509.subject:C=US,ST=WA,O=acme,CN=b')).toBe('nothing');
  });

  it('are everybody alone, or not everybody [notation-ratify 64]', () => {
    const why = 'trustedIdentities: "*" stands for everybody, and must stand alone';
    expect(identities('*', SUBJECT)).toBe(why);
    expect(identities(SUBJECT, '*')).toBe(why);
    expect(identities('*', '*')).toBe(why);
    expect(identities('*', 'nonsense')).toBe(why);
    expect(identities('*')).toBe('nothing');
  });

  it.each([
    ['65', 'x509.subject:CN=a+OU=b,C=US,ST=WA,O=acme'],
    ['66', 'x509.subject:C=US,ST=WA,O=#0401'],
  ])('are read strictly [notation-ratify %s]: not %s', (_, identity) => {
    expect(identities(identity)).toMatch(/^trustedIdentities\[0\]: /);
  });

  it.each(['', 'C=US', 'x509.subject', 'x509.subject:', 'x509.subject: ', 'x509.subject:,,,', 'x509.subject:*'])(
    'are whole: not %j',
    (identity) => {
      expect(identities(identity)).toMatch(/^trustedIdentities\[0\]: /);
    },
  );

  it('of kinds that nobody knows are passed over, and are not everybody', () => {
    const read = (...trustedIdentities: readonly string[]) => {
      const { verification } = document(withStatements(statement({ trustedIdentities }))).statements[0];
      return verification.kind === 'verify' ? verification.identities : 'skipped';
    };
    expect(read('future:a', SUBJECT)).toMatchObject({ kind: 'subjects', passedOver: ['future:a'] });
    expect(read('future:a', 'X509.subject:C=US')).toEqual({
      kind: 'none',
      passedOver: ['future:a', 'X509.subject:C=US'],
    });
    expect(read('x509.subject :C=US')).toEqual({ kind: 'none', passedOver: ['x509.subject :C=US'] });
  });

  it('are so few that they can be compared each with each [hostile]', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => `x509.subject:C=US,ST=WA,O=acme ${i}`);
    expect(identities(...many(256))).toBe('nothing');
    expect(identities(...many(257))).toBe('trustedIdentities: there are more than 256 identities');
    const parts = (count: number) => Array.from({ length: count }, (_, i) => `X${i}=a`).join(',');
    expect(identities(`${SUBJECT},${parts(29)}`)).toBe('nothing');
    expect(identities(`${SUBJECT},${parts(30)}`)).toBe('trustedIdentities[0]: the name has more than 32 parts');
  });
});

describe('how long reading takes', () => {
  it('10,000 statements are read within the budget [notation-ratify 78]', () => {
    const text = withStatements(
      ...Array.from({ length: 10_000 }, (_, i) =>
        statement({ name: `s${i}`, registryScopes: [`example.com/team-${i}/app`], trustedIdentities: [SUBJECT] }),
      ),
    );
    const begin = performance.now();
    expect(document(text).statements).toHaveLength(10_000);
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  it('one statement with 10,000 scopes as well, and with 10,000 stores [hostile]', () => {
    const registryScopes = Array.from({ length: 10_000 }, (_, i) => `example.com/team-${i}/app`);
    const trustStores = Array.from({ length: 10_000 }, (_, i) => `ca:s${i}`);
    const begin = performance.now();
    expect(against({ registryScopes, trustStores })).toBe('nothing');
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  it('identities that are nearly the same are compared within the budget [hostile]', () => {
    const parts = Array.from({ length: 28 }, (_, i) => `A${i}=a`).join(',');
    const trustedIdentities = Array.from({ length: 256 }, (_, i) => `${SUBJECT},${parts},Z=${i}`);
    const statements = Array.from({ length: 10 }, (_, i) =>
      statement({ name: `s${i}`, registryScopes: [`a.example/r${i}`], trustedIdentities }),
    );
    const begin = performance.now();
    expect(refusal(withStatements(...statements))).toBeUndefined();
    expect(performance.now() - begin).toBeLessThan(5000);
  });
});
