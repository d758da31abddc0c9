import { failed, ok, type Result } from '../../codes/result.ts';
import type { RegistryRule } from '../../config/registry-rules.ts';
import { printable } from '../../encoding/escape.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import type { ContainersDocument, PolicyRequirement } from '../dialects/containers/document.ts';
import { attachmentNames, attachmentsYaml, operatorProbe } from './attachments.ts';
import { inByteOrder } from './go-json.ts';
import { type ImageRegistries, type RegistryVerdicts, registryVerdicts } from './image-registries.ts';
import { operatorNests } from './nesting.ts';
import {
  BASE_POLICY,
  type DockerScopes,
  type NodeFile,
  namespacePath,
  PATHS,
  policyFile,
  type Rendering,
  readBase,
} from './node-files.ts';
import { registryEntries } from './registry-entries.ts';
import { type ByScope, collectScopes, type ScopePolicies, type ValidPolicy } from './scope-policies.ts';

/** What machine-config-operator reads. */
export type OpenShiftInput = {
  readonly policies: readonly ValidPolicy[];
  readonly registries: ImageRegistries;
  readonly mirrors: readonly RegistryRule[];
  /** The text of the `policy.json` that the files start from; undefined for {@link BASE_POLICY}. */
  readonly base: string | undefined;
  readonly releaseImage: string | undefined;
};

/**
 * The files that machine-config-operator would write to a node for the same objects, byte for byte.
 * @returns POLICY_BROKEN where the operator would write nothing, or something that no node can read
 * @see reference/openshift-containers.md §1.4, §1.5, §1.6
 */
export function renderOpenShift(input: OpenShiftInput): Result<Rendering> {
  const base = input.base ?? BASE_POLICY;
  const document = readBase(base);
  if (!document.ok) return document;
  const verdicts = registryVerdicts(input.registries, input.mirrors, input.releaseImage);
  if (!verdicts.ok) return verdicts;
  const policies = collectScopes(input.policies);
  const notes = [...verdicts.value.notes, ...policies.notes];
  const { cluster, namespaces } = policies;
  const { rejected, allowed } = verdicts.value;
  if (rejected.length + allowed.length + cluster.size + namespaces.size === 0) return ok({ files: [], notes });

  const outside = outsideOf(policies, verdicts.value);
  if (outside !== undefined) return failed('POLICY_BROKEN', outside);
  if (rejected.length > 0 && document.value.default.some(({ type }) => type !== 'insecureAcceptAnything')) {
    return failed(
      'POLICY_BROKEN',
      'with blockedRegistries everything else is accepted, and the base’s default says otherwise',
    );
  }
  const wide = clusterDocument(document.value, cluster, verdicts.value);
  const isUntouched = rejected.length + allowed.length + cluster.size === 0;
  const first: Result<NodeFile> = isUntouched ? ok({ path: PATHS.policy, text: base }) : policyFile(PATHS.policy, wide);
  if (!first.ok) return first;
  const files = [first.value];

  const attachments = attachmentsFile(input, policies, verdicts.value);
  if (!attachments.ok) return attachments;
  files.push(...attachments.value);
  for (const [namespace, scopes] of inByteOrder(namespaces)) {
    const file = policyFile(namespacePath(namespace), namespaceDocument(wide, scopes));
    if (!file.ok) return file;
    files.push(file.value);
  }
  return ok({ files, notes });
}

function clusterDocument(
  base: ContainersDocument,
  cluster: ByScope,
  { rejected, allowed }: RegistryVerdicts,
): ContainersDocument {
  const scopes = new Map<string, readonly PolicyRequirement[]>();
  for (const registry of allowed)
    if (!cluster.has(registry)) scopes.set(registry, [{ type: 'insecureAcceptAnything' }]);
  for (const registry of rejected) scopes.set(registry, [{ type: 'reject' }]);
  for (const [scope, requirements] of cluster) scopes.set(scope, [...(scopes.get(scope) ?? []), ...requirements]);
  const docker = withoutEmpty(scopes);
  const otherwise: ContainersDocument['default'] =
    rejected.length > 0
      ? [{ type: 'insecureAcceptAnything' }]
      : allowed.length > 0
        ? [{ type: 'reject' }]
        : base.default;
  return { default: otherwise, transports: docker.size === 0 ? base.transports : withDocker(base, docker) };
}

/** A namespace's file is the cluster's with the namespace's requirements behind those that are there. */
function namespaceDocument(wide: ContainersDocument, scopes: ByScope): ContainersDocument {
  const there = wide.transports.get('docker') ?? new Map<string, NonEmpty<PolicyRequirement>>();
  const merged = new Map<string, readonly PolicyRequirement[]>(there);
  for (const [scope, requirements] of scopes) merged.set(scope, [...(merged.get(scope) ?? []), ...requirements]);
  return { ...wide, transports: withDocker(wide, withoutEmpty(merged)) };
}

/** The transport `atomic` gets the same scopes, but for those that are too deep for it. */
function withDocker({ transports }: ContainersDocument, docker: DockerScopes): ContainersDocument['transports'] {
  const shallow = [...docker].filter(([scope]) => scope.split('/').length <= 3);
  return new Map([...transports, ['docker', docker], ['atomic', new Map(shallow)]]);
}

function withoutEmpty(scopes: ByScope): DockerScopes {
  return new Map(
    [...scopes].flatMap(([scope, [first, ...rest]]) =>
      first === undefined ? [] : [[scope, [first, ...rest]] as const],
    ),
  );
}

/** A policy for what is rejected anyway, or never accepted, is a mistake. */
function outsideOf({ cluster, namespaces }: ScopePolicies, verdicts: RegistryVerdicts): string | undefined {
  const all = [
    { kind: 'ClusterImagePolicy', scopes: [...cluster.keys()] },
    { kind: 'ImagePolicy', scopes: [...namespaces.values()].flatMap((scopes) => [...scopes.keys()]) },
  ];
  for (const { kind, scopes } of all) {
    for (const scope of scopes) {
      const isIn = (registry: string): boolean => operatorNests(scope, registry);
      const what = `${kind}: the scope ${printable(scope, 600)}`;
      if (verdicts.allowed.length > 0 && !verdicts.allowed.some(isIn)) return `${what} is in none of allowedRegistries`;
      const blocked = verdicts.rejected.find(isIn);
      if (blocked !== undefined) return `${what} is in ${printable(blocked)} of blockedRegistries`;
    }
  }
  return undefined;
}

function attachmentsFile(
  { registries: { insecure }, mirrors }: OpenShiftInput,
  { cluster, namespaces }: ScopePolicies,
  { blocked }: RegistryVerdicts,
): Result<readonly NodeFile[]> {
  if (cluster.size + namespaces.size === 0) return ok([]);
  const entries = registryEntries(mirrors, { insecure, blocked });
  if (!entries.ok) return entries;
  const scopes = [...cluster.keys(), ...[...namespaces.values()].flatMap((own) => [...own.keys()])];
  const names = attachmentNames(scopes, entries.value, operatorProbe);
  return names.ok ? ok([{ path: PATHS.attachments, text: attachmentsYaml(names.value) }]) : names;
}
