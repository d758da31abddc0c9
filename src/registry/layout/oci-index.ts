import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import { asObject, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import { type Descriptor, MANIFEST_TYPES } from '../../image/descriptor.ts';
import { isDigest } from '../../image/digest.ts';
import { parseImageIndex } from '../../image/manifest.ts';
import type { Folder } from './folder.ts';
import { MAXIMUM_MANIFEST_BYTES, unusable } from './manifest-file.ts';

/** The annotation with which `index.json` names an entry. */
const NAME = 'org.opencontainers.image.ref.name';

/** The annotation with which `cosign save` says what an entry is, and its words for images. */
const KIND = 'kind';
const COSIGN_KINDS = 'dev.cosignproject.cosign/';
const COSIGN_IMAGES: ReadonlySet<string> = new Set([`${COSIGN_KINDS}image`, `${COSIGN_KINDS}imageIndex`]);
const COSIGN_SIGNATURES = `${COSIGN_KINDS}sigs`;

/** The layout version of the specification; there is no other. */
const VERSION = '1.0.0';
const MAXIMUM_VERSION_BYTES = 4096;

/** Entries of `index.json`. */
const MAXIMUM_ENTRIES = 1_000;

/**
 * Reads `oci-layout` and `index.json` (OCI image layout specification). As for skopeo the first may be missing.
 * @returns LAYOUT_UNUSABLE, LIMIT_EXCEEDED
 */
export async function readIndex(folder: Folder, shown: string): Promise<Result<readonly Descriptor[]>> {
  const version = await folder.read('oci-layout', MAXIMUM_VERSION_BYTES);
  if (version.kind === 'failed') return { ok: false, failure: version.failure };
  if (version.kind === 'found' && !isKnownVersion(version.value))
    return failed('LAYOUT_UNUSABLE', `${shown}: its oci-layout does not say the version ${VERSION}`);

  const read = await folder.read('index.json', MAXIMUM_MANIFEST_BYTES);
  if (read.kind === 'failed') return { ok: false, failure: read.failure };
  if (read.kind === 'absent') return failed('LAYOUT_UNUSABLE', `${shown} has no index.json`);
  const index = parseImageIndex(read.value, MANIFEST_TYPES.ociIndex);
  if (!index.ok)
    return { ok: false, failure: unusable(index.failure.code, `${shown}: index.json: ${index.failure.message}`) };
  const { manifests } = index.value;
  return manifests.length > MAXIMUM_ENTRIES
    ? failed('LIMIT_EXCEEDED', `${shown}: index.json has more than ${MAXIMUM_ENTRIES} entries`)
    : ok(manifests);
}

/** Its name in `index.json`; empty where it has none. */
export function nameOf({ annotations }: Descriptor): string {
  return annotations[NAME] ?? '';
}

/**
 * Whether an entry says of itself that it is attached to an image and is none: `sha256-….sig` and its like, and what
 * `cosign save` marks. It only decides which entry is meant where none is named; what is read is verified all the same.
 */
export function isAttachment(entry: Descriptor): boolean {
  const kind = entry.annotations[KIND] ?? '';
  if (kind.startsWith(COSIGN_KINDS)) return !COSIGN_IMAGES.has(kind);
  const name = nameOf(entry);
  return name.startsWith('sha256-') && isDigest(`sha256:${name.slice('sha256-'.length).split('.', 1)[0] ?? ''}`);
}

/** Whether an entry is what `cosign save` wrote beside an image as its signatures: it has the image's own name. */
export function isSavedSignature(entry: Descriptor, image: Descriptor): boolean {
  return entry.annotations[KIND] === COSIGN_SIGNATURES && nameOf(entry) === nameOf(image);
}

/** Entries as a person would name them, a few of them. */
export function shownEntries(entries: readonly Descriptor[]): string {
  const shown = entries.slice(0, 5).map((entry) => printable(nameOf(entry) || `@${entry.digest}`, 100));
  return entries.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ');
}

function isKnownVersion(bytes: Uint8Array): boolean {
  const json = parseStrictJson(bytes);
  return json.ok && stringAt(asObject(json.value) ?? {}, 'imageLayoutVersion') === VERSION;
}
