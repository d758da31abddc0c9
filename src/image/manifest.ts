import { failed, ok, type Result } from '../codes/result.ts';
import {
  asArray,
  asObject,
  asStringMap,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
  stringAt,
} from '../encoding/strict-json.ts';
import { type Descriptor, isIndexType, isManifestType, type Platform } from './descriptor.ts';
import { isDigest } from './digest.ts';

/** A list of manifests (OCI image index, Docker manifest list). */
export type ImageIndex = {
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>>;
};

/** A manifest of one image or artifact (OCI image manifest, Docker schema 2). */
export type ImageManifest = {
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  /** What the manifest's config says that it is, which artifacts of old are told by. */
  readonly configMediaType: string | undefined;
  readonly layers: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  readonly annotations: Readonly<Record<string, string>>;
};

/**
 * Values of one manifest. An index of a thousand manifests has some ten thousand; three hundred thousand keys, each another,
 * take more than a second to read, in which nothing else is decided, and a manifest is read twice.
 */
const MAXIMUM_VALUES = 50_000;

const NO_ANNOTATIONS: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

/**
 * Reads an index. `manifests: null`, which Go writes for an empty list, is an empty list.
 * @param bytes attacker-controlled, already checked against their digest where there is one
 * @param mediaType what the registry or the descriptor says they are; the index must not say otherwise
 * @returns RESPONSE_MALFORMED, MEDIA_TYPE_UNSUPPORTED, LIMIT_EXCEEDED (nesting)
 */
export function parseImageIndex(bytes: Uint8Array, mediaType: string): Result<ImageIndex> {
  const object = documentOf(bytes, mediaType);
  if (!object.ok) return object;
  if (!isIndexType(mediaType)) return failed('MEDIA_TYPE_UNSUPPORTED', 'an image index was expected');

  const listed = object.value['manifests'];
  const manifests = listed === null ? ok([]) : parseDescriptors(listed);
  if (!manifests.ok) return manifests;
  const about = parseAbout(object.value);
  if (!about.ok) return about;
  return ok({ mediaType, manifests: manifests.value, ...about.value });
}

/**
 * Reads an image manifest. `layers: null`, which Go writes for an empty list, is an empty list.
 * @param bytes attacker-controlled, already checked against their digest where there is one
 * @param mediaType what the registry or the descriptor says they are; the manifest must not say otherwise
 * @returns RESPONSE_MALFORMED, MEDIA_TYPE_UNSUPPORTED, LIMIT_EXCEEDED (nesting)
 */
export function parseImageManifest(bytes: Uint8Array, mediaType: string): Result<ImageManifest> {
  const object = documentOf(bytes, mediaType);
  if (!object.ok) return object;
  if (!isManifestType(mediaType)) return failed('MEDIA_TYPE_UNSUPPORTED', 'an image manifest was expected');

  const listed = object.value['layers'];
  const layers = listed === null ? ok([]) : parseDescriptors(listed);
  if (!layers.ok) return layers;
  const about = parseAbout(object.value);
  if (!about.ok) return about;
  const config = asObject(object.value['config']);
  const configMediaType = config === undefined ? undefined : stringAt(config, 'mediaType');
  return ok({ mediaType, configMediaType, layers: layers.value, ...about.value });
}

/**
 * Whether the bytes are a JSON document that can be what `mediaType` says, and nothing else at the same time: one that
 * is an image to one reader and an index to another would let unsigned layers run (GHSA-mc8v-mgrf-8f4m).
 * @param mediaType undefined where the registry names none that means anything: then the document must name its own
 * @returns the media type; RESPONSE_MALFORMED, MEDIA_TYPE_UNSUPPORTED, LIMIT_EXCEEDED (nesting)
 */
export function checkManifestType(bytes: Uint8Array, mediaType: string | undefined): Result<string> {
  const json = parseStrictJson(bytes, { maxValues: MAXIMUM_VALUES });
  if (!json.ok) return json;
  const object = asObject(json.value);
  if (object === undefined) return malformed('a manifest is a JSON object');
  const type = mediaType ?? stringAt(object, 'mediaType');
  if (type === undefined) return malformed('neither the registry nor the manifest says what it is');
  const checked = checkShape(object, type);
  return checked.ok ? ok(type) : checked;
}

/**
 * Reads a descriptor strictly: a sha256 digest, a whole size, annotations that are strings.
 * @returns RESPONSE_MALFORMED
 */
