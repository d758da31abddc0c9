import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The first cell of every line of docs/differences.md, up to a colon, as it is written there. */
export function documentedDifferences(): ReadonlySet<string> {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/differences.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| '));
  return new Set(rows.map((row) => row.slice(2, row.indexOf(' |')).split(': ', 1).join('')));
}
