import { REASONS } from '../../src/codes/codes.ts';

/** docs/reasons.md taken apart: what stands before the codes, and the hand-written text of each section. */
export type Runbook = { readonly introduction: string; readonly sections: readonly Section[] };

/** One section: its code, the line that comes from the table, and what a person wrote beneath it. */
export type Section = { readonly code: string; readonly summary: string; readonly text: string };

const HEADING = /^## `([A-Z_]+)`$/m;

/** Takes docs/reasons.md apart. */
export function parseRunbook(markdown: string): Runbook {
  const [introduction = '', ...parts] = markdown.split(HEADING);
  const sections = Array.from({ length: parts.length / 2 }, (_, index): Section => {
    const lines = (parts[2 * index + 1] ?? '').trim().split('\n');
    const own = lines[0]?.startsWith('**') === true;
    return {
      code: parts[2 * index] ?? '',
      summary: own ? (lines[0] ?? '') : '',
      text: lines
        .slice(own ? 1 : 0)
        .join('\n')
        .trim(),
    };
  });
  return { introduction: introduction.trim(), sections };
}

/** Writes docs/reasons.md anew: headings, order and summaries from the table, the texts as they were. */
export function renderRunbook(runbook: Runbook): string {
  const texts = new Map(runbook.sections.map(({ code, text }) => [code, text]));
  const sections = Object.keys(REASONS).map((code) =>
    [`## \`${code}\``, summaryOf(code), texts.get(code) ?? ''].filter((part) => part !== '').join('\n\n'),
  );
  return `${[runbook.introduction, ...sections].join('\n\n')}\n`;
}

/** What is wrong with docs/reasons.md, a sentence each. */
export function runbookProblems(runbook: Runbook): readonly string[] {
  const codes = Object.keys(REASONS);
  const written = runbook.sections.map(({ code }) => code);
  return [
    ...codes.filter((code) => !written.includes(code)).map((code) => `${code} has no section`),
    ...written.filter((code) => !codes.includes(code)).map((code) => `${code} is no code any more`),
    ...written.filter((code, index) => written.indexOf(code) !== index).map((code) => `${code} has two sections`),
    ...runbook.sections.filter(({ text }) => text === '').map(({ code }) => `${code} has no text`),
    ...runbook.sections
      .filter(({ code, summary }) => codes.includes(code) && summary !== summaryOf(code))
      .map(({ code }) => `${code} has another summary than the table: run node test/house/reasons.ts --write`),
  ];
}

function summaryOf(code: string): string {
  const reason = Object.entries(REASONS).find(([name]) => name === code)?.[1];
  if (reason === undefined) return '';
  const head = reason.word === 'error' ? `error, class ${reason.class}` : reason.word;
  return `**${head}** · ${reason.advice}`;
}