function parseDescriptor(value: JsonValue | undefined): Result<Descriptor> {
  const object = asObject(value);
  if (object === undefined) return malformed('a descriptor is missing or no object');
  const mediaType = stringAt(object, 'mediaType');
  if (mediaType === undefined || mediaType === '') return malformed('a descriptor has no media type');
  const digest = stringAt(object, 'digest');
  if (digest === undefined || !isDigest(digest)) return malformed('a descriptor has no sha256 digest');
  const size = object['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return malformed('a descriptor has no size');
  const artifactType = object['artifactType'] ?? undefined;
  if (artifactType !== undefined && typeof artifactType !== 'string') return malformed('an artifact type is no string');
  const annotations = annotationsOf(object);
  if (annotations === undefined) return malformed('the annotations of a descriptor are not strings');
  const platform = object['platform'] ?? undefined;
  const runsOn = platform === undefined ? undefined : platformOf(asObject(platform));
  if (platform !== undefined && runsOn === undefined) return malformed('the platform of a descriptor is malformed');
  return ok({
    mediaType,
    digest,
    size,
    annotations,
    ...(artifactType === undefined || artifactType === '' ? {} : { artifactType }),
    ...(runsOn === undefined ? {} : { platform: runsOn }),
  });
}

function parseDescriptors(value: JsonValue | undefined): Result<readonly Descriptor[]> {
  const array = asArray(value);
  if (array === undefined) return malformed('a list of descriptors is missing');
  const descriptors: Descriptor[] = [];
  for (const each of array) {
    const descriptor = parseDescriptor(each);
    if (!descriptor.ok) return descriptor;
    descriptors.push(descriptor.value);
  }
  return ok(descriptors);
}

function documentOf(bytes: Uint8Array, mediaType: string): Result<JsonObject> {
  const json = parseStrictJson(bytes, { maxValues: MAXIMUM_VALUES });
  if (!json.ok) return json;
  const object = asObject(json.value);
  if (object === undefined) return malformed('a manifest is a JSON object');
  return checkShape(object, mediaType);
}

function checkShape(object: JsonObject, mediaType: string): Result<JsonObject> {
  const stated = object['mediaType'] ?? undefined;
  if (stated !== undefined && stated !== mediaType) {
    return malformed('the manifest says that it is something else than the registry says');
  }
  const listsManifests = object['manifests'] !== undefined;
  const hasLayers =
    object['layers'] !== undefined || object['config'] !== undefined || object['fsLayers'] !== undefined;
  if (isIndexType(mediaType)) {
    return listsManifests && !hasLayers ? ok(object) : malformed('an index lists manifests, and nothing else');
  }
  if (isManifestType(mediaType)) {
    return hasLayers && !listsManifests
      ? ok(object)
      : malformed('an image manifest has layers, and lists no manifests');
  }
  return failed('MEDIA_TYPE_UNSUPPORTED', 'the media type is none of the OCI and Docker schema 2 manifests');
}

type About = Pick<ImageIndex, 'artifactType' | 'subject' | 'annotations'>;

function parseAbout(object: JsonObject): Result<About> {
  const annotations = annotationsOf(object);
  if (annotations === undefined) return malformed('the annotations of a manifest are not strings');
  const artifactType = object['artifactType'] ?? undefined;
  if (artifactType !== undefined && typeof artifactType !== 'string') return malformed('an artifact type is no string');
  const named = object['subject'] ?? undefined;
  const subject = named === undefined ? ok(undefined) : parseDescriptor(named);
  if (!subject.ok) return subject;
  return ok({ artifactType: artifactType === '' ? undefined : artifactType, subject: subject.value, annotations });
}

function annotationsOf(object: JsonObject): Readonly<Record<string, string>> | undefined {
  const annotations = object['annotations'] ?? undefined;
  return annotations === undefined ? NO_ANNOTATIONS : asStringMap(annotations);
}

function platformOf(object: JsonObject | undefined): Platform | undefined {
  if (object === undefined) return undefined;
  const os = stringAt(object, 'os');
  const architecture = stringAt(object, 'architecture');
  const variant = object['variant'] ?? undefined;
  if (os === undefined || architecture === undefined || (variant !== undefined && typeof variant !== 'string'))
    return undefined;
  return variant === undefined || variant === '' ? { os, architecture } : { os, architecture, variant };
}

function malformed(message: string): Result<never> {
  return failed('RESPONSE_MALFORMED', message);
}
