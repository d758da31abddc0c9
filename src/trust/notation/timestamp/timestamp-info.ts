import {
  booleanValue,
  type DerElement,
  isInteger,
  readElements,
  readSequence,
  smallInteger,
  TAG,
  timeValue,
} from '../../x509/der.ts';
import type { Checked } from '../../x509/result.ts';
import { algorithmOf, type DigestName, digestNamed } from './algorithms.ts';
import { oidOf, optionalParts, sequenceOf } from './parts.ts';
import { invalidTimestamp } from './refusal.ts';
import type { TimeWindow } from './time-window.ts';

/** What a timestamp says: that these bytes were there then. */
export type TimestampInfo = {
  /** The time that it names, rounded away from itself to whole milliseconds where it has a smaller fraction. */
  readonly moment: TimeWindow;
  /** The same with its accuracy to either side. */
  readonly window: TimeWindow;
  readonly imprint: { readonly hash: DigestName; readonly digest: Uint8Array };
};

/** ETSI's baseline policy for timestamps, under which one that states no accuracy has one of a second. */
const BASELINE_POLICY = '0.4.0.2023.1.1';
const ZERO = Buffer.of(0);
const NANOSECONDS = { second: 1_000_000_000n, milli: 1_000_000n, micro: 1000n } as const;

/** Optional parts of a TSTInfo, in their order. */
const ACCURACY = TAG.sequence;
const ORDERING = TAG.boolean;
const NONCE = TAG.integer;
const AUTHORITY = 0xa0;
const EXTENSIONS = 0xa1;

/**
 * Reads a TSTInfo, which is DER even where the token around it is BER.
 *
 * The serial number, the nonce and the name of the authority are passed over: the first two are for whoever asked for the
 * timestamp, and the authority is known by its certificate.
 * @param der attacker-controlled until the token's signature was verified
 * @see RFC 3161 §2.4.2; tspclient-go token.go, TSTInfo
 */
export function readTimestampInfo(der: Uint8Array): Checked<TimestampInfo> {
  const [version, policyId, imprintElement, serial, genTime, ...rest] = readSequence(der) ?? [];
  const optional = optionalParts(rest, [ACCURACY, ORDERING, NONCE, AUTHORITY, EXTENSIONS]);
  if (version?.tag !== TAG.integer || genTime === undefined || optional === undefined)
    return invalidTimestamp('cannot be read');
  if (smallInteger(version.content) !== 1) return invalidTimestamp('is not of version 1');

  const policy = oidOf(policyId);
  const time = nanosecondsOf(genTime);
  const stated = accuracyOf(optional.get(ACCURACY));
  if (policy === undefined || !isNumber(serial)) return invalidTimestamp('names no policy, or has no serial number');
  if (time === undefined) return invalidTimestamp('names a time that cannot be read');
  if (stated === undefined) return invalidTimestamp('has an accuracy that cannot be read');
  const against = restProblem(optional);
  if (against !== undefined) return invalidTimestamp(against);

  const imprint = readImprint(imprintElement);
  if (!imprint.ok) return imprint;
  const accuracy = stated === 0n && policy === BASELINE_POLICY ? NANOSECONDS.second : stated;
  const info = { moment: around(time, 0n), window: around(time, accuracy), imprint: imprint.value };
  return { ok: true, value: info };
}

function isNumber(element: DerElement | undefined): boolean {
  return element?.tag === TAG.integer && isInteger(element.content);
}

/** `SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING }`. */
function readImprint(element: DerElement | undefined): Checked<TimestampInfo['imprint']> {
  const [algorithm, digest, ...more] = sequenceOf(element) ?? [];
  const oid = algorithmOf(algorithm);
  if (oid === undefined || digest?.tag !== TAG.octetString || more.length > 0)
    return invalidTimestamp('does not say what it is over');
  const hash = digestNamed(oid);
  return hash === undefined
    ? invalidTimestamp(`is over a hash that is not accepted, of the algorithm ${oid}`)
    : { ok: true, value: { hash, digest: digest.content } };
}

/** A GeneralizedTime in UTC with or without a fraction, which does not end in zero (RFC 3161 §2.4.2). */
function nanosecondsOf({ tag, content, bytes }: DerElement): bigint | undefined {
  const text = Buffer.from(content).toString('latin1');
  const parts = /^([0-9]{14})(?:\.([0-9]{0,8}[1-9]))?Z$/.exec(text);
  const seconds = timeValue({ tag, content: Buffer.from(`${parts?.[1] ?? ''}Z`, 'latin1'), bytes });
  if (parts === null || tag !== TAG.generalizedTime || seconds === undefined) return undefined;
  return BigInt(seconds) * NANOSECONDS.milli + BigInt((parts[2] ?? '').padEnd(9, '0'));
}

/** `SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER (1..999) OPTIONAL, micros [1] INTEGER (1..999) OPTIONAL }`. */
function accuracyOf(element: DerElement | undefined): bigint | undefined {
  if (element === undefined) return 0n;
  const elements = sequenceOf(element);
  const parts = elements === undefined ? undefined : optionalParts(elements, [TAG.integer, 0x80, 0x81]);
  if (parts === undefined) return undefined;
  const numberAt = (tag: number) => smallInteger(parts.get(tag)?.content ?? ZERO);
  const seconds = numberAt(TAG.integer);
  const millis = numberAt(0x80);
  const micros = numberAt(0x81);
  if (seconds === undefined || millis === undefined || micros === undefined || millis > 999 || micros > 999)
    return undefined;
  return BigInt(seconds) * NANOSECONDS.second + BigInt(millis) * NANOSECONDS.milli + BigInt(micros) * NANOSECONDS.micro;
}

/** What nothing is taken from must be well-formed all the same, and no extension may bind us that we do not understand. */
function restProblem(optional: ReadonlyMap<number, DerElement>): string | undefined {
  const ordering = optional.get(ORDERING);
  const nonce = optional.get(NONCE);
  if (ordering !== undefined && booleanValue(ordering.content) === undefined) return 'cannot be read';
  if (nonce !== undefined && !isNumber(nonce)) return 'cannot be read';
  return extensionProblem(optional.get(EXTENSIONS));
}

/** `[1] IMPLICIT SEQUENCE OF SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue }`. */
function extensionProblem(element: DerElement | undefined): string | undefined {
  if (element === undefined) return undefined;
  const extensions = readElements(element.content) ?? [];
  if (extensions.length === 0) return 'cannot be read';
  for (const extension of extensions) {
    const [id, ...rest] = sequenceOf(extension) ?? [];
    const oid = oidOf(id);
    const parts = optionalParts(rest, [TAG.boolean, TAG.octetString]);
    const critical = booleanValue(parts?.get(TAG.boolean)?.content ?? ZERO);
    if (oid === undefined || parts?.has(TAG.octetString) !== true || critical === undefined) return 'cannot be read';
    if (critical) return `has the critical extension ${oid}, which is not understood`;
  }
  return undefined;
}

/** From so much before to so much after, in whole milliseconds of which none is cut off. */
function around(time: bigint, accuracy: bigint): TimeWindow {
  return { from: -ceiling(-(time - accuracy)), to: ceiling(time + accuracy) };
}

function ceiling(nanoseconds: bigint): number {
  const whole = nanoseconds / NANOSECONDS.milli;
  // Division of whole numbers cuts towards zero, which is upwards below it.
  return Number(nanoseconds > whole * NANOSECONDS.milli ? whole + 1n : whole);
}
