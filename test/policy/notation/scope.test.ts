import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neverMatches, scopeKey, scopeProblem } from '../../../src/policy/dialects/notation/scope.ts';
import { refusal, skipping, withScopes, withStatements } from './documents.ts';

/** notation's own patterns (verifier/trustpolicy/oci.go), which are safe on short texts alone. */
const DOMAIN =
  /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+)?(?::[0-9]+)?$/;
const REPOSITORY =
  /^[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?(?:(?:\/[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?)+)?$/;

/** Whether notation takes a text for a scope. */
function isScopeForNotation(scope: string): boolean {
  const slash = scope.indexOf('/');
  return slash > 0 && DOMAIN.test(scope.slice(0, slash)) && REPOSITORY.test(scope.slice(slash + 1));
}

describe('a registry scope', () => {
  it.each([
    'example.com/rep',
    'example.com:8080/rep/rep2',
    'example.com/rep/subrep/subsub',
    '10.10.10.10:8080/rep/rep2',
    'domain/rep',
    'domain:1234/rep',
    'example.com/a__b/c.d/e---f_g',
    'Example.COM/a',
  ])('is a repository in full: %s', (scope) => {
    expect(scopeProblem(scope)).toBeUndefined();
    expect(isScopeForNotation(scope)).toBe(true);
  });

  it.each([
    ['https://example.com/rep', 'it has a scheme; write the repository without it'],
    ['docker://example.com/rep', 'it has a scheme; write the repository without it'],
    ['example.com/rep:tag', 'it has a tag; write the repository without it'],
    ['10.10.10.10:8080/rep/rep2:latest', 'it has a tag; write the repository without it'],
    [`example.com/rep@sha256:${'a'.repeat(64)}`, 'it has a digest; write the repository without it'],
    ['example.com/*', 'it has a wildcard inside; "*" stands alone, and for every repository'],
    ['*/', 'it has a wildcard inside; "*" stands alone, and for every repository'],
    ['*.example.com/a', 'it has a wildcard inside; "*" stands alone, and for every repository'],
    ['**', 'it has a wildcard inside; "*" stands alone, and for every repository'],
    ['localhost:5000\\test-repo', 'it is no repository in full, such as example.com/team/app'],
    ['example.com/a\\b', 'it is no repository in full, such as example.com/team/app'],
  ])('has no scheme, tag, digest, wildcard or backslash [notation-ratify 71]: %s', (scope, why) => {
    expect(scopeProblem(scope)).toBe(why);
    expect(refusal(withScopes({ a: ['a.example/ok', scope] }))).toBe(
      `trustPolicies[0].registryScopes[1]: ${JSON.stringify(scope)} cannot be a scope: ${why}`,
    );
  });

  it.each([
    '',
    '1:1',
    'a,b',
    'abcd',
    'example.com',
    'repository',
    '10.10.10.10',
    'example.com/',
    '/rep',
    'example.com//rep',
    'example.com/rep/',
    'example.com/Rep',
    'example.com/rep ',
    ' example.com/rep',
    'example.com/rep\n',
    'example.com/a..b',
    'example.com/a._b',
    'example.com/a___b',
    'example.com/-a',
    'example.com/a-',
    '-example.com/a',
    'example-.com/a',
    'example..com/a',
    'example.com:/a',
    'example.com:x/a',
    '[::1]:5000/a',
    'exämple.com/a',
    'example.com/ä',
  ])('is nothing less: %j', (scope) => {
    expect(scopeProblem(scope)).toBeDefined();
    expect(isScopeForNotation(scope)).toBe(false);
  });

  it('is taken where notation takes it, and nowhere else', () => {
    const unit = fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom('a', 'b0') },
      fc.constantFrom('Z', '.', '_', '__', '-', '--', '/', ':', '8', '*', '@', ' ', '\\'),
    );
    const scope = fc.oneof(
      fc.array(unit, { maxLength: 12 }).map((units) => units.join('')),
      fc.array(unit, { maxLength: 10 }).map((units) => `a.b/${units.join('')}`),
      fc.array(unit, { maxLength: 10 }).map((units) => `${units.join('')}/a`),
    );
    let taken = 0;
    fc.assert(
      fc.property(scope, (text) => {
        // No port of that kind can be asked for.
        fc.pre(!/:(?:0*|0*\d{6,})(?:\/|$)/.test(text));
        const forNotation = isScopeForNotation(text);
        if (forNotation) taken++;
        expect(scopeProblem(text) === undefined).toBe(forNotation);
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  it('has a port that there is', () => {
    for (const scope of ['a.example:0/b', 'a.example:65536/b', 'a.example:123456/b']) {
      expect(scopeProblem(scope)).toBeDefined();
    }
    expect(scopeProblem('a.example:65535/b')).toBeUndefined();
  });

  it.each([
    'a'.repeat(40),
    `example.com/${'a'.repeat(40)}!`,
    `${'a'.repeat(40)}!/a`,
    `example.com/${'a-'.repeat(50_000)}!`,
    `example.com/${'a'.repeat(100_000)}!`,
    `${'a.'.repeat(50_000)}!/a`,
    `${'a/'.repeat(50_000)}!`,
    `${':'.repeat(100_000)}/${'-'.repeat(100_000)}`,
  ])('that is none is refused in 5 ms [notation-ratify 77] (%#)', (start) => {
    const scope = `${start}!`;
    scopeProblem('example.com/warm');
    const begin = performance.now();
    expect(scopeProblem(scope)).toBeDefined();
    expect(performance.now() - begin).toBeLessThan(5);
  });
});

describe('the scopes of a document', () => {
  it('are there once: one statement alone decides on a repository [notation-ratify 69]', () => {
    const said = (...scopes: readonly (readonly string[])[]) =>
      refusal(withStatements(...scopes.map((own, i) => skipping(`s${i}`, ...own))));
    expect(said(['a.example/a', 'a.example/a'])).toBe(
      'trustPolicies[0].registryScopes[1]: "a.example/a" is trustPolicies[0].registryScopes[0] too, and one statement alone can decide',
    );
    expect(said(['a.example/a'], ['a.example/b', 'a.example/a'])).toContain('trustPolicies[1].registryScopes[1]: ');
    expect(said(['*'], ['*'])).toContain(
      'trustPolicies[1].registryScopes[0]: "*" is trustPolicies[0].registryScopes[0]',
    );
    expect(said(['a.example/a'], ['a.example/a/b'], ['a.example:443/a'], ['*'])).toBeUndefined();
  });

  it('are there once in whatever spelling, since images have them all [hostile]', () => {
    expect(refusal(withScopes({ a: ['a.example/a'], b: ['A.Example/a'] }))).toContain(
      'trustPolicies[1].registryScopes[0]: ',
    );
    expect(refusal(withScopes({ a: ['A.Example/a'], b: ['a.example/a'] }))).toContain(
      'trustPolicies[1].registryScopes[0]: ',
    );
    expect(refusal(withScopes({ a: ['docker.io/library/a'], b: ['index.docker.io/library/a'] }))).toContain(
      'trustPolicies[1].registryScopes[0]: ',
    );
  });

  it('are everything alone, or not everything [notation-ratify 70]', () => {
    const why = 'trustPolicies[0].registryScopes: "*" stands for every repository, and must stand alone';
    expect(refusal(withScopes({ a: ['*', 'a.example/a'] }))).toBe(why);
    expect(refusal(withScopes({ a: ['a.example/a', '*'] }))).toBe(why);
    expect(refusal(withScopes({ a: ['*', '*'] }))).toBe(why);
    expect(refusal(withScopes({ a: [] }))).toBe(
      'trustPolicies[0].registryScopes: it is empty; write repositories, or "*"',
    );
  });
});

describe('a scope that no image can have', () => {
  it.each([
    ['local/app', 'images of that name are those of docker.io/local/app; write it so'],
    ['docker.io/nginx', 'images of that name are those of docker.io/library/nginx; write it so'],
    [`example.com/${'a'.repeat(250)}`, 'the image reference is invalid: its name is longer than 255 characters'],
  ])('is told: %s', (scope, why) => {
    expect(scopeProblem(scope)).toBeUndefined();
    expect(neverMatches(scope)).toBe(why);
  });

  it.each([
    'example.com/a',
    'localhost/a',
    'registry:5000/a',
    'docker.io/library/nginx',
    'Index.Docker.io/a/b',
    'HOST/a',
  ])('is none of these: %s', (scope) => {
    expect(neverMatches(scope)).toBeUndefined();
  });

  it('has one form for all spellings of its host', () => {
    expect(scopeKey('Index.Docker.IO/library/a')).toBe('docker.io/library/a');
  });
});
