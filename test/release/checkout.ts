import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { ROOT } from '../house/files.ts';

/** How `.ci/release` ended. */
export type Release = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** A checkout of its own with one commit, of as much of the project as a release reads. */
export type Checkout = {
  readonly path: string;
  readonly commit: string;
  readonly release: (args: readonly string[], environment?: Readonly<Record<string, string>>) => Release;
  readonly git: (...args: readonly string[]) => string;
  readonly write: (file: string, text: string) => void;
  readonly read: (file: string) => string;
  /** What lies in dist/release. */
  readonly files: () => readonly string[];
  readonly remove: () => void;
};

const PARTS = ['.ci', '.dockerignore', '.gitignore', 'Dockerfile', 'charts', 'package-lock.json', 'package.json'];

/** Who commits, and nothing of whoever runs the tests: neither their settings nor what a CI says of itself. */
const ENVIRONMENT = {
  PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
  HOME: process.env['HOME'] ?? tmpdir(),
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
};

/**
 * Makes a checkout.
 * @param change does what it likes to the files before they are committed
 */
export function checkout(change: (path: string) => void = () => undefined): Checkout {
  const path = mkdtempSync(join(tmpdir(), 'countersign-release-'));
  for (const part of PARTS) cpSync(join(ROOT, part), join(path, part), { recursive: true });
  change(path);
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: path, env: ENVIRONMENT, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'a release');
  return {
    path,
    commit: git('rev-parse', 'HEAD'),
    git,
    release: (args, environment = {}) => {
      const env = { ...ENVIRONMENT, ...environment };
      const { status, stdout, stderr } = spawnSync(join(path, '.ci/release'), args, { env, encoding: 'utf8' });
      return { status: status ?? 128, stdout, stderr };
    },
    write: (file, text) => writeFileSync(join(path, file), text),
    read: (file) => readFileSync(join(path, file), 'utf8'),
    files: () => (existsSync(join(path, 'dist/release')) ? readdirSync(join(path, 'dist/release')).toSorted() : []),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
