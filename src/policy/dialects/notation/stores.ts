import { failed, ok, type Result } from '../../../codes/result.ts';
import { printable } from '../../../encoding/escape.ts';
import type { NonEmpty } from '../../../model/requirement.ts';
import { shown, wrong } from '../containers/fields.ts';
import { STORE_TYPES, type TrustPolicyDocument, type TrustStoreName } from './document.ts';

/**
 * Reads a trust store as a statement names it, `type:name`. Names are `[a-zA-Z0-9_.-]+`, but for `.` and `..`, which
 * notation lets through: they are other folders than the store's.
 * @returns POLICY_BROKEN
 * @see reference/notation-ratify.md §1.8
 */
export function readStoreName(written: string, path: string): Result<TrustStoreName> {
  const colon = written.indexOf(':');
  if (colon < 0) return wrong(path, `${shown(written)} is no trust store; write it as type:name, such as ca:acme`);
  const type = STORE_TYPES.find((known) => known === written.slice(0, colon));
  if (type === undefined) {
    return wrong(path, `${shown(written)} has no known type; known are ${STORE_TYPES.join(', ')}`);
  }
  const name = written.slice(colon + 1);
  if (!/^[a-zA-Z0-9_.-]+$/.test(name) || name === '.' || name === '..') {
    return wrong(path, `${shown(written)} has no name of a store, which is of letters, digits, ".", "_" and "-"`);
  }
  return ok({ type, name });
}

/** Every trust store that a document names, each once, in the order of the document. */
export function storesOf({ statements }: TrustPolicyDocument): readonly TrustStoreName[] {
  const stores = statements.flatMap(({ verification }) => (verification.kind === 'skip' ? [] : verification.stores));
  return [...new Map(stores.map((store) => [storePath(store), store])).values()];
}

/** Where a trust store lies, below the directory of its document. */
export function storePath({ type, name }: TrustStoreName): string {
  return `truststore/x509/${type}/${name}`;
}

/** What stands under a name in a directory, links not followed. */
export type DirectoryEntry = { readonly name: string } & (
  | { readonly kind: 'file' | 'directory' | 'other' }
  | { readonly kind: 'link'; readonly leadsTo: string }
);

/** Certificate files of one store that are read at most. */
const MAX_FILES = 256;

/**
 * The files of a trust store, by name in the order of names. One thing in it that is no file spoils the store, as it does
 * for notation: a certificate that is silently left out is noticed only in an incident.
 *
 * What kubelet writes for a ConfigMap or a Secret is no such thing: there, every file is a link into `..data`.
 * @param entries of the store's directory, all of them
 * @returns TRUST_MATERIAL_UNAVAILABLE
 * @see reference/notation-ratify.md §1.8
 */
export function storeFiles(entries: readonly DirectoryEntry[]): Result<NonEmpty<string>> {
  const held = entries.filter(({ name }) => !name.startsWith('..'));
  const odd = held.find((entry) => entry.kind !== 'file' && !isKubeletLink(entry));
  if (odd !== undefined) return unusable(`"${printable(odd.name)}" in it is ${WHAT[odd.kind]}, and no regular file`);
  const [first, ...rest] = held.map(({ name }) => name).toSorted();
  if (first === undefined) return unusable('it holds no certificate');
  if (rest.length >= MAX_FILES) return unusable(`it holds more than ${MAX_FILES} files`);
  return ok([first, ...rest]);
}

/** Whether a directory's entry is a link that kubelet wrote: to what stands under its own name in `..data`. */
export function isKubeletLink(entry: DirectoryEntry): boolean {
  return entry.kind === 'link' && entry.leadsTo === `..data/${entry.name}`;
}

const WHAT = {
  file: 'a file',
  directory: 'a directory',
  link: 'a symbolic link',
  other: 'something else',
} as const satisfies Readonly<Record<DirectoryEntry['kind'], string>>;

function unusable(why: string): Result<never> {
  return failed('TRUST_MATERIAL_UNAVAILABLE', `the trust store cannot be used: ${why}`);
}
