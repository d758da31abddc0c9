import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  effectiveTag,
  formatReference,
  isHost,
  isTag,
  parseReference,
  parseRepository,
} from '../../src/image/reference.ts';

const HEX = '4f1c'.repeat(16);
const DIGEST = `sha256:${HEX}`;

const canonical = (text: string): string => {
  const result = parseReference(text);
  return result.ok ? formatReference(result.value) : result.failure.code;
};

describe('image references', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox'],
    ['docker.io/busybox', 'docker.io/library/busybox'],
    ['index.docker.io/busybox:1', 'docker.io/library/busybox:1'],
    ['index.docker.io/acme/app', 'docker.io/acme/app'],
    ['acme/app:v1', 'docker.io/acme/app:v1'],
    ['localhost/app', 'localhost/app'],
    ['localhost:5000/app', 'localhost:5000/app'],
    ['localhost:5000', 'docker.io/library/localhost:5000'],
    ['GHCR.io/acme/app', 'ghcr.io/acme/app'],
    ['Acme/app', 'acme/app'],
    ['example.com/a/b/c:Tag_1.2-3', 'example.com/a/b/c:Tag_1.2-3'],
    ['192.168.1.1:5000/x', '192.168.1.1:5000/x'],
    ['[::1]:5000/x', '[::1]:5000/x'],
    ['[2001:DB8::1]/x', '[2001:db8::1]/x'],
    ['example.com/a__b/c---d/e.f_g', 'example.com/a__b/c---d/e.f_g'],
    [`ghcr.io/acme/app@${DIGEST}`, `ghcr.io/acme/app@${DIGEST}`],
    [`ghcr.io/acme/app:1@${DIGEST}`, `ghcr.io/acme/app:1@${DIGEST}`],
    [`library/${HEX}`, `docker.io/library/${HEX}`],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  it.each([
    ['', 'REFERENCE_EMPTY'],
    [' busybox', 'REFERENCE_INVALID'],
    ['busybox ', 'REFERENCE_INVALID'],
    ['busybox\n', 'REFERENCE_INVALID'],
    ['Busybox', 'REFERENCE_INVALID'],
    ['example.com/Foo', 'REFERENCE_INVALID'],
    ['example.com/foo/', 'REFERENCE_INVALID'],
    ['example.com//foo', 'REFERENCE_INVALID'],
    ['example.com/a___b', 'REFERENCE_INVALID'],
    ['example.com/a..b', 'REFERENCE_INVALID'],
    ['example.com/a._b', 'REFERENCE_INVALID'],
    ['example.com/a-_b', 'REFERENCE_INVALID'],
    ['example.com/-a', 'REFERENCE_INVALID'],
    ['example.com/a-', 'REFERENCE_INVALID'],
    ['example.com/', 'REFERENCE_INVALID'],
    ['/app', 'REFERENCE_INVALID'],
    [':tag', 'REFERENCE_EMPTY'],
    ['app:', 'REFERENCE_INVALID'],
    ['app:.x', 'REFERENCE_INVALID'],
    [`app:${'a'.repeat(129)}`, 'REFERENCE_INVALID'],
    ['example.com:99999/app', 'REFERENCE_INVALID'],
    ['example.com:/app', 'REFERENCE_INVALID'],
    ['-example.com/app', 'REFERENCE_INVALID'],
    ['exa_mple.com/app', 'REFERENCE_INVALID'],
    ['[::1/app', 'REFERENCE_INVALID'],
    ['user:pass@example.com/app', 'REFERENCE_INVALID'],
    ['https://example.com/app', 'REFERENCE_INVALID'],
    [HEX, 'REFERENCE_INVALID'],
    ['app@', 'REFERENCE_INVALID'],
    ['app@sha256:abc', 'REFERENCE_INVALID'],
    [`app@${DIGEST.toUpperCase()}`, 'DIGEST_ALGORITHM_UNSUPPORTED'],
    [`app@sha256:${HEX.toUpperCase()}`, 'REFERENCE_INVALID'],
    [`app@${DIGEST}@${DIGEST}`, 'REFERENCE_INVALID'],
    [`app@${DIGEST}:tag`, 'REFERENCE_INVALID'],
    [`app@sha512:${HEX}${HEX}`, 'DIGEST_ALGORITHM_UNSUPPORTED'],
    [`example.com/${'a'.repeat(244)}`, 'REFERENCE_INVALID'],
    ['a/'.repeat(150_000), 'REFERENCE_INVALID'],
  ])('refuses %j as %s', (text, code) => {
    expect(canonical(text)).toBe(code);
  });

  it('keeps what was written apart from what a runtime pulls', () => {
    const tagOf = (text: string) => {
      const result = parseReference(text);
      return result.ok ? [result.value.tag, effectiveTag(result.value)] : result.failure;
    };
    expect(tagOf('busybox')).toEqual([undefined, 'latest']);
    expect(tagOf('busybox:1')).toEqual(['1', '1']);
    expect(tagOf(`busybox@${DIGEST}`)).toEqual([undefined, undefined]);
    expect(tagOf(`busybox:1@${DIGEST}`)).toEqual(['1', '1']);
  });

  it('are read back from their canonical text', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}$/);
    const host = fc.stringMatching(/^(?:[a-z0-9]{1,5}\.[a-z]{1,4}(?::[1-9][0-9]{0,3})?|localhost)\/$/);
    const reference = fc.tuple(
      fc.option(host, { nil: 'acme/' }),
      fc.array(component, { minLength: 1, maxLength: 4 }),
      fc.option(fc.stringMatching(/^:\w[\w.-]{0,20}$/), { nil: '' }),
      fc.option(fc.constant(`@${DIGEST}`), { nil: '' }),
    );
    fc.assert(
      fc.property(reference, ([host, path, tag, digest]) => {
        const first = canonical(host + path.join('/') + tag + digest);
        expect(first).toContain('/');
        expect(canonical(first)).toBe(first);
      }),
    );
  });

  it('agree with the grammar, in its form that does not backtrack, on random text', () => {
    const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab0._-/A!'.split('')), minLength: 1, maxLength: 14 }),
        (path) => {
          expect(parseRepository(`example.com/${path}`).ok).toBe(PATH.test(path));
        },
      ),
      { numRuns: 20_000 },
    );
    const HOST =
      /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[1-9][0-9]{0,3})?$/;
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aB1.-:_'.split('')), minLength: 1, maxLength: 12 }), (host) => {
        expect(isHost(host)).toBe(HOST.test(host));
      }),
      { numRuns: 20_000 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 6 }), (tag) => {
        expect(isTag(tag)).toBe(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$/.test(tag));
      }),
      { numRuns: 5000 },
    );
  });

  it('takes no time over hostile text', () => {
    const started = performance.now();
    for (const text of [
      `${'a'.repeat(100_000)}!`,
      'a-'.repeat(50_000),
      '-'.repeat(100_000),
      ':'.repeat(100_000),
      `${'a'.repeat(26)}!`,
    ]) {
      for (const prefix of ['', 'example.com/', `x@`, 'x:']) expect(parseReference(prefix + text).ok).toBe(false);
      expect(parseRepository(`example.com/${text}`).ok).toBe(false);
    }
    expect(performance.now() - started).toBeLessThan(500);
  });
});
