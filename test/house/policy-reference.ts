/** Checks the reference of docs/policies.md against the schema of own policies, or with --write brings it up to date. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { spec } from '../../src/policy/dialects/countersign/schema.ts';
import { ROOT, readProjectFile } from './files.ts';
import { parsePage, renderPage, renderReference } from './reference.ts';

const FILE = 'docs/policies.md';
const page = parsePage(readProjectFile(FILE));
const made = renderPage({ ...page, generated: renderReference(spec) });
const isCurrent = made === renderPage(page);
if (process.argv.includes('--write')) writeFileSync(resolve(ROOT, FILE), made);
else if (!isCurrent) {
  process.stdout.write(
    `${FILE} says something else than the schema: run node test/house/policy-reference.ts --write\n`,
  );
  process.exitCode = 1;
}
