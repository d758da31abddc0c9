/**
 * Runs the end-to-end tests with the tools that are there, then names each missing tool with the number of cases that
 * did not run for want of it. COUNTERSIGN_REPORT names a file for the report; other arguments go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { readReport } from '../house/report.ts';
import { temporaryFolder } from './folder.ts';

const folder = temporaryFolder();
const report = resolve(process.env['COUNTERSIGN_REPORT'] ?? folder.file('report.json'));
const vitest = resolve(import.meta.dirname, '../../node_modules/vitest/vitest.mjs');
const { status } = spawnSync(
  process.execPath,
  [
    ...[vitest, 'run', '--config', 'test/e2e/vitest.config.ts', '--reporter=default', '--reporter=json'],
    ...[`--outputFile.json=${report}`, ...process.argv.slice(2)],
  ],
  { cwd: resolve(import.meta.dirname, '../..'), stdio: 'inherit' },
);

const costs = new Map<string, number>();
for (const title of existsSync(report) ? readReport(report).skipped : []) {
  const missing = /\[not here: ([^\]]+)\]/.exec(title)?.[1]?.split(', ') ?? [];
  for (const tool of missing) costs.set(tool, (costs.get(tool) ?? 0) + 1);
}
for (const [tool, cases] of costs) process.stdout.write(`${tool} is not here: ${cases} cases did not run\n`);
folder.remove();
process.exitCode = status ?? 1;
