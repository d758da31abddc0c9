import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rulesOf } from '../../../src/policy/mirrors/merge.ts';
import type { MirrorSetKind } from '../../../src/policy/mirrors/mirror-set.ts';
import { inPreference } from '../../../src/policy/mirrors/preference.ts';
import { type Mirrored, readSet } from './objects.ts';

const NEVER = 'NeverContactSource';
const IDMS = 'ImageDigestMirrorSet';
const ITMS = 'ImageTagMirrorSet';
const ICSP = 'ImageContentSourcePolicy';

/** Rules of sets of one entry each, as `prefix(blocked): mirror/serves …`. */
function merged(...sets: readonly (readonly [MirrorSetKind, Mirrored])[]): readonly string[] {
  const rules = rulesOf(sets.map(([kind, entry], i) => readSet(kind, `s${i}`, entry)));
  return rules.map(({ prefix, location, insecure, blocked, mirrors }) => {
    expect(location).toBe(prefix);
    expect(insecure || mirrors.some((mirror) => mirror.insecure)).toBe(false);
    const places = mirrors.map((mirror) => `${mirror.location}/${mirror.serves}`);
    return `${prefix}${blocked ? ' blocked' : ''}: ${places.join(' ')}`;
  });
}

const from = (source: string, ...mirrors: readonly string[]): Mirrored => ({ source, mirrors });
const only = (source: string, ...mirrors: readonly string[]): Mirrored => ({
  source,
  mirrors,
  mirrorSourcePolicy: NEVER,
});

describe('merged mirror sets', () => {
  it('give one rule for each source, by name', () => {
    expect(merged([IDMS, from('b', 'm')], [ICSP, from('a', 'm')])).toEqual(['a: m/digests', 'b: m/digests']);
  });

  it('join the mirrors of one source from several objects, in an order that keeps each of theirs', () => {
    expect(merged([IDMS, from('s', 'b', 'c')], [ICSP, from('s', 'a', 'b')])).toEqual([
      's: a/digests b/digests c/digests',
    ]);
    expect(merged([IDMS, from('s', 'a', 'b', 'c')], [IDMS, from('s', 'c', 'd', 'e')])).toEqual([
      's: a/digests b/digests c/digests d/digests e/digests',
    ]);
  });

  it('never let a mirror for digests say what a tag means: those for tags stand for themselves, behind', () => {
    expect(merged([ITMS, from('s', 'a')], [IDMS, from('s', 'b')])).toEqual(['s: b/digests a/tags']);
    expect(merged([ITMS, from('s', 'a')])).toEqual(['s: a/tags']);
    expect(merged([ITMS, from('s', 'b', 'a')], [IDMS, from('s', 'a', 'b')])).toEqual([
      's: a/digests b/digests b/tags a/tags',
    ]);
  });

  it('ask mirrors that are the same for both once for everything', () => {
    expect(merged([ITMS, from('s', 'b', 'a')], [IDMS, from('s', 'b', 'a')])).toEqual(['s: b/everything a/everything']);
  });

  it('never contact a source where one object says so, of either kind', () => {
    expect(merged([IDMS, only('s', 'a')], [IDMS, from('s', 'b')])).toEqual(['s blocked: a/digests b/digests']);
    expect(merged([IDMS, from('s', 'b')], [ITMS, only('s', 'a')])).toEqual(['s blocked: b/digests a/tags']);
  });

  it('say nothing where no mirror is named but the source itself, not even of the source', () => {
    expect(merged([IDMS, only('s')], [IDMS, only('t', 't')], [ITMS, only('u', 'u', 'u')])).toEqual([]);
  });

  it('keep nested sources and wildcards as rules of their own', () => {
    expect(
      merged([IDMS, only('quay.io/team', 'm/team')], [IDMS, from('quay.io', 'm')], [ITMS, from('*.quay.io', 'm/all')]),
    ).toEqual(['*.quay.io: m/all/tags', 'quay.io: m/digests', 'quay.io/team blocked: m/team/digests']);
  });

  it('know one source however its host is written', () => {
    expect(merged([IDMS, from('QUAY.io/a', 'm')], [IDMS, from('quay.io/a', 'n')])).toEqual([
      'quay.io/a: m/digests n/digests',
    ]);
  });
});

describe('the order of mirrors', () => {
  it.each<[string, readonly (readonly string[])[], readonly string[]]>([
    ['no list', [], []],
    ['one list as it is', [['c', 'a', 'b']], ['c', 'a', 'b']],
    [
      'lists without anything in common, turn by turn and by name',
      [
        ['x', 'y'],
        ['a', 'b'],
      ],
      ['a', 'x', 'b', 'y'],
    ],
    ['a source in the middle, behind which the others still come', [['a', 's', 'b']], ['a', 's', 'b']],
    [
      'a source that one list has in the middle, and another at its end',
      [['a', 's', 'b'], ['c']],
      ['a', 'c', 's', 'b'],
    ],
    ['a source that a list names last', [['a', 's']], ['a']],
    ['a repeated mirror', [['a', 'a', 'b']], ['a', 'b']],
    [
      'lists that contradict each other, by name',
      [
        ['b', 'a'],
        ['a', 'b'],
      ],
      ['a', 'b'],
    ],
    [
      'a circle behind what is free',
      [
        ['z', 'b', 'a'],
        ['a', 'b'],
      ],
      ['z', 'a', 'b'],
    ],
    ['a circle with the source in it', [['s', 'a']], ['s', 'a']],
  ])('of %s', (_, lists, expected) => {
    expect(inPreference(lists, 's')).toEqual(expected);
  });

  const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 's');
  const lists = fc.array(fc.array(names, { minLength: 1, maxLength: 5 }), { maxLength: 5 });

  it('is the same in whatever order the lists come, names every place once, and ends with no source', () => {
    fc.assert(
      fc.property(lists, fc.infiniteStream(fc.nat()), (all, numbers) => {
        const order = inPreference(all, 's');
        const shuffled = all
          .map((list) => ({ list, at: numbers.next().value ?? 0 }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ list }) => list);
        expect(inPreference(shuffled, 's')).toEqual(order);
        expect(new Set(order).size).toBe(order.length);
        expect(order.at(-1)).not.toBe('s');
        for (const name of all.flat()) if (name !== 's') expect(order).toContain(name);
      }),
    );
  });

  it('keeps the order of every list where all of them follow one', () => {
    const following = fc.array(fc.subarray(['a', 'b', 'c', 'd', 'e'], { minLength: 1 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(following, (all) => {
        const order = inPreference(all, 's');
        for (const list of all) expect(order.filter((name) => list.includes(name))).toEqual(list);
      }),
    );
  });
});
