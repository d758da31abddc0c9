import { isDeepStrictEqual } from 'node:util';
import type { Result } from '../../codes/result.ts';
import type { ApiClient } from '../../kubernetes/api.ts';
import type { Clock } from '../../kubernetes/clock.ts';
import { type Resource, shownResource } from '../../kubernetes/resource.ts';
import { watchResource } from '../../kubernetes/watch.ts';
import type { WatchState } from '../../kubernetes/watch-status.ts';
import type { OperationalLogger } from '../../telemetry/logger.ts';
import { MIRROR_SET_KINDS, type MirrorSet, readMirrorSet } from './mirror-set.ts';

/** The mirror sets of a cluster, followed. */
export type ClusterMirrors = {
  /** All of them as they were last seen; the same array while nothing changed. */
  readonly sets: () => readonly MirrorSet[];
  /**
   * Whether every kind was listed, found not to exist, or tried in vain. Mirrors let nothing in: where they cannot be had,
   * as without the role for it, images are looked for at their own registries, and {@link states} says what is wrong.
   */
  readonly isSynced: () => boolean;
  /** What is said of objects that cannot be read. */
  readonly notes: () => readonly string[];
  /** How each watch is, by the resource's name. */
  readonly states: () => readonly { readonly resource: string; readonly state: WatchState }[];
  readonly close: () => Promise<void>;
};

/** What following them needs beside the API. */
export type ClusterMirrorsOptions = {
  /** Told after each change; must not throw. */
  readonly onChange: () => void;
  readonly logger: OperationalLogger;
  /** For tests. */
  readonly clock?: Clock;
};

/**
 * Follows OpenShift's mirror sets in a cluster. An object that becomes unreadable goes on saying what it last said, as it
 * does on nodes, whose configuration the operator then leaves alone.
 */
export function watchClusterMirrors(api: ApiClient, options: ClusterMirrorsOptions): ClusterMirrors {
  const { logger } = options;
  let sets: readonly MirrorSet[] = [];
  let notes: readonly string[] = [];

  const gather = (): void => {
    const all = followed.flatMap(({ watch }) => [...watch.all().values()]);
    const next = all.flatMap(({ object, lastGood }) => {
      const read: MirrorSet | undefined = object.ok ? object.value : lastGood;
      return read === undefined ? [] : [read];
    });
    const said = all.flatMap(({ object, lastGood }) => {
      if (object.ok) return [];
      const stands = lastGood === undefined ? 'it is passed over' : 'what it said before stays in force';
      return [`${object.failure.message}; ${stands}`];
    });
    for (const note of said) if (!notes.includes(note)) logger.warn(note);
    notes = said;
    // A label that was written changes nothing about where images are looked for.
    if (isDeepStrictEqual(sets, next)) return;
    sets = next;
    options.onChange();
  };

  const followed = MIRROR_SET_KINDS.map(({ kind, group, version, plural }) => {
    const resource: Resource = { group, version, plural };
    const watch = watchResource(api, resource, {
      parse: (object): Result<MirrorSet> => readMirrorSet(object, kind, 'ignored'),
      onChange: () => gather(),
      logger,
      ...(options.clock !== undefined && { clock: options.clock }),
    });
    return { resource, watch };
  });

  const listed = new Set<string>();
  for (const { resource, watch } of followed) {
    void watch.synced.then((isListed) => {
      if (!isListed) return;
      gather();
      // Only now: nothing is to be read from a source that the mirrors, once gathered, would have kept from being asked.
      listed.add(resource.plural);
    });
  }
  return {
    sets: () => sets,
    isSynced: () => followed.every(({ resource, watch }) => listed.has(resource.plural) || watch.state().failures > 0),
    notes: () => notes,
    states: () =>
      followed.map(({ resource, watch }) => ({
        resource: `${shownResource(resource)}/${resource.version}`,
        state: watch.state(),
      })),
    close: async () => {
      await Promise.all(followed.map(({ watch }) => watch.close()));
    },
  };
}
