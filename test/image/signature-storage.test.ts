import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import { parseRepository, type Repository } from '../../src/image/reference.ts';
import { type AskedForm, NO_STORAGE, type StorageSection, storageFor } from '../../src/image/signature-storage.ts';

const DIGEST = digestOf(Buffer.from('image'));

function named(name: string): Repository {
  const repository = parseRepository(name);
  if (!repository.ok) throw new Error(repository.failure.message);
  return repository.value;
}

const section = (lookaside?: string, attachments?: boolean): StorageSection => ({ lookaside, attachments });

/** The lookaside of a name under sections that each name themselves. */
function chosen(name: string, scopes: readonly string[], asked: AskedForm = { tag: 'v1' }): string {
  const sections = Object.fromEntries(scopes.map((scope) => [scope, section(scope)]));
  return storageFor({ sections, otherwise: section('default-docker') }, named(name), asked).lookaside;
}

describe('where registries.d says that signatures are kept', () => {
  const chain = [
    'a.b.example.com:5000/ns/repo:v1',
    'a.b.example.com:5000/ns/repo',
    'a.b.example.com:5000/ns',
    'a.b.example.com:5000',
    '*.b.example.com',
    '*.example.com',
    '*.com',
  ];

  it('is the most specific section, from the tag to the wildcard, then the default', () => {
    for (const [index, scope] of chain.entries()) {
      expect(chosen('a.b.example.com:5000/ns/repo', chain.slice(index).toReversed())).toBe(scope);
    }
    expect(chosen('a.b.example.com:5000/ns/repo', [])).toBe('default-docker');
  });

  it('is asked by the digest alone where one was asked for', () => {
    const scopes = ['example.com/repo:v1', `example.com/repo@${DIGEST}`];
    expect(chosen('example.com/repo', scopes, { digest: DIGEST })).toBe(`example.com/repo@${DIGEST}`);
    expect(chosen('example.com/repo', scopes, { tag: 'v1' })).toBe('example.com/repo:v1');
    expect(chosen('example.com/repo', scopes, { tag: 'v2' })).toBe('default-docker');
  });

  it('is not the section of a host without the port that was asked for [openshift-containers 82]', () => {
    expect(chosen('localhost:9999/busybox', ['localhost'])).toBe('default-docker');
    expect(chosen('localhost:9999/busybox', ['localhost:9999'])).toBe('localhost:9999');
  });

  it('is not a section that ends within a component', () => {
    expect(chosen('example.com/foobar', ['example.com/foo'])).toBe('default-docker');
    expect(chosen('example.com/ns/app', ['example.com/n', 'ample.com'])).toBe('default-docker');
  });

  it('is found under the full names of Docker Hub', () => {
    expect(chosen('busybox', ['docker.io/library', 'busybox'])).toBe('docker.io/library');
  });

  it('is said field by field: what a section leaves out, a more general one says', () => {
    const storage = {
      sections: {
        'example.com/ns/repo': section(undefined, true),
        'example.com': section('https://host', false),
        '*.com': section('https://wild', true),
      },
      otherwise: section('https://default', true),
    };
    const at = (name: string) => storageFor(storage, named(name), { tag: 'v1' });
    expect(at('example.com/ns/repo')).toEqual({ lookaside: 'https://host', attachments: true });
    expect(at('example.com/ns/other')).toEqual({ lookaside: 'https://host', attachments: false });
    expect(at('other.com/x')).toEqual({ lookaside: 'https://wild', attachments: true });
    expect(at('other.test/x')).toEqual({ lookaside: 'https://default', attachments: true });
  });

  it('is where containers/image looks, without attachments, where nothing is said [openshift-containers 84]', () => {
    expect(storageFor(NO_STORAGE, named('busybox'), { tag: 'latest' })).toEqual({
      lookaside: 'file:///var/lib/containers/sigstore',
      attachments: false,
    });
  });

  it('is not taken from what every object has', () => {
    expect(chosen('constructor/app', [])).toBe('default-docker');
    expect(
      storageFor({ ...NO_STORAGE, sections: Object.create({ 'a.test': section('x') }) }, named('a.test/b'), {
        tag: '1',
      }),
    ).toMatchObject({
      lookaside: 'file:///var/lib/containers/sigstore',
    });
  });
});
