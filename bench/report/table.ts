import type { MemoryResult } from '../measure/memory.ts';
import type { Spread } from '../statistics.ts';
import { AIMS, type Results } from './results.ts';

/** One line of the table of results. */
export type Row = { readonly what: string; readonly figure: string; readonly aim: string; readonly met: string };

/** The results as rows. The figure is the median of all rounds, with the least and the greatest in brackets. */
export function rowsOf({ warm, cold, keyless, gpg, requests, memory, start }: Results): readonly Row[] {
  const bare = warm.perSecond['bare'] ?? Number.NaN;
  return [
    row('Warm decisions by digest, rate against the bare server', spread(warm.digest.rate), `≥ ${AIMS.warm}`, [
      warm.digest.rate.median >= AIMS.warm,
    ]),
    row('… the same by CPU time of the server process', spread(warm.digest.cpu)),
    row('… rate against the bare server that writes no line', spread(warm.digestNoLine.rate)),
    row('… the same by CPU time', spread(warm.digestNoLine.cpu)),
    row(
      `Warm decisions by tag (${warm.tagRequests.toFixed(2)} requests each, mostly 1 HEAD), rate`,
      spread(warm.tag.rate),
    ),
    row('… the same by CPU time', spread(warm.tag.cpu)),
    ...warm.policies.map(({ count, cost }) =>
      row(`Warm decision with ${count.toLocaleString('en')} policies, CPU time against 1 policy`, spread(cost)),
    ),
    row(
      'Bare server, digest, tag: what the ratios are made of (a second; CPU µs each)',
      ['bare', 'digest', 'tag']
        .map((name) => `${Math.round(warm.perSecond[name] ?? bare)}; ${Math.round(warm.microseconds[name] ?? 0)}`)
        .join(' · '),
    ),
    ...cold.flatMap(({ form, requests, overCryptography, overRequests, overRequestsWall }) => [
      row(`Cold verification (${nameOf(form)}), CPU time against one P-256 verification`, spread(overCryptography)),
      row(`… CPU time against its ${requests} bare requests`, spread(overRequests)),
      row('… time by the clock against its bare requests', spread(overRequestsWall)),
    ]),
    ...keyless.forms.flatMap(({ form, calls, overCryptography, overBare }) => [
      row(
        `Cold keyless (${KEYLESS[form]}), CPU time against one P-256 verification`,
        spread(overCryptography),
        `≤ ${AIMS.keyless}`,
        [overCryptography.median <= AIMS.keyless],
      ),
      row(`… CPU time against the ${calls} bare verifications in it`, spread(overBare)),
    ]),
    row(
      `Requests (${keyless.several.bundles} bundles on one image): cold`,
      `${keyless.several.requests}`,
      `≤ ${keyless.several.bound}`,
      [keyless.several.requests <= keyless.several.bound],
    ),
    row('Cold GPG signature (RSA 3072), CPU time against one P-256 verification', spread(gpg.overCryptography)),
    row('… CPU time against one verification by such a key', spread(gpg.overBare)),
    row(
      'Requests (GPG, lookaside): cold, repeat; by tag cold, repeat',
      `${gpg.requests.cold}, ${gpg.requests.repeat}; ${gpg.requests.tagCold}, ${gpg.requests.tagRepeat}`,
      `≤ ${gpg.bound}, 0; repeat by tag 1`,
      [gpg.requests.cold <= gpg.bound, gpg.requests.repeat === 0, gpg.requests.tagRepeat === 1],
    ),
    ...requests.map(({ form, referrers, cold, repeat, tagCold, tagRepeat, bound }) =>
      row(
        `Requests (${nameOf(form)}${referrers === 'none' ? ', fallback tag' : ''}): cold, repeat; by tag cold, repeat`,
        `${cold}, ${repeat}; ${tagCold}, ${tagRepeat}`,
        `≤ ${bound}, 0; repeat by tag 1`,
        [cold <= bound, repeat === 0, tagRepeat === 1],
      ),
    ),
    ...memory.flatMap(memoryRows),
    ...start.map(({ name, milliseconds, overBare }) =>
      row(
        `Start to first decision, ${name.endsWith('.ts') ? 'from .ts' : 'the bundle'}, against the bare server's start`,
        `${spread(overBare)}; ${Math.round(milliseconds)} ms`,
      ),
    ),
  ];
}

function memoryRows({ images, idle, peak, after, again, afterAgain }: MemoryResult): readonly Row[] {
  const counted = images.toLocaleString('en');
  const aimed = images >= AIMS.images;
  return [
    row('Memory idle after start, MiB', idle.toFixed(0), `≤ ${AIMS.idle}`, [idle <= AIMS.idle]),
    row(
      `Memory after ${counted} distinct images, MiB (highest on the way)`,
      `${after.toFixed(0)} (${peak.toFixed(0)})`,
      aimed ? `≤ ${AIMS.after}` : '',
      aimed ? [after <= AIMS.after] : [],
    ),
    row(
      `Memory after ${again.toLocaleString('en')} of them once more, against before`,
      `${(afterAgain / after).toFixed(2)}; ${afterAgain.toFixed(0)} MiB`,
      `flat: ≤ ${AIMS.flat}`,
      [afterAgain / after <= AIMS.flat],
    ),
  ];
}

/** The rows as a Markdown table. */
export function markdownTable(rows: readonly Row[]): string {
  const lines = rows.map(({ what, figure, aim, met }) => `| ${what} | ${figure} | ${aim} | ${met} |`);
  return ['| what | figure | aim | met |', '|---|---|---|---|', ...lines].join('\n');
}

/** The rows for a terminal. */
export function textTable(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  return rows
    .map(({ what, figure, aim, met }) => `${what.padEnd(width)}  ${figure}${aim === '' ? '' : `  [${aim}: ${met}]`}`)
    .join('\n');
}

function row(what: string, figure: string, aim = '', met: readonly boolean[] = []): Row {
  return { what, figure, aim, met: met.length === 0 ? '' : met.every(Boolean) ? 'yes' : 'no' };
}

function spread({ least, median, greatest }: Spread): string {
  return `${digits(median)} (${digits(least)}–${digits(greatest)})`;
}

function digits(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Forms of keyless signatures, for people. */
const KEYLESS = {
  bundle: 'bundle v0.3, Rekor v1',
  tiles: 'bundle v0.3, Rekor v2 and timestamp',
  layer: '`.sig`',
} as const;

function nameOf(form: string): string {
  return { legacy: '`.sig`', bundle: 'bundle', both: '`.sig` and bundle' }[form] ?? form;
}
