/**
 * Checks docs/reasons.md against the table of reason codes, or with --write brings its headings and summaries up to
 * date and keeps the texts.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ROOT, readProjectFile } from './files.ts';
import { parseRunbook, renderRunbook, runbookProblems } from './runbook.ts';

const FILE = 'docs/reasons.md';
const runbook = parseRunbook(readProjectFile(FILE));
const written = process.argv.includes('--write') ? renderRunbook(runbook) : undefined;
if (written !== undefined) writeFileSync(resolve(ROOT, FILE), written);

const problems = runbookProblems(written === undefined ? runbook : parseRunbook(written));
for (const problem of problems) process.stdout.write(`${FILE}: ${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
