import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The first cells of the rows of docs/differences.md about cosign under a trusted root. */
export function keylessDifferences(): readonly string[] {
  const page = readFileSync(resolve(import.meta.dirname, '../../../docs/differences.md'), 'utf8');
  const section = page.split('\n## ').find((part) => part.startsWith('cosign under a trusted root\n'));
  const [, , ...rows] = (section ?? '').split('\n').filter((line) => line.startsWith('|'));
  return rows.map((row) => row.slice(2, row.indexOf(' |')));
}
