import { decodeBase64 } from '../../encoding/base64.ts';
import { readPem } from '../../encoding/pem.ts';
import { asObject, type JsonObject, type JsonValue, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import type { Checked } from '../../trust/x509/result.ts';

/** What Rekor promises: that it has taken an entry into its log, and when. Nothing of it is verified. */
export type Promised = {
  /** What the log signed: the canonical form of the promise's payload (RFC 8785). */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** When the entry was taken in, in seconds since the epoch. */
  readonly integratedTime: number;
  readonly index: number;
  /** What the entry says of its log; whose promise it is, only a key can tell. */
  readonly logId: string;
  readonly body: Uint8Array;
};

/** A promise with the record that it is about, in the one form that containers/image knows. */
export type SignedEntry = Promised & { readonly record: HashedRecord };

/** A `hashedrekord` 0.0.1 body: what was logged. */
export type HashedRecord = {
  /** Hexadecimal SHA-256 of what was signed. */
  readonly sha256: string;
  readonly signature: Uint8Array;
  /** The signer's public key or certificate, as DER. */
  readonly verifier: Uint8Array;
};

/** An entry with a certificate is some six kilobytes; bytes. */
const MAXIMUM_ENTRY = 128 * 1024;

/**
 * Reads cosign's `dev.sigstore.cosign/bundle` annotation: a signed entry timestamp with the entry that it is about. It is
 * exact, member by member, because the log signed all of it.
 * @param text attacker-controlled
 * @returns LOG_ENTRY_INVALID
 * @see reference/openshift-containers.md §4, "Rekor SET"
 */
export function parsePromise(text: string): Checked<Promised> {
  if (text.length > MAXIMUM_ENTRY) return invalid('it is too large');
  const json = parseStrictJson(text, { maxDepth: 8, maxValues: 64 });
  if (!json.ok) return invalid(json.failure.message);
  const root = exactObject(json.value, ['SignedEntryTimestamp', 'Payload']);
  if (root === undefined) return invalid('it does not consist of "SignedEntryTimestamp" and "Payload"');
  const signature = bytesAt(root, 'SignedEntryTimestamp');
  if (signature === undefined) return invalid('its "SignedEntryTimestamp" is not base64');
  const payload = exactObject(root['Payload'], ['body', 'integratedTime', 'logIndex', 'logID']);
  if (payload === undefined)
    return invalid('its "Payload" does not consist of "body", "integratedTime", "logIndex" and "logID"');

  const body = stringAt(payload, 'body');
  const logId = stringAt(payload, 'logID');
  const integratedTime = countAt(payload, 'integratedTime');
  const index = countAt(payload, 'logIndex');
  if (body === undefined || logId === undefined || integratedTime === undefined || index === undefined)
    return invalid('a member of its "Payload" is of the wrong type');
  if (integratedTime === 0 || integratedTime > MAXIMUM_SECONDS) return invalid('its time is none');
  const record = bytesAt(payload, 'body');
  if (record === undefined) return invalid('its body is not base64');

  // RFC 8785 for texts and whole numbers is what JSON.stringify writes, with the keys in this order.
  const signed = Buffer.from(JSON.stringify({ body, integratedTime, logID: logId, logIndex: index }));
  return { ok: true, value: { signed, signature, integratedTime, index, logId, body: record } };
}

/**
 * Reads the same annotation where only a `hashedrekord` 0.0.1 will do. The record may hold members that are not known,
 * because logs add some.
 * @param text attacker-controlled
 * @returns LOG_ENTRY_INVALID
 */
export function parseSignedEntry(text: string): Checked<SignedEntry> {
  const promised = parsePromise(text);
  if (!promised.ok) return promised;
  const record = parseHashedRecord(promised.value.body);
  return record.ok ? { ok: true, value: { ...promised.value, record: record.value } } : record;
}

/** Dates end there (ECMA-262 §21.4.1.1); seconds. */
const MAXIMUM_SECONDS = 8_640_000_000_000;

/** @param bytes attacker-controlled until the promise was verified; what a log takes in is not much better after */
function parseHashedRecord(bytes: Uint8Array): Checked<HashedRecord> {
  const json = parseStrictJson(bytes, { maxDepth: 16, maxValues: 256 });
  if (!json.ok) return invalid(`its body: ${json.failure.message}`);
  const root = asObject(json.value);
  if (root === undefined || stringAt(root, 'kind') !== 'hashedrekord')
    return invalid('its body is of another kind than hashedrekord');
  if (stringAt(root, 'apiVersion') !== '0.0.1') return invalid('its body is of another version than 0.0.1');

  const spec = asObject(root['spec']);
  const hash = asObject(asObject(spec?.['data'])?.['hash']);
  if (hash === undefined || stringAt(hash, 'algorithm') !== 'sha256') return invalid('its hash is no sha256');
  const sha256 = stringAt(hash, 'value') ?? '';
  if (!/^[0-9a-fA-F]{64}$/.test(sha256)) return invalid('its hash is no sha256');

  const signed = asObject(spec?.['signature']);
  const signature = signed === undefined ? undefined : bytesAt(signed, 'content');
  if (signature === undefined) return invalid('its body holds no signature');
  const key = asObject(signed?.['publicKey']);
  const content = key === undefined ? undefined : bytesAt(key, 'content');
  if (content === undefined) return invalid('its body holds no public key or certificate');
  const pem = readPem(Buffer.from(content).toString('latin1'), { junk: 'refused', maxBlocks: 1 });
  if (!pem.ok) return invalid('its public key or certificate is not exactly one PEM block');
  return { ok: true, value: { sha256: sha256.toLowerCase(), signature, verifier: pem.value[0].der } };
}

function exactObject(value: JsonValue | undefined, keys: readonly string[]): JsonObject | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  return Object.keys(object).length === keys.length && keys.every((key) => Object.hasOwn(object, key))
    ? object
    : undefined;
}

function bytesAt(object: JsonObject, key: string): Uint8Array | undefined {
  const decoded = decodeBase64(stringAt(object, key) ?? '');
  return decoded.ok && decoded.value.length > 0 ? decoded.value : undefined;
}

/** A whole number that is not negative and that a double holds exactly. */
function countAt(object: JsonObject, key: string): number | undefined {
  const value = object[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function invalid(why: string): Checked<never> {
  return { ok: false, code: 'LOG_ENTRY_INVALID', message: `the transparency log entry is invalid: ${why}` };
}
