import { failed, ok, type Result } from '../../codes/result.ts';
import type { RegistryRule } from '../../config/registry-rules.ts';
import { printable } from '../../encoding/escape.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import type { CompiledPolicy } from '../compiled.ts';
import type { ContainersDocument, PolicyRequirement } from '../dialects/containers/document.ts';
import { splitVersion } from '../dialects/countersign/globs.ts';
import { isGlob } from '../dialects/countersign/images.ts';
import { scopesAbove } from '../scope.ts';
import { attachmentNames, attachmentsYaml, probeBelow } from './attachments.ts';
import { expressRequirement } from './express-requirement.ts';
import { byBytes } from './go-json.ts';
import {
  BASE_POLICY,
  type DockerScopes,
  inPathOrder,
  type NodeFile,
  namespacePath,
  PATHS,
  policyFile,
  type Rendering,
  readBase,
} from './node-files.ts';
import { EVERYTHING, nodeScopeOf } from './own-scope.ts';
import { registryEntries } from './registry-entries.ts';

/** countersign's own policies, and what else a node needs to know. */
export type OwnInput = {
  readonly policies: readonly CompiledPolicy[];
  readonly mirrors: readonly RegistryRule[];
  /** The text of the `policy.json` that the files start from. */
  readonly base: string | undefined;
  /** Whether images of policies that a node cannot check are to be rejected there; otherwise nothing is written. */
  readonly isPartial: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

/** A rendering, and what of the policies no node can check. */
export type OwnRendering = Rendering & { readonly losses: readonly string[] };

/** One item of `images` with what a node must ask of it. */
type Demand = { readonly scope: string; readonly requirements: readonly PolicyRequirement[] };

/**
 * Writes countersign's own policies as files of a node, none of which lets in what the policies would not.
 *
 * Here every policy that names an image applies, and there the most specific scope alone; so each scope gets what the wider
 * ones demand as well.
 * @returns files only where nothing was lost, or what was is rejected; POLICY_BROKEN
 */
export function renderOwn(input: OwnInput): Result<OwnRendering> {
  const base = readBase(input.base ?? BASE_POLICY);
  if (!base.ok) return base;
  const losses: string[] = [];
  const notes: string[] = [];
  const cluster: Demand[] = [];
  const namespaces = new Map<string, Demand[]>();
  for (const policy of input.policies) {
    const demands = demandsOf(policy, input.now);
    losses.push(...demands.losses);
    notes.push(...demands.notes);
    const { holdsIn } = policy;
    if (holdsIn.kind === 'cluster') cluster.push(...demands.value);
    else namespaces.set(holdsIn.namespace, [...(namespaces.get(holdsIn.namespace) ?? []), ...demands.value]);
  }
  if (losses.length > 0 && !input.isPartial) return ok({ files: [], notes, losses });

  const files: NodeFile[] = [];
  const everyone = [{ path: PATHS.policy, demands: cluster }];
  const some = [...namespaces].map(([namespace, demands]) => ({
    path: namespacePath(namespace),
    demands: [...cluster, ...demands],
  }));
  for (const { path, demands } of [...everyone, ...some]) {
    const file = policyFile(path, documentOf(base.value, demands));
    if (!file.ok) return file;
    files.push(file.value);
  }
  const scopes = new Set([...cluster, ...[...namespaces.values()].flat()].map(({ scope }) => scope));
  const attachments = attachmentsFile(scopes, input.mirrors);
  if (!attachments.ok) return attachments;
  return ok({ files: inPathOrder([...files, attachments.value]), notes: [...new Set(notes)], losses });
}

function demandsOf(
  { policy, reach }: CompiledPolicy,
  now: number,
): { readonly value: readonly Demand[]; readonly notes: readonly string[]; readonly losses: readonly string[] } {
  const { kind, namespace, name } = policy.origin;
  const title = `${kind} ${namespace === undefined ? '' : `${printable(namespace)}/`}${name}`;
  const losses: string[] = [];
  const notes: string[] = [];
  if (policy.mode === 'audit' || policy.mode === 'warn') {
    notes.push(`${title}: its mode is ${policy.mode}, and nodes enforce`);
  }
  const expressed =
    policy.state.kind === 'broken'
      ? failed('POLICY_BROKEN', policy.state.failure.message)
      : expressRequirement(policy.state.require, now);
  if (expressed.ok) notes.push(...expressed.value.notes.map((note) => `${title}: ${note}`));
  else losses.push(`${title}: ${expressed.failure.message}`);

  const scopes = reach === 'everything' ? [{ written: '**', canonical: '**' }] : reach;
  const value = scopes.map((scope): Demand => {
    const place = nodeScopeOf(scope);
    if (!isGlob(scope.written) && splitVersion(scope.canonical).separator === ':' && scope.canonical.includes('/')) {
      notes.push(
        `${title}: nodes drop a tag beside a digest, so ${printable(scope.written)} does not hold for both together`,
      );
    }
    if (!place.isExact) losses.push(`${title}: nodes know no globs such as ${printable(scope.written)}`);
    const isLost = !expressed.ok || !place.isExact;
    return { scope: place.scope, requirements: isLost ? [{ type: 'reject' }] : expressed.value.value };
  });
  return { value, notes, losses };
}

function documentOf(base: ContainersDocument, demands: readonly Demand[]): ContainersDocument {
  const scopes = [...new Set(demands.map(({ scope }) => scope))].toSorted(byBytes);
  const docker: DockerScopes = new Map(scopes.map((scope) => [scope, demandedAt(scope, demands)]));
  const transports = docker.size === 0 ? base.transports : new Map([...base.transports, ['docker', docker] as const]);
  return { default: base.default, transports };
}

/** What every policy demands whose scope the images of this one lie in. */
function demandedAt(scope: string, demands: readonly Demand[]): NonEmpty<PolicyRequirement> {
  const around = new Set([...(scope === EVERYTHING ? [] : scopesAbove(scope)), EVERYTHING]);
  const all = demands.filter((demand) => around.has(demand.scope)).flatMap(({ requirements }) => requirements);
  const distinct = new Map(all.map((requirement) => [JSON.stringify(requirement), requirement]));
  const [first, ...rest] = distinct.values();
  return first === undefined ? [{ type: 'insecureAcceptAnything' }] : [first, ...rest];
}

function attachmentsFile(scopes: ReadonlySet<string>, mirrors: readonly RegistryRule[]): Result<NodeFile> {
  const entries = registryEntries(mirrors, { insecure: [], blocked: [] });
  if (!entries.ok) return entries;
  const names = attachmentNames(
    [...scopes].filter((scope) => scope !== EVERYTHING),
    entries.value,
    probeBelow,
  );
  if (!names.ok) return names;
  const text = attachmentsYaml(names.value, scopes.has(EVERYTHING) ? 'everywhere' : 'named');
  return ok({ path: PATHS.attachments, text });
}
