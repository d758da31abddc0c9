import { ok, type Result } from '../../codes/result.ts';
import type { RegistryRule } from '../../config/registry-rules.ts';
import { printable } from '../../encoding/escape.ts';
import type { SignatureStorage } from '../../image/signature-storage.ts';
import type { RootInUse } from '../../trust/sigstore/root-status.ts';
import type { CompiledPolicy, Member } from '../compiled.ts';
import { POLICY_DEFAULTS, type PolicyDefaults } from '../defaults.ts';
import { mergeRegistriesD } from '../dialects/containers/registries-d.ts';
import { type ContainersDocuments, containersSet } from '../dialects/containers/set.ts';
import { attachmentWarnings } from '../dialects/containers/warnings.ts';
import { ownSet } from '../dialects/countersign/set.ts';
import { notationSet } from '../dialects/notation/set.ts';
import { type Conflict, conflictConditions } from '../dialects/openshift/conflicts.ts';
import { openShiftSet } from '../dialects/openshift/set.ts';
import { rulesOf } from '../mirrors/merge.ts';
import type { MirrorSet } from '../mirrors/mirror-set.ts';
import type { PolicySet, PolicyWarning } from '../policy.ts';
import { type EntryRules, type PolicyEntry, readEntry } from './entry.ts';
import { identityOf } from './policy-file.ts';
import { type LoadFailure, loadFailure, type PolicyProblem, problem } from './problem.ts';
import { type ListedEntry, listEntries, type Snapshot, takeSnapshot } from './snapshot.ts';
import { rootsInUse } from './trusted-roots.ts';

/** All policies of all entries, ready to be asked. */
export type LoadedPolicies = {
  readonly sets: readonly PolicySet[];
  /**
   * What is wrong with single policies or, on reload, with files. The sets refuse what these protect, so `serve` goes on;
   * `verify`, `review` and `policy check` treat any of them as an error (DESIGN.md §5).
   */
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly PolicyWarning[];
  /** ImagePolicies with scopes that a ClusterImagePolicy overrides. */
  readonly conflicts: readonly Conflict[];
  /** What `registries.d` says of where signatures are kept, or why it cannot be told. */
  readonly storage: Result<SignatureStorage>;
  /** How repositories are reached, as mirror sets in files say it. */
  readonly mirrors: readonly RegistryRule[];
  /** The same of the cluster's mirror sets, which count after those of files and may name no address of our own network. */
  readonly clusterMirrors: readonly RegistryRule[];
  /** The trusted roots that policies name, for whoever watches how old they are. */
  readonly trustedRoots: readonly RootInUse[];
};

/**
 * Loads the policies that `--policy` and `policies:` name: files and directories, dialects told by content.
 * @param defaults what the configuration says for OpenShift policies that do not say it
 * @returns the failure with every problem, where something cannot be read, parsed or told what it is
 */
export async function loadPolicies(
  entries: readonly PolicyEntry[],
  defaults: PolicyDefaults = POLICY_DEFAULTS,
): Promise<Result<LoadedPolicies, LoadFailure>> {
  const first = await firstSnapshot(entries, defaults);
  return first.ok ? ok(render(first.value.snapshot)) : first;
}

/** Reads the entries for the first time, when whatever cannot be read is a failure. */
export async function firstSnapshot(
  entries: readonly PolicyEntry[],
  defaults: PolicyDefaults,
): Promise<Result<{ readonly listed: readonly ListedEntry[]; readonly snapshot: Snapshot }, LoadFailure>> {
  const rules: EntryRules[] = [];
  const wrong: PolicyProblem[] = [];
  for (const [number, entry] of entries.entries()) {
    const read = readEntry(entry, number);
    const path = typeof entry === 'string' ? entry : entry.path;
    if (read.ok) rules.push(...read.value);
    else wrong.push(problem(read.failure.code, path, read.failure.message));
  }
  const listed = await listEntries(rules);
  const snapshot = await takeSnapshot(listed, undefined, defaults);
  const [first, ...rest] = [...wrong, ...failuresOf(snapshot)];
  return first === undefined ? ok({ listed, snapshot }) : { ok: false, failure: loadFailure([first, ...rest]) };
}

/** What a cluster holds beside the files. */
export type ClusterHoldings = { readonly members: readonly Member[]; readonly mirrors: readonly MirrorSet[] };

/** What no cluster holds. */
export const NOTHING_HELD: ClusterHoldings = { members: [], mirrors: [] };

/**
 * A snapshot as policies, together with what the cluster holds: all of one language are one set, wherever they are written
 * (MODEL.md M7).
 */
