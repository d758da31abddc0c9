import { failed, ok, type Result } from '../../codes/result.ts';
import type { MirrorPlace, RegistryRule } from '../../config/registry-rules.ts';
import { printable } from '../../encoding/escape.ts';
import { canonicalName } from './canonical-name.ts';
import { byBytes } from './go-json.ts';
import { operatorNests } from './nesting.ts';

/** One `[[registry]]` of the `registries.conf` that machine-config-operator writes, as far as mirrors go. */
export type RegistryEntry = {
  readonly prefix: string;
  readonly mirrors: readonly MirrorPlace[];
};

/**
 * The entries that mirror sets, blocked and insecure registries come to. The longest prefix holds alone, so an entry that
 * is only there because something is blocked or insecure takes over the mirrors of what it lies in.
 * @returns POLICY_BROKEN where that is a wildcard, whose mirrors cannot be carried over
 */
export function registryEntries(
  rules: readonly RegistryRule[],
  { insecure, blocked }: { readonly insecure: readonly string[]; readonly blocked: readonly string[] },
): Result<readonly RegistryEntry[]> {
  const mirrored = rules.filter(({ mirrors }) => mirrors.length > 0);
  const entries = new Map(mirrored.map(({ prefix, mirrors }) => [prefix, mirrors]));
  for (const scope of [...blocked, ...insecure]) if (!entries.has(scope)) entries.set(scope, []);
  for (const { prefix, mirrors } of mirrored.toSorted(inMergingOrder)) {
    for (const [scope, own] of entries) {
      if (own.length > 0 || scope === prefix || !operatorNests(scope, prefix)) continue;
      if (prefix.startsWith('*.')) {
        return failed('POLICY_BROKEN', `mirrors of ${prefix} cannot be carried over to ${printable(scope)}`);
      }
      const below = scope.slice(prefix.length);
      entries.set(
        scope,
        mirrors.map((place) => ({ ...place, location: place.location + below })),
      );
    }
  }
  return ok([...entries].map(([prefix, mirrors]) => ({ prefix, mirrors })));
}

/** The entry that holds for a name: that with the longest prefix. */
export function entryFor(name: string, entries: readonly RegistryEntry[]): RegistryEntry | undefined {
  let found: RegistryEntry | undefined;
  for (const entry of entries) {
    const isLonger = found === undefined || entry.prefix.length > found.prefix.length;
    if (isLonger && matched(name, entry.prefix) !== undefined) found = entry;
  }
  return found;
}

/**
 * The names under which a repository can be had: every mirror of its entry, and the registry itself unless its entry is a wildcard.
 * @returns POLICY_BROKEN where a name comes of it that no repository has
 */
export function sourcesOf(repository: string, { prefix, mirrors }: RegistryEntry): Result<readonly string[]> {
  const length = matched(repository, prefix);
  if (length === undefined) return failed('POLICY_BROKEN', `${printable(repository)} is not within ${prefix}`);
  const sources: string[] = [];
  const own = prefix.startsWith('*.') ? [] : [prefix];
  for (const location of [...mirrors.map((mirror) => mirror.location), ...own]) {
    const rewritten = location + repository.slice(length);
    const name = canonicalName(rewritten);
    if (name !== rewritten) {
      return failed(
        'POLICY_BROKEN',
        `${printable(repository)} comes to ${printable(rewritten)}, which is no repository’s full name`,
      );
    }
    sources.push(name);
  }
  return ok(sources);
}

/**
 * How many characters of a name a prefix stands for; undefined where it does not match. As in containers/image, a port
 * behind the prefix's host counts as within it.
 */
function matched(name: string, prefix: string): number | undefined {
  const end = prefix.startsWith('*.') ? domainEnd(name, prefix.slice(1)) : prefix.length;
  if (end === undefined || (!prefix.startsWith('*.') && !name.startsWith(prefix))) return undefined;
  return end === name.length || [':', '/', '@'].includes(name.charAt(end)) ? end : undefined;
}

function domainEnd(name: string, domain: string): number | undefined {
  const at = name.indexOf(domain);
  return at < 0 || name.slice(0, at).includes('/') ? undefined : at + domain.length;
}

/** Sets of mirrors for digests come first, each kind in order of its sources. */
function inMergingOrder(a: RegistryRule, b: RegistryRule): number {
  const tagsAlone = ({ mirrors }: RegistryRule): number => Number(mirrors.every(({ serves }) => serves === 'tags'));
  return tagsAlone(a) - tagsAlone(b) || byBytes(a.prefix, b.prefix);
}
