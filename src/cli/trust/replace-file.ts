import { randomUUID } from 'node:crypto';
import { chmod, constants, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A new file whose writes are on the disk when they return: fsync is not to be had under Node's permission model. */
const NEW_AND_DURABLE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_SYNC;

/**
 * Replaces a file whole or not at all: who reads it sees the old bytes or the new ones, after a power cut too. The mode of the old
 * file stays, and a symbolic link goes on pointing to it.
 * @throws what the file system says; the old file is then as it was
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const old = await stat(target).catch(() => undefined);
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    await write(temporary, bytes);
    if (old !== undefined) await chmod(temporary, old.mode & 0o7777);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(target));
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, NEW_AND_DURABLE, 0o644);
  await file.writeFile(bytes);
}

/** Makes the renaming itself durable, where that can be asked for. */
async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // The file is in place all the same; after a power cut it may be the old one, which the next refresh mends.
  }
}
