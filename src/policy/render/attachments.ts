import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import { parseRepository } from '../../image/reference.ts';
import { writtenName } from './canonical-name.ts';
import { operatorNests } from './nesting.ts';
import { entryFor, type RegistryEntry, sourcesOf } from './registry-entries.ts';
import { byNature, mappingEntry } from './yaml-keys.ts';

/** The name of some repository in a scope, and what was put behind the scope to make it one. */
export type Probe = { readonly repository: string; readonly added: string };

/**
 * The names under which signatures beside an image must be looked for: every scope of a policy as it is written, and every
 * place where an image in it may be had instead.
 * @returns POLICY_BROKEN
 * @see reference/openshift-containers.md §1.6
 */
export function attachmentNames(
  scopes: Iterable<string>,
  entries: readonly RegistryEntry[],
  probe: (scope: string) => Probe,
): Result<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const scope of scopes) {
    names.add(scope);
    const nested = entries.filter(({ prefix }) => prefix !== scope && operatorNests(prefix, scope));
    for (const within of [scope, ...nested.map(({ prefix }) => prefix)]) {
      const places = placesOf(probe(within), entryFor(within, entries));
      if (!places.ok) return failed('POLICY_BROKEN', `the scope ${printable(scope, 600)}: ${places.failure.message}`);
      for (const place of places.value) names.add(place);
    }
  }
  return ok(names);
}

/** The file of `registries.d` that turns such look-ups on, byte for byte as Go's YAML library writes it. */
export function attachmentsYaml(names: Iterable<string>, everywhere: 'everywhere' | 'named' = 'named'): string {
  const line = 'use-sigstore-attachments: true';
  const entries = [...names].toSorted(byNature).map((name) => mappingEntry(name, '  ', line));
  const otherwise = everywhere === 'everywhere' ? `default-docker:\n  ${line}\n` : '';
  return otherwise + (entries.length === 0 ? '' : `docker:\n${entries.join('')}`);
}

/**
 * The repository by which machine-config-operator finds out where a scope is mirrored: the scope itself, or some repository
 * of a registry.
 */
export function operatorProbe(scope: string): Probe {
  const named = withHost(scope);
  const added = named.includes('/') ? '' : '/a';
  return { repository: writtenName(named + added), added };
}

/** Some repository below a scope, with a name that is written in full even on Docker Hub. */
export function probeBelow(scope: string): Probe {
  const named = withHost(scope);
  const isImage = named.includes('@') || (named.includes('/') && named.includes(':', named.lastIndexOf('/')));
  const added = isImage ? '' : '/a/a';
  return { repository: writtenName(named + added), added };
}

/** Some host in the place of a wildcard. */
function withHost(scope: string): string {
  return scope.startsWith('*.') ? `matched${scope.slice(1)}` : scope;
}

function placesOf({ repository, added }: Probe, entry: RegistryEntry | undefined): Result<readonly string[]> {
  if (entry === undefined) return ok([]);
  if (!parseRepository(repository).ok) return failed('POLICY_BROKEN', 'it names no repository that could be mirrored');
  const sources = sourcesOf(repository, entry);
  return sources.ok ? ok(sources.value.map((name) => name.slice(0, name.length - added.length))) : sources;
}
