/**
 * Puts the places of several lists into one order that keeps the order of each list, where the lists do not contradict each
 * other. The source comes after the places of every list that does not name it itself, and is left out where it is last,
 * since it is asked last anyway.
 *
 * The same lists give the same order in whatever order they come, and the one that machine-config-operator writes: places
 * before which nothing is left to come, by name; then those that this sets free, by name, and so on. Where lists go in a
 * circle, the first place by name that is still waiting breaks it.
 */
export function inPreference(lists: readonly (readonly string[])[], source: string): readonly string[] {
  const graph = new Map<string, Place>();
  const placeOf = (name: string): Place => {
    const known = graph.get(name) ?? { name, waitsFor: new Set(), before: new Set() };
    graph.set(name, known);
    return known;
  };
  for (const list of lists) {
    const whole = list.includes(source) ? list : [...list, source];
    for (const [i, name] of whole.entries()) {
      const next = whole[i + 1];
      if (next === undefined) continue;
      placeOf(name).before.add(placeOf(next));
      placeOf(next).waitsFor.add(placeOf(name));
    }
  }
  const order = sorted([...graph.values()].toSorted(byName));
  return order.at(-1) === source ? order.slice(0, -1) : order;
}

type Place = { readonly name: string; readonly waitsFor: Set<Place>; readonly before: Set<Place> };

function sorted(places: readonly Place[]): readonly string[] {
  const taken = new Set<Place>();
  const free = places.filter(({ waitsFor }) => waitsFor.size === 0);
  const take = (place: Place): void => {
    taken.add(place);
    const freed: Place[] = [];
    for (const next of place.before) {
      next.waitsFor.delete(place);
      if (next.waitsFor.size === 0 && !taken.has(next)) freed.push(next);
    }
    free.push(...freed.toSorted(byName));
  };
  const takeFree = (): void => {
    for (let next = free.shift(); next !== undefined; next = free.shift()) if (!taken.has(next)) take(next);
  };
  takeFree();
  for (const place of places) {
    if (taken.has(place)) continue;
    take(place);
    takeFree();
  }
  return [...taken].map(({ name }) => name);
}

function byName(a: Place, b: Place): number {
  return a.name < b.name ? -1 : 1;
}
