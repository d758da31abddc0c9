import { describe, expect, it } from 'vitest';
import { matchName } from '../../src/conditions/names.ts';
import type { NamedRule } from '../../src/model/requirement.ts';

const SIGNED = { kind: 'named', text: 'example.com/ns/app:1' } as const;
const COMPARING: readonly NamedRule[] = [
  { kind: 'matchExact' },
  { kind: 'matchRepoDigestOrExact' },
  { kind: 'matchRepository' },
  { kind: 'remapIdentity', prefix: 'example.com', signedPrefix: 'example.com' },
  { kind: 'remapRepository', prefix: 'example.com', signedPrefix: 'example.com' },
];

describe('an image in a folder, which was asked for without a name', () => {
  it.each(COMPARING)('is not accepted by $kind: there is nothing to compare with', (rule) => {
    for (const one of [rule, { kind: 'ifNamed', rule }] as const) {
      expect(matchName(one, 'none', SIGNED)).toMatchObject({
        kind: 'refused',
        code: 'NAME_MISMATCH',
        message: expect.stringContaining('an image in a folder has none'),
      });
    }
    expect(matchName(rule, 'none', { kind: 'unnamed' })).toMatchObject({ kind: 'refused', code: 'NAME_ABSENT' });
  });

  it('is accepted by rules that say themselves which name is signed, and only by the right one', () => {
    const reference = (text: string) => matchName({ kind: 'exactReference', reference: text }, 'none', SIGNED).kind;
    const repository = (text: string) => matchName({ kind: 'exactRepository', repository: text }, 'none', SIGNED).kind;
    expect(reference('example.com/ns/app:1')).toBe('accepted');
    expect(reference('example.com/ns/app:2')).toBe('refused');
    expect(reference('example.com/ns/app')).toBe('refused');
    expect(repository('example.com/ns/app')).toBe('accepted');
    expect(repository('example.com/ns')).toBe('refused');
  });

  it('needs a name in the signature all the same', () => {
    const rule = { kind: 'exactRepository', repository: 'example.com/ns/app' } as const;
    expect(matchName(rule, 'none', { kind: 'unnamed' })).toMatchObject({ kind: 'refused', code: 'NAME_ABSENT' });
    expect(matchName(rule, 'none', { kind: 'named', text: '' })).toMatchObject({ code: 'NAME_MISMATCH' });
    expect(matchName({ kind: 'ifNamed', rule }, 'none', { kind: 'unnamed' })).toMatchObject({ kind: 'accepted' });
    expect(matchName({ kind: 'unchecked' }, 'none', { kind: 'unnamed' })).toMatchObject({ kind: 'accepted' });
  });
});
