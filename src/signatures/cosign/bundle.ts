import { bundleFromJSON, isBundleWithDsseEnvelope } from '@sigstore/bundle';
import { dsse } from '@sigstore/core';
import { decodeBase64 } from '../../encoding/base64.ts';
import {
  asArray,
  asObject,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
  stringAt,
} from '../../encoding/strict-json.ts';
import { IN_TOTO_PAYLOAD } from './formats.ts';
import type { ParsedPayload } from './payload.ts';

/** A sigstore bundle that holds one signed in-toto statement. */
export type SignedStatement = {
  /** The statement as signed. */
  readonly payload: Uint8Array;
  /** What the signature is over: DSSE's pre-authentication encoding. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** The signer's own hint at its key: not verified, used only to word a refusal. */
  readonly keyHint: string | undefined;
};

/**
 * Reads a sigstore bundle v0.1 to v0.3 with a DSSE envelope around an in-toto statement and exactly one signature.
 *
 * The library says whether it has the shape of a bundle. What is signed is read here, strictly: the library would take
 * lists, objects and lax base64 for bytes.
 * @param bytes attacker-controlled
 */
export function parseBundle(bytes: Uint8Array): ParsedPayload<SignedStatement> {
  const json = parseStrictJson(bytes);
  if (!json.ok) return malformed(json.failure.message);
  const object = asObject(json.value);
  if (object === undefined) return malformed('it is not an object');
  if (posesAsList(object)) return malformed('it holds an object where bytes belong');

  let bundle: ReturnType<typeof bundleFromJSON>;
  try {
    bundle = bundleFromJSON(object);
  } catch {
    return malformed('it does not have the shape of a sigstore bundle');
  }
  if (!isBundleWithDsseEnvelope(bundle))
    return { ok: false, code: 'PAYLOAD_TYPE_UNEXPECTED', message: 'the bundle holds no DSSE envelope' };

  const envelope = asObject(object['dsseEnvelope']) ?? {};
  const payloadType = stringAt(envelope, 'payloadType');
  if (payloadType !== IN_TOTO_PAYLOAD)
    return { ok: false, code: 'PAYLOAD_TYPE_UNEXPECTED', message: 'the bundle holds no in-toto statement' };
  const [signed, ...more] = asArray(envelope['signatures']) ?? [];
  if (signed === undefined || more.length > 0) return malformed('its envelope does not have exactly one signature');
  const payload = bytesAt(envelope, 'payload');
  if (payload === undefined) return malformed('its payload is not base64');
  const signature = bytesAt(asObject(signed) ?? {}, 'sig');
  if (signature === undefined) return malformed('its signature is not base64');

  const material = bundle.verificationMaterial.content;
  return {
    ok: true,
    value: {
      payload,
      signed: dsse.preAuthEncoding(payloadType, Buffer.from(payload)),
      signature,
      keyHint: material.$case === 'publicKey' ? material.publicKey.hint : undefined,
    },
  };
}

function bytesAt(object: JsonObject, key: string): Uint8Array | undefined {
  const decoded = decodeBase64(stringAt(object, key) ?? '');
  return decoded.ok && decoded.value.length > 0 ? decoded.value : undefined;
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

function malformed(why: string): {
  readonly ok: false;
  readonly code: 'SIGNATURE_MALFORMED';
  readonly message: string;
} {
  return { ok: false, code: 'SIGNATURE_MALFORMED', message: `the bundle is malformed: ${why}` };
}
