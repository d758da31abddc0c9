import { bundleFromJSON, isBundleWithDsseEnvelope } from '@sigstore/bundle';
import { dsse } from '@sigstore/core';
import { asObject, parseStrictJson } from '../../encoding/strict-json.ts';
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
 * @param bytes attacker-controlled
 */
export function parseBundle(bytes: Uint8Array): ParsedPayload<SignedStatement> {
  const json = parseStrictJson(bytes);
  if (!json.ok) return malformed(json.failure.message);
  if (asObject(json.value) === undefined) return malformed('it is not an object');

  let bundle: ReturnType<typeof bundleFromJSON>;
  try {
    bundle = bundleFromJSON(json.value);
  } catch {
    return malformed('it does not have the shape of a sigstore bundle');
  }
  if (!isBundleWithDsseEnvelope(bundle))
    return { ok: false, code: 'PAYLOAD_TYPE_UNEXPECTED', message: 'the bundle holds no DSSE envelope' };
  const envelope = bundle.content.dsseEnvelope;
  if (envelope.payloadType !== IN_TOTO_PAYLOAD)
    return { ok: false, code: 'PAYLOAD_TYPE_UNEXPECTED', message: 'the bundle holds no in-toto statement' };
  const [signature, ...more] = envelope.signatures;
  if (signature === undefined || more.length > 0) return malformed('its envelope does not have exactly one signature');

  const material = bundle.verificationMaterial.content;
  return {
    ok: true,
    value: {
      payload: envelope.payload,
      signed: dsse.preAuthEncoding(envelope.payloadType, envelope.payload),
      signature: signature.sig,
      keyHint: material.$case === 'publicKey' ? material.publicKey.hint : undefined,
    },
  };
}

function malformed(why: string): {
  readonly ok: false;
  readonly code: 'SIGNATURE_MALFORMED';
  readonly message: string;
} {
  return { ok: false, code: 'SIGNATURE_MALFORMED', message: `the bundle is malformed: ${why}` };
}
