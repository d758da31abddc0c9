import { asObject, type JsonObject, type JsonValue, stringAt } from '../../encoding/strict-json.ts';
import { bytesAt, bytesOf, isSet, listAt, objectAt, wholeNumberAt } from '../../trust/sigstore/fields.ts';
import { refused, type Verified, verified } from './result.ts';

/** An entry of a transparency log as the bundle carries it; nothing of it is verified. */
export type BundleEntry = {
  /** Hexadecimal id of the log's key. */
  readonly logId: string;
  readonly index: number;
  /** Kind and version that the bundle claims; the body must say the same. */
  readonly kind: string;
  readonly version: string;
  readonly body: Uint8Array;
  /** Seconds since the epoch; signed by the promise alone. */
  readonly integratedTime: number | undefined;
  /** The log's signed entry timestamp. */
  readonly promise: Uint8Array | undefined;
  readonly proof: InclusionProof | undefined;
};

/** A Merkle proof and the checkpoint it leads to. */
export type InclusionProof = {
  readonly index: number;
  readonly treeSize: number;
  readonly rootHash: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: string;
};

/** A tree of 2^64 leaves is 64 high. */
const MAXIMUM_HASHES = 64;

/** An entry holds a certificate and some hashes; bytes. */
const MAXIMUM_BODY_BYTES = 128 * 1024;

/**
 * Reads one of `tlogEntries` (protobuf-specs, TransparencyLogEntry).
 * @param version of the bundle: 0.1 must have a promise, later ones a proof with a checkpoint
 */
export function readEntry(value: JsonValue, version: string): Verified<BundleEntry> {
  const entry = asObject(value);
  const logId = bytesAt(objectAt(entry, 'logId'), 'keyId');
  const kindVersion = objectAt(entry, 'kindVersion');
  const kind = stringAt(kindVersion ?? {}, 'kind');
  const kindIs = stringAt(kindVersion ?? {}, 'version');
  const body = bytesAt(entry, 'canonicalizedBody');
  // Protobuf leaves out a zero.
  const index = isSet(entry, 'logIndex') ? wholeNumberAt(entry, 'logIndex') : 0;
  const time = isSet(entry, 'integratedTime') ? wholeNumberAt(entry, 'integratedTime') : 0;
  if (logId?.length !== 32 || kind === undefined || kindIs === undefined || body === undefined)
    return malformed('has no log, kind and body');
  if (index === undefined || time === undefined) return malformed('has an index or a time that is no number');
  if (body.length > MAXIMUM_BODY_BYTES) return refused('format', 'LIMIT_EXCEEDED', 'a log entry is too large');

  const promise = readPromise(entry);
  if (promise === 'malformed') return malformed('has an inclusion promise that cannot be read');
  if (promise === undefined && version === '0.1') return malformed('has no inclusion promise, as version 0.1 must');
  const inclusionProof = objectAt(entry, 'inclusionProof');
  // Early bundles have proofs without a checkpoint, which prove nothing; their promise is what counts.
  const isIdle = version === '0.1' && !isSet(inclusionProof, 'checkpoint');
  const proof = isIdle ? undefined : readProof(inclusionProof);
  if (proof === undefined && !isIdle) return malformed('has no inclusion proof with a checkpoint');
  return verified({
    logId: Buffer.from(logId).toString('hex'),
    index,
    kind,
    version: kindIs,
    body,
    integratedTime: time === 0 ? undefined : time,
    promise,
    proof,
  });
}

function readPromise(entry: JsonObject | undefined): Uint8Array | undefined | 'malformed' {
  if (!isSet(entry, 'inclusionPromise')) return undefined;
  return bytesAt(objectAt(entry, 'inclusionPromise'), 'signedEntryTimestamp') ?? 'malformed';
}

function readProof(proof: JsonObject | undefined): InclusionProof | undefined {
  const index = isSet(proof, 'logIndex') ? wholeNumberAt(proof, 'logIndex') : 0;
  const treeSize = wholeNumberAt(proof, 'treeSize');
  const rootHash = bytesAt(proof, 'rootHash');
  const list = listAt(proof, 'hashes') ?? [];
  const hashes = list.map(bytesOf).filter((hash) => hash?.length === 32);
  const checkpoint = stringAt(objectAt(proof, 'checkpoint') ?? {}, 'envelope');
  if (index === undefined || treeSize === undefined || rootHash?.length !== 32 || checkpoint === undefined)
    return undefined;
  if (list.length > MAXIMUM_HASHES || hashes.length < list.length) return undefined;
  return { index, treeSize, rootHash, hashes: hashes.filter((hash) => hash !== undefined), checkpoint };
}

function malformed(what: string) {
  return refused('format', 'SIGNATURE_MALFORMED', `the bundle is malformed: a log entry ${what}`);
}
