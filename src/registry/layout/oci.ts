import { type Failure, failed, failure, type Lookup, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import { type Descriptor, isIndexType, MANIFEST_TYPES } from '../../image/descriptor.ts';
import { type Digest, hexOf } from '../../image/digest.ts';
import type { LayoutImage } from '../../image/layout-reference.ts';
import { parseImageIndex, parseImageManifest } from '../../image/manifest.ts';
import { type Repository, repositoryName } from '../../image/reference.ts';
import type { FetchedManifest, ReferrersList } from '../registry.ts';
import type { Folder } from './folder.ts';
import { type Layout, once } from './layout.ts';
import { MAXIMUM_MANIFEST_BYTES, readManifestFile } from './manifest-file.ts';
import { isAttachment, isSavedSignature, nameOf, readIndex, shownEntries } from './oci-index.ts';

/** Bytes of manifests that are read to find out which of them refer to a digest. */
const MAXIMUM_SEARCH_BYTES = 16 * 1024 * 1024;

/**
 * An OCI image layout: `index.json` names images, and beside them the `.sig` tags of cosign and manifests that refer to an
 * image, as oras, regctl and cosign write them. containers/image reads no signatures here.
 * @see OCI image layout specification
 */
export function ociLayout(folder: Folder, place: Repository, which: LayoutImage): Layout {
  const shown = repositoryName(place);
  const index = once(() => readIndex(folder, shown));
  const files: Files = { folder, place, shown };
  const image = once(async (): Promise<Result<FetchedManifest>> => {
    const entries = await index();
    if (!entries.ok) return entries;
    const chosen = await choose(entries.value, which, files);
    if (!chosen.ok) return chosen;
    const read = await readEntry(chosen.value, MAXIMUM_MANIFEST_BYTES, files);
    if (read.kind === 'failed') return { ok: false, failure: read.failure };
    return read.kind === 'absent' ? { ok: false, failure: missing(chosen.value, files) } : ok(read.value);
  });

  return {
    image,
    manifest: async (wanted, maxBytes) => {
      const entries = await index();
      if (!entries.ok) return { kind: 'failed', failure: entries.failure };
      if (typeof wanted === 'string') {
        // An instance of an index stands in that index and not here; then it must say itself what it is.
        const mediaType = entries.value.find(({ digest }) => digest === wanted)?.mediaType;
        return readManifestFile(folder, blobFile(wanted), place, { digest: wanted, mediaType, maxBytes });
      }
      const named = only(entries.value.filter((entry) => nameOf(entry) === wanted.tag));
      if (named === 'several') return several(files, wanted.tag);
      if (named !== undefined) return present(await readEntry(named, maxBytes, files), named, files);
      const top = await image();
      if (!top.ok) return { kind: 'failed', failure: top.failure };
      const saved = savedSignature(entries.value, top.value.descriptor.digest, wanted.tag);
      if (saved === 'several') return several(files, wanted.tag);
      return saved === undefined ? { kind: 'absent' } : present(await readEntry(saved, maxBytes, files), saved, files);
    },
    blobFile,
    referrers: async (digest) => {
      const entries = await index();
      return entries.ok ? referrersOf(digest, entries.value, files) : { kind: 'failed', failure: entries.failure };
    },
    detached: () =>
      Promise.resolve({ kind: 'found', value: { location: place, source: 'lookaside', place: shown, signatures: [] } }),
    attachments: 'somewhere',
  };
}

type Files = { readonly folder: Folder; readonly place: Repository; readonly shown: string };

function blobFile(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function readEntry(
  { digest, mediaType }: Descriptor,
  maxBytes: number,
  { folder, place }: Files,
): Promise<Lookup<FetchedManifest>> {
  return readManifestFile(folder, blobFile(digest), place, { digest, mediaType, maxBytes });
}

/** What stands in `index.json` must be there: its lack is trouble, and not the lack of a signature. */
function present(read: Lookup<FetchedManifest>, entry: Descriptor, files: Files): Lookup<FetchedManifest> {
  return read.kind === 'absent' ? { kind: 'failed', failure: missing(entry, files) } : read;
}

function missing({ digest }: Descriptor, { shown }: Files): Failure {
  return failure('LAYOUT_UNUSABLE', `${shown} names ${digest} and does not hold it`);
}

/** The entry that is meant. Two of one name that are not the same would be one image to us and another to others. */
async function choose(entries: readonly Descriptor[], which: LayoutImage, files: Files): Promise<Result<Descriptor>> {
  const { shown } = files;
  const images = entries.filter((entry) => !isAttachment(entry));
  switch (which.kind) {
    case 'digest': {
      const entry = entries.find(({ digest }) => digest === which.digest);
      return entry === undefined
        ? failed('LAYOUT_UNUSABLE', `the index.json of ${shown} does not name ${which.digest}`)
        : ok(entry);
    }
    case 'named': {
      const one =
        only(images.filter((entry) => nameOf(entry) === which.name)) ??
        only(entries.filter((entry) => nameOf(entry) === which.name));
      const name = printable(which.name);
      if (one === undefined)
        return failed('LAYOUT_UNUSABLE', `${shown} has no image "${name}" among ${shownEntries(images) || 'none'}`);
      return one === 'several' ? failed('LAYOUT_UNUSABLE', `${shown} has more than one image "${name}"`) : ok(one);
    }
    case 'only': {
      const candidates = images.length === 0 ? entries : images;
      const one = only(candidates);
      if (one === undefined) return failed('LAYOUT_UNUSABLE', `the index.json of ${shown} names no image`);
      if (one !== 'several') return ok(one);
      // What refers to another manifest is about that one.
      const subjects = await subjectsOf(candidates, files);
      if (!subjects.ok) return subjects;
      const remaining = candidates.filter((entry) => subjects.value.get(entry.digest) === undefined);
      const left = only(remaining);
      return left !== undefined && left !== 'several'
        ? ok(left)
        : failed('LAYOUT_UNUSABLE', `${shown} holds several images, name one: ${shownEntries(remaining)}`);
    }
  }
}

/** The one entry of a list, however often it stands there. */
function only(entries: readonly Descriptor[]): Descriptor | 'several' | undefined {
  const [first] = entries;
  return entries.some((entry) => entry.digest !== first?.digest) ? 'several' : first;
}

/** What `cosign save` wrote: signatures without a tag of their own, beside the image that was opened. */
function savedSignature(
  entries: readonly Descriptor[],
  image: Digest,
  tag: string,
): Descriptor | 'several' | undefined {
  const own = entries.find(({ digest }) => digest === image);
  if (own === undefined || tag !== `sha256-${hexOf(image)}.sig`) return undefined;
  return only(entries.filter((entry) => isSavedSignature(entry, own)));
}

/**
 * What refers to a digest: entries whose manifests say so, and the list under the tag that stands in for the referrers
 * API. An entry whose manifest is not there may have been one, so it is listed, and found missing by whoever reads it.
 */
async function referrersOf(
  digest: Digest,
  entries: readonly Descriptor[],
  files: Files,
): Promise<Lookup<ReferrersList>> {
  const subjects = await subjectsOf(entries, files);
  if (!subjects.ok) return { kind: 'failed', failure: subjects.failure };
  const referring = entries.filter((entry) => {
    const subject = subjects.value.get(entry.digest);
    return subject === digest || subject === 'missing';
  });
  const list = only(entries.filter((entry) => nameOf(entry) === `sha256-${hexOf(digest)}`));
  if (list === 'several') return several(files, 'the list of referrers');
  const listed = list === undefined ? ok([]) : await readList(list, files);
  if (!listed.ok) return { kind: 'failed', failure: listed.failure };
  const all = new Map([...listed.value, ...referring].map((descriptor) => [descriptor.digest, descriptor]));
  return { kind: 'found', value: { descriptors: [...all.values()], source: 'fallback', location: files.place } };
}

/** Which digest each image manifest among entries refers to, or that the manifest is missing. */
async function subjectsOf(
  entries: readonly Descriptor[],
  files: Files,
): Promise<Result<ReadonlyMap<Digest, Digest | 'missing' | undefined>>> {
  const subjects = new Map<Digest, Digest | 'missing' | undefined>();
  let room = MAXIMUM_SEARCH_BYTES;
  for (const entry of entries) {
    // Signatures are OCI image manifests; an index is an image, or the list of referrers.
    if (entry.mediaType !== MANIFEST_TYPES.ociManifest || subjects.has(entry.digest)) continue;
    const read = await readEntry(entry, Math.min(room, MAXIMUM_MANIFEST_BYTES), files);
    if (read.kind === 'failed') return { ok: false, failure: read.failure };
    if (read.kind === 'absent') {
      subjects.set(entry.digest, 'missing');
      continue;
    }
    room -= read.value.bytes.length;
    const manifest = parseImageManifest(read.value.bytes, entry.mediaType);
    if (!manifest.ok) return { ok: false, failure: about(entry, manifest.failure) };
    subjects.set(entry.digest, manifest.value.subject?.digest);
  }
  return ok(subjects);
}

async function readList(list: Descriptor, files: Files): Promise<Result<readonly Descriptor[]>> {
  if (!isIndexType(list.mediaType))
    return failed('LAYOUT_UNUSABLE', `the list of referrers ${list.digest} is no index`);
  const read = await readEntry(list, MAXIMUM_MANIFEST_BYTES, files);
  if (read.kind === 'failed') return { ok: false, failure: read.failure };
  if (read.kind === 'absent') return { ok: false, failure: missing(list, files) };
  const index = parseImageIndex(read.value.bytes, list.mediaType);
  return index.ok ? ok(index.value.manifests) : { ok: false, failure: about(list, index.failure) };
}

function about({ digest }: Descriptor, { code, message }: Failure): Failure {
  return failure(code === 'RESPONSE_MALFORMED' ? 'LAYOUT_UNUSABLE' : code, `the manifest ${digest}: ${message}`);
}

function several({ shown }: Files, what: string): Lookup<never> {
  return {
    kind: 'failed',
    failure: failure('LAYOUT_UNUSABLE', `${shown} has more than one ${printable(what)}, and they are not the same`),
  };
}
