import { isUtf8 } from 'node:buffer';
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { printable } from '../../encoding/escape.ts';
import type { TrustRef } from '../../model/requirement.ts';
import { codeOf, fingerprintOf, idOf, readBytes } from './files.ts';

/** A key, certificate or trusted root that a policy names as a file, as it was when it was read. */
export type MaterialFile = {
  /** As the policy writes it. */
  readonly written: string;
  readonly place: Place;
  /** What tells the file from others, under whatever name; undefined where there is none. */
  readonly id: string | undefined;
  /** Changes whenever the file comes, goes or changes, or its path leads to another or out of the root. */
  readonly fingerprint: string;
  /** Whether the last look said all there is to say; otherwise it is looked at again although nothing changed. */
  readonly isSettled: boolean;
  readonly ref: Extract<TrustRef, { kind: 'inline' | 'binary' | 'unavailable' }>;
};

/** Where a policy's paths lead: beside the policy's file, or, where they are absolute, under the entry's root. */
export type MaterialBase = { readonly policyFile: string; readonly root: string | undefined };

/** Where a file is looked for, and what it must not leave. */
type Place = { readonly path: string; readonly within: string | undefined };

/** Files that the policies of one file may name. */
const MAX_FILES = 256;
/** Characters of them all together, of base64 where they are no text; one has at most 1 MiB in any case. */
const MAX_TEXT = 8 * 1024 * 1024;

/** Reads the files that the policies of one file name. What cannot be had fails nothing else. */
export async function readMaterial(named: ReadonlySet<string>, base: MaterialBase): Promise<readonly MaterialFile[]> {
  const read: MaterialFile[] = [];
  let room = MAX_TEXT;
  for (const written of [...named].slice(0, MAX_FILES)) {
    const file = await readOne(written, placeOf(written, base), room);
    read.push(file);
    room -= sizeOf(file.ref);
  }
  return read;
}

/** Looks up by what a policy writes: the file's text, or `unavailable` with a sentence that says why. */
export function lookup(read: readonly MaterialFile[]): (written: string) => MaterialFile['ref'] {
  const refs = new Map(read.map(({ written, ref }) => [written, ref]));
  return (written) =>
    refs.get(written) ?? unavailable(written, `the policies of one file name more than ${MAX_FILES} files`);
}

/** Where a file stands now; compare with {@link MaterialFile.fingerprint}. */
export async function currentFingerprint({ place }: MaterialFile): Promise<string> {
  return (await look(place)).fingerprint;
}

/** Whether files say the same as before, or fail in the same way. */
export function saysTheSame(before: readonly MaterialFile[], now: readonly MaterialFile[]): boolean {
  return (
    before.length === now.length &&
    before.every((a, i) => {
      const b = now[i];
      return b !== undefined && a.written === b.written && a.ref.kind === b.ref.kind && textOf(a) === textOf(b);
    })
  );
}

function textOf({ ref }: MaterialFile): string {
  switch (ref.kind) {
    case 'inline':
      return ref.text;
    case 'binary':
      return ref.base64;
    case 'unavailable':
      return ref.why;
  }
}

function sizeOf(ref: MaterialFile['ref']): number {
  return ref.kind === 'inline' ? ref.text.length : ref.kind === 'binary' ? ref.base64.length : 0;
}

function placeOf(written: string, { policyFile, root }: MaterialBase): Place {
  if (!written.startsWith('/')) return { path: resolve(dirname(policyFile), written), within: undefined };
  return root === undefined
    ? { path: resolve(written), within: undefined }
    : { path: join(root, written), within: root };
}

type Look =
  | { readonly kind: 'file'; readonly path: string; readonly id: string; readonly fingerprint: string }
  | { readonly kind: 'none'; readonly why: string; readonly fingerprint: string };

/** Follows the path to its end, which must be a file, and, where there is a root, below that. */
async function look({ path, within }: Place): Promise<Look> {
  // A path with `..` leads out before any link is followed; the file system is not even asked.
  if (within !== undefined && !isBelow(path, resolve(within))) return outside('..');
  try {
    const real = await realpath(path);
    if (within !== undefined && !isBelow(real, await realpath(within))) return outside(real);
    const facts = await stat(real, { bigint: true });
    const fingerprint = fingerprintOf(facts);
    // Opening what is no file could wait for ever, as for a pipe.
    if (!facts.isFile()) return { kind: 'none', why: 'it is no file', fingerprint };
    return { kind: 'file', path: real, id: idOf(facts), fingerprint };
  } catch (error) {
    const code = codeOf(error);
    return { kind: 'none', why: `it cannot be read (${code})`, fingerprint: code };
  }
}

function outside(where: string): Look {
  return { kind: 'none', why: 'it lies outside of the root of its entry', fingerprint: `outside ${where}` };
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

async function readOne(written: string, place: Place, room: number): Promise<MaterialFile> {
  // Looked at before it is read: what changes in between changes the next look.
  const there = await look(place);
  const { fingerprint } = there;
  if (there.kind === 'none') {
    return { written, place, id: undefined, fingerprint, isSettled: true, ref: unavailable(written, there.why) };
  }
  const bytes = await readBytes(there.path);
  const common = { written, place, id: there.id, fingerprint };
  if (!bytes.ok) {
    // A disk that does not answer is asked again; what is too large stays so until it changes.
    const isSettled = bytes.failure.cause === undefined;
    return { ...common, isSettled, ref: unavailable(written, bytes.failure.message) };
  }
  const ref: MaterialFile['ref'] = isUtf8(bytes.value)
    ? { kind: 'inline', text: bytes.value.toString('utf8') }
    : { kind: 'binary', base64: bytes.value.toString('base64') };
  if (sizeOf(ref) <= room) return { ...common, isSettled: true, ref };
  const why = `with it, the policies of one file would name more than ${MAX_TEXT} characters`;
  return { ...common, isSettled: true, ref: unavailable(written, why) };
}

/** What stands for a file that cannot be used. */
export function unavailable(written: string, why: string): Extract<TrustRef, { kind: 'unavailable' }> {
  return { kind: 'unavailable', why: `the file "${printable(written)}" cannot be used: ${why}` };
}
