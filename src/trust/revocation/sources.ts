import type { Certificate } from '../x509/certificate.ts';
import { asciiText, type DerElement, namedBits, oidText, readElements, readSequence, TAG } from '../x509/der.ts';
import { partsOf, type Read, unreadable } from './read.ts';

/** Where an authority says that one can ask whether a certificate is revoked. */
export type RevocationSources = {
  /** URLs of OCSP responders in the order in which to ask; undefined where no responder is named at all. */
  readonly ocsp: readonly string[] | undefined;
  /** Places of lists; undefined where none is named at all. */
  readonly points: readonly DistributionPoint[] | undefined;
  /** Whether the certificate itself says where changes to the lists are. */
  readonly namesFreshest: boolean;
};

/** A place of a list of revoked certificates (RFC 5280 §4.2.1.13). */
export type DistributionPoint = {
  readonly urls: readonly string[];
  /** All of its names, as DER: a list says by them which part of an authority's certificates it is about. */
  readonly names: readonly Uint8Array[];
  /** Bits of the reasons for which certificates are on its list; undefined for all. */
  readonly reasons: ReadonlySet<number> | undefined;
};

const OID = {
  distributionPoints: '2.5.29.31',
  freshestList: '2.5.29.46',
  authorityAccess: '1.3.6.1.5.5.7.1.1',
  ocsp: '1.3.6.1.5.5.7.48.1',
} as const;

/** Identifier octet of the URI among the kinds of a GeneralName (RFC 5280 §4.2.1.6). */
const URI = 0x86;

/** URLs that are asked for one certificate; each is a request that its issuer causes. */
const MAXIMUM_RESPONDERS = 4;
const MAXIMUM_LISTS = 8;

/**
 * Reads where a certificate says that its revocation can be asked about. A source that is named and cannot be used must
 * not look like none: a certificate without any cannot be revoked, and counts as good.
 */
export function revocationSources({ extensions: { values } }: Certificate): Read<RevocationSources> {
  const access = values.get(OID.authorityAccess);
  const ocsp = access === undefined ? undefined : readResponders(access);
  if (access !== undefined && ocsp === undefined)
    return unreadable('its authority information access cannot be read, or names too many OCSP responders');
  const places = values.get(OID.distributionPoints);
  const points = places === undefined ? undefined : readDistributionPoints(places);
  if (places !== undefined && points === undefined)
    return unreadable('its CRL distribution points cannot be read, or are too many');
  return {
    ok: true,
    value: { ocsp: ocsp === 'none' ? undefined : ocsp, points, namesFreshest: values.has(OID.freshestList) },
  };
}

/**
 * Reads CRL distribution points, or where the changes to a list are, which has the same form.
 * @param value the extension's
 * @returns undefined where it cannot be read, or names more URLs than are asked
 */
export function readDistributionPoints(value: Uint8Array): readonly DistributionPoint[] | undefined {
  const elements = readSequence(value);
  if (elements === undefined) return undefined;
  const points: DistributionPoint[] = [];
  for (const element of elements) {
    const point = readPoint(element);
    if (point === undefined) return undefined;
    points.push(point);
  }
  const count = points.reduce((sum, { urls }) => sum + urls.length, 0);
  return count > MAXIMUM_LISTS ? undefined : points;
}

/** The DER of each name in a DistributionPointName that is given in full; undefined where it is not. */
export function fullNames(content: Uint8Array): readonly DerElement[] | undefined {
  const [full, ...rest] = readElements(content) ?? [];
  return full?.tag === 0xa0 && rest.length === 0 ? readElements(full.content) : undefined;
}

function readPoint(element: DerElement): DistributionPoint | undefined {
  const parts = partsOf(element);
  if (parts === undefined) return undefined;
  let names: readonly DerElement[] = [];
  let reasons: ReadonlySet<number> | undefined;
  let last = -1;
  for (const { tag, content } of parts) {
    if ((tag & 0x1f) <= last) return undefined;
    last = tag & 0x1f;
    // 0xa2 names another issuer of the list, whose signature would not be the issuer's: such a list does not count.
    if (tag !== 0xa0 && tag !== 0x81 && tag !== 0xa2) return undefined;
    const read = tag === 0xa0 ? pointNames(content) : [];
    const bits = tag === 0x81 ? namedBits(content) : new Set<number>();
    if (read === undefined || bits === undefined) return undefined;
    if (tag === 0xa0) names = read;
    if (tag === 0x81) reasons = bits;
  }
  const urls = names.filter(({ tag }) => tag === URI).map(({ content }) => asciiText(content));
  const known = urls.filter((url) => url !== undefined);
  return known.length < urls.length ? undefined : { urls: known, names: names.map(({ bytes }) => bytes), reasons };
}

/** A name below the issuer's, which is the other form, leads to a directory and never to a URL. */
function pointNames(content: Uint8Array): readonly DerElement[] | undefined {
  const [relative, ...rest] = readElements(content) ?? [];
  return relative?.tag === 0xa1 && rest.length === 0 ? [] : fullNames(content);
}

function readResponders(value: Uint8Array): readonly string[] | 'none' | undefined {
  const elements = readSequence(value);
  if (elements === undefined || elements.length === 0) return undefined;
  const urls: string[] = [];
  let isNamed = false;
  for (const element of elements) {
    const [method, place, ...rest] = partsOf(element) ?? [];
    const oid = method?.tag === TAG.oid ? oidText(method.content) : undefined;
    if (oid === undefined || place === undefined || rest.length > 0) return undefined;
    if (oid !== OID.ocsp) continue;
    isNamed = true;
    const url = place.tag === URI ? asciiText(place.content) : '';
    if (url === undefined) return undefined;
    if (url !== '') urls.push(url);
  }
  if (urls.length > MAXIMUM_RESPONDERS) return undefined;
  return isNamed ? urls : 'none';
}
