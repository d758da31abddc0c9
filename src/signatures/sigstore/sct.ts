import { verify } from 'node:crypto';
import { element, sequence } from '../../encoding/der-writer.ts';
import type { Threshold } from '../../model/requirement.ts';
import type { TrustedLog } from '../../trust/sigstore/log.ts';
import { within } from '../../trust/sigstore/validity-window.ts';
import type { Certificate } from '../../trust/x509/certificate.ts';
import { contentOf, oidText, readElements, readSequence, TAG } from '../../trust/x509/der.ts';
import { type RefusedBundle, refused } from './result.ts';

/** The extension that holds promises of certificate logs (RFC 6962 §3.3). */
const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';

/** Certificates carry one or two. */
const MAXIMUM_PROMISES = 8;

/** One signed certificate timestamp. */
type Promised = {
  readonly logId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly time: Uint8Array;
  readonly extensions: Uint8Array;
  readonly hash: number | undefined;
  readonly algorithm: number | undefined;
  readonly signature: Uint8Array;
};

/**
 * What stands against a certificate's promises of certificate logs: each by a trusted log must be of a time for which that
 * log is trusted and must verify, none may have made two, and they must be as many as the rule asks for. Promises by logs
 * that nobody here knows are passed over, as nothing can be said of them (as sigstore-go does).
 *
 * The library would refuse those too, and trace the certificate to its root once more, at ten times the cost of the rest.
 * @see RFC 6962 §3.2: ECDSA or RSA with SHA-256, over the certificate's body without this extension
 * @returns the refusal, or undefined where they hold
 */
export function promiseProblem(
  certificate: Certificate,
  issuer: Certificate,
  logs: readonly TrustedLog[],
  rule: Threshold,
): RefusedBundle | undefined {
  const promises = readPromises(certificate);
  if (promises === undefined) return notLogged('has promises of certificate logs that cannot be read');
  const body = bodyWithout(certificate.signed);
  if (body === undefined) return notLogged('has promises of certificate logs that cannot be read');
  const known = new Set<string>();
  for (const promise of promises) {
    const log = logs.find(({ id }) => id === promise.logId);
    if (log === undefined) continue;
    if (!within(log.window, promise.at))
      return notLogged('has a promise of a certificate log that is not trusted for that time');
    if (!isSigned(promise, body, issuer, log))
      return notLogged('has a promise of a certificate log that does not verify');
    if (known.has(log.id)) return notLogged('has two promises of one certificate log');
    known.add(log.id);
  }
  return known.size < rule.threshold
    ? notLogged(`has promises of ${known.size} trusted certificate logs, not ${rule.threshold}`)
    : undefined;
}

function isSigned(promise: Promised, body: Uint8Array, issuer: Certificate, log: TrustedLog): boolean {
  const { time, extensions, signature } = promise;
  // SHA-256 (4) with ECDSA (3) or RSA (1), as the log's key is (RFC 5246 §7.4.1.4.1).
  const algorithm = log.key.asymmetricKeyType === 'ec' ? 3 : log.key.asymmetricKeyType === 'rsa' ? 1 : undefined;
  if (promise.hash !== 4 || algorithm === undefined || promise.algorithm !== algorithm) return false;
  const signed = Buffer.concat([
    // Version 1, a certificate's timestamp.
    Buffer.from([0, 0]),
    time,
    // An entry of a certificate before it was issued.
    Buffer.from([0, 1]),
    Buffer.from(issuer.publicKey.fingerprint.slice('sha256:'.length), 'hex'),
    Buffer.from([body.length >> 16, (body.length >> 8) & 0xff, body.length & 0xff]),
    body,
    Buffer.from([extensions.length >> 8, extensions.length & 0xff]),
    extensions,
  ]);
  try {
    return verify('sha256', signed, log.key, signature);
  } catch {
    return false;
  }
}

/** The promises in a certificate; none where there is no such extension, undefined where it cannot be read whole. */
function readPromises({ extensions }: Certificate): readonly Promised[] | undefined {
  const value = extensions.values.get(SCT_LIST);
  if (value === undefined) return [];
  const list = contentOf(value, TAG.octetString);
  const whole = list === undefined ? undefined : takeSized(list, 0);
  if (list === undefined || whole === undefined || whole.end !== list.length) return undefined;
  const promises: Promised[] = [];
  for (let at = 0; at < whole.bytes.length; ) {
    const next = takeSized(whole.bytes, at);
    const promise = next === undefined ? undefined : readPromise(next.bytes);
    if (next === undefined || promise === undefined || promises.length >= MAXIMUM_PROMISES) return undefined;
    promises.push(promise);
    at = next.end;
  }
  return promises;
}

/** `version, log id, timestamp, extensions, hash and signature algorithm, signature`, each at its place and nothing behind. */
function readPromise(bytes: Uint8Array): Promised | undefined {
  const extensions = takeSized(bytes, 41);
  if (bytes[0] !== 0 || extensions === undefined) return undefined;
  const signature = takeSized(bytes, extensions.end + 2);
  if (signature === undefined || signature.end !== bytes.length) return undefined;
  const time = bytes.subarray(33, 41);
  return {
    logId: Buffer.from(bytes.subarray(1, 33)).toString('hex'),
    at: Number(Buffer.from(time).readBigUInt64BE()),
    time,
    extensions: extensions.bytes,
    hash: bytes[extensions.end],
    algorithm: bytes[extensions.end + 1],
    signature: signature.bytes,
  };
}

/** Bytes behind a length of two octets (RFC 5246 §4.3). */
function takeSized(bytes: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly end: number } | undefined {
  const high = bytes[at];
  const low = bytes[at + 1];
  if (high === undefined || low === undefined) return undefined;
  const end = at + 2 + high * 256 + low;
  return end <= bytes.length ? { bytes: bytes.subarray(at + 2, end), end } : undefined;
}

/** The certificate's body as the log saw it: without the promises, all else byte for byte. */
function bodyWithout(signed: Uint8Array): Uint8Array | undefined {
  const parts = readSequence(signed);
  const last = parts?.at(-1);
  if (parts === undefined || last?.tag !== 0xa3) return undefined;
  const list = readSequence(last.content);
  const others = list?.filter(({ content }) => {
    const [id] = readElements(content) ?? [];
    return id?.tag !== TAG.oid || oidText(id.content) !== SCT_LIST;
  });
  if (others === undefined) return undefined;
  const extensions = element(0xa3, sequence(...others.map(({ bytes }) => bytes)));
  return sequence(...parts.slice(0, -1).map(({ bytes }) => bytes), extensions);
}

function notLogged(what: string): RefusedBundle {
  return refused('signer', 'CERTIFICATE_NOT_LOGGED', `the signer's certificate ${what}`);
}
