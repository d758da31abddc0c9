import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ImageReference, parseReference } from '../../../src/image/reference.ts';
import { matchesGlob, readGlob, splitVersion } from '../../../src/policy/dialects/countersign/globs.ts';

const DIGEST = `sha256:${'4f1c'.repeat(16)}`;

function reference(text: string): ImageReference {
  const parsed = parseReference(text);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
}

const matches = (glob: string, image: string): boolean => matchesGlob(readGlob(glob), reference(image));

/** What a glob means, put into a regular expression. It may be slow, and is asked little. */
function means(glob: string, image: string): boolean {
  const { repository, tag, digest } = reference(image);
  const { name, separator, version } = splitVersion(glob);
  const pattern = (text: string) => new RegExp(`^${text.replace(/\*+|[^*]+/g, translated)}$`, 'su');
  const host = name.split('/', 1)[0] ?? '';
  const wanted = pattern(host.toLowerCase() + name.slice(host.length));
  const full = `${repository.host}/${repository.path}`;
  const isNamed = [full, ...(repository.host === 'docker.io' ? [`index.${full}`] : [])].some((one) => wanted.test(one));
  if (separator === '') return isNamed;
  const written = separator === ':' ? (tag ?? (digest === undefined ? 'latest' : undefined)) : digest;
  return isNamed && written !== undefined && pattern(separator === '@' ? version.toLowerCase() : version).test(written);
}

function translated(part: string): string {
  if (part === '*') return '[^/]*';
  return part.startsWith('*') ? '.*' : part.replace(/[.[\]]/g, '\\$&');
}

