import { afterAll, describe, expect, it, vi } from 'vitest';
import { documentedDifferences } from './differences.ts';
import { type KeylessBench, startKeylessBench } from './keyless/bench.ts';
import { type Case, expected } from './keyless/case.ts';
import { CERTIFICATE_CASES } from './keyless/certificates.ts';
import { CHAIN_CASES } from './keyless/chains.ts';
import { CLAIM_CASES } from './keyless/claims.ts';
import { keylessDifferences } from './keyless/documented.ts';
import { ENTRY_CASES } from './keyless/entries.ts';
import { IDENTITY_CASES } from './keyless/identities.ts';
import { KEY_CASES } from './keyless/keys.ts';
import { PROMISE_CASES } from './keyless/promises.ts';
import { PROOF_CASES } from './keyless/proofs.ts';
import { SEVERAL_CASES } from './keyless/several.ts';
import { TIME_CASES } from './keyless/times.ts';
import { describeWith } from './tools.ts';

const GROUPS: Readonly<Record<string, readonly Case[]>> = {
  identities: IDENTITY_CASES,
  certificates: CERTIFICATE_CASES,
  chains: CHAIN_CASES,
  promises: PROMISE_CASES,
  entries: ENTRY_CASES,
  proofs: PROOF_CASES,
  times: TIME_CASES,
  claims: CLAIM_CASES,
  several: SEVERAL_CASES,
  keys: KEY_CASES,
};
const CASES = Object.values(GROUPS).flat();

vi.setConfig({ maxConcurrency: 2 });

let started: Promise<KeylessBench> | undefined;
const bench = (): Promise<KeylessBench> => {
  started ??= startKeylessBench();
  return started;
};
afterAll(async () => (await started)?.stop());

/** `cosign verify --trusted-root`, and countersign with a policy that asks for the same. */
describeWith(['cosign3', 'registry'], 'cosign v3 and countersign, under one trusted root', () => {
  everyCase(titleOf, async (name, one) => {
    const { askCosign, askCountersign } = await bench();
    const there = await askCosign('cosign3', name, one);
    const here = await askCountersign(name, one);
    const { cosign3, here: expectedHere } = expected(one);
    const verdicts = { there: there.verdict, here: here.verdict };
    expect(verdicts, `${there.text}\n${here.text}`).toEqual({ there: cosign3, here: expectedHere });
  });

  it('sends nothing beyond loopback', async () => {
    expect((await bench()).strayed).toEqual([]);
  });
});

describeWith(['cosign2', 'registry'], 'cosign v2, under one trusted root', () => {
  everyCase(
    (one) => `${one.title}: ${expected(one).cosign2}`,
    async (name, one) => {
      const { askCosign } = await bench();
      const { verdict, text } = await askCosign('cosign2', name, one);
      expect(verdict, text).toBe(expected(one).cosign2);
    },
  );

  it('sends nothing beyond loopback', async () => {
    expect((await bench()).strayed).toEqual([]);
  });
});

describe('the differences between cosign and countersign, under one trusted root', () => {
  it('are documented, each of them and no other', () => {
    expect(CASES.filter((one) => differ(one) !== (one.differs !== undefined)).map(titleOf)).toEqual([]);
    const claimed = CASES.flatMap(({ differs }) => differs ?? []);
    const documented = documentedDifferences();
    expect(claimed.filter((row) => !documented.has(row))).toEqual([]);
    expect(keylessDifferences().length).toBeGreaterThan(0);
    expect(keylessDifferences().filter((row) => !claimed.includes(row))).toEqual([]);
  });
});

function everyCase(title: (one: Case) => string, ask: (name: string, one: Case) => Promise<void>): void {
  for (const [group, cases] of Object.entries(GROUPS)) {
    describe.concurrent(group, () => {
      for (const [index, one] of cases.entries()) it(title(one), () => ask(`${group}-${index}`, one));
    });
  }
}

function differ(one: Case): boolean {
  const { cosign2, cosign3, here } = expected(one);
  return cosign2 !== here || cosign3 !== here;
}

function titleOf(one: Case): string {
  const { cosign3, here } = expected(one);
  return cosign3 === here ? `${one.title}: ${here}` : `${one.title}: ${cosign3} there, ${here} here`;
}
