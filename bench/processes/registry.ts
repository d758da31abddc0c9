/** The registry of the bench, in a process of its own: every image it can be asked for is made and signed on demand. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { type BenchImage, contentsOf, type Form, readsOf, repositoryOf, type Stored } from '../content/images.ts';
import { answerParent } from './worker.ts';

/** What can be asked of the registry process. */
export type RegistryAsk =
  | { readonly kind: 'start'; readonly referrers: 'api' | 'none' }
  /** How many requests came, by what they were for, since this was last asked. */
  | { readonly kind: 'counts' }
  /** Makes images now, so that no later answer waits for a signature, and says what a cold verification reads of each. */
  | { readonly kind: 'prepare'; readonly form: Form; readonly from: number; readonly count: number };

/** Where the registry is, and whose signatures its images carry. */
export type RegistryStarted = { readonly host: string; readonly publicKeyPem: string };

/** Requests by method and kind, such as `GET manifests`. */
export type RequestCounts = Readonly<Record<string, number>>;

/** The URL paths that a cold verification of one image reads, in its order; what stands together is asked for at once. */
export type PreparedReads = readonly (readonly string[])[];

/** Images that are kept at most; those made before are made again when they are asked for. */
const KEPT = 4_096;

const signer = createSigner('P-256');
const kept = new Map<string, ReadonlyMap<string, Stored>>();
const counts = new Map<string, number>();
let mode: 'api' | 'none' = 'api';
let host = '';

function contents(repository: string): ReadonlyMap<string, Stored> | undefined {
  const known = kept.get(repository);
  if (known !== undefined) return known;
  const [, form, number] = /^(legacy|bundle|both|unsigned)\/([0-9]{1,9})$/.exec(repository) ?? [];
  if (form === undefined) return undefined;
  const made = contentsOf(host, { form: form as Form, number: Number(number) } satisfies BenchImage, signer, mode);
  kept.set(repository, made);
  const [oldest] = kept.keys();
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
  return made;
}

const server = createServer((request, response) => {
  const [, repository = '', kind = '', reference = ''] =
    /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/?]+)$/.exec(request.url ?? '') ?? [];
  const counted = `${request.method} ${kind}`;
  counts.set(counted, (counts.get(counted) ?? 0) + 1);
  const found = contents(repository)?.get(`${kind}/${reference}`);
  if (found === undefined) {
    const body = '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}';
    response.writeHead(404, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    return;
  }
  response
    .writeHead(200, {
      'content-type': found.type,
      'content-length': found.bytes.length,
      ...(found.digest === '' ? {} : { 'docker-content-digest': found.digest }),
    })
    .end(found.bytes);
});
server.keepAliveTimeout = 60_000;

answerParent(async (ask: RegistryAsk) => {
  switch (ask.kind) {
    case 'start': {
      mode = ask.referrers;
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      return { host, publicKeyPem: signer.publicKeyPem } satisfies RegistryStarted;
    }
    case 'counts': {
      const now = Object.fromEntries(counts);
      counts.clear();
      return now;
    }
    case 'prepare':
      return Array.from({ length: ask.count }, (_none, index) => {
        const image: BenchImage = { form: ask.form, number: ask.from + index };
        const repository = repositoryOf(image);
        const reads = readsOf(image, contents(repository) ?? new Map());
        return reads.map((together) => together.map((path) => `/v2/${repository}/${path}`));
      }) satisfies readonly PreparedReads[];
  }
});
