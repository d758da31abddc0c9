import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import shipped from '../../../certs/public-good/.trusted_root.json.status.json' with { type: 'json' };
import type { TrustedRootDates } from '../../telemetry/trusted-root-metrics.ts';
import { parseRefreshStatus, type RefreshStatus, statusPathOf } from './refresh-status.ts';

/** A trusted root that a policy names: the shipped one, or a file. */
export type RootInUse =
  | { readonly kind: 'shipped'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string; readonly path: string };

/** Trusted roots have a few kilobytes; more is not looked at for its age; bytes. */
const MAXIMUM_BYTES = 8 * 1024 * 1024;

/** Trusted roots whose status is read; policies name one or two. */
const MAXIMUM_ROOTS = 64;

/** What is known of the root that countersign ships (certs/README.md); undefined only if that file is broken. */
export function shippedRootStatus(): RefreshStatus | undefined {
  return parseRefreshStatus(Buffer.from(JSON.stringify(shipped)));
}

/**
 * Reads what is known of the trusted root in a file, from the file beside it.
 * @returns undefined where there is nothing, or where it is said of other bytes than the root has now: somebody has
 *   replaced the root by hand, and nobody knows how old it is
 */
export async function rootStatus(rootPath: string): Promise<RefreshStatus | undefined> {
  const written = await bytesOf(statusPathOf(rootPath));
  const status = written === undefined ? undefined : parseRefreshStatus(written);
  if (status === undefined) return undefined;
  const root = await bytesOf(rootPath);
  return root !== undefined && sha256Of(root) === status.sha256 ? status : undefined;
}

/** Hexadecimal SHA-256, as a status names its root. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Says how fresh the trusted roots in use are, for the metrics. Files are read when somebody asks, at most once in
 * `every` milliseconds; never throws.
 */
export function createRootDates(
  inUse: () => readonly RootInUse[],
  clock: () => number,
  every = 30_000,
): () => Promise<readonly TrustedRootDates[]> {
  let readAt = Number.NEGATIVE_INFINITY;
  let held: Promise<readonly TrustedRootDates[]> = Promise.resolve([]);
  return () => {
    const now = clock();
    if (now - readAt >= every) {
      readAt = now;
      held = Promise.all(inUse().slice(0, MAXIMUM_ROOTS).map(datesOf));
    }
    return held;
  };
}

async function datesOf(root: RootInUse): Promise<TrustedRootDates> {
  const status = root.kind === 'shipped' ? shippedRootStatus() : await rootStatus(root.path);
  return { root: root.name, refreshedAt: status?.refreshedAt, expiresAt: status?.expiresAt };
}

async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    return size > MAXIMUM_BYTES ? undefined : await readFile(path);
  } catch {
    return undefined;
  }
}
