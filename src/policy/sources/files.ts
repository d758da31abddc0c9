import { isUtf8 } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failed, ok, type Result } from '../../codes/result.ts';

/** A file that may hold policies. */
export type PolicyFile = {
  readonly path: string;
  /** What tells the file from others, under whatever name; undefined for a link that leads nowhere. */
  readonly id: string | undefined;
  /** Changes whenever the file does. */
  readonly fingerprint: string;
};

/** What stands under an entry. */
export type Listing = { readonly files: readonly PolicyFile[]; readonly directories: readonly string[] };

/** Bytes of one file of policies. */
const MAX_FILE_BYTES = 1024 * 1024;
/** Files under one entry. */
const MAX_FILES = 10_000;
const MAX_DEPTH = 16;

/**
 * Lists the files under a path, itself or recursively, in order of name. Names with a leading dot are skipped; links are
 * followed, so that a ConfigMap's files are found through its `..data` and its hidden directories are not read twice.
 * @returns POLICY_BROKEN where something cannot be read or listed; LIMIT_EXCEEDED
 */
export async function listFiles(path: string): Promise<Result<Listing>> {
  const listing = { files: new Array<PolicyFile>(), directories: new Array<string>() };
  try {
    const stopped = await walk(path, [], listing);
    return stopped === undefined ? ok(listing) : failed('LIMIT_EXCEEDED', stopped);
  } catch (error) {
    return failed('POLICY_BROKEN', `it cannot be read (${codeOf(error)})`, error);
  }
}

/**
 * Reads a file of text whole.
 * @returns POLICY_BROKEN where it cannot be read or is no UTF-8; LIMIT_EXCEEDED where it is larger than 1 MiB
 */
export async function readText(path: string): Promise<Result<string>> {
  const bytes = await readBytes(path);
  if (!bytes.ok) return bytes;
  return isUtf8(bytes.value) ? ok(bytes.value.toString('utf8')) : failed('POLICY_BROKEN', 'it is not valid UTF-8');
}

/** Reads a file whole; fails as {@link readText} does, whatever bytes it holds. */
export async function readBytes(path: string): Promise<Result<Buffer>> {
  try {
    await using file = await open(path, 'r');
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
      if (length > MAX_FILE_BYTES) return failed('LIMIT_EXCEEDED', `it is larger than ${MAX_FILE_BYTES} bytes`);
    }
    return ok(buffer.subarray(0, length));
  } catch (error) {
    return failed('POLICY_BROKEN', `it cannot be read (${codeOf(error)})`, error);
  }
}

type OpenListing = { readonly files: PolicyFile[]; readonly directories: string[] };

/** Lists what is below; a text says what bound was hit. */
async function walk(path: string, above: readonly string[], listing: OpenListing): Promise<string | undefined> {
  const facts = await statOf(path, above.length > 0);
  if (facts === 'gone') return undefined;
  if (facts === 'dangling' || facts.isFile()) {
    if (listing.files.length >= MAX_FILES) return `there are more than ${MAX_FILES} files`;
    const isThere = facts !== 'dangling';
    listing.files.push({
      path,
      id: isThere ? idOf(facts) : undefined,
      fingerprint: isThere ? fingerprintOf(facts) : facts,
    });
    return undefined;
  }
  if (!facts.isDirectory()) return `${path} is neither a file nor a directory`;
  const real = await realpath(path);
  if (above.includes(real)) return `the link ${path} leads back to a directory above it`;
  if (above.length >= MAX_DEPTH) return `directories nest deeper than ${MAX_DEPTH}`;

  listing.directories.push(path);
  const names = (await readdir(path)).filter((name) => !name.startsWith('.'));
  for (const name of names.sort()) {
    const stopped = await walk(join(path, name), [...above, real], listing);
    if (stopped !== undefined) return stopped;
  }
  return undefined;
}

/** A name may go between listing and looking; a link that leads nowhere is a file that cannot be read. */
async function statOf(path: string, mayBeGone: boolean): Promise<BigIntStats | 'gone' | 'dangling'> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (!mayBeGone || codeOf(error) !== 'ENOENT') throw error;
  }
  try {
    await lstat(path);
    return 'dangling';
  } catch {
    return 'gone';
  }
}

/** What changes whenever a file does. */
export function fingerprintOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

/** What tells a file from others, under whatever name. */
export function idOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** The system's word for what went wrong, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
