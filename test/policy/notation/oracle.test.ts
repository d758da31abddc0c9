import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { refusal } from './documents.ts';

/**
 * notation's own validation, as simple as it can be (verifier/trustpolicy/{trustpolicy,oci}.go), for documents whose
 * scopes and names are few and short.
 */
function isValidForNotation(document: Drawn): boolean {
  const { version, trustPolicies } = document;
  if (version !== '1.0' || trustPolicies.length === 0) return false;
  const names = trustPolicies.map(({ name }) => name);
  const scopes = trustPolicies.flatMap(({ registryScopes }) => registryScopes);
  if (new Set(names).size < names.length || new Set(scopes).size < scopes.length) return false;
  return trustPolicies.every(isStatement);
}

function isStatement({
  name,
  registryScopes,
  signatureVerification,
  trustStores,
  trustedIdentities,
}: Statement): boolean {
  if (name === '' || registryScopes.length === 0) return false;
  if (registryScopes.length > 1 && registryScopes.includes('*')) return false;
  if (registryScopes.some((scope) => scope !== '*' && !/^[a-z.]+(?::[0-9]+)?\/[a-z]+(?:\/[a-z]+)*$/.test(scope)))
    return false;
  const { level, override = {}, verifyTimestamp } = signatureVerification;
  if (verifyTimestamp !== undefined && verifyTimestamp !== 'always' && verifyTimestamp !== 'afterCertExpiry')
    return false;
  if (level === 'skip') {
    return Object.keys(override).length === 0 && trustStores.length === 0 && trustedIdentities.length === 0;
  }
  if (level !== 'strict' && level !== 'permissive' && level !== 'audit') return false;
  for (const [check, action] of Object.entries(override)) {
    if (!['authenticity', 'authenticTimestamp', 'expiry', 'revocation'].includes(check)) return false;
    if (!['enforce', 'log', 'skip'].includes(action) || (action === 'skip' && check !== 'revocation')) return false;
  }
  if (trustStores.length === 0 || trustedIdentities.length === 0) return false;
  if (trustStores.some((store) => !/^(?:ca|tsa|signingAuthority):[a-z0-9.-]+$/.test(store))) return false;
  return areIdentities(trustedIdentities);
}

function areIdentities(identities: readonly string[]): boolean {
  if (identities.includes('*')) return identities.length === 1;
  const names: ReadonlyMap<string, string>[] = [];
  for (const identity of identities) {
    const colon = identity.indexOf(':');
    if (colon < 0) return false;
    if (identity.slice(0, colon) !== 'x509.subject') continue;
    const parts = identity
      .slice(colon + 1)
      .split(',')
      .map((part) => part.split('='));
    const name = new Map(parts.map(([type = '', value = '']) => [type === 'S' ? 'ST' : type, value]));
    if (name.size < parts.length || !['C', 'ST', 'O'].every((type) => name.has(type))) return false;
    names.push(name);
  }
  const isWithin = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) =>
    [...a].every(([type, value]) => b.get(type) === value);
  return !names.some((a, i) => names.some((b, j) => i !== j && isWithin(a, b)));
}

type Statement = {
  readonly name: string;
  readonly registryScopes: readonly string[];
  readonly signatureVerification: {
    readonly level: string;
    readonly override?: Readonly<Record<string, string>>;
    readonly verifyTimestamp?: string;
  };
  readonly trustStores: readonly string[];
  readonly trustedIdentities: readonly string[];
};
type Drawn = { readonly version: string; readonly trustPolicies: readonly Statement[] };

/** One of the usual ones nearly always, and now and then one of the others. */
function mostly<T>(usual: readonly [T, ...T[]], others: readonly [T, ...T[]]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const CHECKS = ['authenticity', 'authenticTimestamp', 'expiry', 'revocation'] as const;
const override = fc.dictionary(
  mostly(CHECKS, ['integrity', 'Expiry']),
  mostly(['enforce', 'log'], ['skip', 'Log', '']),
  {
    maxKeys: 2,
  },
);
const scope = mostly(
  ['a.example/a', 'a.example/b', 'a.example/c', 'b.example:5000/a/b', 'b.example/d', 'c.example/a', 'c.example/b/c'],
  ['*', 'a.example', 'a.example/a:1', 'https://a.example/a', 'a.example/*', ''],
);
const store = mostly(['ca:a', 'ca:b', 'signingAuthority:a', 'tsa:a'], ['ca:', 'CA:a', 'a', '*', 'ca:a/b']);
const identity = mostly(
  [
    'x509.subject:C=US,ST=WA,O=a',
    'x509.subject:C=US,S=WA,O=b',
    'x509.subject:C=DE,ST=BE,O=a,CN=x',
    'x509.subject:CN=y,O=a,ST=BE,C=DE',
    'future:a',
  ],
  [
    '*',
    '',
    'x509.subject',
    'x509.subject:C=US,O=a',
    'x509.subject:C=US,C=US,ST=WA,O=a',
    'x509.subject:C=US,ST=WA,O=a,CN=x',
  ],
);
const statement: fc.Arbitrary<Statement> = fc
  .record({
    name: mostly(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], ['']),
    registryScopes: fc.oneof(
      { weight: 8, arbitrary: fc.uniqueArray(scope, { minLength: 1, maxLength: 2 }) },
      { weight: 1, arbitrary: fc.constant(['*']) },
      { weight: 1, arbitrary: fc.array(scope, { maxLength: 2 }) },
    ),
    level: mostly(['strict', 'permissive', 'audit', 'skip'], ['Strict', '']),
    override: fc.option(override, { nil: undefined, freq: 2 }),
    verifyTimestamp: fc.option(mostly(['always', 'afterCertExpiry'], ['never']), { nil: undefined }),
    trustStores: fc.array(store, { minLength: 1, maxLength: 3 }),
    trustedIdentities: fc.oneof(
      { weight: 3, arbitrary: fc.constant(['*']) },
      { weight: 4, arbitrary: fc.uniqueArray(identity, { minLength: 1, maxLength: 2 }) },
    ),
    empties: mostly([false], [true]),
  })
  .map(({ name, registryScopes, level, override, verifyTimestamp, trustStores, trustedIdentities, empties }) => {
    const isIdle = (level === 'skip') !== empties;
    return {
      name,
      registryScopes,
      signatureVerification: {
        level,
        ...(override === undefined || (isIdle && !empties) ? {} : { override }),
        ...(verifyTimestamp === undefined ? {} : { verifyTimestamp }),
      },
      trustStores: isIdle ? [] : trustStores,
      trustedIdentities: isIdle ? [] : trustedIdentities,
    };
  });
const drawn: fc.Arbitrary<Drawn> = fc.record({
  version: mostly(['1.0'], ['2.0', '']),
  trustPolicies: fc.array(statement, { maxLength: 3 }),
});

it('a document is one where it is one for notation, and nowhere else', () => {
  const seen = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(drawn, (document) => {
      const valid = isValidForNotation(document);
      seen[valid ? 'valid' : 'invalid']++;
      expect({ document, said: refusal(JSON.stringify(document)) === undefined }).toEqual({ document, said: valid });
    }),
    { numRuns: 4000 },
  );
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(800);
});
