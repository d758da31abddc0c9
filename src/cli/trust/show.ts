import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { failed, ok, type Result } from '../../codes/result.ts';
import { asSentence, printable } from '../../encoding/escape.ts';
import type { Authority } from '../../trust/sigstore/authority.ts';
import type { TrustedLog } from '../../trust/sigstore/log.ts';
import { publicGoodRoot } from '../../trust/sigstore/public-good.ts';
import type { RefreshStatus } from '../../trust/sigstore/refresh-status.ts';
import { rootStatus, shippedRootStatus } from '../../trust/sigstore/root-status.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { ALWAYS, type ValidityWindow } from '../../trust/sigstore/validity-window.ts';
import { type Command, USAGE_ERROR, usageError } from '../command.ts';
import { moment, span } from './wording.ts';

/** Trusted roots have some kilobytes; bytes. */
const MAXIMUM_BYTES = 8 * 1024 * 1024;

type Read = { readonly root: TrustedRoot; readonly status: RefreshStatus | undefined };

/** One authority or log, as it is shown. */
type Entry = {
  readonly name: string;
  readonly id: string;
  readonly from: string;
  readonly until: string | null;
  readonly ended: boolean;
};

/** What is shown, which is what `--format json` prints. */
type Shown = {
  readonly file: string;
  readonly source: string | null;
  readonly refreshed: string | null;
  readonly expires: string | null;
  readonly ageSeconds: number | null;
  readonly expirySeconds: number | null;
  readonly certificateAuthorities: readonly Entry[];
  readonly transparencyLogs: readonly Entry[];
  readonly certificateTransparencyLogs: readonly Entry[];
  readonly timestampAuthorities: readonly Entry[];
  readonly unsupportedLogs: readonly string[];
};

/**
 * `countersign trust show [FILE]`: what a trusted root holds, until when each part of it holds, and how fresh it is.
 * Without a file: the public-good root that countersign ships.
 */
export const show: Command = async (args, terminal) => {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return usageError(terminal, error instanceof Error ? error.message : 'the options cannot be read.');
  }
  const { format } = parsed.values;
  const [path, ...more] = parsed.positionals;
  if (format !== 'text' && format !== 'json') return usageError(terminal, '--format is text or json.');
  if (more.length > 0) return usageError(terminal, 'trust show takes one FILE.');

  const read = path === undefined ? readShipped() : await readRoot(path);
  if (!read.ok) {
    terminal.error(`countersign: ${asSentence(read.failure.message)}. [${read.failure.code}]\n`);
    return USAGE_ERROR;
  }
  const shown = describe(path ?? 'the public-good root that countersign ships', read.value, Date.now());
  terminal.out(format === 'json' ? `${JSON.stringify(shown, null, 2)}\n` : textOf(shown));
  return 0;
};

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { format: { type: 'string', default: 'text' } },
  });
}

function readShipped(): Result<Read> {
  const root = publicGoodRoot();
  return root.ok ? ok({ root: root.value, status: shippedRootStatus() }) : root;
}

async function readRoot(path: string): Promise<Result<Read>> {
  let bytes: Uint8Array;
  try {
    if ((await stat(path)).size > MAXIMUM_BYTES)
      return failed('LIMIT_EXCEEDED', `the file ${printable(path)} is too large for a trusted root`);
    bytes = await readFile(path);
  } catch (cause) {
    return failed('CONFIGURATION_INVALID', `the file ${printable(path)} cannot be read`, cause);
  }
  const root = parseTrustedRoot(bytes);
  return root.ok ? ok({ root: root.value, status: await rootStatus(path) }) : root;
}

function describe(file: string, { root, status }: Read, now: number): Shown {
  const authority = ({ chain: [first], window }: Authority) =>
    entry(new X509Certificate(first.der).subject.split('\n').join(', '), first.fingerprint, window, now);
  const log = ({ baseUrl, id, window }: TrustedLog) => entry(baseUrl, id, window, now);
  return {
    file,
    source: status?.source ?? null,
    refreshed: status === undefined ? null : moment(status.refreshedAt),
    expires: status === undefined ? null : moment(status.expiresAt),
    ageSeconds: status === undefined ? null : Math.round((now - status.refreshedAt) / 1000),
    expirySeconds: status === undefined ? null : Math.round((status.expiresAt - now) / 1000),
    certificateAuthorities: root.certificateAuthorities.map(authority),
    transparencyLogs: root.logs.map(log),
    certificateTransparencyLogs: root.certificateLogs.map(log),
    timestampAuthorities: root.timestampAuthorities.map(authority),
    unsupportedLogs: root.unsupported,
  };
}

function entry(name: string, id: string, { start, end }: ValidityWindow, now: number): Entry {
  return { name, id, from: moment(start), until: end === ALWAYS.end ? null : moment(end), ended: end < now };
}

function textOf(shown: Shown): string {
  const { source, refreshed, expires, ageSeconds, expirySeconds } = shown;
  const fresh =
    source === null || ageSeconds === null || expirySeconds === null
      ? ['how fresh it is, is not known']
      : [
          `from ${printable(source)}`,
          `refreshed ${refreshed} (${span(ageSeconds * 1000)} ago)`,
          `vouched for until ${expires} (${span(expirySeconds * 1000)} ${expirySeconds < 0 ? 'ago' : 'from now'})`,
        ];
  return [
    printable(shown.file, 400),
    ...fresh.map((line) => `  ${line}`),
    ...section('certificate authorities', shown.certificateAuthorities),
    ...section('transparency logs', shown.transparencyLogs),
    ...section('certificate transparency logs', shown.certificateTransparencyLogs),
    ...section('timestamp authorities', shown.timestampAuthorities),
    ...(shown.unsupportedLogs.length === 0 ? [] : ['', 'unknown, since their kind of key is not supported']),
    ...shown.unsupportedLogs.map((log) => `  ${log}`),
    '',
  ].join('\n');
}

function section(title: string, entries: readonly Entry[]): readonly string[] {
  const lines = entries.map(
    ({ name, id, from, until, ended }) =>
      `  ${printable(name)}\n    ${id.slice(0, 16)}…  ${until === null ? `since ${from}` : `${from} to ${until}`}${ended ? ', ended' : ''}`,
  );
  return ['', title, ...(lines.length === 0 ? ['  none'] : lines)];
}
