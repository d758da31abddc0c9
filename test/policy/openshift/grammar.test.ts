import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hasNoTag,
  isEmail,
  isHostname,
  isRepository,
  isScope,
} from '../../../src/policy/dialects/openshift/grammar.ts';
import { isRequestUri } from '../../../src/policy/dialects/openshift/request-uri.ts';

// The CRD's patterns, with the path component in the form that does not backtrack; texts here are short.
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = `(?:${LABEL}(?:\\.${LABEL})+(?::[0-9]+)?|localhost(?::[0-9]+)?)`;
const PATH = '(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*';
const NAME = new RegExp(`^${DOMAIN}${PATH}$`);
const IMAGE = new RegExp(
  `^${DOMAIN}${PATH}(?::[\\w][\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);
const WILDCARD = new RegExp(`^\\*(?:\\.${LABEL})+$`);

function crdScope(text: string): boolean {
  const first = text.split('/')[0] ?? '';
  if (!first.includes('.') && first.split(':')[0] !== 'localhost') return false;
  return text.includes('*') ? WILDCARD.test(text) : IMAGE.test(text);
}

describe('scopes', () => {
  it.each([
    'localhost',
    'localhost:5000/a',
    'example.com',
    'example.com:5000',
    'EXAMPLE.com/foo',
    '192.168.1.1:5000/x',
    'example.com/a__b',
    'example.com/a---b',
    '*.example.com',
    '*.com',
    'example.com/foo:latest',
    `example.com/foo@sha256:${'a'.repeat(32)}`,
    'example.com:latest',
    `example.com/repo:tag@sha256:${'A'.repeat(40)}`,
  ])('%s is one', (scope) => {
    expect(isScope(scope)).toBe(true);
  });

  it.each([
    'busybox',
    'example/foo',
    '*',
    '*.example.com:5000',
    '*.example.com/test',
    'a.*.com',
    'example.com/Foo',
    'example.com/foo/',
    'example.com//foo',
    'example.com/a___b',
    '[::1]:5000/x',
    '',
    `example.com/foo@sha256:${'a'.repeat(31)}`,
    'example.com/foo\n',
    `example.com/${'a'.repeat(502)}`,
  ])('%j is none', (scope) => {
    expect(isScope(scope)).toBe(false);
  });

  const piece = fc.constantFrom(
    'a',
    'B',
    '0',
    '.',
    '_',
    '__',
    '-',
    ':',
    '/',
    '@',
    '*',
    'localhost',
    'sha256:',
    'ab12'.repeat(8),
    ' ',
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

  it('are told as the CRD’s own patterns tell them', () => {
    fc.assert(
      fc.property(fc.constantFrom('', 'a.b', 'localhost', '*.a'), text, (start, rest) => {
        expect(isScope(start + rest)).toBe(crdScope(start + rest));
        expect(isRepository(start + rest)).toBe(NAME.test(start + rest));
        const tagged = /^(?:.*):[\w][\w.-]{0,127}$/.test(start + rest);
        expect(hasNoTag(start + rest)).toBe(!tagged || /^localhost:[0-9]+$/.test(start + rest));
      }),
      { numRuns: 3000 },
    );
  });

  it('take no time over what makes the CRD’s pattern take forever in V8 [hostile]', () => {
    const start = performance.now();
    for (let i = 0; i < 100; i++) isScope(`example.com/${'a'.repeat(490)}!`);
    expect(performance.now() - start).toBeLessThan(200);
  });
});

it.each(['example.com:5000', 'example.com/ns:1', 'localhost:latest'])('%s is no prefix, quirk and all', (prefix) => {
  expect(hasNoTag(prefix)).toBe(false);
});

it.each(['example.com:5000/ns', 'localhost:5000', 'example.com'])('%s is a prefix', (prefix) => {
  expect(hasNoTag(prefix) && isRepository(prefix)).toBe(true);
});

it.each([
  ['a@b', true],
  ['@a', false],
  ['a@', false],
  ['@@@', true],
  ['a b@c', false],
  ['a', false],
])('e-mail %j: %s', (text, good) => {
  expect(isEmail(text)).toBe(good);
});

it.each([
  ['a.example', true],
  ['*.a.example', true],
  ['*.*.example', false],
  ['A.example', false],
  ['-a.example', false],
  ['a..example', false],
  ['', false],
  ['*.', false],
])('hostname %j: %s', (text, good) => {
  expect(isHostname(text)).toBe(good);
});

// As Go's url.ParseRequestURI answers.
it.each([
  ['https://oidc.localhost', true],
  ['https://a.example/b?c=d', true],
  ['/absolute/path', true],
  ['mailto:a@b.example', true],
  ['http://[::1]:80/', true],
  ['https://a.example:port/', false],
  ['https://a b.example', false],
  ['https://a.example/%zz', false],
  ['https://%41.example', false],
  ['a.example', false],
  ['a/b', false],
  ['', false],
  [':a', false],
  ['https://a.example/\u0000', false],
  ['1http://a', false],
  ['//a.example', true],
])('URL %j: %s', (text, good) => {
  expect(isRequestUri(text)).toBe(good);
});
