import { readFileSync } from 'node:fs';

/** Counts of one run of the test suite, from vitest's JSON report. */
export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

type Case = { readonly fullName: string; readonly status: string };
type Report = {
  readonly success: boolean;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly Case[] }[];
};

/** Reads a report; a file that could not be run counts as one failure, and so does a run that failed without a case. */
export function readReport(path: string): { readonly counts: Counts; readonly skipped: readonly string[] } {
  const report: Report = JSON.parse(readFileSync(path, 'utf8'));
  const cases = report.testResults.flatMap((file) => file.assertionResults);
  const count = (...statuses: readonly string[]) => cases.filter(({ status }) => statuses.includes(status)).length;
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  );
  const failed = count('failed') + broken.length;
  const skipped = cases.filter(({ status }) => status !== 'passed' && status !== 'failed');
  return {
    counts: {
      passed: count('passed'),
      failed: failed === 0 && !report.success ? 1 : failed,
      skipped: skipped.length,
    },
    skipped: skipped.map(({ fullName }) => fullName),
  };
}
