import { describe, expect, it } from 'vitest';
import type { NotationLevels } from '../../../src/model/requirement.ts';
import { document, refusal, statement, withStatements } from './documents.ts';

const verifying = (level: string, override?: unknown) =>
  withStatements(statement({ signatureVerification: { level, ...(override === undefined ? {} : { override }) } }));

/** What each check does, in the order of reference/notation-ratify.md §1.8, by its first letter. */
function actions(text: string): string {
  const { verification } = document(text).statements[0];
  if (verification.kind === 'skip') return 'skip';
  const { authenticity, authenticTimestamp, expiry, revocation } = verification.levels;
  return [authenticity, authenticTimestamp, expiry, revocation].map((action) => action.charAt(0)).join('');
}

function against(level: string, override: unknown): string {
  const said = refusal(verifying(level, override)) ?? 'nothing';
  return said.replace('trustPolicies[0].signatureVerification.', '');
}

describe('what a level does with a check that fails', () => {
  it.each([
    ['strict', 'eeee'],
    ['permissive', 'elll'],
    ['audit', 'llll'],
  ])('%s', (level, letters) => {
    expect(actions(verifying(level))).toBe(letters);
    expect(actions(verifying(level, {}))).toBe(letters);
  });

  const CHECKS: readonly (keyof NotationLevels)[] = ['authenticity', 'authenticTimestamp', 'expiry', 'revocation'];
  const BASES = { strict: 'eeee', permissive: 'elll', audit: 'llll' } as const;

  it('is changed by an override where it says so, and nowhere else', () => {
    let tried = 0;
    for (const [level, base] of Object.entries(BASES)) {
      for (let choice = 0; choice < 3 * 3 * 3 * 4; choice++) {
        const chosen = [choice % 3, Math.trunc(choice / 3) % 3, Math.trunc(choice / 9) % 3, Math.trunc(choice / 27)];
        const words = chosen.map((one) => [undefined, 'enforce', 'log', 'skip'][one]);
        const override = Object.fromEntries(
          CHECKS.flatMap((check, i) => (words[i] === undefined ? [] : [[check, words[i]]])),
        );
        const wanted = words.map((word, i) => word?.charAt(0) ?? base.charAt(i)).join('');
        expect(actions(verifying(level, override))).toBe(wanted);
        tried++;
      }
    }
    expect(tried).toBe(324);
  });

  it('never is that a changed signature passes: integrity cannot be overridden [notation-ratify 74]', () => {
    for (const level of ['strict', 'permissive', 'audit']) {
      for (const action of ['enforce', 'log', 'skip', null]) {
        expect(against(level, { integrity: action })).toBe(
          'override["integrity"]: integrity is always enforced and cannot be overridden',
        );
      }
    }
  });

  it('skip cannot be customised [notation-ratify 74]', () => {
    const text = (override: unknown) =>
      withStatements({ name: 'a', registryScopes: ['*'], signatureVerification: { level: 'skip', override } });
    expect(refusal(text({ authenticity: 'log' }))).toContain('override: the level skip cannot be customised');
    expect(refusal(text({ nonsense: 1 }))).toContain('override: the level skip cannot be customised');
    expect(actions(text({}))).toBe('skip');
  });

  it('is skipped for revocation alone [notation-ratify 74]', () => {
    for (const check of ['authenticity', 'authenticTimestamp', 'expiry']) {
      expect(against('strict', { [check]: 'skip' })).toBe(
        `override["${check}"]: ${check} cannot be skipped; write log where a failure is only to be reported`,
      );
    }
    expect(actions(verifying('strict', { revocation: 'skip' }))).toBe('eees');
  });

  it('is nothing that nobody knows', () => {
    expect(against('strict', { Expiry: 'log' })).toContain('override["Expiry"]: there is no such check; known are ');
    expect(against('strict', { constructor: 'log' })).toContain('there is no such check');
    expect(against('strict', { expiry: 'Log' })).toBe(
      'override["expiry"]: it must be enforce, log or, for revocation, skip, not "Log"',
    );
    for (const action of ['', null, 1, true, ['log'], {}]) {
      expect(against('strict', { expiry: action })).toContain('override["expiry"]: it must be enforce, log or');
    }
    for (const override of [null, [], 'log', 1])
      expect(against('strict', override)).toBe('override: it must be an object');
  });
});
