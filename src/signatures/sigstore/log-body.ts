import { createHash } from 'node:crypto';
import { dsse } from '@sigstore/core';
import { readPem } from '../../encoding/pem.ts';
import { asArray, asObject, type JsonObject, parseStrictJson, stringAt } from '../../encoding/strict-json.ts';
import { type PublicKey, publicKeyOf } from '../../trust/public-key.ts';
import { bytesAt, bytesOf, objectAt } from '../../trust/sigstore/fields.ts';
import { IN_TOTO_PAYLOAD } from '../cosign/formats.ts';
import { type BundleContent, DIGESTS, type DigestAlgorithm } from './bundle.ts';
import type { BundleEntry } from './bundle-entry.ts';
import { keyDetailsOf } from './key-details.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';

/** Whom a log entry names: SHA-256 of the certificate, or of the key's SubjectPublicKeyInfo, in hexadecimal. */
type LoggedVerifier = { readonly kind: 'certificate' | 'key'; readonly sha256: string };

/** Whom a log entry must name, and the kind of his key. */
export type LoggedSigner = LoggedVerifier & { readonly algorithm: PublicKey['algorithm'] };

/** What an entry says was logged. Digests as algorithm, colon, hexadecimal. */
type Logged = {
  readonly digest: string;
  readonly signature: Uint8Array | undefined;
  readonly verifier: LoggedVerifier | undefined;
  /** The kind of key beside the verifier. Rekor v2 must name one, version 1 has no place for it. */
  readonly keyDetails: { readonly kind: 'named'; readonly name: string | undefined } | { readonly kind: 'no-place' };
};

/** An entry holds some dozens of values. */
const MAXIMUM_VALUES = 1000;

/**
 * Whether a log entry is about this signature: same digest, same signature, same certificate or key, of the kind that the
 * entry says. The library never looks at the certificate or key in the entry, and without that anybody's entry with the same
 * bytes would do.
 *
 * Read: hashedrekord 0.0.1 and 0.0.2, dsse 0.0.1 and 0.0.2, intoto 0.0.2. Others are refused by name; intoto 0.0.1 holds no
 * signature to compare.
 * @param entry attacker-controlled
 * @see sigstore client specification §4.4; rekor-v2-spec §6.1.4; GHSA-whqx-f9j3-ch6m
 * @returns the refusal, or undefined where it is
 */
export function entryProblem(
  entry: BundleEntry,
  content: BundleContent,
  signer: LoggedSigner,
): RefusedBundle | undefined {
  const body = parseStrictJson(entry.body, { maxValues: MAXIMUM_VALUES });
  const object = body.ok ? asObject(body.value) : undefined;
  if (object?.['kind'] !== entry.kind || object['apiVersion'] !== entry.version)
    return refused('transparency', 'LOG_ENTRY_INVALID', 'a log entry is not of the kind that the bundle says');
  const logged = readLogged(objectAt(object, 'spec'), entry, content);
  if (logged.kind === 'refused') return logged;

  const { digest, signature, verifier, keyDetails } = logged.value;
  if (digest !== signedDigest(entry, content, digest)) return mismatch('of something else that was signed');
  if (signature === undefined || !same(signature, content.signature)) return mismatch('of another signature');
  if (verifier?.kind !== signer.kind || verifier.sha256 !== signer.sha256) return mismatch('of another signer');
  if (keyDetails.kind === 'named' && !keyDetailsOf(signer.algorithm).includes(keyDetails.name ?? ''))
    return mismatch("of another kind of key than the signer's");
  return undefined;
}

/**
 * The digest under which the entry must have logged the content: of what was signed, or of an envelope's payload.
 * @param logged says with which hash; an envelope may be logged under any
 */
function signedDigest(entry: BundleEntry, content: BundleContent, logged: string): string | undefined {
  if (content.kind === 'message') return digestText(content.algorithm, content.digest);
  const hash = [...DIGESTS.values()].find(({ algorithm }) => logged.startsWith(`${algorithm}:`));
  const bytes = entry.kind === 'hashedrekord' ? signedBytes(content) : content.payload;
  return hash && digestText(hash.algorithm, createHash(hash.algorithm).update(bytes).digest());
}

/** What the signature of an envelope is over. */
export function signedBytes(content: Extract<BundleContent, { kind: 'dsse' }>): Uint8Array {
  return dsse.preAuthEncoding(content.payloadType, Buffer.from(content.payload));
}

function readLogged(spec: JsonObject | undefined, entry: BundleEntry, content: BundleContent): Verified<Logged> {
  const what = `${entry.kind} ${entry.version}`;
  if (content.kind === 'message' && what === 'hashedrekord 0.0.1') return readHashedRekord1(spec);
  if (what === 'hashedrekord 0.0.2') return readHashedRekord2(objectAt(spec, 'hashedRekordV002'));
  if (content.kind === 'dsse' && what === 'dsse 0.0.1') return readDsse1(spec);
  if (content.kind === 'dsse' && what === 'dsse 0.0.2') return readDsse2(objectAt(spec, 'dsseV002'));
  if (content.kind === 'dsse' && what === 'intoto 0.0.2') return readIntoto2(objectAt(spec, 'content'));
  return refused(
    'transparency',
    'LOG_ENTRY_UNSUPPORTED',
    'a log entry is of a kind that is not read for this kind of signature',
  );
}

/** Rekor v1, a signature over bytes. */
function readHashedRekord1(spec: JsonObject | undefined): Verified<Logged> {
  const signature = objectAt(spec, 'signature');
  return logged({
    digest: hexDigest(objectAt(objectAt(spec, 'data'), 'hash')),
    signature: bytesAt(signature, 'content'),
    ...pemVerifier(bytesAt(objectAt(signature, 'publicKey'), 'content')),
  });
}

