import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';

const UNITS: readonly (readonly [string, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

/** A length of time in its largest unit, such as `3 days`; milliseconds. */
export function span(milliseconds: number): string {
  const length = Math.abs(milliseconds);
  const [unit, size] = UNITS.find(([, each]) => length >= each) ?? ['second', 1000];
  return counted(Math.floor(length / size), unit);
}

/** A number of things, such as `1 log` and `2 logs`. */
function counted(count: number, thing: string): string {
  if (count === 1) return `1 ${thing}`;
  return `${count} ${thing.endsWith('ty') ? `${thing.slice(0, -1)}ies` : `${thing}s`}`;
}

/** A moment to the second. */
export function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** What a trusted root holds, in one line. */
export function contents(root: TrustedRoot): string {
  return [
    counted(root.certificateAuthorities.length, 'certificate authority'),
    counted(root.logs.length, 'transparency log'),
    counted(root.certificateLogs.length, 'certificate transparency log'),
    counted(root.timestampAuthorities.length, 'timestamp authority'),
  ].join(', ');
}
