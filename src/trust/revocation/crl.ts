import { readSignatureAlgorithm, type Signed } from '../x509/certificate.ts';
import {
  contentOf,
  type DerElement,
  isInteger,
  readElements,
  readSequence,
  sameBytes,
  smallInteger,
  TAG,
  timeValue,
  wholeBits,
} from '../x509/der.ts';
import { type ExtensionList, type Read, readExtensionList, unreadable } from './read.ts';

/** A list of revoked certificates whose signature is still to be verified; its entries are unread. Times are milliseconds. */
export type RevocationList = Signed & {
  /** The DER of the name. */
  readonly issuer: Uint8Array;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** Content of the SEQUENCE of entries. */
  readonly entries: Uint8Array;
  readonly number: bigint | undefined;
  /** The least number of a complete list that this one says the changes to; undefined for a complete list. */
  readonly changesSince: bigint | undefined;
  /** Values of what says which certificates it is about, and where the changes to it are. */
  readonly scope: Uint8Array | undefined;
  readonly freshest: Uint8Array | undefined;
};

const OID = {
  number: '2.5.29.20',
  changes: '2.5.29.27',
  scope: '2.5.29.28',
  freshest: '2.5.29.46',
} as const;

/** Critical extensions that are enforced; any other refuses the list (RFC 5280 §5.2). */
const UNDERSTOOD: ReadonlySet<string> = new Set([OID.scope, OID.changes]);

/**
 * Reads a list of revoked certificates, version 2, from DER.
 * @param der from the network
 * @see RFC 5280 §5.1
 */
export function readRevocationList(der: Uint8Array): Read<RevocationList> {
  return readList(der) ?? unreadable('the answer is no list of revoked certificates, or one that cannot be read');
}

function readList(der: Uint8Array): Read<RevocationList> | undefined {
  const [body, algorithm, bits, ...more] = readSequence(der) ?? [];
  if (body?.tag !== TAG.sequence || algorithm === undefined || bits?.tag !== TAG.bitString || more.length > 0)
    return undefined;
  const signature = wholeBits(bits.content);
  const parts = readBody(body.content);
  if (signature === undefined || parts === undefined || !sameBytes(parts.algorithm.bytes, algorithm.bytes))
    return undefined;
  const signatureAlgorithm = readSignatureAlgorithm(algorithm);
  if (!signatureAlgorithm.ok) return unreadable('the list is signed with an algorithm that is not accepted');

  for (const [oid, { critical }] of parts.extensions)
    if (critical && !UNDERSTOOD.has(oid))
      return unreadable(`the list has the critical extension ${oid}, which is not understood`);
  const number = readNumber(parts.extensions.get(OID.number)?.value);
  const changesSince = readNumber(parts.extensions.get(OID.changes)?.value);
  if (number === 'unreadable' || changesSince === 'unreadable') return undefined;
  return {
    ok: true,
    value: {
      signed: body.bytes,
      signature,
      signatureAlgorithm: signatureAlgorithm.value,
      issuer: parts.issuer,
      thisUpdate: parts.thisUpdate,
      nextUpdate: parts.nextUpdate,
      entries: parts.entries,
      number,
      changesSince,
      scope: parts.extensions.get(OID.scope)?.value,
      freshest: parts.extensions.get(OID.freshest)?.value,
    },
  };
}

type Body = Pick<RevocationList, 'issuer' | 'thisUpdate' | 'nextUpdate' | 'entries'> & {
  readonly algorithm: DerElement;
  readonly extensions: ExtensionList;
};

function readBody(content: Uint8Array): Body | undefined {
  const [version, algorithm, issuer, from, ...optional] = readElements(content) ?? [];
  if (version?.tag !== TAG.integer || smallInteger(version.content) !== 1) return undefined;
  const thisUpdate = from === undefined ? undefined : timeValue(from);
  if (algorithm === undefined || issuer?.tag !== TAG.sequence || thisUpdate === undefined) return undefined;

  const isTime = ({ tag }: DerElement) => tag === TAG.utcTime || tag === TAG.generalizedTime;
  const until = optional.find(isTime);
  const list = optional.find(({ tag }) => tag === TAG.sequence);
  const wrapped = optional.find(({ tag }) => tag === 0xa0);
  const known = [until, list, wrapped].filter((part) => part !== undefined);
  if (optional.length !== known.length || optional.some((part, index) => part !== known[index])) return undefined;

  const nextUpdate = until === undefined ? undefined : timeValue(until);
  const extensions = readExtensionList(wrapped?.content);
  if (extensions === undefined || (until !== undefined && nextUpdate === undefined)) return undefined;
  return {
    algorithm,
    issuer: issuer.bytes,
    thisUpdate,
    nextUpdate,
    entries: list?.content ?? new Uint8Array(),
    extensions,
  };
}

/** The number of a list, of up to twenty octets (RFC 5280 §5.2.3); negative ones are none. */
function readNumber(value: Uint8Array | undefined): bigint | 'unreadable' | undefined {
  if (value === undefined) return undefined;
  const content = contentOf(value, TAG.integer);
  if (content === undefined || !isInteger(content) || content.length > 21 || (content[0] ?? 0x80) >= 0x80)
    return 'unreadable';
  return BigInt(`0x${Buffer.from(content).toString('hex')}`);
}
