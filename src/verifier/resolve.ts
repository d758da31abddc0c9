import { ownCopy, weightOf } from '../cache/own-copy.ts';
import { createSingleFlight } from '../cache/single-flight.ts';
import { failed, failure, type Lookup, ok, type Result } from '../codes/result.ts';
import { type Descriptor, isIndexType, isManifestType } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { type ImageReference, type Repository, repositoryName } from '../image/reference.ts';
import type { Caches, ResolvedManifest } from './caches.ts';
import { instancesOf } from './index-manifest.ts';
import type { Task } from './task.ts';

/** Finds out which bytes a reference means, once per decision. */
export type Resolver = {
  /** What the reference means now. A tag costs one HEAD in deny mode; a digest that is known costs nothing. */
  readonly resolve: (reference: ImageReference, task: Task) => Promise<Result<ResolvedManifest>>;
  /** Reads an instance of an index by its digest. */
  readonly instance: (repository: Repository, digest: Digest, task: Task) => Promise<Result<ResolvedManifest>>;
};

/** Bytes of the manifest that was asked for; runtimes read no larger ones. */
const MAXIMUM_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * Bytes of each instance of an index. An image of a hundred layers takes some 30 KiB; without this, 64 instances could be
 * made to take until the deadline, which `onError` loosens.
 */
const MAXIMUM_INSTANCE_BYTES = 512 * 1024;

/** What a runtime pulls where neither tag nor digest is written. */
const DEFAULT_TAG = 'latest';

const LATE = failure('DEADLINE_EXCEEDED', 'the image could not be resolved in time');

/** Makes a resolver over the caches. */
export function createResolver(caches: Caches): Resolver {
  const tagFlights = createSingleFlight<Lookup<Descriptor>>();
  const manifestFlights = createSingleFlight<Result<ResolvedManifest>>();

  const tagged = async (repository: Repository, tag: string, task: Task): Promise<Lookup<Descriptor>> => {
    const { registry } = task;
    const key = `${registry.access(repository).id} ${repositoryName(repository)}:${tag}`;
    const kept = task.freshTags ? undefined : caches.tags.get(key);
    if (kept !== undefined) return { kind: 'found', value: kept };
    const found = await tagFlights.run(
      key,
      task.deadline.signal(),
      (signal) => registry.resolveTag(repository, tag, { signal, onRequest: task.onRequest }),
      () => ({ kind: 'failed', failure: LATE }),
    );
    if (found.kind === 'found' && !task.freshTags) caches.tags.set(key, ownCopy(found.value), weightOf(found.value));
    return found;
  };

  const manifest = async (
    repository: Repository,
    digest: Digest,
    task: Task,
    maxManifestBytes = MAXIMUM_MANIFEST_BYTES,
  ): Promise<Result<ResolvedManifest>> => {
    const { registry } = task;
    // The bound is part of the key: what was read for one must not reach further, or less far, than for the other.
    const key = `${registry.access(repository).id} ${repositoryName(repository)}@${digest} ${maxManifestBytes}`;
    const kept = caches.descriptors.get(key);
    if (kept !== undefined) {
      task.meter.hits++;
      return ok(kept);
    }
    task.meter.misses++;
    return manifestFlights.run(
      key,
      task.deadline.signal(),
      async (signal) => {
        const fetched = await registry.manifest(repository, digest, {
          signal,
          maxManifestBytes,
          onRequest: task.onRequest,
        });
        if (fetched.kind === 'failed') return { ok: false, failure: fetched.failure };
        if (fetched.kind === 'absent') return notFound(repository, digest);
        const resolved = describe(fetched.value.descriptor, fetched.value.bytes);
        if (resolved.ok) caches.descriptors.set(key, ownCopy(resolved.value), weightOf(resolved.value));
        return resolved;
      },
      () => ({ ok: false, failure: LATE }),
    );
  };

  return {
    instance: (repository, digest, task) => manifest(repository, digest, task, MAXIMUM_INSTANCE_BYTES),
    resolve: async (reference, task) => {
      // The digest decides, whatever the tag beside it says (peers.md §4.2 number 30).
      if (reference.digest !== undefined) return manifest(reference.repository, reference.digest, task);
      const tag = reference.tag ?? DEFAULT_TAG;
      const found = await tagged(reference.repository, tag, task);
      if (found.kind === 'failed') return { ok: false, failure: found.failure };
      if (found.kind === 'absent') return notFound(reference.repository, tag);
      return manifest(reference.repository, found.value.digest, task);
    },
  };
}

function describe(descriptor: Descriptor, bytes: Uint8Array): Result<ResolvedManifest> {
  if (isManifestType(descriptor.mediaType)) return ok({ descriptor, children: undefined });
  if (!isIndexType(descriptor.mediaType))
    return failed('MEDIA_TYPE_UNSUPPORTED', 'the image is neither an OCI nor a Docker schema 2 image');
  const children = instancesOf(bytes, descriptor.mediaType);
  return children.ok ? ok({ descriptor, children: children.value }) : children;
}

function notFound(repository: Repository, what: string) {
  return failed('IMAGE_NOT_FOUND', `${repositoryName(repository)} has no image ${what}`);
}
