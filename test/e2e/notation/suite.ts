import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueRoot } from '../../fixtures/certificates.ts';
import { documentedDifferences } from '../differences.ts';
import { temporaryFolder } from '../folder.ts';
import { startDockerRegistry, startReferrersRegistry } from '../registries.ts';
import { type Bench, type Case, placeFor } from './case.ts';
import { startFront } from './front.ts';
import { askCountersign, askNotation, write } from './judges.ts';
import { startRevocation } from './revocation.ts';
import { signersBelow } from './signers.ts';
import { startTimestamps } from './timestamps.ts';

/** Has notation and countersign decide every case. */
export function judged(groups: Readonly<Record<string, readonly Case[]>>): void {
  const folder = temporaryFolder();
  const documented = documentedDifferences();
  const closing: (() => Promise<void>)[] = [];
  let bench: Bench;

  beforeAll(async () => {
    const fallback = await startDockerRegistry(folder);
    closing.push(() => fallback.stop());
    const referrers = await startReferrersRegistry(folder);
    closing.push(() => referrers.stop());
    const front = await startFront(fallback.host);
    const revocation = await startRevocation(folder);
    const timestamps = await startTimestamps(folder, 'timestamps');
    const otherTimestamps = await startTimestamps(folder, 'other-timestamps');
    const revokedTimestamps = await startTimestamps(folder, 'revoked-timestamps', async (root) => [
      (await revocation.answerFor(root, { ocsp: 'revoked' })).ocsp,
    ]);
    closing.push(revokedTimestamps.close, front.close, revocation.close, timestamps.close, otherTimestamps.close);
    const acme = issueRoot('acme root');
    const signers = await signersBelow(folder, acme);
    const hosts = { fallback: fallback.host, referrers: referrers.host };
    const other = issueRoot('another root');
    bench = { folder, hosts, front, acme, signers, other, timestamps, otherTimestamps, revokedTimestamps, revocation };
  });
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
    folder.remove();
  });

  async function decide(name: string, one: Case): Promise<void> {
    const place = await placeFor(bench, name, one.on);
    const question = await one.arrange(place);
    const files = write(bench, name, question);
    await wait(Math.max(0, (question.notBefore ?? 0) - Date.now()));
    const image = question.image ?? `${place.repository}:1`;
    const [there, here] = await Promise.all([askNotation(folder, files, image), askCountersign(files, image)]);
    const said = `${there.text}\n${here.text}`;
    expect({ there: there.verdict, here: here.verdict }, said).toEqual({ there: one.there, here: one.here });
    // Refused for another reason than the one that the case is about would say nothing.
    if (one.because !== undefined) expect(there.text, said).toMatch(one.because);
    if (one.code !== undefined) expect(here.text, said).toContain(one.code);
  }

  for (const [group, cases] of Object.entries(groups)) {
    describe.concurrent(group, () => {
      for (const [index, one] of cases.entries()) {
        it(titleOf(one), () => decide(`${group.replaceAll(' ', '-').toLowerCase()}-${index}`, one));
      }
    });
  }

  it('documents every difference', () => {
    const all = Object.values(groups).flat();
    // Whoever disagrees about letting an image in must say where that stands.
    const unsaid = all.filter((one) => (one.there === 'runs') !== (one.here === 'runs') && one.differs === undefined);
    expect(unsaid.map(({ title }) => title)).toEqual([]);
    expect(all.flatMap(({ differs }) => differs ?? []).filter((row) => !documented.has(row))).toEqual([]);
  });
}

function titleOf({ title, there, here }: Case): string {
  return there === here ? `${title}: ${there}` : `${title}: ${there} there, ${here} here`;
}
