/**
 * Prints the counts of a vitest JSON report as `PASSED FAILED SKIPPED`; a report that is not there is one failure.
 *
 *   node test/house/summary.ts REPORT
 */
import { existsSync } from 'node:fs';
import { readReport } from './report.ts';

const [path = ''] = process.argv.slice(2);
const { passed, failed, skipped } = existsSync(path) ? readReport(path).counts : { passed: 0, failed: 1, skipped: 0 };
process.stdout.write(`${passed} ${failed} ${skipped}\n`);
