import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Der, objectIdentifier, octetString, sequence } from '../../../src/encoding/der-writer.ts';
import { writePem } from '../../../src/encoding/pem.ts';
import { type PemRoots, parseTrustedRoot, type TrustedRoot } from '../../../src/trust/sigstore/trusted-root.ts';
import { parseCertificate } from '../../../src/trust/x509/certificate.ts';
import {
  extension,
  type Issued,
  issue,
  issueRoot,
  leafExtensions,
  NOON,
  newKeys,
  usage,
} from '../../fixtures/certificates.ts';
import { valueOf } from './fixture.ts';

/*
 * A sigstore of our own making, held in memory: authority, certificate log, Rekor v1 and v2, timestamp authority. It does
 * whatever a test asks, so that what is wrong in a bundle is one thing and all the rest of it is sound.
 */

/** A log of either kind. */
export type Log = {
  readonly host: string;
  readonly id: Buffer;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly version: 1 | 2;
};

/** Any JSON that tests change at will. */
export type Json = ReturnType<typeof JSON.parse>;

const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');
const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

/** Makes a Rekor v1 (ECDSA, ids of SPKI) or v2 (Ed25519, ids of C2SP notes). */
export function newLog(version: 1 | 2, host = `rekor${version}.example.test`): Log {
  const keys = version === 1 ? newKeys() : generateKeyPairSync('ed25519');
  const der = spki(keys.publicKey);
  const id = version === 1 ? sha256(der) : sha256(`${host}\n\u0001`, der.subarray(-32));
  return { host, id, keys, version };
}

const root = issueRoot('fulcio');
const foreignRoot = issueRoot('fulcio');
const tsaRoot = issueRoot('tsa root');
const LONG = { notBefore: NOON - 3.1536e10, notAfter: NOON + 3.1536e10 };
const FOR_TIME = extension('2.5.29.37', sequence(objectIdentifier('1.3.6.1.5.5.7.3.8')), 'critical');
const timestamper = (issuer: Issued) => issue(issuer, { ...LONG, subject: 'tsa', extensions: [usage(0), FOR_TIME] });

/** All parts of the instance, and of one that nobody trusts. */
export const SIGSTORE = {
  root,
  rekor: newLog(1),
  rekor2: newLog(2),
  ctLog: newKeys(),
  tsaRoot,
  tsa: timestamper(tsaRoot),
  foreign: { root: foreignRoot, rekor: newLog(1), rekor2: newLog(2), ctLog: newKeys(), tsa: timestamper(tsaRoot) },
} as const;

const window = { start: new Date(NOON - 1e9).toISOString(), end: new Date(NOON + 1e9).toISOString() };

/** `trusted_root.json` of the instance. */
function rootJson(): Json {
  const key = (publicKey: KeyObject, keyDetails: string) => ({
    rawBytes: base64(spki(publicKey)),
    keyDetails,
    validFor: window,
  });
  const log = ({ host, id, keys, version }: Log) => ({
    baseUrl: `https://${host}`,
    publicKey: key(keys.publicKey, version === 1 ? 'PKIX_ECDSA_P256_SHA_256' : 'PKIX_ED25519'),
    logId: { keyId: base64(id) },
  });
  const chain = (...certificates: readonly Issued[]) => ({
    certificates: certificates.map(({ der }) => ({ rawBytes: base64(der) })),
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(SIGSTORE.rekor), log(SIGSTORE.rekor2)],
    ctlogs: [
      {
        baseUrl: 'https://ct.example.test',
        publicKey: key(SIGSTORE.ctLog.publicKey, 'PKIX_ECDSA_P256_SHA_256'),
        logId: { keyId: base64(sha256(spki(SIGSTORE.ctLog.publicKey))) },
      },
    ],
    certificateAuthorities: [{ certChain: chain(SIGSTORE.root), validFor: window }],
    timestampAuthorities: [{ certChain: chain(SIGSTORE.tsa, SIGSTORE.tsaRoot), validFor: window }],
  };
}

