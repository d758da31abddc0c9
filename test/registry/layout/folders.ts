import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Artifact } from '../../../src/cli/demo/artifacts.ts';
import { digestOf, hexOf } from '../../../src/image/digest.ts';
import { type LayoutReference, parseLayout } from '../../../src/image/layout-reference.ts';
import { openLayout } from '../../../src/registry/layout/create.ts';
import type { Registry, RequestContext } from '../../../src/registry/registry.ts';

/** Files by their path below a folder. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Writes files into a folder that goes with the test, and gives its path. */
export async function folderOf(files: Files): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'countersign-layout-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

/** What `skopeo copy … dir:` writes for one image. */
export function dirFiles(image: Artifact, signatures: readonly Uint8Array[] = []): Files {
  return {
    version: 'Directory Transport Version: 1.1\n',
    'manifest.json': image.manifest,
    ...Object.fromEntries(image.blobs.map((blob) => [hexOf(digestOf(blob)), blob])),
    ...Object.fromEntries(signatures.map((bytes, index) => [`signature-${index + 1}`, bytes])),
  };
}

/** An instance of a multi-platform image beside its index, as `skopeo copy --all … dir:` writes it. */
export function instanceFiles(image: Artifact, signatures: readonly Uint8Array[] = []): Files {
  const hex = hexOf(image.digest);
  return {
    [`${hex}.manifest.json`]: image.manifest,
    ...Object.fromEntries(signatures.map((bytes, index) => [`${hex}-signature-${index + 1}`, bytes])),
  };
}

/** One entry of `index.json`: an artifact, its name, and what else stands there. */
export type Entry = {
  readonly artifact: Artifact;
  readonly name?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
};

/** An OCI image layout; `beside` are artifacts that `index.json` does not name. */
export function ociFiles(entries: readonly Entry[], beside: readonly Artifact[] = []): Files {
  const artifacts = [...entries.map(({ artifact }) => artifact), ...beside];
  const blobs = artifacts.flatMap(({ manifest, blobs: own }) => [manifest, ...own]);
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify({ schemaVersion: 2, manifests: entries.map(entryOf) }),
    ...Object.fromEntries(blobs.map((blob) => [`blobs/sha256/${hexOf(digestOf(blob))}`, blob])),
  };
}

function entryOf({ artifact, name, annotations, artifactType }: Entry) {
  const named = name === undefined ? {} : { 'org.opencontainers.image.ref.name': name };
  return {
    mediaType: artifact.mediaType,
    digest: artifact.digest,
    size: artifact.manifest.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    annotations: { ...named, ...annotations },
  };
}

/** A layout reference out of its text. */
export function layout(text: string): LayoutReference {
  const parsed = parseLayout(text);
  if (parsed?.ok !== true) throw new Error(`${text} is no layout`);
  return parsed.value;
}

/** The registry over a layout. */
export async function registryAt(text: string): Promise<Registry> {
  const opened = await openLayout(layout(text));
  if (!opened.ok) throw new Error(opened.failure.message);
  return opened.value.registry;
}

/** The repository and the context do not matter to a layout. */
export const ANYWHERE = { host: 'registry.test', path: 'acme/app' };
/** Time without end. */
export const AT_LEISURE: RequestContext = { signal: new AbortController().signal };
