import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { failed, failure, type Lookup, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';

/** A pipe would keep whoever opens it waiting for somebody who writes. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** A file that is not there, or lies below something that is no directory. Anything else is trouble. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

/**
 * Reads a regular file of at most `maxBytes`.
 * @returns LOOKASIDE_UNUSABLE where it cannot be read or is no file, RESPONSE_TOO_LARGE
 */
export async function readBoundedFile(path: string, maxBytes: number): Promise<Lookup<Uint8Array>> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, FLAGS);
    const read = await readWhole(handle, path, maxBytes);
    return read.ok ? { kind: 'found', value: read.value } : { kind: 'failed', failure: read.failure };
  } catch (error) {
    const code = codeOf(error);
    // A programming error is not to be hidden.
    if (code === undefined) throw error;
    if (ABSENT.has(code)) return { kind: 'absent' };
    const message = `the file ${printable(path)} cannot be read (${code})`;
    return { kind: 'failed', failure: failure('LOOKASIDE_UNUSABLE', message, error) };
  } finally {
    await handle?.close();
  }
}

async function readWhole(handle: FileHandle, path: string, maxBytes: number): Promise<Result<Uint8Array>> {
  const found = await handle.stat();
  if (!found.isFile()) return failed('LOOKASIDE_UNUSABLE', `${printable(path)} is no file`);
  if (found.size > maxBytes) return tooLarge(path, maxBytes);
  // One more than it is said to hold, so that one that grows meanwhile is seen.
  const buffer = Buffer.alloc(found.size + 1);
  let size = 0;
  while (size < buffer.length) {
    const { bytesRead } = await handle.read(buffer, size, buffer.length - size, size);
    if (bytesRead === 0) return ok(buffer.subarray(0, size));
    size += bytesRead;
  }
  return failed('LOOKASIDE_UNUSABLE', `the file ${printable(path)} grows while it is read`);
}

function tooLarge(path: string, maxBytes: number): Result<never> {
  return failed('RESPONSE_TOO_LARGE', `the file ${printable(path)} is larger than ${maxBytes} bytes`);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
