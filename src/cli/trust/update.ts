import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Result } from '../../codes/result.ts';
import { defaultConfiguration } from '../../config/configuration.ts';
import { parseDuration } from '../../config/duration.ts';
import { asSentence, printable } from '../../encoding/escape.ts';
import { createHttpClient } from '../../http/client.ts';
import { renderRefreshStatus, statusPathOf } from '../../trust/sigstore/refresh-status.ts';
import { rootStatus, sha256Of } from '../../trust/sigstore/root-status.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { type Command, type Terminal, usageError } from '../command.ts';
import { replaceFile } from './replace-file.ts';
import { type ChosenRepository, chooseRepository } from './repository.ts';
import { refreshByTuf, type VerifiedTarget } from './tuf-refresh.ts';
import { contents, moment, span } from './wording.ts';

/** The bounds of `--timeout`; milliseconds. */
const SHORTEST_TIMEOUT = 100;
const LONGEST_TIMEOUT = 600_000;

/**
 * `countersign trust update --output FILE`: refreshes a trusted root by TUF. The file is replaced only by a root that the
 * repository vouches for now and that countersign itself can read; whatever goes wrong, it stays as it was.
 * Status 0 where it is now the current one, 1 where it could not be refreshed, 2 for a wrong call.
 */
export const update: Command = async (args, terminal) => {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return usageError(terminal, error instanceof Error ? error.message : 'the options cannot be read.');
  }
  const { output } = values;
  if (output === undefined || output === '') return usageError(terminal, 'trust update needs --output FILE.');
  const timeout = parseDuration(values.timeout);
  if (timeout === undefined || timeout < SHORTEST_TIMEOUT || timeout > LONGEST_TIMEOUT)
    return usageError(terminal, '--timeout is a duration from 100ms to 10m, such as 60s.');
  const repository = await chooseRepository(values.mirror, values.root);
  if (!repository.ok) return usageError(terminal, repository.failure);

  const problem = await placeProblem(output);
  if (problem !== undefined) return stays(terminal, output, problem);
  const cache = values.cache ?? join(dirname(output), `.${basename(output)}.tuf`);
  const fetched = await fetchFrom(repository.value, join(cache, repository.value.folder), timeout, terminal);
  if (!fetched.ok) return stays(terminal, output, fetched.failure);
  const root = usableRoot(fetched.value.bytes);
  if (!root.ok) return stays(terminal, output, root.failure);
  return put(terminal, output, repository.value, fetched.value, root.value);
};

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      output: { type: 'string' },
      mirror: { type: 'string' },
      root: { type: 'string' },
      cache: { type: 'string' },
      timeout: { type: 'string', default: '60s' },
    },
  }).values;
}

/** What keeps a file from being written, as far as that shows before anything is fetched. A folder that is missing is a slip. */
async function placeProblem(output: string): Promise<string | undefined> {
  const folder = await stat(dirname(output)).catch(() => undefined);
  if (folder?.isDirectory() !== true) return `the folder ${printable(dirname(output))} does not exist`;
  const file = await stat(output).catch(() => undefined);
  return file === undefined || file.isFile() ? undefined : 'it is no regular file';
}

async function fetchFrom(
  repository: ChosenRepository,
  cache: string,
  timeout: number,
  { environment }: Terminal,
): Promise<Result<VerifiedTarget, string>> {
  const { https, http, noProxy } = defaultConfiguration(environment).proxy;
  const client = createHttpClient({
    // The operator named this host, so it may be at any address; no other one is ever asked.
    isConfigured: (host) => host === repository.host,
    proxy: {
      ...(https === undefined ? {} : { httpsProxy: https }),
      ...(http === undefined ? {} : { httpProxy: http }),
      noProxy: noProxy.join(','),
    },
  });
  try {
    return await refreshByTuf(repository, cache, client, AbortSignal.timeout(timeout));
  } finally {
    await client.close();
  }
}

/** A root that is read as strictly as `serve` will read it, and in which there is somebody to trust. */
function usableRoot(bytes: Uint8Array): Result<TrustedRoot, string> {
  const root = parseTrustedRoot(bytes);
  if (!root.ok) return { ok: false, failure: `what it publishes cannot be used: ${root.failure.message}` };
  const { certificateAuthorities, logs, certificateLogs, timestampAuthorities } = root.value;
  return [certificateAuthorities, logs, certificateLogs, timestampAuthorities].some(({ length }) => length > 0)
    ? root
    : { ok: false, failure: 'what it publishes holds no authority and no log that countersign could use' };
}

async function put(
  terminal: Terminal,
  output: string,
  { url }: ChosenRepository,
  { bytes, expiresAt }: VerifiedTarget,
  root: TrustedRoot,
): Promise<number> {
  const before = await readFile(output).catch(() => undefined);
  const changed = before === undefined || Buffer.compare(before, bytes) !== 0;
  const status = { source: url, refreshedAt: Date.now(), expiresAt, sha256: sha256Of(bytes) };
  try {
    if (changed) await replaceFile(output, bytes);
  } catch (error) {
    return stays(terminal, output, `it cannot be written: ${textOf(error)}`);
  }
  const name = printable(output, 400);
  try {
    // After the root: a status that names other bytes than the root has is ignored, so none is ever wrong.
    await replaceFile(statusPathOf(output), Buffer.from(renderRefreshStatus(status)));
  } catch (error) {
    terminal.error(
      `countersign: ${name} is current now, but the file beside it that says so cannot be written: ${textOf(error)}\n`,
    );
    return 1;
  }
  terminal.out(
    `${name} ${changed ? 'is refreshed' : 'is unchanged'}: ${contents(root)}.\n` +
      `${url} vouches for it until ${moment(expiresAt)} (${span(expiresAt - status.refreshedAt)}).\n`,
  );
  for (const log of root.unsupported)
    terminal.error(`countersign: a log counts as unknown, since its kind of key is not supported: ${log}\n`);
  return 0;
}

/** Says why there is nothing new, and how old what is there is. */
async function stays(terminal: Terminal, output: string, why: string): Promise<number> {
  const name = printable(output, 400);
  const old = await readFile(output).catch(() => undefined);
  const status = old === undefined ? undefined : await rootStatus(output);
  const now = Date.now();
  const what =
    old === undefined
      ? 'There is no earlier file.'
      : status === undefined
        ? 'The file stays as it was; how old it is, is not known.'
        : `The file stays as it was ${span(now - status.refreshedAt)} ago, and its source ${
            status.expiresAt > now ? 'vouches' : 'vouched'
          } for it until ${moment(status.expiresAt)}.`;
  terminal.error(`countersign: ${name} is not refreshed. ${asSentence(why)}. ${what}\n`);
  return 1;
}

function textOf(error: unknown): string {
  // Some of Node's messages are sentences.
  return printable(error instanceof Error ? error.message : String(error), 300).replace(/\.$/, '');
}
