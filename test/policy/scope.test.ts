import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { canonicalScope, isWithin, scopeChains } from '../../src/policy/scope.ts';

const DIGEST = `sha256:${'4f1c'.repeat(16)}`;

function chains(image: string): readonly (readonly string[])[] {
  const reference = parseReference(image);
  if (!reference.ok) throw new Error(reference.failure.message);
  return scopeChains(reference.value);
}

describe('the scopes of an image', () => {
  it.each([
    [
      'example.com/ns/repo:1',
      ['example.com/ns/repo:1', 'example.com/ns/repo', 'example.com/ns', 'example.com', '*.com'],
    ],
    [
      'busybox',
      ['docker.io/library/busybox:latest', 'docker.io/library/busybox', 'docker.io/library', 'docker.io', '*.io'],
    ],
    [
      `yet.another.example.com:8443/ns/repo@${DIGEST}`,
      [
        `yet.another.example.com:8443/ns/repo@${DIGEST}`,
        'yet.another.example.com:8443/ns/repo',
        'yet.another.example.com:8443/ns',
        'yet.another.example.com:8443',
        '*.another.example.com',
        '*.example.com',
        '*.com',
      ],
    ],
    ['localhost/repo:a', ['localhost/repo:a', 'localhost/repo', 'localhost']],
    ['127.0.0.1:5057/x:a', ['127.0.0.1:5057/x:a', '127.0.0.1:5057/x', '127.0.0.1:5057', '*.0.0.1', '*.0.1', '*.1']],
  ])('%s is looked up most specific first [openshift 34, 36, 37]', (image, chain) => {
    expect(chains(image)).toEqual([chain]);
  });

  it('a port keeps an image out of the scope of the bare host [openshift 35]', () => {
    expect(chains('example.com:8443/ns/x:1')[0]).not.toContain('example.com');
  });

  it('a reference with tag and digest is looked up in both forms, so that pinning sheds nothing [M7]', () => {
    const general = ['example.com/a', 'example.com', '*.com'];
    expect(chains(`example.com/a:1@${DIGEST}`)).toEqual([
      [`example.com/a@${DIGEST}`, ...general],
      ['example.com/a:1', ...general],
    ]);
  });

  it('a name in a path is not a registry [peers 34]', () => {
    const [chain = []] = chains('attacker.com/x.registry.example.com/y:1');
    expect(chain.filter((scope) => isWithin(scope, 'registry.example.com'))).toEqual([]);
    expect(chain).not.toContain('*.example.com');
  });
});

describe('canonical scopes', () => {
  it.each([
    ['index.docker.io', 'docker.io'],
    ['index.docker.io/library/busybox', 'docker.io/library/busybox'],
    ['INDEX.docker.io/library', 'docker.io/library'],
    ['EXAMPLE.com/ns/Repo:Tag', 'example.com/ns/Repo:Tag'],
    ['*.Example.com', '*.example.com'],
    [`example.com/a@sha256:${'AB'.repeat(32)}`, `example.com/a@sha256:${'ab'.repeat(32)}`],
    ['index.docker.io.example.com/a', 'index.docker.io.example.com/a'],
  ])('%s is %s', (written, canonical) => {
    expect(canonicalScope(written)).toBe(canonical);
  });
});

describe('nested scopes [openshift-containers.md §1.4]', () => {
  it.each([
    ['example.com/global/image', 'example.com/global', true],
    ['example.com/global/image:latest', 'example.com/global', true],
    // Stricter than machine-config-operator: its documentation says nested, its code does not.
    ['example.com/repo:tag', 'example.com/repo', true],
    [`example.com/repo@${DIGEST}`, 'example.com/repo', true],
    [`example.com/repo:tag@${DIGEST}`, 'example.com/repo:tag', true],
    [`example.com/repo:tag@${DIGEST}`, `example.com/repo@${DIGEST}`, true],
    ['foo.example.com/ns/repo', '*.example.com', true],
    ['foo.example.com/ns/repo:tag', '*.example.com', true],
    [`foo.example.com/ns/repo@${DIGEST}`, '*.example.com', true],
    ['foo.example.com:5000/ns/repo', '*.example.com', true],
    ['*.foo.example.com', '*.example.com', true],
    ['example.com', '*.example.com', false],
    ['*.example.com', 'example.com', false],
    ['*.example.com', '*.foo.example.com', false],
    ['quay.io:443', 'quay.io', false],
    ['quay.io:443/a', 'quay.io', false],
    ['example.com/repository', 'example.com/repo', false],
    ['example.com/repo', 'example.com/repo:tag', false],
    ['badexample.com', '*.example.com', false],
    ['example.com/a', 'example.com/a', true],
  ])('%s in %s: %s', (inner, outer, nested) => {
    expect(isWithin(inner, outer)).toBe(nested);
  });

  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/);
  const image = fc
    .tuple(fc.array(label, { minLength: 2, maxLength: 4 }), fc.array(label, { minLength: 1, maxLength: 3 }), label)
    .map(([host, path, tag]) => `${host.join('.')}/${path.join('/')}:${tag}`);

  it('every scope of an image lies in every later one of its chain, repository and host alike', () => {
    fc.assert(
      fc.property(image, (text) => {
        for (const chain of chains(text)) {
          const wide = chain.filter((scope) => !scope.startsWith('*.') || !chain.includes(scope.slice(2)));
          for (const [i, inner] of wide.entries()) {
            for (const outer of wide.slice(i)) expect(isWithin(inner, outer)).toBe(true);
          }
        }
      }),
    );
  });
});
