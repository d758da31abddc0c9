import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { failed, ok, type Result } from '../codes/result.ts';
import { decodeBase64 } from '../encoding/base64.ts';
import { type CertificateAuthority, reopenCertificateAuthority } from '../encoding/certificate-writer.ts';

/** When something holds, in milliseconds since the epoch. */
export type Life = { readonly notBefore: number; readonly notAfter: number };

/** An authority that signs serving certificates, with its key. Secret. */
export type Authority = Life & {
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly id: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
};

/** A serving certificate with its key. Secret. */
export type Leaf = Life & {
  /** The authority that signed it, by its `id`. */
  readonly issuer: string;
  /** Names and addresses that it is for. */
  readonly names: readonly string[];
  readonly certificatePem: string;
  readonly privateKeyPem: string;
};

/** All that replicas agree about, as it stands in one Secret. */
export type ServingState = {
  readonly ca: Authority;
  /** The unguessable segment of the path at which the API server calls. Secret. */
  readonly caller: string;
  /** What follows `ca` and `caller`, while one rolls over to the other. */
  readonly next: { readonly authority: Authority; readonly caller: string } | undefined;
  readonly leaf: Leaf;
  /** Since when every webhook is known to say what it should; a roll-over goes on some time after it. */
  readonly since: number | undefined;
};

/** The keys of the Secret. What else stands in it is left alone. */
export const SECRET_KEYS = [
  'ca.crt',
  'ca.key',
  'caller',
  'next-ca.crt',
  'next-ca.key',
  'next-caller',
  'tls.crt',
  'tls.key',
  'settled-since',
] as const;

type SecretKey = (typeof SECRET_KEYS)[number];

/** 24 random bytes in hexadecimal: what a path of a webhook may hold, at most 63 characters, and never another word. */
const CALLER = /^[0-9a-f]{48}$/;
const MAX_PEM_CHARACTERS = 16_384;

/** Whether a path segment has the form of those that countersign makes. */
export function isCallerSegment(text: string): boolean {
  return CALLER.test(text);
}

/** The authority that signed what is served. */
export function signerOf({ ca, next, leaf }: ServingState): Authority {
  return next !== undefined && next.authority.id === leaf.issuer ? next.authority : ca;
}

/** The segment that webhooks should call now. */
export function callerOf(state: ServingState): string {
  return state.next !== undefined && state.next.authority.id === state.leaf.issuer ? state.next.caller : state.caller;
}

/** The segments that are to be believed now: while one is replaced, both. */
export function callersOf({ caller, next }: ServingState): readonly string[] {
  return next === undefined ? [caller] : [caller, next.caller];
}

/** The authorities that webhooks should trust now. */
export function authoritiesOf({ ca, next }: ServingState): readonly Authority[] {
  return next === undefined ? [ca] : [ca, next.authority];
}

/** What stands in the Secret, by its keys; undefined for a key that must not be there. */
export function writeServing(state: ServingState): Readonly<Record<SecretKey, string | undefined>> {
  return {
    'ca.crt': state.ca.certificatePem,
    'ca.key': state.ca.privateKeyPem,
    caller: state.caller,
    'next-ca.crt': state.next?.authority.certificatePem,
    'next-ca.key': state.next?.authority.privateKeyPem,
    'next-caller': state.next?.caller,
    'tls.crt': state.leaf.certificatePem,
    'tls.key': state.leaf.privateKeyPem,
    'settled-since': state.since === undefined ? undefined : new Date(state.since).toISOString(),
  };
}

/**
 * Reads what stands in the Secret; anybody may have written it who can write there.
 * @param data the Secret's `data`, each value in base64
 * @returns CERTIFICATE_UNUSABLE, with nothing of the content in its message
 */
