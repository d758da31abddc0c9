import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { written as ownWritten } from '../countersign/objects.ts';
import { written } from '../openshift/objects.ts';

/** A temporary folder that goes when it is disposed of. */
export type Folder = AsyncDisposable & {
  readonly path: string;
  /** Writes files by name; directories are made. */
  readonly write: (files: Readonly<Record<string, string>>) => Promise<void>;
  /** Replaces a file by renaming another over it, as careful tools do. */
  readonly replace: (name: string, text: string) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  /** Makes the folder what kubelet makes of a ConfigMap: links through `..data`, swapped at once. */
  readonly swap: (version: string, files: Readonly<Record<string, string>>) => Promise<void>;
};

/** Makes a folder. */
export async function folder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'countersign-policies-'));
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), text);
    }
  };
  return {
    path,
    write,
    replace: async (name, text) => {
      await write({ [`.${name}.new`]: text });
      await rename(join(path, `.${name}.new`), join(path, name));
    },
    remove: (name) => rm(join(path, name), { recursive: true }),
    swap: async (version, files) => {
      await write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`..${version}/${name}`, text])));
      await symlink(`..${version}`, join(path, '..data_tmp'));
      await rename(join(path, '..data_tmp'), join(path, '..data'));
      for (const name of Object.keys(files)) {
        await symlink(join('..data', name), join(path, name)).catch(() => undefined);
      }
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** Policies as one YAML file. */
export function yaml(...policies: readonly Parameters<typeof written>[0][]): string {
  return policies.map((how) => stringify(written(how))).join('---\n');
}

/** One of countersign's own policies as YAML; it asks for a signature by one of the keys in these files, if any. */
export function own(how: Parameters<typeof ownWritten>[0], ...files: readonly string[]): string {
  const signature = { keys: { anyOf: files.map((file) => ({ file })) } };
  return stringify(ownWritten({ ...(files.length === 0 ? {} : { signature }), ...how }));
}

/** Waits until something holds; the time is a bound, not a wait. */
export async function until(holds: () => boolean, what: string, milliseconds = 3000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
