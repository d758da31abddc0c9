import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { type Bench, type Case, expectedVerdicts, pushBenchImage, titleOf } from './cases/case.ts';
import { BUNDLE_CASES, TAG_CASES } from './cases/cosign.ts';
import { KEY_CASES } from './cases/keys.ts';
import type { CosignForm } from './cosign.ts';
import { writeConfiguration } from './countersign.ts';
import { documentedDifferences } from './differences.ts';
import { temporaryFolder } from './folder.ts';
import { askCosign, askCountersign, writePolicyFiles, writeTrustedRoot } from './judges.ts';
import { type RealRegistry, startReferrersRegistry } from './registries.ts';
import { describeWith } from './tools.ts';

const NOBODY = () => {
  throw new Error('no blob is damaged here');
};

/** `cosign verify --key` and countersign, with a policy that asks for the repository and the same key. */
function judged(tool: CosignForm['tool'], groups: Readonly<Record<string, readonly Case[]>>): void {
  const folder = temporaryFolder();
  const documented = documentedDifferences();
  const key = createSigner();
  const other = createSigner();
  let registry: RealRegistry;

  beforeAll(async () => {
    registry = await startReferrersRegistry(folder);
    writeTrustedRoot(folder);
    writeConfiguration(folder, 'config.json', { registries: { [registry.host]: { plainHttp: true } } });
  });
  afterAll(async () => {
    await registry.stop();
    folder.remove();
  });

  async function decide(name: string, one: Case): Promise<void> {
    const { host } = registry;
    const repository = `${host}/acme/${name}`;
    const image = await pushBenchImage(repository);
    const bench: Bench = { folder, host, localhost: host, repository, image, key, other, damage: NOBODY };
    const question = await one.arrange(bench);
    const [policy] = question.policies;
    const keyFile = folder.write(`${name}.pub`, policy?.publicPem ?? '');
    const files = writePolicyFiles(folder, name, question.policies);
    const [there, here] = await Promise.all([
      askCosign(tool, folder, keyFile, question.image),
      askCountersign(folder.file('config.json'), files, question.image),
    ]);
    const verdicts = { there: there.verdict, here: here.verdict };
    expect(verdicts, `${there.text}\n${here.text}`).toEqual(expectedVerdicts(one));
  }

  for (const [group, cases] of Object.entries(groups)) {
    describe.concurrent(group, () => {
      for (const [index, one] of cases.entries()) it(titleOf(one), () => decide(`${group}-${index}`, one));
    });
  }

  it('documents every difference', () => {
    const claimed = Object.values(groups).flatMap((cases) => cases.flatMap(({ differs }) => differs ?? []));
    expect(claimed.filter((row) => !documented.has(row))).toEqual([]);
  });
}

describeWith(['cosign2', 'registry'], 'cosign v2 and countersign', () => {
  judged('cosign2', { keys: KEY_CASES, tag: TAG_CASES });
});
describeWith(['cosign3', 'registry'], 'cosign v3 and countersign', () => {
  judged('cosign3', { tag: TAG_CASES, bundles: BUNDLE_CASES });
});
