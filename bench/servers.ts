import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createCertificateAuthority, issueServerCertificate } from '../src/encoding/certificate-writer.ts';
import { writePolicies } from './content/policies.ts';
import type { BareAsk, BareStarted } from './processes/bare.ts';
import { type Child, startChild } from './processes/child.ts';
import type { LoadAsk, LoadTarget } from './processes/load.ts';
import type { RegistryAsk, RegistryStarted } from './processes/registry.ts';

/** A folder of our own with a serving certificate, gone after the bench. */
export type Workplace = {
  readonly folder: string;
  readonly caPem: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly remove: () => Promise<void>;
};

/** A registry process with signed images. */
export type Registry = RegistryStarted & { readonly child: Child<RegistryAsk> };

/** A server process that answers reviews. */
export type MeasuredServer = { readonly port: number; readonly child: Child<BareAsk> };

/** Makes the folder, and one P-256 certificate for all servers. */
export async function createWorkplace(): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  const authority = createCertificateAuthority();
  const pair = issueServerCertificate(authority, { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  const certFile = join(folder, 'tls.crt');
  const keyFile = join(folder, 'tls.key');
  await writeFile(certFile, pair.certificatePem);
  await writeFile(keyFile, pair.privateKeyPem);
  const remove = () => rm(folder, { recursive: true });
  return { folder, caPem: authority.certificatePem, certFile, keyFile, remove };
}

/** Starts a registry; `none` is one without referrers API. */
export async function startRegistry(referrers: 'api' | 'none' = 'api'): Promise<Registry> {
  const child = startChild<RegistryAsk>([processFile('registry.ts')]);
  return { child, ...(await child.ask<RegistryStarted>({ kind: 'start', referrers })) };
}

/** Starts the load generator. */
export function startLoad(): Child<LoadAsk> {
  return startChild<LoadAsk>([processFile('load.ts')]);
}

/** The heap flag of the image, so that what is measured is what ships. */
function heapFlags(): readonly string[] {
  const dockerfile = readFileSync(resolve(import.meta.dirname, '../Dockerfile'), 'utf8');
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
  const args: unknown = JSON.parse(entrypoint);
  const isHeapFlag = (arg: unknown) => typeof arg === 'string' && arg.startsWith('--heap-growing-percent=');
  return Array.isArray(args) ? args.filter(isHeapFlag) : [];
}

/** How countersign is started. */
export type CountersignOptions = {
  /** The file that Node runs: the bundle, or `src/cli/main.ts`. */
  readonly program: string;
  readonly workplace: Workplace;
  readonly registry: RegistryStarted;
  readonly policies?: number;
  /** Path of the audit log. */
  readonly output: string;
};

/** Starts `countersign serve` in deny mode, with its defaults but for ports and places; resolves once it listens. */
export async function startCountersign(options: CountersignOptions): Promise<MeasuredServer> {
  const { workplace, registry } = options;
  const own = await mkdtemp(join(workplace.folder, 'serve-'));
  await writePolicies(own, registry.host, registry.publicKeyPem, options.policies ?? 1);
  const config = join(own, 'countersign.json');
  const configuration = {
    listen: { host: '127.0.0.1', port: 0 },
    metrics: { host: '127.0.0.1', port: 0 },
    tls: { certFile: workplace.certFile, keyFile: workplace.keyFile },
    policies: [join(own, 'policies.yaml')],
    mode: 'deny',
    registries: { [registry.host]: { plainHttp: true } },
    audit: { output: options.output },
    drainSeconds: 0,
  };
  await writeFile(config, JSON.stringify(configuration));
  const child = startChild<BareAsk>([...heapFlags(), options.program, 'serve', '--config', config]);
  const port = await child.said((line) => {
    const url = /"url":"https:\/\/127\.0\.0\.1:(\d+)"/.exec(line)?.[1];
    return url === undefined ? undefined : Number(url);
  });
  return { child, port };
}

/** Starts the bare server; its lines are as long as the audit records that it stands beside. */
export async function startBare(workplace: Workplace, output: string, lineBytes: number): Promise<MeasuredServer> {
  const child = startChild<BareAsk>([processFile('bare.ts')]);
  const { certFile, keyFile } = workplace;
  return { child, ...(await child.ask<BareStarted>({ certFile, keyFile, output, lineBytes })) };
}

/** The load that a server gets. */
export function targetOf(
  server: MeasuredServer,
  workplace: Workplace,
  connections: number,
  path = '/validate',
): LoadTarget {
  return { port: server.port, path, caPem: workplace.caPem, connections };
}

function processFile(name: string): string {
  return resolve(import.meta.dirname, 'processes', name);
}