describe('globs', () => {
  it.each([
    // Within a part of the path, and across
    ['ghcr.io/acme/*', 'ghcr.io/acme/app:1', true],
    ['ghcr.io/acme/*', 'ghcr.io/acme/team/app:1', false],
    ['ghcr.io/acme/*', 'ghcr.io/acme-evil/app:1', false],
    ['ghcr.io/acme/**', 'ghcr.io/acme/team/app:1', true],
    ['ghcr.io/acme/**', 'ghcr.io/acme', false],
    ['ghcr.io/acme/**', 'evil.example/ghcr.io/acme/app', false],
    ['ghcr.io/**/app', 'ghcr.io/a/b/app', true],
    ['ghcr.io/**/app', 'ghcr.io/app', false],
    ['ghcr.io/*/app', 'ghcr.io/a/app', true],
    ['ghcr.io/a*c/d', 'ghcr.io/abbbc/d', true],
    ['ghcr.io/a*c/d', 'ghcr.io/ac/d', true],
    ['ghcr.io/a*c/d', 'ghcr.io/ab/c/d', false],
    ['**', 'ghcr.io/a', true],
    ['**/app', 'ghcr.io/a/app', true],
    ['**/app', 'ghcr.io/a/application', false],
    // Registries
    ['*.example.com/team/*', 'a.b.example.com/team/app', true],
    ['*.example.com/team/*', 'example.com/team/app', false],
    ['*.example.com/**', 'a.example.com:5000/app', false],
    ['*.example.com:5000/**', 'a.example.com:5000/app', true],
    ['*.example.com*/**', 'a.example.com:5000/app', true],
    ['GHCR.io/acme/*', 'ghcr.io/acme/app', true],
    ['ghcr.io/acme/*', 'GHCR.IO/acme/app', true],
    ['*/acme/*', 'ghcr.io:443/acme/app', true],
    // Docker Hub's two names, and its own images
    ['docker.io/library/*', 'busybox', true],
    ['index.docker.io/library/*', 'busybox', true],
    ['docker.io/library/*', 'index.docker.io/busybox', true],
    ['*.docker.io/**', 'busybox', true],
    ['docker.io/*', 'busybox', false],
    ['index.docker.io.example/**', 'busybox', false],
    // Tags and digests
    ['ghcr.io/acme/app:1.*', 'ghcr.io/acme/app:1.2', true],
    ['ghcr.io/acme/app:1.*', 'ghcr.io/acme/app:2.0', false],
    ['ghcr.io/acme/*:*', 'ghcr.io/acme/app', true],
    ['ghcr.io/acme/*:latest', 'ghcr.io/acme/app', true],
    ['ghcr.io/acme/*:V*', 'ghcr.io/acme/app:v1', false],
    ['ghcr.io/acme/*:*', `ghcr.io/acme/app@${DIGEST}`, false],
    ['ghcr.io/acme/*:1', `ghcr.io/acme/app:1@${DIGEST}`, true],
    ['ghcr.io/acme/*@*', `ghcr.io/acme/app:1@${DIGEST}`, true],
    ['ghcr.io/acme/*@sha256:4f1c*', `ghcr.io/acme/app@${DIGEST}`, true],
    ['ghcr.io/acme/*@sha256:4f1d*', `ghcr.io/acme/app@${DIGEST}`, false],
    ['ghcr.io/acme/*@*', 'ghcr.io/acme/app:1', false],
    // A wildcard of the name does not reach into tag or digest
    ['**:4f*', `ghcr.io/acme/app@${DIGEST}`, false],
    ['**1', 'ghcr.io/acme/app:1', false],
    ['ghcr.io:5000/**', 'ghcr.io:5000/app:1', true],
    ['ghcr.io*/**', 'ghcr.io:5000/app:1', true],
  ])('%s on %s: %s', (glob, image, expected) => {
    expect(matches(glob, image)).toBe(expected);
    expect(means(glob, image)).toBe(expected);
  });

  it('mean what the same regular expression means', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      'ab',
      '.',
      '/',
      '/',
      '-',
      '*',
      '*',
      '**',
      ':',
      '@',
      'sha256:',
      'docker.io/',
    );
    const glob = fc.array(piece, { minLength: 1, maxLength: 9 }).map((parts) => parts.join(''));
    const images = [
      'a.b/a',
      'a.b/ab/ba',
      'a.b/a-b:a',
      'a.b:1/ab:b.a',
      'a',
      'docker.io/a/b:ab',
      `a.b/b:a@${DIGEST}`,
      `a.b/ab@${DIGEST}`,
    ];
    fc.assert(
      fc.property(glob, fc.constantFrom(...images), (text, image) => {
        expect(matches(text, image)).toBe(means(text, image));
      }),
      { numRuns: 5000 },
    );
  });

  it('and do where they were made out of a name, so that they do match', () => {
    const label = fc.stringMatching(/^[ab]{1,3}$/);
    const name = fc.tuple(label, fc.array(label, { minLength: 1, maxLength: 4 }));
    const cut = fc.tuple(fc.nat(), fc.nat(), fc.boolean());
    fc.assert(
      fc.property(name, fc.array(cut, { maxLength: 3 }), ([host, path], cuts) => {
        const image = `${host}.example/${path.join('/')}`;
        const glob = cuts.reduce((text, [from, length, isWide]) => {
          const start = from % text.length;
          const end = start + (length % 4);
          return text.slice(0, start) + (isWide ? '**' : '*') + text.slice(end);
        }, image);
        expect(matches(glob, image)).toBe(means(glob, image));
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['*a', '**a', '*', '**', 'a*', '*a**', '*a*b**', '**/', '*/', 'a'])(
    'of 512 characters, as %s again and again, are matched in a moment [hostile]',
    (part) => {
      const glob = readGlob(`a.example/${part.repeat(600)}`.slice(0, 512));
      const image = reference(`a.example/${'a'.repeat(240)}:${'a'.repeat(128)}`);
      const tagged = readGlob(`**:${part.repeat(600)}`.slice(0, 512));
      const start = performance.now();
      for (let i = 0; i < 10; i++) {
        matchesGlob(glob, image);
        matchesGlob(tagged, image);
      }
      expect((performance.now() - start) / 20).toBeLessThan(20);
    },
  );
});
