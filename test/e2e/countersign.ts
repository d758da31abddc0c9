import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { resolve } from 'node:path';
import type { Folder } from './folder.ts';
import { freePort, run, type Service, startService } from './process.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** A ClusterImagePolicy of OpenShift for one scope and one key. */
export type ImagePolicy = {
  readonly name: string;
  readonly scope: string;
  readonly publicPem: string;
  /** Whether signatures without a name, such as cosign's bundles, count. */
  readonly unnamed: boolean;
};

/** Writes policies into one file and gives its path; cosign names a repository without tag, so that must do. */
export function writePolicies(folder: Folder, file: string, policies: readonly ImagePolicy[]): string {
  const documents = policies.map(({ name, scope, publicPem, unnamed }) => ({
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterImagePolicy',
    metadata: { name, annotations: unnamed ? { 'countersign.dev/unnamed-signatures': 'accept' } : {} },
    spec: {
      scopes: [scope],
      policy: {
        rootOfTrust: {
          policyType: 'PublicKey',
          publicKey: { keyData: Buffer.from(publicPem).toString('base64') },
        },
        signedIdentity: { matchPolicy: 'MatchRepository' },
      },
    },
  }));
  return folder.write(file, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
}

/** Writes a configuration, JSON being YAML, and gives its path. */
export function writeConfiguration(folder: Folder, file: string, configuration: object): string {
  return folder.write(file, JSON.stringify(configuration));
}

/** What `countersign verify` said about one image. */
export type Answer = {
  readonly status: number;
  /** From the JSON output; undefined where there was none, so that a crash is never taken for a refusal. */
  readonly allowed: boolean | undefined;
  readonly text: string;
};

/** An image that was let in. */
export const ADMITTED = { status: 0, allowed: true } as const;
/** A definite refusal. */
export const REFUSED = { status: 1, allowed: false } as const;
/** No definite refusal, but something could not be known. */
export const UNKNOWN = { status: 3, allowed: false } as const;

/** Runs `countersign verify` for one image. */
export async function verify(configuration: string, policies: string, image: string): Promise<Answer> {
  const args = ['verify', '--output', 'json', '--config', configuration, '--policy', policies, image];
  const { status, stdout, stderr } = await run(process.execPath, [MAIN, ...args]);
  return { status, allowed: allowedIn(stdout), text: stdout + stderr };
}

function allowedIn(output: string): boolean | undefined {
  try {
    return JSON.parse(output).allowed;
  } catch {
    return undefined;
  }
}

/** A webhook that answers on loopback. */
export type Webhook = Service & { readonly url: string; readonly auditLog: () => readonly string[] };

/** Starts `countersign serve` with a serving pair, policies and registries, and waits until it is ready. */
export async function startWebhook(folder: Folder, configuration: object): Promise<Webhook> {
  const port = await freePort();
  const metrics = await freePort();
  const output = folder.file('countersign-audit.log');
  const file = writeConfiguration(folder, 'serve.json', {
    listen: { host: '127.0.0.1', port },
    metrics: { host: '127.0.0.1', port: metrics },
    audit: { output },
    ...configuration,
  });
  const service = await startService({
    command: process.execPath,
    args: [MAIN, 'serve', '--config', file],
    log: folder.file('countersign.log'),
    ready: () => isReady(metrics),
  });
  return {
    ...service,
    url: `https://127.0.0.1:${port}/validate`,
    auditLog: () =>
      readFileSync(output, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
  };
}

function isReady(port: number): Promise<boolean> {
  return new Promise((settle, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/readyz' }, (response) => {
      response.resume();
      settle(response.statusCode === 200);
    });
    asked.once('error', reject);
    asked.end();
  });
}
