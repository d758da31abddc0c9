/** Checks that the lockfile has an entry for every platform, or with --write adds those that npm left out. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ROOT, readProjectFile } from './files.ts';
import { type Lockfile, missingPlatforms, withPlatforms } from './lock.ts';

const FILE = 'package-lock.json';
const lock: Lockfile = JSON.parse(readProjectFile(FILE));
const missing = missingPlatforms(lock);
if (process.argv.includes('--write')) {
  writeFileSync(resolve(ROOT, FILE), `${JSON.stringify(withPlatforms(lock), null, 2)}\n`);
} else {
  for (const name of missing) process.stdout.write(`${FILE}: ${name} is missing: npm ci will refuse it\n`);
  process.exitCode = missing.length === 0 ? 0 : 1;
}
