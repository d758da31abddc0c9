import { constants } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { failed, failure, type Lookup, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';

/** A folder whose files are read, and nothing outside of it. */
export type Folder = {
  /** Absolute and without symbolic links. */
  readonly root: string;
  /**
   * Reads one file whole. Only ENOENT is `absent`; what is larger than `maxBytes`, no file, or led out of the folder by a
   * symbolic link is a failure: LIMIT_EXCEEDED, LAYOUT_UNUSABLE.
   * @param name made of fixed words and digests; never text from outside
   */
  readonly read: (name: string, maxBytes: number) => Promise<Lookup<Uint8Array>>;
};

/**
 * Opens a folder.
 * @returns LAYOUT_UNUSABLE where there is none
 */
export async function openFolder(path: string): Promise<Result<Folder>> {
  try {
    const root = await realpath(path);
    if (!(await stat(root)).isDirectory()) return failed('LAYOUT_UNUSABLE', `${printable(path)} is no folder`);
    return ok({ root, read: (name, maxBytes) => readIn(root, name, maxBytes) });
  } catch (error) {
    return failed('LAYOUT_UNUSABLE', `${printable(path)} cannot be opened (${codeOf(error)})`, error);
  }
}

async function readIn(root: string, name: string, maxBytes: number): Promise<Lookup<Uint8Array>> {
  const path = join(root, name);
  const broken = (why: string, cause?: unknown): Lookup<never> => ({
    kind: 'failed',
    failure: failure('LAYOUT_UNUSABLE', `${printable(path)} ${why}`, cause),
  });
  try {
    const real = await realpath(path);
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) return broken('leads out of the layout');
    // Without waiting: a pipe would have nobody at its other end. The last component was resolved, so it is no link.
    const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const facts = await file.stat();
      if (!facts.isFile()) return broken('is no file');
      const bytes = await readAtMost(file, Math.min(facts.size, maxBytes) + 1);
      if (facts.size <= maxBytes && bytes.length <= facts.size) return { kind: 'found', value: bytes };
      const message = `${printable(path)} is larger than the ${maxBytes} bytes that are read`;
      return facts.size > maxBytes
        ? { kind: 'failed', failure: failure('LIMIT_EXCEEDED', message) }
        : broken('grew while it was read');
    } finally {
      await file.close();
    }
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? { kind: 'absent' } : broken(`cannot be read (${codeOf(error)})`, error);
  }
}

async function readAtMost(file: Awaited<ReturnType<typeof open>>, most: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(most);
  let length = 0;
  while (length < most) {
    const { bytesRead } = await file.read(buffer, length, most - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
