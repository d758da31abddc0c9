import { describe, expect, it } from 'vitest';
import { formatLayout, layoutPlace, parseLayout } from '../../src/image/layout-reference.ts';
import { repositoryName } from '../../src/image/reference.ts';

const D = `sha256:${'a'.repeat(64)}`;

describe('the names of layouts', () => {
  it.each([
    ['dir:/a/b', { transport: 'dir', path: '/a/b' }],
    ['dir:a:b@c', { transport: 'dir', path: 'a:b@c' }],
    ['dir:.', { transport: 'dir', path: '.' }],
    ['oci:/a/b', { transport: 'oci', path: '/a/b', image: { kind: 'only' } }],
    ['oci:/a/b:', { transport: 'oci', path: '/a/b', image: { kind: 'only' } }],
    ['oci:/a/b:v1', { transport: 'oci', path: '/a/b', image: { kind: 'named', name: 'v1' } }],
    ['oci:a:notlatest:image', { transport: 'oci', path: 'a', image: { kind: 'named', name: 'notlatest:image' } }],
    [`oci:a@${D}`, { transport: 'oci', path: 'a', image: { kind: 'digest', digest: D } }],
    [`oci:a:b@${D}`, { transport: 'oci', path: 'a', image: { kind: 'named', name: `b@${D}` } }],
    ['oci:a@b:c', { transport: 'oci', path: 'a@b', image: { kind: 'named', name: 'c' } }],
  ])('%s', (text, layout) => {
    expect(parseLayout(text)).toEqual({ ok: true, value: layout });
  });

  it.each(['dir:', 'oci:', 'oci::v1', `oci:@${D}`, 'oci:a:@1', 'oci:a@sha256:abc', 'oci:a@sha256:'])(
    'refuses %s, which names no folder or no image',
    (text) => {
      expect(parseLayout(text)).toMatchObject({ ok: false, failure: { code: 'REFERENCE_INVALID' } });
    },
  );

  it.each(['', 'ghcr.io/acme/app:1', 'directory', 'DIR:/a', 'docker://dir:/a', 'oci-archive:/a', ' dir:/a'])(
    'takes "%s" for no layout',
    (text) => {
      expect(parseLayout(text)).toBeUndefined();
    },
  );

  it('are written as they are read', () => {
    for (const text of ['dir:/a:b', 'oci:/a', 'oci:/a:v1:2', `oci:/a@${D}`]) {
      const layout = parseLayout(text);
      expect(layout?.ok === true && formatLayout(layout.value)).toBe(text);
    }
  });

  it('have places that no registry can have', () => {
    expect(repositoryName(layoutPlace({ transport: 'dir', path: '/a/b' }))).toBe('dir:/a/b');
    expect(repositoryName(layoutPlace({ transport: 'oci', path: '/a', image: { kind: 'only' } }))).toBe('oci:/a');
  });
});
