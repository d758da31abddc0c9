import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Requirement } from '../../src/model/requirement.ts';
import { evaluate } from '../../src/verifier/evaluate.ts';
import { outcomeOf } from '../../src/verifier/outcome.ts';
import { distinctSigners } from '../../src/verifier/quorum.ts';
import { origin } from '../fixtures/keys.ts';
import { accepted, leafCalled, lookingAt, refused, type Thing, unread } from './algebra-fixture.ts';

describe('distinct signers [MODEL M11]', () => {
  const rows: readonly (readonly [string, number, readonly (readonly (readonly string[])[])[]])[] = [
    ['nobody', 0, []],
    ['no leaf met', 0, [[], []]],
    ['one signer twice in one leaf', 1, [[['a'], ['a']]]],
    ['one signer in two leaves [peers 23]', 1, [[['a']], [['a']]]],
    ['two signers in one leaf, which needs only one', 1, [[['a'], ['b']]]],
    ['two signers in two leaves', 2, [[['a']], [['b']]]],
    ['one key under two ids that are seen together', 1, [[['a', 'b']], [['b']]]],
    ['ids joined by a third signing', 1, [[['a', 'b']], [['b', 'c']], [['c', 'd']]]],
    ['ids joined late, after both were counted', 1, [[['a']], [['b']], [['a', 'b']]]],
    ['a leaf that must give up its signer for another', 2, [[['a'], ['b']], [['a']]]],
    ['a chain of leaves that each give way', 4, [[['a'], ['b']], [['b'], ['c']], [['c'], ['d']], [['a']]]],
    [
      'three leaves that fight for two signers',
      2,
      [
        [['a'], ['b']],
        [['a'], ['b']],
        [['a'], ['b']],
      ],
    ],
    ['a signer without any id', 0, [[[]]]],
  ];
  it.each(rows)('of %s are %i', (_what, count, leaves) => {
    expect(distinctSigners(leaves)).toBe(count);
  });

  it('are never more than there are leaves, nor than there are ids, and never fewer by one signature more', () => {
    const signer = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1, maxLength: 2 });
    const leaves = fc.array(fc.array(signer, { maxLength: 3 }), { maxLength: 5 });
    fc.assert(
      fc.property(leaves, (given) => {
        const matched = distinctSigners(given);
        const groups = new Set(given.flat(2));
        expect(matched).toBeLessThanOrEqual(Math.min(given.filter((leaf) => leaf.length > 0).length, groups.size));
        expect(distinctSigners(given.toReversed())).toBe(matched);
        expect(distinctSigners([...given, [['z']]])).toBe(matched + 1);
        expect(distinctSigners(given.map((leaf) => [...leaf, ...leaf]))).toBe(matched);
      }),
      { numRuns: 1_000, seed: 5 },
    );
  });
});

describe('a quorum [MODEL M3]', () => {
  const quorum = (k: number): Requirement => ({
    kind: 'quorum',
    k,
    of: [leafCalled('a'), leafCalled('b'), leafCalled('c')],
  });
  const said = async (k: number, a: readonly Thing[], b: readonly Thing[], c: readonly Thing[]) =>
    outcomeOf(await evaluate(quorum(k), lookingAt({ a, b, c })), origin('p'));

  it('of two is not reached by one signer twice, and is by two [peers 22, peers 23]', async () => {
    expect(await said(2, [accepted('alice')], [accepted('alice')], [refused])).toMatchObject({
      kind: 'untrusted',
      code: 'QUORUM_NOT_REACHED',
      message: '1 of 2 different signers out of 3 signed',
    });
    expect(await said(2, [accepted('alice')], [accepted('bob')], [refused])).toMatchObject({ kind: 'verified' });
  });

  it('of all is not reached by all but one [peers 21]', async () => {
    expect(await said(3, [accepted('alice')], [accepted('bob')], [])).toMatchObject({ code: 'QUORUM_NOT_REACHED' });
    expect(await said(3, [accepted('alice')], [accepted('bob')], [accepted('carol')])).toMatchObject({
      kind: 'verified',
    });
  });

  it('is an error where what is unread could reach it, and a refusal where it could not', async () => {
    expect(await said(2, [accepted('alice')], [unread()], [refused])).toMatchObject({ kind: 'error' });
    expect(await said(3, [accepted('alice')], [unread()], [refused])).toMatchObject({ kind: 'untrusted' });
  });

  it('reached by nobody at all says what each signature lacked, not a count', async () => {
    expect(await said(2, [refused], [refused], [refused])).toMatchObject({
      kind: 'untrusted',
      code: 'SIGNATURE_MISMATCH',
    });
    expect(await said(2, [], [], [])).toMatchObject({ kind: 'unsigned' });
  });
});
