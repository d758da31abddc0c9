import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundleReferrer, signatureManifest } from '../../src/cli/demo/signer.ts';
import { trustedRootJson } from '../fixtures/sigstore/instance.ts';
import { pushBenchImage, sigTag } from './cases/case.ts';
import type { CosignForm } from './cosign.ts';
import { temporaryFolder } from './folder.ts';
import { pushArtifact } from './image.ts';
import { type Case, expected, SIGSTORE } from './keyless/case.ts';
import { CERTIFICATE_CASES } from './keyless/certificates.ts';
import { CHAIN_CASES } from './keyless/chains.ts';
import { CLAIM_CASES } from './keyless/claims.ts';
import { ENTRY_CASES } from './keyless/entries.ts';
import { IDENTITY_CASES } from './keyless/identities.ts';
import { askCosign } from './keyless/judges.ts';
import { PROMISE_CASES } from './keyless/promises.ts';
import { PROOF_CASES } from './keyless/proofs.ts';
import { SEVERAL_CASES } from './keyless/several.ts';
import { TIME_CASES } from './keyless/times.ts';
import { type RealRegistry, startReferrersRegistry } from './registries.ts';
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
};

vi.setConfig({ maxConcurrency: 2 });

/** `cosign verify --trusted-root` of each version. */
describeWith(['cosign2', 'cosign3', 'registry'], 'cosign v2 and v3, without keys', () => {
  const folder = temporaryFolder();
  const strayed: string[] = [];
  const proxy = createServer((request, response) => {
    strayed.push(`${request.method} ${request.url}`);
    response.writeHead(403).end();
  });
  // What goes out by TLS asks for a tunnel first.
  proxy.on('connect', (request, socket) => {
    strayed.push(`CONNECT ${request.url}`);
    socket.destroy();
  });
  let registry: RealRegistry;

  beforeAll(async () => {
    await new Promise<void>((settle) => proxy.listen(0, '127.0.0.1', settle));
    registry = await startReferrersRegistry(folder);
  });
  afterAll(async () => {
    await registry.stop();
    proxy.close();
    folder.remove();
  });

  /** Pushes an image and what is attached to it. */
  async function arrange(name: string, { attach }: Case): Promise<string> {
    const repository = `${registry.host}/acme/${name}`;
    const image = await pushBenchImage(repository);
    const all = attach({ repository, digest: image.digest });
    const layers = all.flatMap((one) => (one.kind === 'layer' ? [one.layer] : []));
    if (layers.length > 0) await pushArtifact(repository, signatureManifest(layers), sigTag(image.digest));
    for (const one of all) {
      if (one.kind === 'bundle') await pushArtifact(repository, bundleReferrer(image, Buffer.from(one.bundle)));
    }
    return repository;
  }

  async function decide(name: string, one: Case): Promise<void> {
    const { form, asks = {}, root } = one;
    const repository = await arrange(name, one);
    const json = trustedRootJson(SIGSTORE);
    root?.(json);
    const question = { form, asks, trustedRoot: folder.write(`${name}.root.json`, JSON.stringify(json)) };
    const image = `${repository}:1`;

    const ask = (tool: CosignForm['tool']) => askCosign(tool, folder, question, image, addressOf(proxy.address()));
    const cosign2 = await ask('cosign2');
    const cosign3 = await ask('cosign3');
    const verdicts = { cosign2: cosign2.verdict, cosign3: cosign3.verdict };
    expect(verdicts, [cosign2, cosign3].map(({ text }) => text).join('\n')).toMatchObject(verdictsOf(one));
  }

  for (const [group, cases] of Object.entries(GROUPS)) {
    describe.concurrent(group, () => {
      for (const [index, one] of cases.entries()) it(titleOf(one), () => decide(`${group}-${index}`, one));
    });
  }

  it('sends nothing beyond loopback', () => {
    expect(strayed).toEqual([]);
  });
});

function verdictsOf(one: Case) {
  const { cosign2, cosign3 } = expected(one);
  return { cosign2, cosign3 };
}

function titleOf(one: Case): string {
  const { cosign2, cosign3 } = expected(one);
  return cosign2 === cosign3 ? `${one.title}: ${cosign3}` : `${one.title}: v2 ${cosign2}, v3 ${cosign3}`;
}

function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
  return `http://127.0.0.1:${address.port}`;
}
