import { failed, ok, type Result } from '../codes/result.ts';
import { asArray, asObject, type JsonValue, parseStrictJson, stringAt } from '../encoding/strict-json.ts';
import type { Descriptor, Platform } from '../image/descriptor.ts';
import { isDigest } from '../image/digest.ts';

/** One entry of an image index. */
export type IndexEntry = { readonly descriptor: Descriptor; readonly platform: Platform | undefined };

/** Instances that are looked at in one index; more is LIMIT_EXCEEDED. */
export const MAXIMUM_INSTANCES = 64;

/**
 * Reads the entries of an index or manifest list that a node could run.
 *
 * An entry is left out only when os and architecture are both `unknown`, as build tools mark attestations. An
 * annotation proves nothing: whoever writes one could hide a runnable image behind it (MODEL.md M9). An entry without
 * a platform counts.
 * @param bytes of the index, checked against its digest
 * @returns RESPONSE_MALFORMED, LIMIT_EXCEEDED
 */
export function parseIndex(bytes: Uint8Array): Result<readonly IndexEntry[]> {
  const json = parseStrictJson(bytes);
  if (!json.ok) return json;
  const manifests = asArray(asObject(json.value)?.['manifests']);
  if (manifests === undefined) return failed('RESPONSE_MALFORMED', 'the image index has no list of manifests');

  const entries: IndexEntry[] = [];
  for (const value of manifests) {
    const entry = parseEntry(value);
    if (entry === undefined) return failed('RESPONSE_MALFORMED', 'an entry of the image index is not a descriptor');
    if (entry.platform?.os === 'unknown' && entry.platform.architecture === 'unknown') continue;
    entries.push(entry);
  }
  if (entries.length > MAXIMUM_INSTANCES)
    return failed('LIMIT_EXCEEDED', `the image index lists more than ${MAXIMUM_INSTANCES} instances`);
  return ok(entries);
}

function parseEntry(value: JsonValue): IndexEntry | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  const mediaType = stringAt(object, 'mediaType');
  const digest = stringAt(object, 'digest');
  const size = object['size'];
  if (mediaType === undefined || digest === undefined || !isDigest(digest)) return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  const platform = asObject(object['platform']);
  const os = platform === undefined ? undefined : stringAt(platform, 'os');
  const architecture = platform === undefined ? undefined : stringAt(platform, 'architecture');
  return {
    descriptor: { mediaType, digest, size, annotations: {} },
    platform: os === undefined || architecture === undefined ? undefined : { os, architecture },
  };
}
