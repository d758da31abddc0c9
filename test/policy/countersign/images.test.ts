import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageProblem, isGlob, ownScopes } from '../../../src/policy/dialects/countersign/images.ts';
import { names } from '../openshift/objects.ts';
import { policy, problems, setOf } from './objects.ts';

const DIGEST = `sha256:${'4f1c'.repeat(16)}`;

describe('the items of images', () => {
  it.each([
    ['registry.example.com', 'registry.example.com/a:1'],
    ['registry.example.com:5000', 'registry.example.com:5000/a:1'],
    ['registry:5000', 'registry:5000/a:1'],
    ['localhost', 'localhost/a'],
    ['127.0.0.1:5000/a', '127.0.0.1:5000/a:1'],
    ['[fd00::1]:5000', '[fd00::1]:5000/a:1'],
    ['EXAMPLE.com/team', 'example.com/team/app:1'],
    ['example.com/team/app', 'example.com/team/app'],
    ['example.com/team/app:1.0', 'example.com/team/app:1.0'],
    ['example.com/team/app:latest', 'example.com/team/app'],
    [`example.com/app@${DIGEST}`, `example.com/app:1@${DIGEST}`],
    ['*.example.com', 'a.b.example.com:5000/app'],
    ['docker.io', 'busybox'],
    ['index.docker.io/library/busybox:latest', 'busybox'],
    ['docker.io/library', 'busybox'],
    ['**', 'busybox'],
    ['*/**', 'example.com/a/b'],
    ['ghcr.io/acme/*', 'ghcr.io/acme/app'],
    ['ghcr.io/**', 'ghcr.io/a/b/c'],
    ['*.example.com:5000/**', 'a.example.com:5000/b/c'],
    ['example.com/app:1.*', 'example.com/app:1.2'],
    [`example.com/*@${DIGEST}`, `example.com/app@${DIGEST}`],
    ['example.com/*@sha256:4F*', `example.com/app@${DIGEST}`],
  ])('%s is one, and names %s', (item, image) => {
    expect(imageProblem(item)).toBeUndefined();
    expect(names(setOf(policy({ images: [item] })), image)).toEqual([`policy ${item}`]);
  });

  it.each([
    ['busybox', 'names no registry: write docker.io/library/busybox if that is meant'],
    ['acme/app:1', 'names no registry: write docker.io/acme/app:1 if that is meant'],
    ['acme/**', 'names no registry: write docker.io/acme/** if that is meant'],
    ['example.com:latest', 'is no registry, which is a host name with or without a port'],
    ['example.com:65536', 'is no registry, which is a host name with or without a port'],
    ['exa_mple.com', 'is no registry, which is a host name with or without a port'],
    [`example.com@${DIGEST}`, 'is no registry, which is a host name with or without a port'],
    ['https://example.com/a', 'begins with no registry, which is a host name with or without a port'],
    ['-a.example/b', 'begins with no registry, which is a host name with or without a port'],
    ['a.example:b/**', 'begins with no registry, which is a host name with or without a port'],
    ['example.com/', 'has a repository path that no image can have; it is in lower case, without empty parts'],
    ['example.com/a//b', 'has a repository path that no image can have; it is in lower case, without empty parts'],
    ['example.com/Team', 'has a repository path that no image can have; it is in lower case, without empty parts'],
    ['example.com/a:', 'ends in no tag, which is 1 to 128 letters, digits, _, . or -'],
    ['example.com/a:b c', 'ends in no tag, which is 1 to 128 letters, digits, _, . or -'],
    ['example.com/a@sha256:12', 'ends in no digest, which is sha256: and 64 hexadecimal digits'],
    [
      `example.com/a:1@${DIGEST}`,
      'has both a tag and a digest, and images are looked up by one of them: write the one that counts',
    ],
    ['docker.io/busybox:1', 'is the name of no image, since Docker Hub calls its own images docker.io/library/busybox'],
    ['*.', 'is no domain behind the *.'],
    ['*.-example.com', 'is no domain behind the *.'],
    [
      '*',
      'matches no image, whose name has at least one slash: write ** for every image, or ** behind a registry’s slash',
    ],
    [
      '*.example.com:5000',
      'matches no image, whose name has at least one slash: write ** for every image, or ** behind a registry’s slash',
    ],
    [
      'example.*',
      'matches no image, whose name has at least one slash: write ** for every image, or ** behind a registry’s slash',
    ],
    [
      'example.com/***',
      'holds three asterisks in a row, which mean nothing: * stays within a part of the path, ** does not',
    ],
    ['example.com/a?/*', 'holds "?", which no image name holds: the wildcards are * and **'],
    ['example.com/{a,b}/*', 'holds "{", which no image name holds: the wildcards are * and **'],
    ['example.com/*/', 'has an empty part in its path, which no image has'],
    ['example.com//*', 'has an empty part in its path, which no image has'],
    ['/**', 'has an empty part in its path, which no image has'],
    ['example.com/Team/*', 'has capital letters in its path, which no image has'],
    ['example.com/a:b/*', 'has a colon inside of its path, which no image has'],
    [
      'example.com/*:1@sha256:*',
      'has both a tag and a digest, and images are looked up by one of them: write the one that counts',
    ],
    ['example.com/*@sha512:*', 'ends in no digest, which begins with sha256:'],
    ['example.com/*:', 'ends in an empty tag or digest'],
  ])('%s is none, since it would name no image', (item, why) => {
    expect(imageProblem(item)).toBe(why);
    expect(problems(policy({ images: [item] }))).toEqual([`spec.images[0]: "${item}" ${why}`]);
  });

  it('*. in front of a domain is a scope, and any other asterisk makes a glob', () => {
    expect(['*.example.com', '*.example.com/a', '*.*.com', 'a.example/*', 'a.example'].map(isGlob)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  it('are looked up once where they mean one thing, and tags of globs keep their case', () => {
    expect(
      ownScopes(['Docker.io/a', 'index.docker.io/a', '**:V1*', '**:v1*']).map(({ canonical }) => canonical),
    ).toEqual(['docker.io/a', '**:V1*', '**:v1*']);
  });

  it('whatever they hold, a sentence or nothing comes of it, and quickly [hostile]', () => {
    const part = fc.constantFrom(
      'a',
      'A',
      '.',
      '/',
      ':',
      '@',
      '*',
      '**',
      '-',
      '_',
      'sha256:',
      'docker.io',
      '\u0000',
      '😀',
      '[',
      ']',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const problem = imageProblem(parts.join(''));
        expect(problem === undefined || problem.length > 0).toBe(true);
      }),
    );
    const start = performance.now();
    for (const text of ['*', '/', 'a.', ':', '@', '**/', '-']) imageProblem(text.repeat(512 / text.length));
    expect(performance.now() - start).toBeLessThan(50);
  });
});
