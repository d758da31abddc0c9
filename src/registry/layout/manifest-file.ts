import { failed, failure, type Lookup, type Result } from '../../codes/result.ts';
import { asObject, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import { type Descriptor, MANIFEST_TYPES } from '../../image/descriptor.ts';
import { type Digest, digestOf } from '../../image/digest.ts';
import { checkManifestType } from '../../image/manifest.ts';
import type { Repository } from '../../image/reference.ts';
import type { FetchedManifest } from '../registry.ts';
import type { Folder } from './folder.ts';

/** Bytes of a manifest that are read. */
export const MAXIMUM_MANIFEST_BYTES = 4 * 1024 * 1024;

/** What is known of a manifest before it is read. */
export type ExpectedManifest = {
  /** Undefined where its own digest names it. */
  readonly digest: Digest | undefined;
  /** Undefined where nothing but the manifest says what it is. */
  readonly mediaType: string | undefined;
  readonly maxBytes: number;
};

/**
 * Reads a manifest from a file and checks it: its digest, that it is of one kind, and of the kind that it is called.
 * @param name see {@link Folder.read}
 * @returns DIGEST_MISMATCH, MEDIA_TYPE_UNSUPPORTED, LAYOUT_UNUSABLE, LIMIT_EXCEEDED
 */
export async function readManifestFile(
  folder: Folder,
  name: string,
  place: Repository,
  { digest, mediaType, maxBytes }: ExpectedManifest,
): Promise<Lookup<FetchedManifest>> {
  const read = await folder.read(name, maxBytes);
  if (read.kind !== 'found') return read;
  const bytes = read.value;
  const actual = digestOf(bytes);
  if (digest !== undefined && actual !== digest) {
    return { kind: 'failed', failure: failure('DIGEST_MISMATCH', `the file ${name} has the digest ${actual}`) };
  }
  const type = typeOf(bytes, mediaType);
  if (!type.ok) {
    const { code, message } = type.failure;
    return { kind: 'failed', failure: unusable(code, `the file ${name}: ${message}`) };
  }
  const descriptor: Descriptor = { mediaType: type.value, digest: actual, size: bytes.length, annotations: {} };
  return { kind: 'found', value: { descriptor, bytes, location: place } };
}

/** A failure that speaks of the folder: what is no manifest was not answered by a registry. */
export function unusable(code: Parameters<typeof failure>[0], message: string) {
  return failure(code === 'RESPONSE_MALFORMED' ? 'LAYOUT_UNUSABLE' : code, message);
}

/** OCI manifests need not say what they are, and no header says it for a file. Docker's always do. */
function typeOf(bytes: Uint8Array, known: string | undefined): Result<string> {
  const json = parseStrictJson(bytes);
  if (!json.ok) return json;
  const object = asObject(json.value) ?? {};
  const stated = known ?? stringAt(object, 'mediaType');
  if (stated !== undefined) return checkManifestType(bytes, stated);
  const config = stringAt(asObject(object['config']) ?? {}, 'mediaType') ?? '';
  if (object['manifests'] !== undefined) return checkManifestType(bytes, MANIFEST_TYPES.ociIndex);
  if (config.startsWith('application/vnd.oci.')) return checkManifestType(bytes, MANIFEST_TYPES.ociManifest);
  return failed('MEDIA_TYPE_UNSUPPORTED', 'it is neither an OCI nor a Docker schema 2 manifest');
}
