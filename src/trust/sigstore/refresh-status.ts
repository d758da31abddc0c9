import { basename, dirname, join } from 'node:path';
import { asObject, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';

/** What is known about how fresh a `trusted_root.json` is, beside what stands in it: the root itself has no date. */
export type RefreshStatus = {
  /** Where it came from, for people: the URL of a TUF repository, or the package that carried it. */
  readonly source: string;
  /** When its source last confirmed that it is the current one; milliseconds since the epoch. */
  readonly refreshedAt: number;
  /** Until when the source vouches for that: the earliest expiry of the TUF metadata it rests on. */
  readonly expiresAt: number;
  /** Hexadecimal SHA-256 of the file that all this is said of. */
  readonly sha256: string;
};

/**
 * The file that holds the status of a trusted root. Its name begins with a dot, so that a folder of policies can hold
 * both: such names are skipped there (DESIGN.md §5).
 */
export function statusPathOf(rootPath: string): string {
  return join(dirname(rootPath), `.${basename(rootPath)}.status.json`);
}

/** Writes a status as its file holds it. */
export function renderRefreshStatus(status: RefreshStatus): string {
  const { source, sha256 } = status;
  const refreshed = new Date(status.refreshedAt).toISOString();
  const expires = new Date(status.expiresAt).toISOString();
  return `${JSON.stringify({ source, refreshed, expires, sha256 }, null, 2)}\n`;
}

/** Reads a status; undefined where it is none, since nothing but figures for people rests on it. */
export function parseRefreshStatus(bytes: Uint8Array): RefreshStatus | undefined {
  const json = parseStrictJson(bytes);
  const object = json.ok ? asObject(json.value) : undefined;
  if (object === undefined) return undefined;
  const source = stringAt(object, 'source');
  const refreshedAt = momentOf(stringAt(object, 'refreshed'));
  const expiresAt = momentOf(stringAt(object, 'expires'));
  const sha256 = stringAt(object, 'sha256');
  if (source === undefined || refreshedAt === undefined || expiresAt === undefined || sha256 === undefined)
    return undefined;
  return { source, refreshedAt, expiresAt, sha256 };
}

/** A moment as `toISOString` writes it, and in no other way. */
function momentOf(text: string | undefined): number | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) || new Date(at).toISOString() !== text ? undefined : at;
}
