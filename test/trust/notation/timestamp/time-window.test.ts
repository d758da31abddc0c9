import { describe, expect, it } from 'vitest';
import { validityProblem } from '../../../../src/trust/notation/timestamp/time-window.ts';
import { issue, issueRoot, NOON } from '../../../fixtures/certificates.ts';
import { parsed } from './ask.ts';

const root = issueRoot();
const HOUR = 3_600_000;
const leaf = issue(root, { notBefore: NOON - HOUR, notAfter: NOON + HOUR });
const chain = [leaf, root].map(parsed);
const ask = (from: number, to: number): string => validityProblem({ from, to }, chain)?.code ?? 'good';

describe("a signer's chain must be valid in the whole of a window", () => {
  it('whose ends are within it [notation-ratify 89]', () => {
    expect(ask(NOON, NOON)).toBe('good');
    expect(ask(NOON - HOUR, NOON + HOUR)).toBe('good');
    expect(ask(NOON - HOUR - 1, NOON)).toBe('CERTIFICATE_NOT_YET_VALID');
    expect(ask(NOON, NOON + HOUR + 1)).toBe('CERTIFICATE_EXPIRED');
    expect(ask(NOON - 2 * HOUR, NOON + 2 * HOUR)).toBe('CERTIFICATE_NOT_YET_VALID');
  });

  it('every certificate of it, the root as well', () => {
    const late = issueRoot('late', { notBefore: NOON + 1000, notAfter: NOON + HOUR });
    const old = issueRoot('old', { notBefore: NOON - HOUR, notAfter: NOON - 1000 });
    const of = (authority: typeof late) =>
      validityProblem({ from: NOON, to: NOON }, [leaf, authority].map(parsed))?.message;
    expect(of(late)).toBe(
      "certificate 2 of the signer's chain was not valid yet at 2026-06-01T12:00:00.000Z: it is valid from 2026-06-01T12:00:01.000Z to 2026-06-01T13:00:00.000Z",
    );
    expect(of(old)).toContain("certificate 2 of the signer's chain had expired at 2026-06-01T12:00:00.000Z");
  });

  it('and the message says in which', () => {
    expect(validityProblem({ from: NOON, to: NOON + 2 * HOUR }, chain)?.message).toBe(
      "the signer's certificate had expired at some time from 2026-06-01T12:00:00.000Z to 2026-06-01T14:00:00.000Z: it is valid from 2026-06-01T11:00:00.000Z to 2026-06-01T13:00:00.000Z",
    );
  });
});
