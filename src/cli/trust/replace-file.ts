import { randomUUID } from 'node:crypto';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

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
    await using file = await open(temporary, 'wx', 0o644);
    if (old !== undefined) await file.chmod(old.mode & 0o7777);
    await file.writeFile(bytes);
    await file.sync();
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}

/** Makes the renaming itself durable, on systems where a folder can be opened. */
async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // The file is in place all the same.
  }
}
