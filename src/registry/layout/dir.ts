import { failed, failure, type Lookup, ok, type Result } from '../../codes/result.ts';
import { hexOf } from '../../image/digest.ts';
import { type Repository, repositoryName } from '../../image/reference.ts';
import type { DetachedSignatures, FetchedManifest } from '../registry.ts';
import type { Folder } from './folder.ts';
import { type Layout, once } from './layout.ts';
import { MAXIMUM_MANIFEST_BYTES, readManifestFile } from './manifest-file.ts';

/** What skopeo writes into the file `version`; the number behind the dot tells versions apart that are read alike. */
const VERSION = /^Directory Transport Version: 1\.[0-9]{1,3}\n?$/;
const MAXIMUM_VERSION_BYTES = 256;

/** Bytes of one detached signature, and of all of one manifest. */
const MAXIMUM_SIGNATURE_BYTES = 1024 * 1024;
const MAXIMUM_SIGNATURES_BYTES = 8 * 1024 * 1024;

/**
 * A folder that `skopeo copy … dir:` wrote: `manifest.json`, blobs under their digits, `signature-1` and so on; for a
 * multi-platform image also each instance as `<digits>.manifest.json` with `<digits>-signature-1` and so on. What skopeo
 * found attached to the image in its registry lies among the signatures.
 * @see reference/openshift-containers.md §3.2, §5.1
 */
export function dirLayout(folder: Folder, place: Repository): Layout {
  const image = once(() => readImage(folder, place));
  return {
    image,
    manifest: async (which, maxBytes) => {
      if (typeof which !== 'string') return { kind: 'absent' };
      const top = await image();
      if (!top.ok) return { kind: 'failed', failure: top.failure };
      if (top.value.descriptor.digest === which) return { kind: 'found', value: top.value };
      return readManifestFile(folder, `${hexOf(which)}.manifest.json`, place, {
        digest: which,
        mediaType: undefined,
        maxBytes,
      });
    },
    blobFile: hexOf,
    referrers: () => Promise.resolve({ kind: 'found', value: { descriptors: [], source: 'api', location: place } }),
    detached: async (digest, maximum) => {
      const top = await image();
      if (!top.ok) return { kind: 'failed', failure: top.failure };
      const prefix = top.value.descriptor.digest === digest ? '' : `${hexOf(digest)}-`;
      return readSignatures(folder, place, prefix, maximum);
    },
    attachments: 'nowhere',
  };
}

async function readImage(folder: Folder, place: Repository): Promise<Result<FetchedManifest>> {
  const version = await folder.read('version', MAXIMUM_VERSION_BYTES);
  if (version.kind === 'failed') return { ok: false, failure: version.failure };
  // Copies without this file are common, and skopeo reads them.
  if (version.kind === 'found' && !VERSION.test(Buffer.from(version.value).toString('latin1')))
    return failed('LAYOUT_UNUSABLE', `${repositoryName(place)} is of a version that countersign does not know`);

  const any = { digest: undefined, mediaType: undefined, maxBytes: MAXIMUM_MANIFEST_BYTES };
  const read = await readManifestFile(folder, 'manifest.json', place, any);
  if (read.kind === 'failed') return { ok: false, failure: read.failure };
  if (read.kind === 'absent') return failed('LAYOUT_UNUSABLE', `${repositoryName(place)} has no manifest.json`);
  return ok(read.value);
}

/** `signature-1`, `signature-2` and so on; the first that is not there ends the list. */
async function readSignatures(
  folder: Folder,
  place: Repository,
  prefix: string,
  maximum: number,
): Promise<Lookup<DetachedSignatures>> {
  const source = repositoryName(place);
  const signatures: DetachedSignatures['signatures'][number][] = [];
  let total = 0;
  for (;;) {
    const file = `${prefix}signature-${signatures.length + 1}`;
    const read = await folder.read(file, MAXIMUM_SIGNATURE_BYTES);
    if (read.kind === 'failed') return read;
    if (read.kind === 'absent') break;
    total += read.value.length;
    if (signatures.length === maximum || total > MAXIMUM_SIGNATURES_BYTES) {
      const most = `${maximum} signatures and ${MAXIMUM_SIGNATURES_BYTES} bytes of them`;
      return { kind: 'failed', failure: failure('LIMIT_EXCEEDED', `${source} holds more than ${most}`) };
    }
    signatures.push({ name: `${source}/${file}`, bytes: read.value });
  }
  return { kind: 'found', value: { location: place, source: 'lookaside', place: source, signatures } };
}
