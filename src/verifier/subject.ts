import { failed, ok, type Result } from '../codes/result.ts';
import { layoutPlace } from '../image/layout-reference.ts';
import { parseReference, type Repository, repositoryName } from '../image/reference.ts';
import type { AskedImage, AskedLayout, AskedName } from '../model/subject.ts';
import type { ResolvedManifest } from './caches.ts';
import type { RequestedImage, RequestedLayout } from './request.ts';
import type { Resolver } from './resolve.ts';
import type { Task } from './task.ts';

/** One image of a request: what policies are selected by, what signed names are compared with, and where it is read. */
export type Subject = {
  readonly asked: AskedImage | AskedLayout;
  readonly name: AskedName;
  /** The repository that its manifests and signatures are read in. */
  readonly place: Repository;
  /** Finds out which bytes it is. */
  readonly resolve: (resolver: Resolver, task: Task) => Promise<Result<ResolvedManifest>>;
};

/**
 * What is decided on for one image of a request.
 * @returns REFERENCE_EMPTY, REFERENCE_INVALID, DIGEST_ALGORITHM_UNSUPPORTED
 */
export function subjectOf(image: RequestedImage | RequestedLayout): Result<Subject> {
  if ('layout' in image) return ok(layoutSubject(image));
  const reference = parseReference(image.image);
  if (!reference.ok) return reference;
  return ok({
    asked: { kind: 'image', written: image.image, reference: reference.value, transport: 'docker' },
    name: reference.value,
    place: reference.value.repository,
    resolve: (resolver, task) => resolver.resolve(reference.value, task),
  });
}

/** An image in a folder: the registry that was opened for it has this image alone, whatever tag it is asked for. */
function layoutSubject({ image, layout, as }: RequestedLayout): Subject {
  const place = layoutPlace(layout);
  return {
    asked:
      as === 'none'
        ? { kind: 'layout', written: image, layout }
        : { kind: 'image', written: image, reference: as, transport: 'docker' },
    name: as,
    place,
    resolve: async (resolver, task) => {
      const resolved = await resolver.resolve({ repository: place, tag: undefined, digest: undefined }, task);
      const wanted = as === 'none' ? undefined : as.digest;
      if (!resolved.ok || wanted === undefined || resolved.value.descriptor.digest === wanted) return resolved;
      const held = `${repositoryName(place)} holds ${resolved.value.descriptor.digest}`;
      return failed('DIGEST_MISMATCH', `${held}, and the name asks for ${wanted}`);
    },
  };
}
