import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { ok, type Result } from '../../codes/result.ts';
import { OPENSHIFT_DEFAULTS, type OpenShiftDefaults } from '../dialects/openshift/settings.ts';
import type { PolicyEntry } from './entry.ts';
import { firstSnapshot, type LoadedPolicies, render } from './load.ts';
import type { LoadFailure } from './problem.ts';
import { type Snapshot, sameSnapshot, takeSnapshot } from './snapshot.ts';

/** Policies that follow their files. */
export type PolicyWatch = {
  /** The policies in force. */
  readonly current: () => LoadedPolicies;
  /** Stops watching; nothing is reported after it. */
  readonly close: () => void;
};

/** How often files are looked at where the system reports no change (network file systems, too few watches left). */
const POLL = 500;
/** How long to wait after a report, so that a swap of many files is read once. */
const DEBOUNCE = 50;

/**
 * Loads policies and keeps them in step with their files: edits, renames and the swaps of a mounted ConfigMap are in
 * force within a second. What goes wrong on the way refuses what it protected and leaves the rest alone; it is in
 * `problems` of what is reported.
 * @param onChange called with all policies after each change; must not throw
 * @returns the failure of {@link loadPolicies} where the first reading fails
 */
export async function watchPolicies(
  entries: readonly PolicyEntry[],
  onChange: (loaded: LoadedPolicies) => void,
  defaults: OpenShiftDefaults = OPENSHIFT_DEFAULTS,
): Promise<Result<PolicyWatch, LoadFailure>> {
  const first = await firstSnapshot(entries, defaults);
  if (!first.ok) return first;
  const { rules } = first.value;

  let snapshot = first.value.snapshot;
  let loaded = render(snapshot);
  let timer: NodeJS.Timeout | undefined;
  let due = Number.POSITIVE_INFINITY;
  let closed = false;
  const watchers = new Map<string, FSWatcher>();

  const schedule = (delay: number): void => {
    const at = performance.now() + delay;
    if (closed || at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(() => void look(), delay).unref();
  };

  const look = async (): Promise<void> => {
    // Reports that come while looking move nothing: the next look comes soon enough by itself.
    due = Number.NEGATIVE_INFINITY;
    const next = await takeSnapshot(rules, snapshot, { defaults, now: Date.now });
    if (closed) return;
    const changed = !sameSnapshot(snapshot, next);
    snapshot = next;
    follow(watchers, directoriesOf(snapshot), () => schedule(DEBOUNCE));
    due = Number.POSITIVE_INFINITY;
    schedule(next.unsettled ? DEBOUNCE : POLL);
    if (!changed) return;
    loaded = render(snapshot);
    onChange(loaded);
  };

  follow(watchers, directoriesOf(snapshot), () => schedule(DEBOUNCE));
  schedule(POLL);
  return ok({
    current: () => loaded,
    close: () => {
      closed = true;
      clearTimeout(timer);
      follow(watchers, new Set(), () => undefined);
    },
  });
}

function directoriesOf({ entries }: Snapshot): ReadonlySet<string> {
  return new Set(entries.flatMap(({ rules, directories }) => [dirname(rules.path), ...directories]));
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
