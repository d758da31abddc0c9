import { readSignatureAlgorithm, type Signed } from '../x509/certificate.ts';
import {
  contentOf,
  type DerElement,
  isInteger,
  oidText,
  readElements,
  readSequence,
  smallInteger,
  TAG,
  timeValue,
  wholeBits,
} from '../x509/der.ts';
import { type CertificateId, isAbout } from './ocsp-request.ts';
import { partsOf, type Read, readExtensionList, unreadable } from './read.ts';

/** An answer about one certificate, as a responder signed it; believed only once its signer is known. */
export type OcspResponse = Signed & {
  /** How it names its signer: by the DER of a subject, or by the SHA-1 of a key. */
  readonly responder: { readonly kind: 'name' | 'key'; readonly bytes: Uint8Array };
  /** DER of certificates that came with it. */
  readonly certificates: readonly Uint8Array[];
  readonly answer: OcspAnswer;
};

/** What it says; times are milliseconds since the epoch. */
export type OcspAnswer = {
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly revokedAt: number | undefined;
  /** Since when the key is not to be trusted, which may be before or after the revocation. */
  readonly invalidSince: number | undefined;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
};

const ENUMERATED = 0x0a;
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';
const INVALIDITY_DATE = '2.5.29.24';

/** Refusals of a responder (RFC 6960 §4.2.1); nobody signs them. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [1, 'that the request is malformed'],
  [2, 'an internal error'],
  [3, 'that it should be asked later'],
  [5, 'that requests must be signed'],
  [6, 'that it may not say'],
]);

/**
 * Reads an OCSP response: one answer about the certificate that was asked about, and whatever else it holds unread.
 * @param der from the network
 * @see RFC 6960 §4.2.1
 */
export function readOcspResponse(der: Uint8Array, asked: CertificateId): Read<OcspResponse> {
  const [code, wrapped, ...rest] = readSequence(der) ?? [];
  const status = code?.tag === ENUMERATED ? smallInteger(code.content) : undefined;
  if (status === undefined || rest.length > 0) return unreadable('the answer is no OCSP response');
  if (status !== 0) return unreadable(`the responder says ${REFUSALS.get(status) ?? `status ${status}`}`);
  const [type, basic, ...others] = wrapped?.tag === 0xa0 ? (readSequence(wrapped.content) ?? []) : [];
  if (type?.tag !== TAG.oid || basic?.tag !== TAG.octetString || others.length > 0)
    return unreadable('the answer is no OCSP response');
  if (oidText(type.content) !== BASIC_RESPONSE) return unreadable('the answer is of a type that is not known');
  return readBasic(basic.content, asked) ?? unreadable('the OCSP response cannot be read');
}

function readBasic(der: Uint8Array, asked: CertificateId): Read<OcspResponse> | undefined {
  const [data, algorithm, bits, certificates, ...rest] = readSequence(der) ?? [];
  if (data?.tag !== TAG.sequence || algorithm === undefined || bits?.tag !== TAG.bitString || rest.length > 0)
    return undefined;
  const signatureAlgorithm = readSignatureAlgorithm(algorithm);
  if (!signatureAlgorithm.ok) return unreadable('the answer is signed with an algorithm that is not accepted');
  const signature = wholeBits(bits.content);
  const carried = certificates === undefined ? [] : readCertificates(certificates);
  const parts = readData(data.content);
  if (signature === undefined || carried === undefined || parts === undefined) return undefined;

  const about = parts.answers.filter(([id]) => id !== undefined && isAbout(id, asked));
  const [single, ...more] = about;
  if (single === undefined) return unreadable('the answer is not about the certificate that was asked about');
  if (more.length > 0) return unreadable('the responder answers twice about the same certificate');
  const answer = readAnswer(single);
  if (answer === undefined || !answer.ok) return answer;
  return {
    ok: true,
    value: {
      signed: data.bytes,
      signature,
      signatureAlgorithm: signatureAlgorithm.value,
      responder: parts.responder,
      certificates: carried,
      answer: answer.value,
    },
  };
}

function readCertificates({ tag, content }: DerElement): readonly Uint8Array[] | undefined {
  return tag === 0xa0 ? readSequence(content)?.map(({ bytes }) => bytes) : undefined;
}

