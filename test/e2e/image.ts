import { createHash } from 'node:crypto';
import type { Artifact } from '../../src/cli/demo/artifacts.ts';
import { LOGIN } from './registries.ts';

/** An image in a registry. */
export type PushedImage = {
  /** With its tag. */
  readonly reference: string;
  readonly repository: string;
  readonly digest: string;
  /** References by digest of what an index lists. */
  readonly instances: readonly string[];
};

/** How the registry is spoken to, where it is not plain HTTP without a login. */
export type PushOptions = { readonly login?: boolean };

type Stored = { readonly mediaType: string; readonly digest: string; readonly size: number };

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** Pushes a tiny image for linux/amd64 to `HOST:PORT/path`; the tag is `1`, and the content follows from the name. */
export async function pushImage(repository: string, options: PushOptions = {}): Promise<PushedImage> {
  const { digest } = await pushInstance(repository, 'amd64', '1', options);
  return { reference: `${repository}:1`, repository, digest, instances: [] };
}

/** Pushes an index of two images, for linux/amd64 and linux/arm64. */
export async function pushIndex(repository: string, options: PushOptions = {}): Promise<PushedImage> {
  const instances: readonly (readonly [string, Stored])[] = [
    ['amd64', await pushInstance(repository, 'amd64', undefined, options)],
    ['arm64', await pushInstance(repository, 'arm64', undefined, options)],
  ];
  const manifests = instances.map(([architecture, stored]) => ({ ...stored, platform: { architecture, os: 'linux' } }));
  const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  const { digest } = await putManifest(repository, INDEX, index, '1', options);
  return {
    reference: `${repository}:1`,
    repository,
    digest,
    instances: instances.map(([, stored]) => `${repository}@${stored.digest}`),
  };
}

/** Pushes an artifact of our own making with its blobs, under a tag if one is given. */
export async function pushArtifact(repository: string, artifact: Artifact, tag?: string): Promise<void> {
  for (const blob of artifact.blobs) await putBlob(repository, 'application/octet-stream', Buffer.from(blob), {});
  await putManifest(repository, artifact.mediaType, Buffer.from(artifact.manifest).toString('utf8'), tag, {});
}

/** Copies a manifest of a repository to another tag of it. */
export async function copyManifest(repository: string, from: string, to: string): Promise<void> {
  const url = `${api(repository)}/manifests/${from}`;
  const response = await checked(fetch(url, { headers: { accept: `${MANIFEST}, ${INDEX}` } }), url);
  const mediaType = response.headers.get('content-type') ?? MANIFEST;
  await putManifest(repository, mediaType, await response.text(), to, {});
}

async function pushInstance(
  repository: string,
  architecture: string,
  tag: string | undefined,
  options: PushOptions,
): Promise<Stored> {
  // An empty tar archive is two blocks of zeros.
  const layer = await putBlob(repository, LAYER, Buffer.alloc(1024), options);
  const description = {
    architecture,
    os: 'linux',
    author: repository,
    config: {},
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  };
  const config = await putBlob(repository, CONFIG, Buffer.from(JSON.stringify(description)), options);
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] });
  return putManifest(repository, MANIFEST, manifest, tag, options);
}

async function putBlob(repository: string, mediaType: string, content: Buffer, options: PushOptions): Promise<Stored> {
  const digest = digestOf(content);
  const begin = `${api(repository)}/blobs/uploads/`;
  const begun = await checked(fetch(begin, { method: 'POST', headers: headersFor(options) }), begin);
  const upload = new URL(begun.headers.get('location') ?? '', begin);
  upload.searchParams.set('digest', digest);
  const headers = { ...headersFor(options), 'content-type': 'application/octet-stream' };
  await checked(fetch(upload, { method: 'PUT', headers, body: new Uint8Array(content) }), upload.href);
  return { mediaType, digest, size: content.length };
}

async function putManifest(
  repository: string,
  mediaType: string,
  text: string,
  tag: string | undefined,
  options: PushOptions,
): Promise<Stored> {
  const digest = digestOf(Buffer.from(text));
  const url = `${api(repository)}/manifests/${tag ?? digest}`;
  const headers = { ...headersFor(options), 'content-type': mediaType };
  await checked(fetch(url, { method: 'PUT', headers, body: text }), url);
  return { mediaType, digest, size: Buffer.byteLength(text) };
}

async function checked(answer: Promise<Response>, url: string): Promise<Response> {
  const response = await answer;
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response;
}

function api(repository: string): string {
  const slash = repository.indexOf('/');
  return `http://${repository.slice(0, slash)}/v2/${repository.slice(slash + 1)}`;
}

function headersFor({ login }: PushOptions): Record<string, string> {
  const basic = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  return login ? { authorization: `Basic ${basic}` } : {};
}

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;
