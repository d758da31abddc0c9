import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chartOf } from './chart.ts';
import type { Results } from './results.ts';
import { markdownTable, rowsOf } from './table.ts';

const BEGIN = '<!-- results: written by npm run bench -- --write -->';
const END = '<!-- end of results -->';

/** Writes the results into bench/README.md, between its two marks, and the chart beside it. */
export async function writeReport(folder: string, results: Results): Promise<void> {
  const file = join(folder, 'README.md');
  const text = await readFile(file, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${file} has lost the marks between which results stand`);
  const { machine, date, form, lineBytes, warm } = results;
  const written = [
    BEGIN,
    '',
    `Measured on ${date}: ${machine}. countersign as ${form}; audit records of ${lineBytes} bytes; ${warm.rounds} rounds, ${warm.connections} connections.`,
    'Figures are medians, with the least and the greatest round in brackets.',
    '',
    markdownTable(rowsOf(results)),
    '',
    '![Results as a chart](results.svg)',
    '',
  ].join('\n');
  await writeFile(file, `${text.slice(0, begin)}${written}\n${text.slice(end)}`);
  await writeFile(join(folder, 'results.svg'), chartOf(results));
}
