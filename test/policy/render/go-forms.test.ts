import { describe, expect, it } from 'vitest';
import { goJson, type JsonTree } from '../../../src/policy/render/go-json.ts';
import { operatorNests } from '../../../src/policy/render/nesting.ts';
import { byNature, mappingEntry } from '../../../src/policy/render/yaml-keys.ts';

describe('JSON as Go writes it', () => {
  it.each([
    ['<a href="&">', '"\\u003ca href=\\"\\u0026\\"\\u003e"'],
    ['\u2028\u2029', '"\\u2028\\u2029"'],
    ['\b\f\n\r\t\u0000\u001f\u007f\\', '"\\b\\f\\n\\r\\t\\u0000\\u001f\u007f\\\\"'],
    ['é😀', '"é😀"'],
    ['half \ud83d', '"half \ufffd"'],
  ])('escapes what it escapes there: %j', (text, expected) => expect(goJson(text)).toBe(expected));

  it('writes empty lists and maps in one line, and others a step further in', () => {
    const tree = new Map<string, JsonTree>([
      ['list', []],
      ['map', new Map()],
      ['deep', [new Map([['1', true]])]],
    ]);
    expect(goJson(tree)).toBe('{\n  "list": [],\n  "map": {},\n  "deep": [\n    {\n      "1": true\n    }\n  ]\n}');
  });
});

describe('keys in the order of Go’s YAML', () => {
  it.each([
    ['*.example', 'a.example'],
    ['1.example', 'a.example'],
    ['A.example', 'a.example'],
    ['a', 'a.example'],
    ['a-b', 'a.b'],
    ['a.b', 'a/b'],
    ['a2', 'a10'],
    ['a1', 'a01'],
    ['a01', 'a2'],
    ['a/b', 'a:5'],
    ['a10', 'a100'],
    ['a100', 'a102'],
    ['a1.5', 'a1.10'],
  ])('%s is before %s', (first, second) => {
    expect(byNature(first, second)).toBeLessThan(0);
    expect(byNature(second, first)).toBeGreaterThan(0);
    expect(byNature(first, first)).toBe(0);
  });

  it.each(['1.5', '1.5e-3', '10:30', 'TRUE', 'on', 'null', '0x1F', '0b1', '1e5'])(
    'quotes %s, which would be no text',
    (key) => expect(mappingEntry(key, '', 'x: true')).toBe(`"${key}":\n  x: true\n`),
  );

  it.each(['1.2.3', 'a1.5', '10:30/a', '10.0.0.1:5000', 'one', '0x1G'])('leaves %s as it is', (key) =>
    expect(mappingEntry(key, '', 'x: true')).toBe(`${key}:\n  x: true\n`),
  );

  it('writes a key of more than 128 characters as one that is not simple', () => {
    expect(mappingEntry('a'.repeat(128), '  ', 'x: true')).toBe(`  ${'a'.repeat(128)}:\n    x: true\n`);
    expect(mappingEntry('a'.repeat(129), '  ', 'x: true')).toBe(`  ? ${'a'.repeat(129)}\n  : x: true\n`);
  });
});

describe('what machine-config-operator takes to lie within a scope (openshift-containers.md §1.4)', () => {
  it.each([
    ['example.com/global/image', 'example.com/global', true],
    ['example.com/global/image:latest', 'example.com/global', true],
    ['example.com/repo:tag', 'example.com/repo', false],
    [`example.com/repo@sha256:${'a'.repeat(64)}`, 'example.com/repo', false],
    ['foo.example.com/ns/repo', '*.example.com', true],
    ['foo.example.com/ns/repo:tag', '*.example.com', false],
    [`foo.example.com/ns/repo@sha256:${'a'.repeat(64)}`, '*.example.com', false],
    ['foo.example.com:5000/ns/repo', '*.example.com', true],
    ['*.foo.example.com', '*.example.com', true],
    ['example.com', '*.example.com', false],
    ['quay.io:443', 'quay.io', false],
    ['example.com/a', 'example.com/a', true],
    ['example.com/ab', 'example.com/a', false],
    ['quay.io/bar.example.com', '*.example.com', false],
  ])('%s in %s: %s', (inner, outer, expected) => expect(operatorNests(inner, outer)).toBe(expected));
});
