import { bundleFromJSON } from '@sigstore/bundle';
import {
  asArray,
  asObject,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
  stringAt,
} from '../../encoding/strict-json.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import { bytesAt, bytesOf, isSet, listAt, objectAt } from '../../trust/sigstore/fields.ts';
import { MAXIMUM_BUNDLE_BYTES } from '../cosign/formats.ts';
import { type BundleEntry, readEntry } from './bundle-entry.ts';
import { refused, type Verified, verified } from './result.ts';

/** A sigstore bundle, read into exactly what is verified. */
export type SigstoreBundle = {
  readonly content: BundleContent;
  readonly signer:
    | { readonly kind: 'certificates'; readonly chain: NonEmpty<Uint8Array> }
    | { readonly kind: 'key'; readonly hint: string };
  readonly entries: readonly BundleEntry[];
  /** RFC 3161 responses, DER. */
  readonly timestamps: readonly Uint8Array[];
};

/** What is signed. */
export type BundleContent =
  | {
      readonly kind: 'message';
      readonly signature: Uint8Array;
      readonly algorithm: DigestAlgorithm;
      readonly digest: Uint8Array;
    }
  | {
      readonly kind: 'dsse';
      readonly signature: Uint8Array;
      readonly payloadType: string;
      readonly payload: Uint8Array;
    };

/** Hashes that signers of bundles use. */
export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512';

/** Names of the hashes in bundles and log entries (protobuf-specs, HashAlgorithm), and their lengths. */
export const DIGESTS: ReadonlyMap<string, { readonly algorithm: DigestAlgorithm; readonly length: number }> = new Map([
  ['SHA2_256', { algorithm: 'sha256', length: 32 }],
  ['SHA2_384', { algorithm: 'sha384', length: 48 }],
  ['SHA2_512', { algorithm: 'sha512', length: 64 }],
]);

const VERSIONS: ReadonlyMap<string, '0.1' | '0.2' | '0.3'> = new Map([
  ['application/vnd.dev.sigstore.bundle+json;version=0.1', '0.1'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.2', '0.2'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.3', '0.3'],
  ['application/vnd.dev.sigstore.bundle.v0.3+json', '0.3'],
]);

/** Each entry, timestamp and certificate costs verifications of some milliseconds; bundles carry one or two of each. */
const MAXIMUM_ENTRIES = 4;
const MAXIMUM_TIMESTAMPS = 4;
const MAXIMUM_CERTIFICATES = 4;

/** A bundle holds some dozens of values; what is large in it is text. */
const MAXIMUM_VALUES = 2000;

/** Timestamps are some kilobytes with their certificates. The library reads them with a slow reader; bytes. */
const MAXIMUM_TIMESTAMP_BYTES = 32 * 1024;

/** A signer's certificate is some two kilobytes; bytes. */
const MAXIMUM_CERTIFICATE_BYTES = 32 * 1024;

/**
 * Reads a sigstore bundle of version 0.1 to 0.3 (protobuf-specs, sigstore_bundle.proto), strictly: bytes are standard
 * base64, numbers are numbers, exactly one kind of content and of signer is there, an envelope has exactly one signature.
 * @param bytes attacker-controlled
 */
export function readBundle(bytes: Uint8Array): Verified<SigstoreBundle> {
  if (bytes.length > MAXIMUM_BUNDLE_BYTES) return refused('format', 'LIMIT_EXCEEDED', 'the bundle is too large');
  const json = parseStrictJson(bytes, { maxValues: MAXIMUM_VALUES });
  if (!json.ok)
    return json.failure.code === 'LIMIT_EXCEEDED'
      ? refused('format', 'LIMIT_EXCEEDED', json.failure.message)
      : malformed(json.failure.message);
  const bundle = asObject(json.value);
  const version = VERSIONS.get(stringAt(bundle ?? {}, 'mediaType') ?? '');
  const material = objectAt(bundle, 'verificationMaterial');
  if (bundle === undefined || version === undefined)
    return malformed('its media type is not that of version 0.1 to 0.3');
  if (material === undefined) return malformed('it has no verification material');

  if (posesAsList(bundle)) return malformed('it holds an object where bytes belong');
  if (!isBundle(bundle)) return malformed('it does not have the shape of a sigstore bundle');

  const content = readContent(bundle);
  if (content.kind === 'refused') return content;
  const signer = readSigner(material, version);
  if (signer.kind === 'refused') return signer;
  const entries = eachOf(material, 'tlogEntries', MAXIMUM_ENTRIES, (entry) => readEntry(entry, version));
  if (entries.kind === 'refused') return entries;
  const timestamps = eachOf(
    objectAt(material, 'timestampVerificationData'),
    'rfc3161Timestamps',
    MAXIMUM_TIMESTAMPS,
    readTimestamp,
  );
  if (timestamps.kind === 'refused') return timestamps;
  return verified({
    content: content.value,
    signer: signer.value,
    entries: entries.value,
    timestamps: timestamps.value,
  });
}

