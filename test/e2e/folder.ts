import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder of one test file. */
export type Folder = {
  readonly path: string;
  /** Path of a file in it. */
  readonly file: (name: string) => string;
  /** Writes a file in it and gives its path. */
  readonly write: (name: string, content: string | Uint8Array) => string;
  /** Makes a folder in it and gives its path. */
  readonly folder: (name: string) => string;
  readonly remove: () => void;
};

/** Makes a temporary folder. COUNTERSIGN_KEEP=1 keeps it, for its logs. */
export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'countersign-e2e-'));
  const file = (name: string) => join(path, name);
  return {
    path,
    file,
    write: (name, content) => {
      writeFileSync(file(name), content, { mode: 0o600 });
      return file(name);
    },
    folder: (name) => {
      mkdirSync(file(name));
      return file(name);
    },
    remove: () => {
      if (process.env['COUNTERSIGN_KEEP'] !== '1') rmSync(path, { recursive: true, force: true });
    },
  };
}
