import { printable } from '../encoding/escape.ts';

/** The API server cuts a warning that is longer, and drops those beyond the total (reference/ecosystem.md §4.1). */
const MAX_WARNING = 256;
const MAX_TOTAL = 4_096;

/** Warnings fit to be sent: escaped, each once, each and all together within what the API server passes on. */
export function boundedWarnings(warnings: readonly string[]): readonly string[] {
  const distinct = [...new Set(warnings.map(toWarning))];
  let room = MAX_TOTAL - Buffer.byteLength(andMore(distinct.length));
  const sent: string[] = [];
  for (const warning of distinct) {
    room -= Buffer.byteLength(warning);
    if (room < 0) return [...sent, andMore(distinct.length - sent.length)];
    sent.push(warning);
  }
  return sent;
}

function toWarning(text: string): string {
  // The limit is in bytes and `printable` counts characters: what is not ASCII has to be cut shorter.
  let characters = MAX_WARNING - 3;
  let warning = printable(text, characters);
  while (Buffer.byteLength(warning) > MAX_WARNING) {
    characters -= 8;
    warning = printable(text, characters);
  }
  return warning;
}

function andMore(count: number): string {
  return `and ${count} more warnings`;
}
