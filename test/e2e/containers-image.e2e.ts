import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { type Digest, hexOf } from '../../src/image/digest.ts';
import type { Bench, Case } from './cases/case.ts';
import { KEY_CASES } from './cases/keys.ts';
import { LAYER_CASES } from './cases/layers.ts';
import { NAME_CASES } from './cases/names.ts';
import { PAYLOAD_CASES } from './cases/payloads.ts';
import { PLATFORM_CASES } from './cases/platforms.ts';
import { SCOPE_CASES } from './cases/scopes.ts';
import { writeConfiguration } from './countersign.ts';
import { documentedDifferences } from './differences.ts';
import { temporaryFolder } from './folder.ts';
import { pushArtifact } from './image.ts';
import { askContainersImage, askCountersign, writePolicyFiles } from './judges.ts';
import { type RealRegistry, startDockerRegistry } from './registries.ts';
import { describeWith } from './tools.ts';

/** Policies of OpenShift, decided by the library that decides on its nodes, and by countersign. */
describeWith(['containers-image', 'docker-registry'], 'containers/image and countersign', () => {
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
    const image = imageArtifact(repository);
    await pushArtifact(repository, image, '1');
    return { host, localhost, repository, image, key, other, damage };
  }

  function damage(digest: Digest, content?: string): void {
    const storage = folder.file(`docker-registry-${registry.host.split(':')[1]}`);
    const hex = hexOf(digest);
    const file = join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    const length = readFileSync(file).length;
    if (content === undefined) rmSync(file);
    else writeFileSync(file, content.repeat(length));
  }

  const benches = new Map<string, Promise<Bench>>();

  async function decide(name: string, { verdict, differs, shared, arrange }: Case): Promise<void> {
    const bench = benches.get(shared ?? name) ?? benchFor(shared ?? name);
    benches.set(shared ?? name, bench);
    const { policies, image } = await arrange(await bench);
    const files = writePolicyFiles(folder, name, policies);
    const [there, here] = await Promise.all([
      askContainersImage(folder, files, image),
      askCountersign(folder.file('config.json'), files, image),
    ]);
    expect({ there: there.verdict, here: here.verdict }, `${there.text}\n${here.text}`).toEqual({
      there: verdict,
      here: differs === undefined ? verdict : opposite(verdict),
    });
  }

  const GROUPS: Readonly<Record<string, readonly Case[]>> = {
    names: NAME_CASES,
    keys: KEY_CASES,
    scopes: SCOPE_CASES,
    payloads: PAYLOAD_CASES,
    layers: LAYER_CASES,
    platforms: PLATFORM_CASES,
  };
  for (const [group, cases] of Object.entries(GROUPS)) {
    describe.concurrent(group, () => {
      for (const [index, one] of cases.entries()) {
        it(titleOf(one), () => decide(`${group}-${index}`, one));
      }
    });
  }

  it('documents every difference', () => {
    const claimed = Object.values(GROUPS).flatMap((cases) => cases.flatMap(({ differs }) => differs ?? []));
    expect(claimed).not.toEqual([]);
    expect(claimed.filter((row) => !documented.has(row))).toEqual([]);
  });
});

const titleOf = ({ title, verdict, differs }: Case): string =>
  differs === undefined ? `${title}: ${verdict}` : `${title}: ${verdict} there, ${opposite(verdict)} here`;

const opposite = (verdict: Case['verdict']): Case['verdict'] => (verdict === 'runs' ? 'refused' : 'runs');
