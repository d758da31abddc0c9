import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { type Digest, hexOf } from '../../src/image/digest.ts';
import { type Bench, type Case, expectedVerdicts, pushBenchImage, titleOf } from './cases/case.ts';
import { KEY_CASES } from './cases/keys.ts';
import { LAYER_CASES } from './cases/layers.ts';
import { MADE_CASES } from './cases/made.ts';
import { NAME_CASES } from './cases/names.ts';
import { PAYLOAD_CASES } from './cases/payloads.ts';
import { PLATFORM_CASES } from './cases/platforms.ts';
import { SCOPE_CASES } from './cases/scopes.ts';
import { writeConfiguration } from './countersign.ts';
import { documentedDifferences } from './differences.ts';
import { type Folder, temporaryFolder } from './folder.ts';
import { askContainersImage, askCountersign, writePolicyFiles } from './judges.ts';
import { type RealRegistry, startDockerRegistry } from './registries.ts';
import { describeWith } from './tools.ts';

/** Policies of OpenShift, decided by the library that decides on its nodes, and by countersign. */
function judged(groups: Readonly<Record<string, readonly Case[]>>): void {
  const folder = temporaryFolder();
  const documented = documentedDifferences();
  const key = createSigner();
  const other = createSigner();
  let registry: RealRegistry;
  let localhost: string;

  beforeAll(async () => {
    registry = await startDockerRegistry(folder);
    localhost = registry.host.replace('127.0.0.1', 'localhost');
    const plain = { plainHttp: true };
    writeConfiguration(folder, 'config.json', { registries: { [registry.host]: plain, [localhost]: plain } });
  });
  afterAll(async () => {
    await registry.stop();
    folder.remove();
  });

  async function benchFor(name: string): Promise<Bench> {
    const { host } = registry;
    const repository = `${host}/acme/${name}`;
    const image = await pushBenchImage(repository);
    return {
      folder,
      host,
      localhost,
      repository,
      image,
      key,
      other,
      damage: (...of) => damage(folder, registry, ...of),
    };
  }

  const benches = new Map<string, Promise<Bench>>();

  async function decide(name: string, one: Case): Promise<void> {
    const bench = benches.get(one.shared ?? name) ?? benchFor(one.shared ?? name);
    benches.set(one.shared ?? name, bench);
    const { policies, image } = await one.arrange(await bench);
    const files = writePolicyFiles(folder, name, policies);
    const [there, here] = await Promise.all([
      askContainersImage(folder, files, image),
      askCountersign(folder.file('config.json'), files, image),
    ]);
    expect({ there: there.verdict, here: here.verdict }, `${there.text}\n${here.text}`).toEqual(expectedVerdicts(one));
  }

  for (const [group, cases] of Object.entries(groups)) {
    describe.concurrent(group, () => {
      for (const [index, one] of cases.entries()) {
        it(titleOf(one), () => decide(`${group}-${index}`, one));
      }
    });
  }

  it('documents every difference', () => {
    const claimed = Object.values(groups).flatMap((cases) => cases.flatMap(({ differs }) => differs ?? []));
    expect(claimed).not.toEqual([]);
    expect(claimed.filter((row) => !documented.has(row))).toEqual([]);
  });
}

/** Takes a blob out of the storage of Debian's registry, or replaces it. */
function damage(folder: Folder, registry: RealRegistry, digest: Digest, content?: string): void {
  const storage = folder.file(`docker-registry-${registry.host.split(':')[1]}`);
  const hex = hexOf(digest);
  const file = join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
  const length = readFileSync(file).length;
  if (content === undefined) rmSync(file);
  else writeFileSync(file, content.repeat(length));
}

describeWith(['containers-image', 'docker-registry'], 'containers/image and countersign', () =>
  judged({
    names: NAME_CASES,
    keys: KEY_CASES,
    scopes: SCOPE_CASES,
    payloads: PAYLOAD_CASES,
    layers: LAYER_CASES,
    platforms: PLATFORM_CASES,
  }),
);
describeWith(
  ['containers-image', 'docker-registry', 'cosign2', 'cosign3'],
  'containers/image and countersign, of what cosign signed',
  () => judged({ cosign: MADE_CASES }),
);
