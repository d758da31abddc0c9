import { decodeBase64, decodeBase64Url } from '../../encoding/base64.ts';
import { printable } from '../../encoding/escape.ts';
import { asArray, asObject, type JsonObject, type JsonValue, stringAt } from '../../encoding/strict-json.ts';
import { type RefusedBundle, refused, type Verified, verified } from '../sigstore/result.ts';
import { algorithmNamed } from './algorithms.ts';
import { hasExactly, parseBoundedJson } from './bounded-json.ts';
import { chainLengthProblem } from './chain-length.ts';
import { ATTRIBUTES, type EnvelopeParts, malformedEnvelope, oversizedEnvelope, type SignedAttribute } from './parts.ts';
import { parseRfc3339 } from './times.ts';

const MEMBERS = ['payload', 'protected', 'header', 'signature'] as const;

/** What a protected header says besides its attributes. */
const OWN = ['alg', 'cty', 'crit'] as const;

/** Names that mean something in a protected header. */
const MEANINGFUL: ReadonlySet<string> = new Set([...OWN, ...Object.values(ATTRIBUTES)]);
const MEANINGFUL_FOLDED: ReadonlySet<string> = new Set([...MEANINGFUL].map(folded));

/**
 * Takes a JWS envelope apart: the flattened JSON serialisation with exactly its four members, each of them in the one form
 * that it can be written in.
 *
 * notation itself reads with Go's JSON, which takes members in other cases, twice, or unknown at the top; an envelope that
 * has them is not conforming and no signer writes it, so it is refused (notation-ratify.md §1.14, row 8).
 * @param bytes attacker-controlled; bounded by `readEnvelope`
 * @see notation-ratify.md §1.4; RFC 7515 §7.2.2
 */
export function readJws(bytes: Uint8Array): Verified<EnvelopeParts> {
  const envelope = readObject(bytes, 'it');
  if (envelope.kind === 'refused') return envelope;
  if (!hasExactly(envelope.value, MEMBERS))
    return malformedEnvelope('it does not consist of "payload", "protected", "header" and "signature"');
  const encodedPayload = stringAt(envelope.value, 'payload') ?? '';
  const encodedProtected = stringAt(envelope.value, 'protected') ?? '';

  const payload = decodeBase64Url(encodedPayload);
  if (!payload.ok) return malformedEnvelope(`in its payload, ${payload.failure.message}`);
  const protectedBytes = decodeBase64Url(encodedProtected);
  if (!protectedBytes.ok) return malformedEnvelope(`in its protected header, ${protectedBytes.failure.message}`);
  const signature = decodeBase64Url(stringAt(envelope.value, 'signature') ?? '');
  if (!signature.ok) return malformedEnvelope(`in its signature, ${signature.failure.message}`);

  const header = readObject(protectedBytes.value, 'its protected header');
  if (header.kind === 'refused') return header;
  const unprotected = asObject(envelope.value['header']);
  if (unprotected === undefined) return malformedEnvelope('its unprotected header is no object');
  const nameProblem = namesProblem(header.value, unprotected);
  if (nameProblem !== undefined) return malformedEnvelope(nameProblem);

  const name = stringAt(header.value, 'alg');
  if (name === undefined) return malformedEnvelope('it does not name its algorithm');
  const algorithm = algorithmNamed(name);
  if (algorithm === undefined)
    return refused('format', 'ALGORITHM_UNSUPPORTED', `the algorithm "${printable(name, 40)}" is none of notation's`);
  const critical = textsIn(header.value['crit']);
  if (critical === undefined) return malformedEnvelope('it does not list what is critical in it');
  const chain = readChain(unprotected['x5c']);
  if (chain.kind === 'refused') return chain;
  const token = readToken(unprotected[ATTRIBUTES.timestampToken]);
  if (token.kind === 'refused') return token;

  return verified({
    algorithm,
    contentType: stringAt(header.value, 'cty'),
    critical,
    attributes: attributesIn(header.value),
    payload: payload.value,
    signature: signature.value,
    signed: Buffer.from(`${encodedProtected}.${encodedPayload}`, 'latin1'),
    chain: chain.value,
    timestampToken: token.value,
  });
}

function readObject(bytes: Uint8Array, what: string): Verified<JsonObject> {
  const json = parseBoundedJson(bytes);
  if (!json.ok && json.failure.code === 'LIMIT_EXCEEDED') return oversizedEnvelope(json.failure.message);
  if (!json.ok) return malformedEnvelope(`${what} cannot be read: ${json.failure.message}`);
  const object = asObject(json.value);
  return object === undefined ? malformedEnvelope(`${what} is no JSON object`) : verified(object);
}

/**
 * No name stands in both headers (RFC 7515 §7.2.1), and none in the protected one is a name that means something in other
 * letters: notation would take it for the real one.
 */
function namesProblem(header: JsonObject, unprotected: JsonObject): string | undefined {
  for (const name of Object.keys(header)) {
    if (Object.hasOwn(unprotected, name)) return `"${printable(name, 80)}" stands in both of its headers`;
    if (!MEANINGFUL.has(name) && MEANINGFUL_FOLDED.has(folded(name)))
      return `"${printable(name, 80)}" in its protected header is written in other letters than it should be`;
  }
  return undefined;
}

/** As Go compares names: also the Kelvin sign is a `k` to it, and the long s an `s`. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function attributesIn(header: JsonObject): ReadonlyMap<string, SignedAttribute> {
  const attributes = new Map<string, SignedAttribute>();
  for (const [name, value] of Object.entries(header)) {
    if (OWN.some((own) => own === name)) continue;
    const text = typeof value === 'string' ? value : undefined;
    attributes.set(name, { text, time: text === undefined ? undefined : parseRfc3339(text) });
  }
  return attributes;
}

function textsIn(value: JsonValue | undefined): readonly string[] | undefined {
  const texts = asArray(value)?.map((item) => (typeof item === 'string' ? item : undefined));
  const known = texts?.filter((text) => text !== undefined);
  return known?.length === texts?.length ? known : undefined;
}

/** Standard base64 here, unlike everything else in a JWS (RFC 7515 §4.1.6). */
function readChain(value: JsonValue | undefined): Verified<readonly Uint8Array[]> {
  const list = textsIn(value);
  if (list === undefined) return malformedEnvelope('its unprotected header has no chain of certificates');
  const problem: RefusedBundle | undefined = chainLengthProblem(list.length);
  if (problem !== undefined) return problem;
  const chain: Uint8Array[] = [];
  for (const text of list) {
    const der = decodeBase64(text);
    if (!der.ok) return malformedEnvelope(`in one of its certificates, ${der.failure.message}`);
    chain.push(der.value);
  }
  return verified(chain);
}

function readToken(value: JsonValue | undefined): Verified<Uint8Array | undefined> {
  if (value === undefined) return verified(undefined);
  const token = typeof value === 'string' && value !== '' ? decodeBase64(value) : undefined;
  return token?.ok === true ? verified(token.value) : malformedEnvelope('its timestamp is not base64');
}
