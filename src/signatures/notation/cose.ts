import { type CborMap, type CborValue, parseCbor, writeCborBytes } from '../../encoding/cbor.ts';
import { refused, type Verified, verified } from '../sigstore/result.ts';
import { algorithmNumbered } from './algorithms.ts';
import { chainLengthProblem } from './chain-length.ts';
import { ATTRIBUTES, type EnvelopeParts, malformedEnvelope, oversizedEnvelope, type SignedAttribute } from './parts.ts';
import { epochTime } from './times.ts';

/** Labels of header parameters (RFC 9052 §3.1, RFC 9360 §2). */
const LABEL = { algorithm: 1n, critical: 2n, contentType: 3n, chain: 33n } as const;

/** COSE_Sign1 (RFC 9052 §4.2). A message for several signers, tag 98, is none. */
const SIGN1_TAG = 18n;
/** Seconds since the epoch (RFC 8949 §3.4.2). */
const EPOCH_TAG = 1n;

/** What stands before the protected header in what is signed: an array of four, and its first text. */
const SIGNED_START = Buffer.from('\x84\x6aSignature1', 'latin1');
/** No data from outside of the message. */
const NO_EXTERNAL_DATA = Buffer.from([0x40]);

/**
 * Takes a COSE envelope apart: COSE_Sign1 with its tag, and its payload in it.
 * @param bytes attacker-controlled; bounded by `readEnvelope`
 * @see notation-ratify.md §1.5; RFC 9052 §4.2, §4.4
 */
export function readCose(bytes: Uint8Array): Verified<EnvelopeParts> {
  const message = read(bytes, 'it');
  if (message.kind === 'refused') return message;
  if (message.value.kind !== 'tag' || message.value.number !== SIGN1_TAG)
    return malformedEnvelope('it is no COSE_Sign1 message with its tag');
  const body = message.value.content;
  const [head, unprotected, payload, signature, ...rest] = body.kind === 'array' ? body.items : [];
  if (head?.kind !== 'bytes' || unprotected?.kind !== 'map' || signature?.kind !== 'bytes' || rest.length > 0)
    return malformedEnvelope('it does not consist of two headers, a payload and a signature');
  if (payload?.kind !== 'bytes') return malformedEnvelope('its payload is not in it');

  const header = read(head.bytes, 'its protected header');
  if (header.kind === 'refused') return header;
  if (header.value.kind !== 'map') return malformedEnvelope('its protected header is no map');
  const { entries } = header.value;
  const [twice] = [...entries.keys()].filter((label) => unprotected.entries.has(label));
  // Where it is not signed nothing is critical (RFC 9052 §3.1): such a list is either here twice, or missing below.
  if (twice !== undefined) return malformedEnvelope('a label stands in both of its headers');

  const number = entries.get(LABEL.algorithm);
  if (number?.kind !== 'integer') return malformedEnvelope('it does not name its algorithm');
  const algorithm = algorithmNumbered(number.value);
  if (algorithm === undefined)
    return refused('format', 'ALGORITHM_UNSUPPORTED', `the algorithm ${number.value} is none of notation's`);
  const critical = labelsIn(entries.get(LABEL.critical));
  if (critical === undefined) return malformedEnvelope('it does not list what is critical in it');
  const chain = readChain(unprotected.entries);
  if (chain.kind === 'refused') return chain;
  const token = unprotected.entries.get(ATTRIBUTES.timestampToken);
  if (token !== undefined && (token.kind !== 'bytes' || token.bytes.length === 0))
    return malformedEnvelope('its timestamp is no byte string');

  return verified({
    algorithm,
    contentType: textOf(entries.get(LABEL.contentType)),
    critical,
    attributes: attributesIn(entries),
    payload: payload.bytes,
    signature: signature.bytes,
    signed: Buffer.concat([SIGNED_START, writeCborBytes(head.bytes), NO_EXTERNAL_DATA, writeCborBytes(payload.bytes)]),
    chain: chain.value,
    timestampToken: token?.bytes,
  });
}

function read(bytes: Uint8Array, what: string): Verified<CborValue> {
  const value = parseCbor(bytes);
  if (value.ok) return verified(value.value);
  return value.failure.code === 'LIMIT_EXCEEDED'
    ? oversizedEnvelope(value.failure.message)
    : malformedEnvelope(`${what} cannot be read: ${value.failure.message}`);
}

/** An array, even of one: notation does not read the bare byte string that RFC 9360 allows for a single certificate. */
function readChain(unprotected: CborMap): Verified<readonly Uint8Array[]> {
  const value = unprotected.get(LABEL.chain);
  if (value?.kind !== 'array') return malformedEnvelope('its unprotected header has no array of certificates');
  const problem = chainLengthProblem(value.items.length);
  if (problem !== undefined) return problem;
  const chain: Uint8Array[] = [];
  for (const item of value.items) {
    if (item.kind !== 'bytes') return malformedEnvelope('one of its certificates is no byte string');
    chain.push(item.bytes);
  }
  return verified(chain);
}

function labelsIn(value: CborValue | undefined): readonly string[] | undefined {
  if (value?.kind !== 'array') return undefined;
  const names: string[] = [];
  for (const item of value.items) {
    if (item.kind !== 'integer' && item.kind !== 'text') return undefined;
    names.push(nameOf(item.kind === 'integer' ? item.value : item.text));
  }
  return names;
}

/** No attribute that means something has an integer for its label; a text that looks like one here means nothing either. */
function nameOf(label: bigint | string): string {
  return typeof label === 'string' ? label : `label ${label}`;
}

const OWN: readonly (bigint | string)[] = [LABEL.algorithm, LABEL.critical, LABEL.contentType];

function attributesIn(header: CborMap): ReadonlyMap<string, SignedAttribute> {
  const attributes = new Map<string, SignedAttribute>();
  for (const [label, value] of header) {
    if (!OWN.includes(label)) attributes.set(nameOf(label), { text: textOf(value), time: timeOf(value) });
  }
  return attributes;
}

function textOf(value: CborValue | undefined): string | undefined {
  return value?.kind === 'text' ? value.text : undefined;
}

/** Tag 1 around an integer alone: neither bare numbers nor the texts of tag 0 are times here. */
function timeOf(value: CborValue): number | undefined {
  if (value.kind !== 'tag' || value.number !== EPOCH_TAG || value.content.kind !== 'integer') return undefined;
  return epochTime(value.content.value);
}
