import { failed, ok, type Result } from '../../codes/result.ts';
import { decodeBase64 } from '../../encoding/base64.ts';
import { asObject, asStringMap, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';

/** A detached signature by its format. */
export type DetachedBlob =
  | { readonly kind: 'openpgp'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'sigstore';
      readonly mediaType: string;
      readonly payload: Uint8Array;
      readonly annotations: Readonly<Record<string, string>>;
    };

/**
 * First bytes of OpenPGP messages: compressed data, one-pass signature, signature; in the old and new format. An old one-pass
 * signature of indeterminate length (0x93) is none, and containers/image takes it for none.
 */
const OPENPGP_STARTS: ReadonlySet<number> = new Set([
  0xa0, 0xa1, 0xa2, 0xa3, 0xc8, 0x90, 0x91, 0x92, 0xc4, 0x88, 0x89, 0x8a, 0x8b, 0xc2,
]);

/** Stands before a format's name, which ends with a line. */
const NAMED = 0x00;
const LINE_END = 0x0a;
const MAXIMUM_NAME = 64;
/** Values in a sigstore signature, which has a dozen annotations at most. */
const MAXIMUM_VALUES = 1_000;

/**
 * Tells the format of a detached signature by its first byte, as containers/image does.
 * @param bytes attacker-controlled
 * @returns RESPONSE_MALFORMED for anything else, such as a page of HTML: it is trouble and not the absence of a signature
 * @see reference/openshift-containers.md §3.2
 */
export function readDetachedBlob(bytes: Uint8Array): Result<DetachedBlob> {
  const [first] = bytes;
  if (first === undefined) return failed('RESPONSE_MALFORMED', 'it is empty');
  if (OPENPGP_STARTS.has(first)) return ok({ kind: 'openpgp', bytes });
  if (first !== NAMED) {
    return failed(
      'RESPONSE_MALFORMED',
      `it starts with the byte 0x${first.toString(16).padStart(2, '0')}, as no signature does`,
    );
  }
  const end = bytes.subarray(0, MAXIMUM_NAME).indexOf(LINE_END);
  const name = end < 0 ? '' : Buffer.from(bytes.subarray(1, end)).toString('latin1');
  const rest = bytes.subarray(end + 1);
  switch (name) {
    case 'simple-signing':
      return ok({ kind: 'openpgp', bytes: rest });
    case 'sigstore-json':
      return readSigstore(rest);
    default:
      return failed('RESPONSE_MALFORMED', 'it is of a format that nobody knows');
  }
}

/** Members may be null, as Go writes an empty list or map; unknown ones are ignored. */
function readSigstore(bytes: Uint8Array): Result<DetachedBlob> {
  const json = parseStrictJson(bytes, { maxValues: MAXIMUM_VALUES });
  const object = json.ok ? asObject(json.value) : undefined;
  const mediaType = object === undefined ? undefined : stringAt(object, 'mimeType');
  const payload = object?.['payload'] === null ? '' : stringAt(object ?? {}, 'payload');
  const annotations = asStringMap(object?.['annotations'] ?? {});
  const decoded = payload === undefined ? undefined : decodeBase64(payload, { newlines: 'ignored' });
  if (mediaType === undefined || decoded?.ok !== true || annotations === undefined) {
    return failed('RESPONSE_MALFORMED', 'it is no sigstore signature: {mimeType, payload, annotations}');
  }
  return ok({ kind: 'sigstore', mediaType, payload: decoded.value, annotations });
}
