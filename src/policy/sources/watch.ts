import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { ok, type Result } from '../../codes/result.ts';
import { POLICY_DEFAULTS, type PolicyDefaults } from '../defaults.ts';
import type { PolicyEntry } from './entry.ts';
import { type ClusterHoldings, firstSnapshot, type LoadedPolicies, NOTHING_HELD, render } from './load.ts';
import { currentFingerprint } from './material.ts';
import type { LoadFailure } from './problem.ts';
import {
  hasUnread,
  type ListedEntry,
  listEntries,
  materialOf,
  type Snapshot,
  sameSnapshot,
  takeSnapshot,
} from './snapshot.ts';

/** Policies that follow their files. */
export type PolicyWatch = {
  /** The policies in force. */
  readonly current: () => LoadedPolicies;
  /** Takes what the cluster holds now in with the files. */
  readonly refresh: () => void;
  /** Stops watching; nothing is reported after it. */
  readonly close: () => void;
};

/** How often files are looked at where the system reports no change (network file systems, too few watches left). */
const POLL = 500;
/** How long to wait after a report before looking. */
const DEBOUNCE = 50;
/** How long everything must stay as it is before it is read: files are written, moved and replaced in several steps. */
const SETTLE = 100;
/** How long a file that never stops changing can put off what else changed. */
const PATIENCE = 400;

/**
 * Loads policies and keeps them in step with their files: edits, renames and the swaps of a mounted ConfigMap are in
 * force within a second. What goes wrong on the way refuses what it protected and leaves the rest alone; it is in
 * `problems` of what is reported.
 * @param onChange called with all policies after each change; must not throw
 * @param cluster what a cluster holds, read at each rendering
 * @returns the failure of {@link loadPolicies} where the first reading fails
 */
export async function watchPolicies(
  entries: readonly PolicyEntry[],
  onChange: (loaded: LoadedPolicies) => void,
  defaults: PolicyDefaults = POLICY_DEFAULTS,
  cluster: () => ClusterHoldings = () => NOTHING_HELD,
): Promise<Result<PolicyWatch, LoadFailure>> {
  const first = await firstSnapshot(entries, defaults);
  if (!first.ok) return first;
  const rules = first.value.listed.map((entry) => entry.rules);

  let snapshot = first.value.snapshot;
  let loaded = render(snapshot, cluster());
  let read = signatureOf(first.value.listed, fingerprintsIn(snapshot));
  let pending: { readonly signature: string; readonly since: number; readonly same: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let due = Number.POSITIVE_INFINITY;
  let closed = false;
  const watchers = new Map<string, FSWatcher>();

  const schedule = (delay: number): void => {
    const at = performance.now() + delay;
    if (closed || at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(() => void turn(), delay).unref();
  };

  const turn = async (): Promise<void> => {
    // A report that comes while looking moves nothing: the next look comes soon enough by itself.
    due = Number.NEGATIVE_INFINITY;
    let delay = POLL;
    try {
      delay = await look();
    } finally {
      due = Number.POSITIVE_INFINITY;
      schedule(delay);
    }
  };

  /** Whether what stands there now has stood for long enough to be read. */
  const isSettled = (signature: string, now: number): boolean => {
    if (pending?.signature !== signature) pending = { signature, since: pending?.since ?? now, same: now };
    return now - pending.same >= SETTLE || now - pending.since >= PATIENCE;
  };

  /** Reads what changed; returns when to look again. */
  const look = async (): Promise<number> => {
    const listed = await listEntries(rules);
    const signature = signatureOf(listed, await fingerprintsNow(snapshot));
    if (signature === read && !hasUnread(snapshot)) {
      pending = undefined;
      return POLL;
    }
    if (signature !== read && !isSettled(signature, performance.now())) return DEBOUNCE;

    const next = await takeSnapshot(listed, snapshot, defaults);
    if (closed) return POLL;
    const isChanged = !sameSnapshot(snapshot, next);
    snapshot = next;
    // As it was read, not as it stood before: what changed in between is looked at again.
    read = signatureOf(listed, fingerprintsIn(snapshot));
    pending = undefined;
    follow(watchers, directoriesOf(snapshot), () => schedule(DEBOUNCE));
    if (isChanged) refresh();
    return POLL;
  };

  const refresh = (): void => {
    loaded = render(snapshot, cluster());
    onChange(loaded);
  };

  follow(watchers, directoriesOf(snapshot), () => schedule(DEBOUNCE));
  schedule(POLL);
  return ok({
    current: () => loaded,
    refresh,
    close: () => {
      closed = true;
      clearTimeout(timer);
      follow(watchers, new Set(), () => undefined);
    },
  });
}

/** The directories whose reports matter. That of a directory's parent would not: it may be as busy as `/tmp`. */
function directoriesOf(snapshot: Snapshot): ReadonlySet<string> {
  return new Set([
    ...snapshot.flatMap(({ rules, directories }) => (directories.length === 0 ? [dirname(rules.path)] : directories)),
    ...materialOf(snapshot).map(({ place }) => dirname(place.path)),
  ]);
}

/**
 * Changes whenever a file comes, goes or changes, or an entry can or cannot be listed.
 * @param material fingerprints of the files that policies name
 */
function signatureOf(entries: readonly ListedEntry[], material: readonly string[]): string {
  const listings = entries.map(({ listing }) =>
    listing.ok ? listing.value.files.map(({ path, fingerprint }) => [path, fingerprint]) : listing.failure.message,
  );
  return JSON.stringify([listings, material]);
}

function fingerprintsIn(snapshot: Snapshot): readonly string[] {
  return materialOf(snapshot).map(({ fingerprint }) => fingerprint);
}

async function fingerprintsNow(snapshot: Snapshot): Promise<readonly string[]> {
  const now: string[] = [];
  for (const file of materialOf(snapshot)) now.push(await currentFingerprint(file));
  return now;
}

/** Watches these directories and no other. What cannot be watched is polled all the same. */
function follow(watchers: Map<string, FSWatcher>, directories: ReadonlySet<string>, onEvent: () => void): void {
  for (const [path, watcher] of watchers) {
    if (directories.has(path)) continue;
    watcher.close();
    watchers.delete(path);
  }
  for (const path of directories) {
    if (watchers.has(path)) continue;
    try {
      const watcher = watch(path, { persistent: false }, onEvent);
      watcher.on('error', () => {
        watcher.close();
        watchers.delete(path);
      });
      watchers.set(path, watcher);
    } catch {
      // Gone, or no watches left: polling finds the change.
    }
  }
}
