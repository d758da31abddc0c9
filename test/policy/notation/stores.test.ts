import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type DirectoryEntry,
  isKubeletLink,
  storeFiles,
  storePath,
  storesOf,
} from '../../../src/policy/dialects/notation/stores.ts';
import { describeVectors } from '../../fixtures/vectors.ts';
import { folder } from '../sources/folder.ts';
import { document, skipping, statement, withStatements } from './documents.ts';

/** What stands in a directory, links not followed. */
function entriesOf(directory: string): readonly DirectoryEntry[] {
  return readdirSync(directory).map((name): DirectoryEntry => {
    const path = join(directory, name);
    const facts = lstatSync(path);
    if (facts.isSymbolicLink()) return { name, kind: 'link', leadsTo: readlinkSync(path) };
    return { name, kind: facts.isFile() ? 'file' : facts.isDirectory() ? 'directory' : 'other' };
  });
}

const file = (name: string): DirectoryEntry => ({ name, kind: 'file' });

/** The files, or why there are none. */
function files(...entries: readonly DirectoryEntry[]): readonly string[] | string {
  const read = storeFiles(entries);
  if (read.ok) return read.value;
  expect(read.failure.code).toBe('TRUST_MATERIAL_UNAVAILABLE');
  return read.failure.message;
}

describe('the stores of a document', () => {
  it('are each named once, whichever statements name them', () => {
    const text = withStatements(
      statement({ trustStores: ['ca:a', 'tsa:a', 'ca:a'] }),
      statement({ name: 'b', registryScopes: ['a.example/b'], trustStores: ['signingAuthority:a', 'ca:a', 'ca:b'] }),
      skipping('c', '*'),
    );
    expect(storesOf(document(text)).map(storePath)).toEqual([
      'truststore/x509/ca/a',
      'truststore/x509/tsa/a',
      'truststore/x509/signingAuthority/a',
      'truststore/x509/ca/b',
    ]);
    expect(storesOf(document(withStatements(skipping('c', '*'))))).toEqual([]);
  });
});

describe('the files of a trust store', () => {
  it('are all that stand in it, in the order of their names, whatever these are', () => {
    expect(files(file('b.pem'), file('a.der'), file('C'), file('.hidden'))).toEqual(['.hidden', 'C', 'a.der', 'b.pem']);
  });

  it('must be there: an empty store trusts nobody, and is a mistake [notation-ratify 57]', () => {
    expect(files()).toBe('the trust store cannot be used: it holds no certificate');
    expect(files({ name: '..data', kind: 'link', leadsTo: '..2026' }, { name: '..2026', kind: 'directory' })).toContain(
      'it holds no certificate',
    );
  });

  it('are files: one thing beside them that is none spoils the store', () => {
    expect(files(file('a'), { name: 'sub', kind: 'directory' })).toBe(
      'the trust store cannot be used: "sub" in it is a directory, and no regular file',
    );
    expect(files(file('a'), { name: 'pipe', kind: 'other' })).toContain('"pipe" in it is something else');
    expect(files({ name: 'l\u202e', kind: 'link', leadsTo: 'a' }, file('a'))).toContain(
      '"l\\u202e" in it is a symbolic link',
    );
  });

  it('are not reached through links but those that kubelet writes [hostile]', () => {
    const link = (leadsTo: string): DirectoryEntry => ({ name: 'a.pem', kind: 'link', leadsTo });
    expect(files(link('..data/a.pem'))).toEqual(['a.pem']);
    for (const elsewhere of [
      'b.pem',
      '/etc/passwd',
      '..data/b.pem',
      '../..data/a.pem',
      '..data/../a.pem',
      './..data/a.pem',
      '',
    ]) {
      expect(isKubeletLink(link(elsewhere))).toBe(false);
      expect(files(file('b.pem'), link(elsewhere))).toContain('"a.pem" in it is a symbolic link');
    }
  });

  it('are found as kubelet mounts a ConfigMap, before and after it changed', async () => {
    await using store = await folder();
    await store.swap('1', { 'a.pem': 'a', 'b.pem': 'b' });
    expect(files(...entriesOf(store.path))).toEqual(['a.pem', 'b.pem']);
    await store.swap('2', { 'a.pem': 'a', 'b.pem': 'c' });
    expect(files(...entriesOf(store.path))).toEqual(['a.pem', 'b.pem']);
  });

  it('are told from what else a directory really holds', async () => {
    await using store = await folder();
    await writeFile(join(store.path, 'a.pem'), '');
    expect(files(...entriesOf(store.path))).toEqual(['a.pem']);
    await symlink(join(store.path, 'a.pem'), join(store.path, 'b.pem'));
    expect(files(...entriesOf(store.path))).toContain('"b.pem" in it is a symbolic link');
    await store.remove('b.pem');
    await mkdir(join(store.path, 'c.pem'));
    expect(files(...entriesOf(store.path))).toContain('"c.pem" in it is a directory');
  });

  it('are 256 at most [hostile]', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => file(`${i}`));
    expect(files(...many(256))).toHaveLength(256);
    expect(files(...many(257))).toBe('the trust store cannot be used: it holds more than 256 files');
  });
});

describeVectors(
  'notation-go/verifier/testdata/truststore/x509',
  'the trust stores of notation-go’s own tests',
  (root) => {
    it.each([
      ['ca/valid-trust-store', 6],
      ['ca/valid-trust-store-2', 2],
      ['ca/valid-trust-store-self-signed', 1],
      ['signingAuthority/valid-trust-store', 3],
      ['signingAuthority/valid-trust-store-2', 2],
      ['tsa/test-timestamp', 1],
    ])('are files: %s', (store, count) => {
      expect(files(...entriesOf(join(root, store)))).toHaveLength(count);
    });

    it('are none where a directory stands among them: trust-store-with-directories', () => {
      expect(files(...entriesOf(join(root, 'trust-store-with-directories')))).toContain(
        '"sub-dir" in it is a directory',
      );
    });
  },
);
