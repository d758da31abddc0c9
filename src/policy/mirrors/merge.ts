import type { MirrorPlace, RegistryRule } from '../../config/registry-rules.ts';
import type { MirrorSet } from './mirror-set.ts';
import { inPreference } from './preference.ts';

/**
 * What all mirror sets together say, as machine-config-operator merges them into `registries.conf`: mirrors of one source
 * from several objects become one list that keeps the order of each where it can; those for digests go before those for
 * tags; a source is never contacted where one object says so. Nested sources are rules of their own, of which the longest
 * holds alone.
 * @returns one rule for each source, in order of their names
 */
export function rulesOf(sets: readonly MirrorSet[]): readonly RegistryRule[] {
  const sources = new Map<string, Gathered>();
  for (const { kind, mirrors } of sets) {
    for (const { source, places, neverContactSource } of mirrors) {
      // A list without a mirror says nothing, not even what it says of the source.
      if (places.every((place) => place === source)) continue;
      const gathered = sources.get(source) ?? { digests: [], tags: [], blocked: false };
      sources.set(source, gathered);
      gathered[kind === 'ImageTagMirrorSet' ? 'tags' : 'digests'].push(places);
      if (neverContactSource) gathered.blocked = true;
    }
  }
  return [...sources]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, { digests, tags, blocked }]) => ({
      prefix: source,
      location: source,
      // Which places are reached without TLS is said elsewhere.
      insecure: false,
      blocked,
      mirrors: placesOf(inPreference(digests, source), inPreference(tags, source)),
    }));
}

type Gathered = { readonly digests: (readonly string[])[]; readonly tags: (readonly string[])[]; blocked: boolean };

/** Places of both kinds; those that are the same for both are asked once. */
function placesOf(digests: readonly string[], tags: readonly string[]): readonly MirrorPlace[] {
  const isSame = digests.length === tags.length && digests.every((place, i) => place === tags[i]);
  const as = (serves: MirrorPlace['serves']) => (location: string) => ({ location, insecure: false, serves });
  return isSame ? digests.map(as('everything')) : [...digests.map(as('digests')), ...tags.map(as('tags'))];
}