/** The instance's trusted root, changed as the test wants. */
export function trustedRoot(change: (root: Json) => void = () => undefined): TrustedRoot {
  const json = JSON.parse(JSON.stringify(rootJson()));
  // Copies, so that a change of one window is not one of all.
  change(json);
  return valueOf(parseTrustedRoot(Buffer.from(JSON.stringify(json))));
}

/** The instance's roots as PEM. */
export function pemRoots(): PemRoots {
  const pem = (key: KeyObject) => writePem('PUBLIC KEY', spki(key));
  const log = ({ host, keys }: Log) => ({ publicKey: pem(keys.publicKey), baseUrl: `https://${host}` });
  return {
    certificateAuthorities: [SIGSTORE.root.pem],
    logs: [log(SIGSTORE.rekor), log(SIGSTORE.rekor2)],
    certificateLogs: [pem(SIGSTORE.ctLog.publicKey)],
    timestampAuthorities: [SIGSTORE.tsa.pem + SIGSTORE.tsaRoot.pem],
  };
}

/** A signer's certificate with the promise of a certificate log. */
export function leaf(
  options: {
    readonly issuer?: Issued;
    readonly extensions?: readonly Der[];
    readonly keys?: Issued['keys'];
    readonly sct?: Issued['keys'] | 'none';
    readonly sctAt?: number;
    /** Changes the list of promises before the certificate is issued with it. */
    readonly promises?: (list: Buffer) => Uint8Array;
  } = {},
): Issued {
  const { issuer = SIGSTORE.root, extensions = leafExtensions(), keys = newKeys(), sct = SIGSTORE.ctLog } = options;
  const bare = issue(issuer, { extensions, keys });
  const read = parseCertificate(bare.der);
  if (sct === 'none' || !read.ok) return bare;
  const list = signedTimestamp(read.value.signed, issuer, sct, options.sctAt ?? NOON);
  const promise = options.promises?.(list) ?? list;
  return issue(issuer, {
    extensions: [...extensions, extension('1.3.6.1.4.1.11129.2.4.2', octetString(promise))],
    keys,
  });
}

/** A list of one SCT over a certificate without it (RFC 6962 §3.2, §3.3). */
function signedTimestamp(body: Uint8Array, issuer: Issued, log: Issued['keys'], at: number): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(at));
  const length = Buffer.from([body.length >> 16, (body.length >> 8) & 255, body.length & 255]);
  const issuerHash = sha256(spki(issuer.keys.publicKey));
  const signed = Buffer.concat([
    Buffer.from([0, 0]),
    time,
    Buffer.from([0, 1]),
    issuerHash,
    length,
    body,
    Buffer.from([0, 0]),
  ]);
  const signature = sign('sha256', signed, log.privateKey);
  const id = sha256(spki(log.publicKey));
  const sct = Buffer.concat([Buffer.from([0]), id, time, Buffer.from([0, 0, 4, 3]), sized(signature)]);
  return sized(sized(sct));
}

