import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder in which one refresh works, with a copy of the metadata that earlier ones have verified. */
export type TufWorkspace = {
  readonly folder: string;
  /** Keeps the metadata as it stands now for the next refresh, and removes the folder. */
  readonly keep: () => Promise<void>;
};

/**
 * Opens a cache of TUF metadata for one refresh. The library writes its files in place; working on a copy and renaming
 * each file at the end keeps them whole when a refresh is killed, or when two run at once.
 * @throws what the file system says, where the folder cannot be written
 */
export async function openTufCache(cache: string): Promise<TufWorkspace> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'work-'));
  for (const name of await metadataIn(cache)) await copyFile(join(cache, name), join(folder, name));
  return {
    folder,
    async keep() {
      for (const name of await metadataIn(folder)) await rename(join(folder, name), join(cache, name));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function metadataIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name.endsWith('.json')).map(({ name }) => name);
}