type ResponseData = Pick<OcspResponse, 'responder'> & { readonly answers: readonly (readonly DerElement[])[] };

function readData(content: Uint8Array): ResponseData | undefined {
  const all = readElements(content) ?? [];
  const [first] = all;
  // The version is v1, which DER leaves out and some write nevertheless.
  const isVersion = first?.tag === 0xa0;
  if (isVersion && smallInteger(contentOf(first.content, TAG.integer) ?? NONE) !== 0) return undefined;
  const [id, producedAt, list, extensions, ...rest] = isVersion ? all.slice(1) : all;
  const responder = id === undefined ? undefined : readResponder(id);
  if (responder === undefined || producedAt === undefined || generalizedTime(producedAt) === undefined)
    return undefined;
  if (rest.length > 0 || (extensions !== undefined && extensions.tag !== 0xa1)) return undefined;
  const known = readExtensionList(extensions?.content);
  if (known === undefined || [...known.values()].some(({ critical }) => critical)) return undefined;
  const answers = partsOf(list)?.map((answer) => partsOf(answer) ?? []);
  return answers === undefined ? undefined : { responder, answers };
}

function readResponder({ tag, content }: DerElement): OcspResponse['responder'] | undefined {
  if (tag === 0xa1) return { kind: 'name', bytes: content };
  const key = tag === 0xa2 ? contentOf(content, TAG.octetString) : undefined;
  return key === undefined ? undefined : { kind: 'key', bytes: key };
}

/** The parts of a SingleResponse behind its CertID. */
function readAnswer([, said, from, ...optional]: readonly DerElement[]): Read<OcspAnswer> | undefined {
  const certificate = said === undefined ? undefined : readCertificateStatus(said);
  const thisUpdate = from === undefined ? undefined : generalizedTime(from);
  const until = optional.find(({ tag }) => tag === 0xa0);
  const extensions = optional.find(({ tag }) => tag === 0xa1);
  const known = [until, extensions].filter((part) => part !== undefined);
  const isInOrder = optional.length === known.length && optional.every((part, index) => part === known[index]);
  const nextUpdate = until === undefined ? undefined : timeWithin(until.content);
  const list = readExtensionList(extensions?.content);
  if (certificate === undefined || thisUpdate === undefined || !isInOrder || list === undefined) return undefined;
  if (until !== undefined && nextUpdate === undefined) return undefined;

  if ([...list].some(([oid, { critical }]) => critical && oid !== INVALIDITY_DATE))
    return unreadable('the answer has a critical extension that is not understood');
  const invalidity = list.get(INVALIDITY_DATE);
  const invalidSince = invalidity === undefined ? undefined : timeWithin(invalidity.value);
  if (invalidity !== undefined && invalidSince === undefined) return undefined;
  return { ok: true, value: { ...certificate, invalidSince, thisUpdate, nextUpdate } };
}

function readCertificateStatus({ tag, content }: DerElement): Pick<OcspAnswer, 'status' | 'revokedAt'> | undefined {
  if (tag === 0x80 && content.length === 0) return { status: 'good', revokedAt: undefined };
  if (tag === 0x82 && content.length === 0) return { status: 'unknown', revokedAt: undefined };
  const [time, reason, ...rest] = tag === 0xa1 ? (readElements(content) ?? []) : [];
  const revokedAt = time === undefined ? undefined : generalizedTime(time);
  if (revokedAt === undefined || rest.length > 0) return undefined;
  if (reason === undefined) return { status: 'revoked', revokedAt };
  const code = reason.tag === 0xa0 ? contentOf(reason.content, ENUMERATED) : undefined;
  return code === undefined || !isInteger(code) ? undefined : { status: 'revoked', revokedAt };
}

const NONE = new Uint8Array();

function generalizedTime(element: DerElement): number | undefined {
  return element.tag === TAG.generalizedTime ? timeValue(element) : undefined;
}

/** The one time that the bytes consist of. */
function timeWithin(bytes: Uint8Array): number | undefined {
  const [time, ...rest] = readElements(bytes) ?? [];
  return time === undefined || rest.length > 0 ? undefined : generalizedTime(time);
}
