import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TargetFile, Updater } from 'tuf-js';
import type { Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import { asObject, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import type { HttpClient } from '../../http/client.ts';
import { openTufCache, type TufWorkspace } from './tuf-cache.ts';
import { createTufFetcher, type TufFetcher } from './tuf-fetcher.ts';

/** A TUF repository, and the root of its keys. */
export type TufRepository = {
  /** Base URL of its metadata, without a slash at the end; targets lie under `targets/`. */
  readonly url: string;
  /** The root.json that everything else is verified from, where the cache holds no newer one. */
  readonly initialRoot: Uint8Array;
};

/** A target as the repository vouches for it. */
export type VerifiedTarget = {
  readonly bytes: Uint8Array;
  /** The earliest expiry among the repository's root, timestamp, snapshot and targets metadata; milliseconds. */
  readonly expiresAt: number;
};

/** The file that sigstore instances publish their trusted root as. */
const TARGET = 'trusted_root.json';

const TOP_LEVEL = ['root', 'timestamp', 'snapshot', 'targets'] as const;

/**
 * Fetches `trusted_root.json` as TUF's client workflow has it: newer roots one by one, each signed by the one before and by itself;
 * then timestamp, snapshot, targets; signatures, versions and expiry of each; at last the target's length and hash.
 * The cache keeps what was verified, which is what a rolled back repository is noticed by.
 * @returns why there is no trusted root that the repository vouches for now
 * @see https://theupdateframework.github.io/specification/v1.0.34/#detailed-client-workflow
 */
export async function refreshByTuf(
  repository: TufRepository,
  cache: string,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Result<VerifiedTarget, string>> {
  let workspace: TufWorkspace;
  try {
    workspace = await openTufCache(cache);
  } catch (error) {
    return refused(`the folder ${printable(cache)} of TUF metadata cannot be written: ${textOf(error)}`);
  }
  const fetched = await fetchTarget(repository, workspace.folder, createTufFetcher(http, workspace.folder, signal));
  try {
    // What was verified is kept even if what came after it was not: a rollback is noticed by it.
    await workspace.keep();
  } catch (error) {
    return refused(`the folder ${printable(cache)} of TUF metadata cannot be written: ${textOf(error)}`);
  }
  return fetched;
}

async function fetchTarget(
  repository: TufRepository,
  folder: string,
  fetcher: TufFetcher,
): Promise<Result<VerifiedTarget, string>> {
  try {
    await mkdir(join(folder, 'targets'));
    const updater = await openUpdater(repository, folder, fetcher);
    await updater.refresh();
    const info = await updater.getTargetInfo(TARGET);
    if (info === undefined) return refused(`the repository has no ${TARGET}`);
    if (!isHashed(info)) return refused(`the repository gives neither SHA-256 nor SHA-512 of its ${TARGET}`);
    const bytes = await readFile(await updater.downloadTarget(info));
    return { ok: true, value: { bytes, expiresAt: await earliestExpiry(folder) } };
  } catch (error) {
    return refused(fetcher.trouble() ?? `what the repository offers is refused: ${textOf(error)}`);
  }
}

/** @throws what the library says of a root that cannot be used */
async function openUpdater({ url, initialRoot }: TufRepository, folder: string, fetcher: TufFetcher): Promise<Updater> {
  const root = join(folder, 'root.json');
  const open = () =>
    new Updater({
      metadataDir: folder,
      metadataBaseUrl: url,
      targetDir: join(folder, 'targets'),
      targetBaseUrl: `${url}/targets`,
      fetcher,
    });
  const cached = await access(root).then(
    () => true,
    () => false,
  );
  if (cached) {
    try {
      return open();
    } catch {
      // A broken cache is no reason to stop: the root given leads to the same newest one.
    }
  }
  await writeFile(root, initialRoot);
  return open();
}

/** A target without a strong hash would be verified by its length alone. */
function isHashed({ hashes }: TargetFile): boolean {
  return 'sha256' in hashes || 'sha512' in hashes;
}

/** The library has verified these files a moment ago, but tells nobody what they say. */
async function earliestExpiry(folder: string): Promise<number> {
  const moments: number[] = [];
  for (const role of TOP_LEVEL) {
    const json = parseStrictJson(await readFile(join(folder, `${role}.json`)));
    const signed = json.ok ? asObject(asObject(json.value)?.['signed']) : undefined;
    const expires = signed === undefined ? undefined : stringAt(signed, 'expires');
    const at = expires === undefined ? Number.NaN : Date.parse(expires);
    if (Number.isNaN(at)) throw new Error(`${role}.json is no strict JSON that says when it expires`);
    moments.push(at);
  }
  return Math.min(...moments);
}

/** The library wraps one message into another. */
function textOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return printable(message.replace(/^Unable to load (\w+)(?: metadata)? error (?:\w+: )?/, '$1: '), 300);
}

function refused(message: string): { readonly ok: false; readonly failure: string } {
  return { ok: false, failure: message };
}
