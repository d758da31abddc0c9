import { once } from 'node:events';
import { createServer } from 'node:http';
import { bundleReferrer, signatureManifest } from '../../../src/cli/demo/signer.ts';
import { trustedRootJson } from '../../fixtures/sigstore/instance.ts';
import { pushBenchImage, sigTag } from '../cases/case.ts';
import type { CosignForm } from '../cosign.ts';
import { writeConfiguration } from '../countersign.ts';
import { type Folder, temporaryFolder } from '../folder.ts';
import { pushArtifact } from '../image.ts';
import type { Opinion } from '../judges.ts';
import { type RealRegistry, startReferrersRegistry } from '../registries.ts';
import { type Case, SIGSTORE } from './case.ts';
import { askCosign, askCountersign, type Question, writePolicy } from './judges.ts';

/** A registry in which every case has its image, and whoever may be asked about it. */
export type KeylessBench = {
  readonly askCosign: (tool: CosignForm['tool'], name: string, one: Case) => Promise<Opinion>;
  readonly askCountersign: (name: string, one: Case) => Promise<Opinion>;
  /** What was sent beyond loopback. */
  readonly strayed: readonly string[];
  readonly stop: () => Promise<void>;
};

type Arranged = { readonly repository: string; readonly question: Question };

/** Starts the registry, and a proxy that sees whatever leaves loopback and lets nothing out. */
export async function startKeylessBench(): Promise<KeylessBench> {
  const folder = temporaryFolder();
  const registry = await startReferrersRegistry(folder);
  const configuration = writeConfiguration(folder, 'config.json', {
    registries: { [registry.host]: { plainHttp: true } },
  });
  const proxy = await startProxy();
  const arranged = new Map<string, Promise<Arranged>>();
  const arrangedFor = (name: string, one: Case): Promise<Arranged> => {
    const known = arranged.get(name) ?? arrange(folder, registry, name, one);
    arranged.set(name, known);
    return known;
  };
  return {
    askCosign: async (tool, name, one) => {
      const { repository, question } = await arrangedFor(name, one);
      return askCosign(tool, folder, question, `${repository}:1`, proxy.url);
    },
    askCountersign: async (name, one) => {
      const { repository, question } = await arrangedFor(name, one);
      return askCountersign(configuration, writePolicy(folder, name, repository, question), `${repository}:1`);
    },
    strayed: proxy.strayed,
    stop: async () => {
      await registry.stop();
      proxy.close();
      folder.remove();
    },
  };
}

/** Pushes an image and what is attached to it, and writes the trusted root. */
async function arrange(folder: Folder, { host }: RealRegistry, name: string, one: Case): Promise<Arranged> {
  const repository = `${host}/acme/${name}`;
  const image = await pushBenchImage(repository);
  const all = one.attach({ repository, digest: image.digest });
  const layers = all.flatMap((attached) => (attached.kind === 'layer' ? [attached.layer] : []));
  if (layers.length > 0) await pushArtifact(repository, signatureManifest(layers), sigTag(image.digest));
  for (const attached of all) {
    if (attached.kind === 'bundle') await pushArtifact(repository, bundleReferrer(image, Buffer.from(attached.bundle)));
  }
  const json = trustedRootJson(SIGSTORE);
  one.root?.(json);
  const trustedRoot = folder.write(`${name}.root.json`, JSON.stringify(json));
  const asks = one.asks ?? {};
  const keyFile = asks.key === undefined ? undefined : folder.write(`${name}.pub`, asks.key);
  return { repository, question: { form: one.form, asks, trustedRoot, keyFile } };
}

async function startProxy() {
  const strayed: string[] = [];
  const server = createServer((request, response) => {
    strayed.push(`${request.method} ${request.url}`);
    response.writeHead(403).end();
  });
  // What goes out by TLS asks for a tunnel first.
  server.on('connect', (request, socket) => {
    strayed.push(`CONNECT ${request.url}`);
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return { url: `http://127.0.0.1:${address.port}`, strayed, close: () => server.close() };
}