export function parseServing(data: Readonly<Record<string, unknown>>): Result<ServingState> {
  const text = (key: SecretKey): string | undefined => {
    const value = data[key];
    const bytes = typeof value === 'string' && value.length <= MAX_PEM_CHARACTERS * 2 ? decodeBase64(value) : undefined;
    return bytes?.ok === true && bytes.value.length > 0 ? Buffer.from(bytes.value).toString('utf8') : undefined;
  };
  const ca = readAuthority(text('ca.crt'), text('ca.key'));
  if (ca === undefined) return unusable('ca.crt and ca.key are no authority of countersign with its key');
  const caller = text('caller');
  if (caller === undefined || !CALLER.test(caller)) return unusable('caller is no path segment of countersign');

  const isRollingOver = (['next-ca.crt', 'next-ca.key', 'next-caller'] as const).some((key) => text(key) !== undefined);
  const nextAuthority = readAuthority(text('next-ca.crt'), text('next-ca.key'));
  const nextCaller = text('next-caller');
  if (isRollingOver && (nextAuthority === undefined || nextCaller === undefined || !CALLER.test(nextCaller))) {
    return unusable('next-ca.crt, next-ca.key and next-caller are not what follows');
  }
  const next =
    nextAuthority === undefined || nextCaller === undefined
      ? undefined
      : { authority: nextAuthority, caller: nextCaller };
  if (next?.authority.id === ca.id) return unusable('next-ca.crt is the same as ca.crt');

  const leaf = readLeaf(text('tls.crt'), text('tls.key'), next === undefined ? [ca] : [ca, next.authority]);
  if (leaf === undefined) return unusable('tls.crt and tls.key are no pair that the authority beside them signed');
  const since = Date.parse(text('settled-since') ?? '');
  return ok({ ca, caller, next, leaf, since: Number.isNaN(since) ? undefined : since });
}

/** Reads an authority; undefined where it is none that countersign made. */
export function readAuthority(certificatePem: string | undefined, privateKeyPem: string | undefined) {
  const certificate = readCertificate(certificatePem);
  const key = readKey(privateKeyPem);
  if (certificate === undefined || key === undefined || privateKeyPem === undefined) return undefined;
  // Written anew, since what stands behind the first certificate would come into every caBundle.
  const pem = certificate.toString();
  if (reopenCertificateAuthority(pem, key) === undefined) return undefined;
  const life = lifeOf(certificate);
  const authority: Authority = { ...life, id: idOf(certificate), certificatePem: pem, privateKeyPem };
  return authority;
}

/**
 * Makes ready an authority to sign.
 * @throws Error where it was not read by {@link readAuthority}: a defect of ours
 */
export function signingAuthority({ certificatePem, privateKeyPem }: Authority): CertificateAuthority {
  const authority = reopenCertificateAuthority(certificatePem, createPrivateKey(privateKeyPem));
  if (authority === undefined) throw new Error('an authority that was read cannot be read again');
  return authority;
}

/** Reads a serving pair; undefined where it is none, or none that one of the authorities signed. */
export function readLeaf(
  certificatePem: string | undefined,
  privateKeyPem: string | undefined,
  authorities: readonly Authority[],
): Leaf | undefined {
  const certificate = readCertificate(certificatePem);
  const key = readKey(privateKeyPem);
  if (certificate === undefined || key === undefined || privateKeyPem === undefined) return undefined;
  if (certificate.ca || !certificate.checkPrivateKey(key)) return undefined;
  const issuer = authorities.find((authority) => isSignedBy(certificate, authority));
  if (issuer === undefined) return undefined;
  const named = { issuer: issuer.id, names: namesOf(certificate) };
  return { ...lifeOf(certificate), ...named, certificatePem: certificate.toString(), privateKeyPem };
}

/** The `id` of a certificate: what {@link Authority} is told apart by. */
export function idOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** Reads one certificate; undefined where it is none. */
export function readCertificate(pem: string | undefined): X509Certificate | undefined {
  if (pem === undefined || pem.length > MAX_PEM_CHARACTERS) return undefined;
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function readKey(pem: string | undefined): KeyObject | undefined {
  if (pem === undefined || pem.length > MAX_PEM_CHARACTERS) return undefined;
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function isSignedBy(certificate: X509Certificate, { certificatePem }: Authority): boolean {
  const authority = readCertificate(certificatePem);
  return authority !== undefined && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function lifeOf(certificate: X509Certificate): Life {
  return { notBefore: certificate.validFromDate.getTime(), notAfter: certificate.validToDate.getTime() };
}

/** OpenSSL writes `DNS:a, IP Address:127.0.0.1`; names that would need quotes are none that countersign writes. */
function namesOf(certificate: X509Certificate): readonly string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .map((entry) => entry.slice(entry.indexOf(':') + 1))
    .filter((name) => name !== '');
}

function unusable(what: string): Result<never> {
  return failed('CERTIFICATE_UNUSABLE', what);
}