/** The library's own opinion of the shape. It takes lists and lax base64 for bytes, so what is signed is read here. */
function isBundle(bundle: JsonObject): boolean {
  try {
    bundleFromJSON(bundle);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether an object somewhere in it claims a length, as no bundle does. The library makes bytes of whatever stands in
 * their place with `Buffer.from`, which believes such an object: `{"length":1e9}` would hold the event loop for a minute.
 */
function posesAsList(value: JsonValue): boolean {
  const object = asObject(value);
  if (object === undefined) return (asArray(value) ?? []).some(posesAsList);
  return Object.hasOwn(object, 'length') || Object.values(object).some(posesAsList);
}

function readContent(bundle: JsonObject): Verified<BundleContent> {
  if (isSet(bundle, 'messageSignature') === isSet(bundle, 'dsseEnvelope'))
    return malformed('it holds not exactly one of a message signature and an envelope');
  const envelope = objectAt(bundle, 'dsseEnvelope');
  return envelope === undefined ? readMessage(objectAt(bundle, 'messageSignature')) : readEnvelope(envelope);
}

function readMessage(message: JsonObject | undefined): Verified<BundleContent> {
  const signature = bytesAt(message, 'signature');
  const messageDigest = objectAt(message, 'messageDigest');
  const digest = bytesAt(messageDigest, 'digest');
  const named = DIGESTS.get(stringAt(messageDigest ?? {}, 'algorithm') ?? '');
  if (signature === undefined || digest === undefined || named === undefined || digest.length !== named.length)
    return malformed('its message signature has no signature and SHA-2 digest');
  return verified({ kind: 'message', signature, algorithm: named.algorithm, digest });
}

function readEnvelope(envelope: JsonObject): Verified<BundleContent> {
  const [signed, ...more] = asArray(envelope['signatures']) ?? [];
  const signature = bytesAt(asObject(signed), 'sig');
  const payload = bytesAt(envelope, 'payload');
  const payloadType = stringAt(envelope, 'payloadType');
  if (more.length > 0) return malformed('its envelope has more than one signature');
  if (signature === undefined || payload === undefined || payloadType === undefined)
    return malformed('its envelope has no payload, type and signature');
  return verified({ kind: 'dsse', signature, payloadType, payload });
}

function readSigner(material: JsonObject, version: string): Verified<SigstoreBundle['signer']> {
  const kinds = ['certificate', 'x509CertificateChain', 'publicKey'].filter((kind) => isSet(material, kind));
  const [kind, ...others] = kinds;
  if (kind === undefined || others.length > 0)
    return malformed('it holds not exactly one of certificate, chain and key');
  const value = objectAt(material, kind);
  if (value === undefined) return malformed(`its ${kind} is no object`);
  if (kind === 'publicKey') return verified({ kind: 'key', hint: stringAt(value, 'hint') ?? '' });
  if (kind === 'x509CertificateChain' && version === '0.3')
    return malformed('version 0.3 carries no certificate chain');

  const list = kind === 'certificate' ? [value] : (listAt(value, 'certificates') ?? []);
  if (list.length > MAXIMUM_CERTIFICATES)
    return refused('format', 'LIMIT_EXCEEDED', `the bundle carries more than ${MAXIMUM_CERTIFICATES} certificates`);
  const chain = list.map((certificate) => bytesAt(asObject(certificate), 'rawBytes'));
  const [leaf, ...rest] = chain.filter((der) => der !== undefined && der.length <= MAXIMUM_CERTIFICATE_BYTES);
  if (leaf === undefined || 1 + rest.length < chain.length) return malformed('its certificates cannot be read');
  return verified({ kind: 'certificates', chain: [leaf, ...rest.filter((der) => der !== undefined)] });
}

function readTimestamp(value: JsonValue): Verified<Uint8Array> {
  const der = bytesOf(asObject(value)?.['signedTimestamp'] ?? null);
  if (der === undefined || der.length > MAXIMUM_TIMESTAMP_BYTES) return malformed('a timestamp cannot be read');
  return verified(der);
}

function eachOf<T>(
  owner: JsonObject | undefined,
  key: string,
  maximum: number,
  read: (value: JsonValue) => Verified<T>,
): Verified<readonly T[]> {
  const list = listAt(owner, key);
  if (list === undefined) return malformed(`"${key}" is no list`);
  if (list.length > maximum)
    return refused('format', 'LIMIT_EXCEEDED', `the bundle carries more than ${maximum} of "${key}"`);
  const values: T[] = [];
  for (const value of list) {
    const result = read(value);
    if (result.kind === 'refused') return result;
    values.push(result.value);
  }
  return verified(values);
}

function malformed(why: string) {
  return refused('format', 'SIGNATURE_MALFORMED', `the bundle is malformed: ${why}`);
}
