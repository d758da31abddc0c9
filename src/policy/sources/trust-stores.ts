import { lstat, readdir, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { printable } from '../../encoding/escape.ts';
import type { NonEmpty, TrustRef } from '../../model/requirement.ts';
import type { TrustStoreName } from '../dialects/notation/document.ts';
import { type DirectoryEntry, storeFiles, storePath } from '../dialects/notation/stores.ts';
import { codeOf } from './files.ts';
import { type MaterialFile, unavailable } from './material.ts';

/** What the trust stores of a document hold, as far as it can be told without reading it. */
export type FoundStores = {
  /** The certificate files, as paths beside the document. */
  readonly files: readonly string[];
  /** What is wrong with stores of which no file can be named. */
  readonly missing: readonly Extract<TrustRef, { kind: 'unavailable' }>[];
  /** The certificates of a store, each file looked up; `unavailable` where there are none. */
  readonly store: (name: TrustStoreName, material: (path: string) => MaterialFile['ref']) => NonEmpty<TrustRef>;
};

/** Finds the files of trust stores in notation's own layout, beside the document that names them. */
export async function findStores(names: readonly TrustStoreName[], policyFile: string): Promise<FoundStores> {
  const found = new Map<string, NonEmpty<string> | { readonly why: string }>();
  for (const name of names) found.set(storePath(name), await filesOf(storePath(name), dirname(policyFile)));
  return {
    files: [...found.values()].flatMap((files) => ('why' in files ? [] : files)),
    missing: [...found].flatMap(([path, files]) => ('why' in files ? [unavailable(path, files.why)] : [])),
    store: (name, material) => {
      const path = storePath(name);
      const files = found.get(path);
      if (files === undefined || 'why' in files) return [unavailable(path, files?.why ?? 'nobody looked for it')];
      const [first, ...rest] = files;
      return [material(first), ...rest.map(material)];
    },
  };
}

async function filesOf(path: string, beside: string): Promise<NonEmpty<string> | { readonly why: string }> {
  try {
    const folder = join(beside, path);
    const entries: DirectoryEntry[] = [];
    for (const name of await readdir(folder)) entries.push(await entryOf(folder, name));
    const files = storeFiles(entries);
    if (!files.ok) return { why: files.failure.message };
    const [first, ...rest] = files.value;
    return [`${path}/${first}`, ...rest.map((name) => `${path}/${name}`)];
  } catch (error) {
    return { why: `it cannot be read (${printable(codeOf(error))})` };
  }
}

async function entryOf(folder: string, name: string): Promise<DirectoryEntry> {
  const facts = await lstat(join(folder, name));
  if (facts.isSymbolicLink()) return { name, kind: 'link', leadsTo: await readlink(join(folder, name)) };
  return { name, kind: facts.isFile() ? 'file' : facts.isDirectory() ? 'directory' : 'other' };
}
