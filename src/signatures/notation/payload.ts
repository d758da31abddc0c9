import { printable } from '../../encoding/escape.ts';
import { asObject, asStringMap, type JsonObject, stringAt } from '../../encoding/strict-json.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { type Digest, isDigest } from '../../image/digest.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import { hasExactly, parseBoundedJson } from './bounded-json.ts';

/** What a notation signature is about. */
export type TargetArtifact = {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** As signed; some of them are notation's own. */
  readonly annotations: Readonly<Record<string, string>>;
};

/** Annotations that begin with this are notation's own and nothing that a user says. */
const RESERVED = 'io.cncf.notary';

/**
 * Reads the payload of an envelope: one `targetArtifact`, an OCI descriptor of which media type, digest and size are required.
 * @param bytes signed, and yet attacker-controlled: a trusted key may have signed anything
 * @returns PAYLOAD_MALFORMED; LIMIT_EXCEEDED where it holds more than is read
 * @see notation-ratify.md §1.3
 */
export function readPayload(bytes: Uint8Array): Verified<TargetArtifact> {
  const json = parseBoundedJson(bytes);
  if (!json.ok && json.failure.code === 'LIMIT_EXCEEDED')
    return refused('payload', 'LIMIT_EXCEEDED', `the signed payload is not read: ${json.failure.message}`);
  if (!json.ok) return malformed(json.failure.message);
  const root = asObject(json.value);
  const target =
    root !== undefined && hasExactly(root, ['targetArtifact']) ? asObject(root['targetArtifact']) : undefined;
  if (target === undefined) return malformed('it does not consist of one "targetArtifact"');

  const mediaType = stringAt(target, 'mediaType');
  if (mediaType === undefined || mediaType === '') return malformed('it names no media type');
  const digest = stringAt(target, 'digest');
  if (digest === undefined || !isDigest(digest)) return malformed('it names no sha256 digest');
  const { size } = target;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return malformed('it names no size');
  const annotations = annotationsOf(target);
  if (annotations === undefined) return malformed('its annotations are no texts');
  return verified({ mediaType, digest, size, annotations });
}

/** Absent and null are none, as Go reads and writes them. */
function annotationsOf(target: JsonObject): Readonly<Record<string, string>> | undefined {
  const { annotations } = target;
  return annotations === undefined || annotations === null ? {} : asStringMap(annotations);
}

/**
 * Whether a signature is about what a digest was resolved to: media type, digest and size must be the same. Annotations say
 * nothing about which artifact it is.
 * @param descriptor of the manifest or index that the signature refers to; a signature of an index is none of its images
 * @returns the target; PAYLOAD_DIGEST_MISMATCH
 */
export function aboutThis(
  target: TargetArtifact,
  descriptor: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>,
): Verified<TargetArtifact> {
  if (target.digest !== descriptor.digest)
    return mismatch(`the signature is about ${target.digest}, and not about ${descriptor.digest}`);
  if (target.size !== descriptor.size)
    return mismatch(`the signature is about ${target.size} bytes, and ${descriptor.digest} has ${descriptor.size}`);
  if (target.mediaType !== descriptor.mediaType)
    return mismatch(
      `the signature says that ${descriptor.digest} is of type "${printable(target.mediaType, 100)}", and it is of "${printable(descriptor.mediaType, 100)}"`,
    );
  return verified(target);
}

/** What the signer said of the artifact beside which it is: its annotations without those that are notation's own. */
export function userMetadata({ annotations }: TargetArtifact): Readonly<Record<string, string>> {
  const entries = Object.entries(annotations).filter(([key]) => !key.startsWith(RESERVED));
  const metadata: Record<string, string> = Object.create(null);
  for (const [key, value] of entries) metadata[key] = value;
  return metadata;
}

function mismatch(message: string) {
  return refused('digest', 'PAYLOAD_DIGEST_MISMATCH', message);
}

function malformed(why: string) {
  return refused('payload', 'PAYLOAD_MALFORMED', `the signed payload is malformed: ${why}`);
}