export function render(snapshot: Snapshot, held: ClusterHoldings = NOTHING_HELD): LoadedPolicies {
  const { members: cluster } = held;
  const written: readonly Member[] = snapshot.flatMap(({ rules, files }) =>
    files.flatMap(({ policies }) => policies.map((compiled) => ({ compiled, narrowing: rules.narrowing }))),
  );
  const members = [...written, ...cluster];
  const compiled = members.map((member) => member.compiled);
  const openShift = members.filter((member) => member.compiled.dialect === 'openshift');
  // What could not be read at all may have been anything; it stands with those that know no precedence.
  const own = members.filter(({ compiled: { dialect } }) => dialect === 'countersign' || dialect === 'unreadable');
  const storage = storageOf(snapshot);
  const conflicts = conflictConditions(
    openShift
      .filter(({ compiled, narrowing }) => compiled.holdsIn.kind === 'namespace' || isWide(narrowing))
      .map((member) => member.compiled),
  );
  return {
    sets: [
      ...(openShift.length === 0 ? [] : [openShiftSet(openShift)]),
      ...(own.length === 0 ? [] : [ownSet(own)]),
      ...documentsOf(snapshot).map(containersSet),
      ...trustPoliciesOf(snapshot).map(notationSet),
    ],
    problems: [
      ...failuresOf(snapshot),
      ...(storage.ok ? [] : [problem(storage.failure.code, 'registries.d', storage.failure.message)]),
      ...snapshot.flatMap((entry) => [...entry.problems, ...entry.files.flatMap((file) => file.problems)]),
      ...cluster.flatMap(({ compiled }) => problemsInCluster(compiled)),
    ],
    warnings: [
      ...compiled.flatMap(({ warnings }) => warnings),
      ...(storage.ok ? attachmentWarnings(compiled, storage.value) : []),
      ...repeated(compiled),
      ...conflicts.map(({ origin, condition }) => ({ origin, message: condition.message })),
    ],
    conflicts,
    storage,
    mirrors: rulesOf(snapshot.flatMap(({ files }) => files.flatMap((file) => file.mirrors))),
    clusterMirrors: rulesOf(held.mirrors),
    trustedRoots: rootsInUse(snapshot),
  };
}

/** All of `registries.d`, whatever entry it stands under. */
function storageOf(snapshot: Snapshot): Result<SignatureStorage> {
  return mergeRegistriesD(
    snapshot.flatMap(({ files }) =>
      files.flatMap(({ file, storage }) => storage.map((document) => ({ file: file.path, document }))),
    ),
  );
}

/** The policies of one file. */
type Document = readonly Member[];

/** The documents of each entry that has any: each file is one, and namespaced ones take the place of all others. */
function documentsOf(snapshot: Snapshot): readonly ContainersDocuments[] {
  const entries = new Map<number, { everywhere: Document[]; byNamespace: Map<string, Document[]> }>();
  for (const { rules, files } of snapshot) {
    for (const { policies } of files) {
      const members = policies
        .filter(({ dialect }) => dialect === 'containers')
        .map((compiled) => ({ compiled, narrowing: rules.narrowing }));
      const [first] = members;
      if (first === undefined) continue;
      const documents = entries.get(rules.entry) ?? {
        everywhere: new Array<Document>(),
        byNamespace: new Map<string, Document[]>(),
      };
      entries.set(rules.entry, documents);
      const { holdsIn } = first.compiled;
      if (holdsIn.kind === 'cluster') documents.everywhere.push(members);
      else {
        const { namespace } = holdsIn;
        documents.byNamespace.set(namespace, [...(documents.byNamespace.get(namespace) ?? []), members]);
      }
    }
  }
  return [...entries.values()];
}

/** The members of each trust policy document; each is a set by itself. */
function trustPoliciesOf(snapshot: Snapshot): readonly Document[] {
  return snapshot.flatMap(({ rules, files }) =>
    files
      .map(({ policies }) =>
        policies
          .filter(({ dialect }) => dialect === 'notation')
          .map((compiled) => ({ compiled, narrowing: rules.narrowing })),
      )
      .filter((members) => members.length > 0),
  );
}

/** What is wrong with an object of the cluster, which stands in no file. */
function problemsInCluster({ policy: { origin }, problems }: CompiledPolicy): readonly PolicyProblem[] {
  const place = origin.namespace === undefined ? origin.name : `${origin.namespace}/${origin.name}`;
  return problems.map(({ path, text }) => problem('POLICY_BROKEN', `${origin.kind} ${place}`, text, { path }));
}

/** Policies of one name: an API server would keep the last, files keep both, and a forgotten copy is easily made. */
function repeated(policies: readonly CompiledPolicy[]): readonly PolicyWarning[] {
  const first = new Map<string, string>();
  return policies.flatMap(({ dialect, policy: { origin } }) => {
    const key = identityOf(dialect, origin);
    const source = first.get(key);
    if (source === undefined) first.set(key, origin.source);
    return source === undefined
      ? []
      : [{ origin, message: `it is also written in ${printable(source, 400)}; both apply` }];
  });
}

/** A cluster policy that its entry narrows overrides a namespace's only where it applies, which no condition can say. */
function isWide({ namespaces, scopes }: Member['narrowing']): boolean {
  return namespaces === undefined && scopes === undefined;
}

function failuresOf(snapshot: Snapshot): readonly PolicyProblem[] {
  return snapshot.flatMap(({ failures, files }) => [...failures, ...files.flatMap((file) => file.failures)]);
}