function sized(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

/** Signs a checkpoint of a tree. */
export function checkpoint(
  log: Log,
  size: number,
  rootHash: Uint8Array,
  names: { readonly origin?: string; readonly name?: string } = {},
): string {
  const { origin = log.version === 1 ? `${log.host} - 1234` : log.host, name = log.host } = names;
  const note = `${origin}\n${size}\n${base64(rootHash)}\n`;
  const signature = sign(log.version === 1 ? 'sha256' : null, Buffer.from(note), log.keys.privateKey);
  return `${note}\n\u2014 ${name} ${base64(Buffer.concat([log.id.subarray(0, 4), signature]))}\n`;
}

/** Where a leaf is in a log's tree. */
export type Place = { readonly index: number; readonly size: number };

/**
 * A way from a leaf to a root, over siblings that nobody made a tree of: for whoever verifies it they are as good as any.
 * @see RFC 9162 §2.1.3.2
 */
function pathOf(
  leafHash: Buffer,
  { index, size }: Place,
): { readonly hashes: readonly Buffer[]; readonly root: Buffer } {
  const hashes: Buffer[] = [];
  let root = leafHash;
  for (let [at, last] = [index, size - 1]; last > 0; at = Math.floor(at / 2), last = Math.floor(last / 2)) {
    // The last leaf of a level with no sibling goes up as it is.
    if (at === last && at % 2 === 0) continue;
    const sibling = sha256(`sibling ${hashes.length}`);
    hashes.push(sibling);
    root = at % 2 === 1 ? sha256(Buffer.from([1]), sibling, root) : sha256(Buffer.from([1]), root, sibling);
  }
  return { hashes, root };
}

/** Logs a body: the second of two leaves. Version 1 promises it for noon, version 2 proves it only. */
export function logged(log: Log, body: Json, at = NOON, place: Place = { index: 1, size: 2 }): Json {
  const bytes = Buffer.from(JSON.stringify(body));
  const { hashes, root: rootHash } = pathOf(sha256(Buffer.from([0]), bytes), place);
  const integratedTime = Math.floor(at / 1000);
  const promised = JSON.stringify({ body: base64(bytes), integratedTime, logID: log.id.toString('hex'), logIndex: 77 });
  const entry = {
    logIndex: log.version === 1 ? '77' : String(place.index),
    logId: { keyId: base64(log.id) },
    kindVersion: { kind: body['kind'], version: body['apiVersion'] },
    inclusionProof: {
      logIndex: String(place.index),
      treeSize: String(place.size),
      rootHash: base64(rootHash),
      hashes: hashes.map(base64),
      checkpoint: { envelope: checkpoint(log, place.size, rootHash) },
    },
    canonicalizedBody: base64(bytes),
  };
  if (log.version === 2) return entry;
  return {
    ...entry,
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: base64(sign('sha256', Buffer.from(promised), log.keys.privateKey)) },
  };
}

/** Body of a Rekor v1 entry for a signature over bytes. */
export function hashedRekord1(artifact: Uint8Array, signature: Uint8Array, pem: string): Json {
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: sha256(artifact).toString('hex') } },
      signature: { content: base64(signature), publicKey: { content: base64(pem) } },
    },
  };
}

/** Body of a Rekor v2 entry for a signature over bytes, or over the encoding of an envelope. */
export function hashedRekord2(signed: Uint8Array, signature: Uint8Array, certificate: Uint8Array): Json {
  const verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes: base64(certificate) } };
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: 'SHA2_256', digest: base64(sha256(signed)) },
        signature: { content: base64(signature), verifier },
      },
    },
  };
}

/** Body of a Rekor v1 entry for an envelope. */
export function dsse1(payload: Uint8Array, signature: Uint8Array, pem: string): Json {
  const hash = { algorithm: 'sha256', value: sha256(payload).toString('hex') };
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hash,
      payloadHash: hash,
      signatures: [{ signature: base64(signature), verifier: base64(pem) }],
    },
  };
}

/** A bundle of version 0.3. */
export function bundleOf(parts: {
  readonly content: Json;
  readonly certificate: Issued;
  readonly entries: readonly Json[];
  readonly timestamps?: readonly string[];
}): Json {
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: base64(parts.certificate.der) },
      tlogEntries: [...parts.entries],
      timestampVerificationData: {
        rfc3161Timestamps: (parts.timestamps ?? []).map((signedTimestamp) => ({ signedTimestamp })),
      },
    },
    ...parts.content,
  };
}

/** A message signature over bytes. */
export function message(artifact: Uint8Array, signature: Uint8Array): Json {
  return {
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: base64(sha256(artifact)) },
      signature: base64(signature),
    },
  };
}

/** What an envelope's signature is over. */
export function encoded(payload: Uint8Array, payloadType = 'application/vnd.in-toto+json'): Buffer {
  return Buffer.from(
    `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${Buffer.from(payload).toString()}`,
  );
}

/** An envelope around a payload. */
export function envelope(
  payload: Uint8Array,
  signature: Uint8Array,
  payloadType = 'application/vnd.in-toto+json',
): Json {
  return { dsseEnvelope: { payloadType, payload: base64(payload), signatures: [{ sig: base64(signature) }] } };
}