/** Rekor v2, a signature over bytes or over an envelope's encoding. */
function readHashedRekord2(record: JsonObject | undefined): Verified<Logged> {
  const signature = objectAt(record, 'signature');
  return logged({
    digest: namedDigest(objectAt(record, 'data')),
    signature: bytesAt(signature, 'content'),
    ...rawVerifier(objectAt(signature, 'verifier')),
  });
}

/** Rekor v1, an envelope. */
function readDsse1(spec: JsonObject | undefined): Verified<Logged> {
  const signature = onlySignature(spec);
  return logged({
    digest: hexDigest(objectAt(spec, 'payloadHash')),
    signature: bytesAt(signature, 'signature'),
    ...pemVerifier(bytesAt(signature, 'verifier')),
  });
}

/** Rekor v2 before it took hashedrekord for envelopes too. */
function readDsse2(record: JsonObject | undefined): Verified<Logged> {
  const signature = onlySignature(record);
  return logged({
    digest: namedDigest(objectAt(record, 'payloadHash')),
    signature: bytesAt(signature, 'content'),
    ...rawVerifier(objectAt(signature, 'verifier')),
  });
}

/** Rekor v1, an envelope, in the form that came before dsse: its signature is encoded twice. */
function readIntoto2(content: JsonObject | undefined): Verified<Logged> {
  const envelope = objectAt(content, 'envelope');
  const signature = onlySignature(envelope);
  const encoded = bytesAt(signature, 'sig');
  return logged({
    digest: envelope?.['payloadType'] === IN_TOTO_PAYLOAD ? hexDigest(objectAt(content, 'payloadHash')) : undefined,
    signature: encoded === undefined ? undefined : bytesOf(Buffer.from(encoded).toString('latin1')),
    ...pemVerifier(bytesAt(signature, 'publicKey')),
  });
}

function logged(found: Omit<Logged, 'digest'> & { readonly digest: string | undefined }): Verified<Logged> {
  const { digest } = found;
  if (digest === undefined) return refused('transparency', 'LOG_ENTRY_INVALID', 'a log entry holds no SHA-2 digest');
  return verified({ ...found, digest });
}

function onlySignature(owner: JsonObject | undefined): JsonObject | undefined {
  const [signature, ...more] = asArray(owner?.['signatures']) ?? [];
  return more.length === 0 ? asObject(signature) : undefined;
}

/** `{algorithm: "sha256", value: hexadecimal}` */
function hexDigest(hash: JsonObject | undefined): string | undefined {
  const algorithm = stringAt(hash ?? {}, 'algorithm');
  const value = stringAt(hash ?? {}, 'value');
  const known = [...DIGESTS.values()].find((digest) => digest.algorithm === algorithm);
  if (known === undefined || value === undefined || !/^[0-9a-f]{64,128}$/.test(value)) return undefined;
  return digestText(known.algorithm, Buffer.from(value, 'hex'));
}

/** `{algorithm: "SHA2_256", digest: base64}` */
function namedDigest(hash: JsonObject | undefined): string | undefined {
  const known = DIGESTS.get(stringAt(hash ?? {}, 'algorithm') ?? '');
  const digest = bytesAt(hash, 'digest');
  return known === undefined || digest === undefined ? undefined : digestText(known.algorithm, digest);
}

function digestText(algorithm: DigestAlgorithm, digest: Uint8Array): string {
  return `${algorithm}:${Buffer.from(digest).toString('hex')}`;
}

type Verifier = Pick<Logged, 'verifier' | 'keyDetails'>;

function pemVerifier(pem: Uint8Array | undefined): Verifier {
  return { verifier: pemSigner(pem), keyDetails: { kind: 'no-place' } };
}

function rawVerifier(verifier: JsonObject | undefined): Verifier {
  return {
    verifier: rawSigner(verifier),
    keyDetails: { kind: 'named', name: stringAt(verifier ?? {}, 'keyDetails') },
  };
}

function pemSigner(pem: Uint8Array | undefined): LoggedVerifier | undefined {
  const blocks = pem === undefined ? undefined : readPem(Buffer.from(pem).toString('latin1'), { maxBlocks: 1 });
  if (blocks?.ok !== true) return undefined;
  const [{ label, der }] = blocks.value;
  if (label === 'CERTIFICATE') return certificateSigner(der);
  return label === 'PUBLIC KEY' ? keySigner(der) : undefined;
}

function rawSigner(verifier: JsonObject | undefined): LoggedVerifier | undefined {
  const certificate = bytesAt(objectAt(verifier, 'x509Certificate'), 'rawBytes');
  const key = bytesAt(objectAt(verifier, 'publicKey'), 'rawBytes');
  if (certificate !== undefined && key !== undefined) return undefined;
  if (certificate !== undefined) return certificateSigner(certificate);
  return key === undefined ? undefined : keySigner(key);
}

function certificateSigner(der: Uint8Array): LoggedVerifier {
  return { kind: 'certificate', sha256: createHash('sha256').update(der).digest('hex') };
}

/** The longest key that is accepted, RSA of 4096 bits, has 550 bytes. */
const MAXIMUM_KEY_BYTES = 2048;

/** Keys are compared in the one form in which OpenSSL writes them. */
function keySigner(spki: Uint8Array): LoggedVerifier | undefined {
  if (spki.length > MAXIMUM_KEY_BYTES) return undefined;
  const key = publicKeyOf(spki);
  return key.ok ? { kind: 'key', sha256: key.value.fingerprint.slice('sha256:'.length) } : undefined;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function mismatch(whose: string): RefusedBundle {
  return refused('transparency', 'LOG_ENTRY_MISMATCH', `a log entry is ${whose}`);
}
