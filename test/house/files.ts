import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The repository's own folder. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** Files that belong to the project: tracked, or new and not ignored; relative to the root, sorted. */
export function projectFiles(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return listed
    .split('\0')
    .filter((path) => path !== '' && existsSync(resolve(ROOT, path)))
    .toSorted();
}

/** Reads a file of the project. */
export function readProjectFile(path: string): string {
  return readFileSync(resolve(ROOT, path), 'utf8');
}

/** Every TypeScript module of the project with its text. */
export function projectModules(): ReadonlyMap<string, string> {
  return new Map(
    projectFiles()
      .filter((path) => path.endsWith('.ts'))
      .map((path) => [path, readProjectFile(path)]),
  );
}
