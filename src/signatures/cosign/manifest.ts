import { failed, ok, type Result } from '../../codes/result.ts';
import {
  asArray,
  asObject,
  asStringMap,
  type JsonValue,
  parseStrictJson,
  stringAt,
} from '../../encoding/strict-json.ts';
import { MANIFEST_TYPES } from '../../image/descriptor.ts';
import { type Digest, isDigest } from '../../image/digest.ts';
import type { FetchedManifest } from '../../registry/registry.ts';

/** One layer of a signature manifest. */
export type Layer = {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
};

/** The parts of an OCI image manifest that signature formats read. */
export type SignatureManifest = {
  readonly artifactType: string | undefined;
  readonly subject: Digest | undefined;
  readonly layers: readonly Layer[];
  readonly annotations: Readonly<Record<string, string>>;
};

/**
 * Reads an OCI image manifest that carries signatures. Other manifest types are refused, as containers/image does
 * (openshift-containers.md §4): MEDIA_TYPE_UNSUPPORTED, RESPONSE_MALFORMED.
 */
export function parseSignatureManifest(manifest: FetchedManifest): Result<SignatureManifest> {
  if (manifest.descriptor.mediaType !== MANIFEST_TYPES.ociManifest)
    return failed('MEDIA_TYPE_UNSUPPORTED', 'the signature manifest is not an OCI image manifest');
  const json = parseStrictJson(manifest.bytes);
  if (!json.ok) return json;
  const object = asObject(json.value);
  if (object === undefined) return malformed('it is not an object');

  const layerList = asArray(object['layers']);
  if (layerList === undefined) return malformed('it has no list of layers');
  const layers: Layer[] = [];
  for (const entry of layerList) {
    const layer = parseLayer(entry);
    if (layer === undefined) return malformed('one of its layers is not a descriptor');
    layers.push(layer);
  }
  const annotations = annotationsOf(object['annotations']);
  if (annotations === undefined) return malformed('its annotations are not texts');
  const subject = object['subject'] === undefined ? undefined : stringAt(asObject(object['subject']) ?? {}, 'digest');
  if (subject !== undefined && !isDigest(subject)) return malformed('its subject is not a sha256 digest');

  return ok({ artifactType: stringAt(object, 'artifactType'), subject, layers, annotations });
}

function parseLayer(value: JsonValue): Layer | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  const mediaType = stringAt(object, 'mediaType');
  const digest = stringAt(object, 'digest');
  const size = object['size'];
  const annotations = annotationsOf(object['annotations']);
  if (mediaType === undefined || digest === undefined || !isDigest(digest) || annotations === undefined)
    return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  return { mediaType, digest, size, annotations };
}

function annotationsOf(value: JsonValue | undefined): Readonly<Record<string, string>> | undefined {
  return value === undefined || value === null ? {} : asStringMap(value);
}

function malformed(why: string) {
  return failed('RESPONSE_MALFORMED', `the signature manifest is malformed: ${why}`);
}
