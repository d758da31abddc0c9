import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { failed, ok, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import { type JsonObject, stringAt } from '../../encoding/strict-json.ts';
import { bytesAt, isSet, objectAt } from './fields.ts';
import { readWindow, type ValidityWindow } from './validity-window.ts';

/** A log that is trusted: of signatures (Rekor) or of certificates (CT). */
export type TrustedLog = {
  /** Hexadecimal key id: what entries, checkpoints and SCTs name the log by. */
  readonly id: string;
  readonly baseUrl: string;
  /**
   * Names that the log may sign its checkpoints with: host of its base URL, with and without port and path. `any` where
   * the log is trusted by its key alone and nobody said where it is.
   */
  readonly origins: readonly string[] | 'any';
  readonly key: KeyObject;
  readonly window: ValidityWindow;
};

/** Kinds of key that logs sign with and that are verified here (protobuf-specs, PublicKeyDetails). */
const KEY_DETAILS: ReadonlyMap<string, { readonly encoding: 'spki' | 'pkcs1'; readonly is: readonly string[] }> =
  new Map([
    ['PKIX_ECDSA_P256_SHA_256', { encoding: 'spki', is: ['prime256v1'] }],
    ['PKIX_ECDSA_P384_SHA_384', { encoding: 'spki', is: ['secp384r1'] }],
    ['PKIX_ED25519', { encoding: 'spki', is: ['ed25519'] }],
    ['PKIX_RSA_PKCS1V15_2048_SHA256', { encoding: 'spki', is: ['rsa 2048'] }],
    ['PKIX_RSA_PKCS1V15_3072_SHA256', { encoding: 'spki', is: ['rsa 3072'] }],
    ['PKIX_RSA_PKCS1V15_4096_SHA256', { encoding: 'spki', is: ['rsa 4096'] }],
    ['PKIX_RSA_PKCS1V5', { encoding: 'spki', is: ['rsa 2048', 'rsa 3072', 'rsa 4096'] }],
    ['PKCS1_RSA_PKCS1V5', { encoding: 'pkcs1', is: ['rsa 2048', 'rsa 3072', 'rsa 4096'] }],
  ] as const);

/**
 * Reads one entry of `tlogs` or `ctlogs`.
 * @returns `unsupported` for a kind of key that is not verified here: what such a log says counts as little as what an unknown
 *   log says; TRUST_MATERIAL_UNAVAILABLE where the entry is broken
 */
export function readLog(entry: JsonObject): Result<TrustedLog | { readonly unsupported: string }> {
  const baseUrl = stringAt(entry, 'baseUrl') ?? '';
  const publicKey = objectAt(entry, 'publicKey');
  const keyDetails = stringAt(publicKey ?? {}, 'keyDetails');
  const raw = bytesAt(publicKey, 'rawBytes');
  const id = bytesAt(objectAt(entry, 'logId'), 'keyId');
  if (publicKey === undefined || keyDetails === undefined || raw === undefined || id?.length !== 32)
    return broken(baseUrl, 'has no complete public key and key id');
  const window = readWindow(publicKey);
  if (window === undefined) return broken(baseUrl, 'does not say from when its key holds (validFor.start)');
  const checkpointKeyId = objectAt(entry, 'checkpointKeyId');
  if (isSet(entry, 'checkpointKeyId') && !same(bytesAt(checkpointKeyId, 'keyId'), id))
    return broken(baseUrl, 'signs its checkpoints with another key id, which is not supported');

  const details = KEY_DETAILS.get(keyDetails);
  if (details === undefined) return ok({ unsupported: `${printable(baseUrl)} (${printable(keyDetails, 60)})` });
  const key = readKey(raw, details.encoding);
  if (key === undefined || !details.is.includes(kindOf(key)))
    return broken(baseUrl, 'has a key that is not what it says');
  return ok({ id: hex(id), baseUrl, origins: originsOf(baseUrl), key, window });
}

/**
 * Logs for one key that came without a trusted root. Ed25519 logs are named in two ways: Rekor v2 by the id of its checkpoint key
 * (C2SP signed-note: SHA-256 of name, newline, 0x01 and key), everybody else by the SHA-256 of the key.
 * @param baseUrl undefined where nobody said where the log is
 */
export function logsOf(
  spki: Uint8Array,
  baseUrl: string | undefined,
  window: ValidityWindow,
): readonly TrustedLog[] | undefined {
  const key = readKey(spki, 'spki');
  if (key === undefined || ![...KEY_DETAILS.values()].some(({ is }) => is.includes(kindOf(key)))) return undefined;
  const origins = baseUrl === undefined ? 'any' : originsOf(baseUrl);
  const der = key.export({ format: 'der', type: 'spki' });
  const ids = [sha256(der)];
  if (key.asymmetricKeyType === 'ed25519' && origins !== 'any')
    for (const origin of origins)
      ids.push(sha256(Buffer.concat([Buffer.from(`${origin}\n\u0001`), der.subarray(-32)])));
  return ids.map((id) => ({ id, baseUrl: baseUrl ?? `key sha256:${sha256(der)}`, origins, key, window }));
}

function originsOf(baseUrl: string): readonly string[] {
  const url = URL.parse(baseUrl);
  if (url === null) return [];
  const path = url.pathname.replace(/\/$/, '');
  return [...new Set([url.host, url.hostname, `${url.host}${path}`, `${url.hostname}${path}`])].filter((o) => o !== '');
}

function readKey(der: Uint8Array, type: 'spki' | 'pkcs1'): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type });
  } catch {
    return undefined;
  }
}

function kindOf(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? '';
  return namedCurve ?? (modulusLength === undefined ? type : `${type} ${modulusLength}`);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;

function broken(baseUrl: string, what: string): Result<never> {
  return failed('TRUST_MATERIAL_UNAVAILABLE', `in the trusted root, the log "${printable(baseUrl)}" ${what}`);
}
