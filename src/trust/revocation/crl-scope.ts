import type { Certificate } from '../x509/certificate.ts';
import { booleanValue, namedBits, readSequence, sameBytes } from '../x509/der.ts';
import { type Read, unreadable } from './read.ts';
import { type DistributionPoint, fullNames } from './sources.ts';

/** The reasons for which a certificate can be on a list (RFC 5280 §4.2.1.13): bits 1 to 8. */
export const ALL_REASONS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8];

type Scope = {
  /** DER of the names of the place where such a list is; undefined where it is about all of an authority's certificates. */
  readonly names: readonly Uint8Array[] | undefined;
  readonly reasons: ReadonlySet<number> | undefined;
  /** Context tags of the flags that are set. */
  readonly flags: ReadonlySet<number>;
};

const PLACE = 0xa0;
const USERS_ONLY = 0x81;
const AUTHORITIES_ONLY = 0x82;
const REASONS_ONLY = 0x83;
const INDIRECT = 0x84;
const ATTRIBUTES_ONLY = 0x85;
const FLAGS: ReadonlySet<number> = new Set([USERS_ONLY, AUTHORITIES_ONLY, INDIRECT, ATTRIBUTES_ONLY]);
const NO_REASONS: ReadonlySet<number> = new Set();

/**
 * Asks whether a list is about a certificate, and for which reasons it would be on it.
 *
 * Stricter than notation, which does not look: lists of one authority are all signed by the same key, and over plain http
 * anybody on the way can hand out the one for web servers, or the second half, where this certificate never stands.
 * @param value of the issuing distribution point, undefined where the list has none: it is about everything then
 * @param point where it was found, as the certificate has it
 * @returns the reasons' bits
 * @see RFC 5280 §5.2.5 and §6.3.3 (b) and (d)
 */
export function coveredReasons(
  value: Uint8Array | undefined,
  point: DistributionPoint,
  certificate: Certificate,
): Read<readonly number[]> {
  const scope = value === undefined ? EVERYTHING : readScope(value);
  if (scope === undefined) return unreadable('the list does not say legibly which certificates it is about');
  const { names, reasons, flags } = scope;
  const { isAuthority } = certificate.extensions;
  if (flags.has(INDIRECT)) return unreadable("the list is about other authorities' certificates too");
  if (flags.has(ATTRIBUTES_ONLY)) return unreadable('the list is about attribute certificates only');
  if (flags.has(USERS_ONLY) && isAuthority) return unreadable("the list is not about authorities' certificates");
  if (flags.has(AUTHORITIES_ONLY) && !isAuthority)
    return unreadable("the list is about authorities' certificates only");
  if (names !== undefined && !names.some((name) => point.names.some((other) => sameBytes(name, other))))
    return unreadable('the list is for another distribution point');
  const covers = (bit: number) => (reasons?.has(bit) ?? true) && (point.reasons?.has(bit) ?? true);
  return { ok: true, value: ALL_REASONS.filter(covers) };
}

const EVERYTHING: Scope = { names: undefined, reasons: undefined, flags: new Set() };

function readScope(value: Uint8Array): Scope | undefined {
  const parts = readSequence(value);
  if (parts === undefined) return undefined;
  let { names, reasons } = EVERYTHING;
  const flags = new Set<number>();
  let last = -1;
  for (const { tag, content } of parts) {
    const place = tag === PLACE ? fullNames(content) : [];
    const bits = tag === REASONS_ONLY ? namedBits(content) : NO_REASONS;
    const flag = FLAGS.has(tag) ? booleanValue(content) : false;
    // A name below the issuer's, or bits that are none: what cannot be compared must not count as unlimited.
    if (place === undefined || bits === undefined || flag === undefined) return undefined;
    const isKnown = tag === PLACE || tag === REASONS_ONLY || FLAGS.has(tag);
    if (!isKnown || (tag & 0x1f) <= last) return undefined;
    last = tag & 0x1f;
    if (tag === PLACE) names = place.map(({ bytes }) => bytes);
    if (tag === REASONS_ONLY) reasons = bits;
    if (flag) flags.add(tag);
  }
  return { names, reasons, flags };
}
