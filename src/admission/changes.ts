import type { CarriedImage } from './pod-spec.ts';

/**
 * Whether an update leaves every image as it was, so that it may pass without work (DESIGN.md §4.8, MODEL.md M13):
 * each container, by list and name, keeps its image string, and none is added. Removing some is no reason to ask.
 *
 * An object that is being deleted gets no pass by that alone: taking its finalizer off leaves the images as they are,
 * and changing an image is judged like any other change (CVE-2023-34091).
 * @param readsBeyondImages whether any policy reads more of the object than its images: then nothing passes here
 */
export function imagesUnchanged(
  before: readonly CarriedImage[],
  after: readonly CarriedImage[],
  readsBeyondImages: boolean,
): boolean {
  if (readsBeyondImages) return false;
  const old = byIdentity(before);
  const now = byIdentity(after);
  // Without a name of its own a container cannot be recognised, so it cannot be said to have kept its image.
  if (old === undefined || now === undefined) return false;
  for (const [identity, image] of now) if (old.get(identity) !== image) return false;
  return true;
}

function byIdentity(images: readonly CarriedImage[]): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  for (const { identity, image } of images) {
    if (identity === undefined || found.has(identity)) return undefined;
    found.set(identity, image);
  }
  return found;
}
