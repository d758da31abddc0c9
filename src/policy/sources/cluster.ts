import { isDeepStrictEqual } from 'node:util';
import { printable } from '../../encoding/escape.ts';
import type { ApiClient } from '../../kubernetes/api.ts';
import type { Clock } from '../../kubernetes/clock.ts';
import { type Resource, shownResource } from '../../kubernetes/resource.ts';
import type { Watched } from '../../kubernetes/store.ts';
import { type Watch, watchResource } from '../../kubernetes/watch.ts';
import type { WatchState } from '../../kubernetes/watch-status.ts';
import type { OperationalLogger } from '../../telemetry/logger.ts';
import { brokenState, type CompiledPolicy, type Member, NOT_NARROWED } from '../compiled.ts';
import type { PolicyDefaults } from '../defaults.ts';
import { compileObject } from '../dialects/openshift/compile.ts';
import type { OpenShiftVersion } from '../dialects/openshift/crd.ts';
import { OPENSHIFT_GROUP, type OpenShiftKind, type OpenShiftObject, readObject } from '../dialects/openshift/object.ts';
import { conditionIn, type PolicyCondition, type ReportedPolicy } from './cluster-status.ts';

/** The policies that a cluster holds as objects, followed. */
export type ClusterPolicies = {
  /** All of them as they were last seen; nothing of a namespace or a kind that is gone. */
  readonly members: () => readonly Member[];
  /** The same with where each stands and what its status says. */
  readonly reported: () => readonly ReportedPolicy[];
  /** Resolves with true once every kind was listed, or found not to exist; with false if closed before. */
  readonly synced: Promise<boolean>;
  readonly isSynced: () => boolean;
  /** How each watch is, by the resource's name. */
  readonly states: () => readonly { readonly resource: string; readonly state: WatchState }[];
  readonly close: () => Promise<void>;
};

/** What following them needs beside the API. */
export type ClusterOptions = {
  readonly defaults: PolicyDefaults;
  /** Told after each change; must not throw. */
  readonly onChange: () => void;
  readonly logger: OperationalLogger;
  /** For tests. */
  readonly clock?: Clock;
};

/** The kinds, newest version first: clusters serve v1alpha1 alone, both, or v1 alone (OpenShift 4.17 to 4.21). */
const KINDS: readonly { readonly kind: OpenShiftKind; readonly version: OpenShiftVersion; readonly plural: string }[] =
  [
    { kind: 'ClusterImagePolicy', version: 'v1', plural: 'clusterimagepolicies' },
    { kind: 'ImagePolicy', version: 'v1', plural: 'imagepolicies' },
    { kind: 'ClusterImagePolicy', version: 'v1alpha1', plural: 'clusterimagepolicies' },
    { kind: 'ImagePolicy', version: 'v1alpha1', plural: 'imagepolicies' },
  ];

/** An object as it was read, with the condition of ours that its status has. */
type Seen = { readonly object: OpenShiftObject; readonly condition: PolicyCondition | undefined };

type Followed = { readonly resource: Resource; readonly kind: OpenShiftKind; readonly watch: Watch<Seen> };

/**
 * Follows OpenShift's policies in a cluster. What was last seen stays in force while the API server is away; an object that
 * becomes invalid refuses the scopes that it has and those that it had (MODEL.md M8); one that is deleted is gone.
 */
export function watchClusterPolicies(api: ApiClient, options: ClusterOptions): ClusterPolicies {
  const { defaults, logger } = options;
  const compiled = new Map<string, { readonly object: OpenShiftObject | string; readonly policy: CompiledPolicy }>();
  const lastScopes = new Map<string, readonly string[]>();
  let members: readonly Member[] = [];
  let reported: readonly ReportedPolicy[] = [];

  const compile = (kind: OpenShiftKind, one: Watched<Seen>): CompiledPolicy => {
    const known = compiled.get(one.uid);
    const object = one.object.ok ? one.object.value.object : `${one.resourceVersion}: ${one.object.failure.message}`;
    // A status that was written changes nothing: the policy stays the very object that rules and proofs are kept by.
    if (known !== undefined && isDeepStrictEqual(known.object, object)) return known.policy;
    const policy =
      typeof object === 'string'
        ? unusable(kind, one, object)
        : compileObject(object, {
            source: `uid ${printable(one.uid)}`,
            defaults,
            mode: undefined,
            lastScopes: lastScopes.get(one.uid) ?? [],
          });
    compiled.set(one.uid, { object, policy });
    return policy;
  };

  const gather = (): void => {
    const seen = new Set<string>();
    const next: Member[] = [];
    const standing: ReportedPolicy[] = [];
    for (const { kind, resource, watch } of followed) {
      for (const one of watch.all().values()) {
        // The same object comes by every version that the cluster serves.
        if (seen.has(one.uid)) continue;
        seen.add(one.uid);
        const policy = compile(kind, one);
        if (policy.reach !== 'everything')
          lastScopes.set(
            one.uid,
            policy.reach.map(({ written }) => written),
          );
        next.push({ compiled: policy, narrowing: NOT_NARROWED });
        const { name, namespace } = one;
        const target = { ...resource, name, ...(namespace !== undefined && { namespace }) };
        standing.push({ target, compiled: policy, written: one.object.ok ? one.object.value.condition : undefined });
      }
    }
    for (const uid of compiled.keys()) if (!seen.has(uid)) compiled.delete(uid);
    for (const uid of lastScopes.keys()) if (!seen.has(uid)) lastScopes.delete(uid);
    members = next;
    reported = standing;
    options.onChange();
  };

  const followed: readonly Followed[] = KINDS.map(({ kind, version, plural }) => {
    const resource: Resource = { group: OPENSHIFT_GROUP, version, plural };
    const watch = watchResource(api, resource, {
      parse: (object) => ({
        ok: true,
        value: { object: readObject(object, kind, version), condition: conditionIn(object) },
      }),
      onChange: () => gather(),
      logger,
      ...(options.clock !== undefined && { clock: options.clock }),
    });
    return { resource, kind, watch };
  });

  let isSynced = false;
  const synced = Promise.all(followed.map(({ watch }) => watch.synced)).then((all) => {
    if (!all.every(Boolean)) return false;
    gather();
    // Only now: should gathering fail, nothing may be decided without the policies that it was to bring.
    isSynced = true;
    return true;
  });
  return {
    members: () => members,
    reported: () => reported,
    synced,
    isSynced: () => isSynced,
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

/** An object that could not even be read, such as one that is too large: nobody knows what it names. */
function unusable(kind: OpenShiftKind, { name, namespace, uid }: Watched<Seen>, why: string): CompiledPolicy {
  const origin = {
    kind,
    namespace,
    name: printable(name, 260),
    source: `uid ${printable(uid)}`,
    generation: undefined,
  };
  return {
    dialect: 'openshift',
    policy: {
      origin,
      mode: undefined,
      subjectRule: 'indexOrEveryInstance',
      evidence: 'complete',
      state: brokenState(origin, why),
    },
    holdsIn: namespace === undefined ? { kind: 'cluster' } : { kind: 'namespace', namespace },
    reach: 'everything',
    problems: [{ path: '', text: printable(why, 1000) }],
    warnings: [],
  };
}
