import type { RefusalCode } from '../../codes/codes.ts';
import { asObject, type JsonObject, type JsonValue, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import { type Digest, isDigest } from '../../image/digest.ts';
import { ATOMIC_SIGNATURE_TYPE, COSIGN_SIGNATURE_TYPE } from './formats.ts';

/** What a simple-signing payload says. */
export type SimpleSigningClaim = {
  readonly digest: Digest;
  /** `critical.identity.docker-reference`, as signed. */
  readonly reference: string;
  /** `optional`, which carries cosign's annotations. */
  readonly optional: JsonObject;
};

/**
 * Whose payload it is: cosign's, or `atomic`, as podman and skopeo sign with OpenPGP. They differ in their type, and in
 * whether `optional` may be null.
 */
export type PayloadForm = 'cosign' | 'atomic';

/** A parsed payload, or the code and sentence of what is wrong with it. */
export type ParsedPayload<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

/**
 * Reads a simple-signing payload exactly as containers/image does: no unknown member in `critical`, no duplicate key,
 * `optional` an object, `creator` a string and `timestamp` an integer of 64 bits where they are there and not null.
 * @param bytes signed, and yet attacker-controlled: a trusted key may have signed anything
 * @see reference/openshift-containers.md §3.1, §4
 */
export function parseSimpleSigning(bytes: Uint8Array, form: PayloadForm): ParsedPayload<SimpleSigningClaim> {
  const json = parseStrictJson(bytes);
  if (!json.ok) return malformed(json.failure.message);
  const root = exactObject(json.value, ['critical', 'optional']);
  if (root === undefined) return malformed('it does not consist of "critical" and "optional"');

  const critical = exactObject(root['critical'], ['type', 'image', 'identity']);
  if (critical === undefined) return malformed('"critical" does not consist of "type", "image" and "identity"');
  if (critical['type'] !== TYPES[form])
    return {
      ok: false,
      code: 'PAYLOAD_TYPE_UNEXPECTED',
      message: `the signed payload is not of type "${TYPES[form]}"`,
    };

  const image = exactObject(critical['image'], ['docker-manifest-digest']);
  const digest = image === undefined ? undefined : stringAt(image, 'docker-manifest-digest');
  if (digest === undefined || !isDigest(digest)) return malformed('it names no sha256 manifest digest');
  const identity = exactObject(critical['identity'], ['docker-reference']);
  const reference = identity === undefined ? undefined : stringAt(identity, 'docker-reference');
  if (reference === undefined) return malformed('it names no docker-reference');

  const optional = form === 'cosign' && root['optional'] === null ? {} : asObject(root['optional']);
  if (optional === undefined || !optionalIsSound(optional)) return malformed('"optional" is not as it should be');
  return { ok: true, value: { digest, reference, optional } };
}

const TYPES: Readonly<Record<PayloadForm, string>> = { cosign: COSIGN_SIGNATURE_TYPE, atomic: ATOMIC_SIGNATURE_TYPE };

function exactObject(value: JsonValue | undefined, keys: readonly string[]): JsonObject | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  const written = Object.keys(object);
  return written.length === keys.length && keys.every((key) => written.includes(key)) ? object : undefined;
}

function optionalIsSound(optional: JsonObject): boolean {
  const creator = optional['creator'];
  const timestamp = optional['timestamp'];
  if (creator !== undefined && creator !== null && typeof creator !== 'string') return false;
  return timestamp === undefined || timestamp === null || (typeof timestamp === 'number' && isInteger64(timestamp));
}

/** Larger numbers are whole too, but containers/image keeps a timestamp in 64 bits and refuses what does not fit. */
function isInteger64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

function malformed(why: string): { readonly ok: false; readonly code: 'PAYLOAD_MALFORMED'; readonly message: string } {
  return { ok: false, code: 'PAYLOAD_MALFORMED', message: `the signed payload is malformed: ${why}` };
}
