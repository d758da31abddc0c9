import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Result } from '../codes/result.ts';

/** A certificate chain and its key that were checked against each other. */
export type ServingPair = {
  /** The leaf first, then the chain. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** When the leaf holds, in milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
};

/** Why a pair cannot be served. */
export type PairFailure = { readonly code: 'CERTIFICATE_UNUSABLE'; readonly message: string };

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY_USAGE = '2.5.29.37.0';

/**
 * Checks what a TLS server would swallow and every client then refuse: a key of another certificate (each handshake
 * would fail), a time that is over or not yet come, no name, the wrong usage.
 * @param now milliseconds since the epoch
 * @see reference/ecosystem.md §4.2
 */
export function checkPair(
  certificatePem: string,
  privateKeyPem: string,
  now: number,
): Result<ServingPair, PairFailure> {
  const certificate = read(() => new X509Certificate(certificatePem));
  if (certificate === undefined) return unusable('the certificate is no PEM certificate');

  const key: KeyObject | undefined = read(() => createPrivateKey(privateKeyPem));
  if (key === undefined) return unusable('the key is no unencrypted PEM private key');
  if (!certificate.checkPrivateKey(key)) return unusable('the key does not belong to the certificate');

  const notBefore = certificate.validFromDate.getTime();
  const notAfter = certificate.validToDate.getTime();
  if (now < notBefore) return unusable(`the certificate holds only from ${certificate.validFromDate.toISOString()}`);
  if (now >= notAfter) return unusable(`the certificate has expired at ${certificate.validToDate.toISOString()}`);

  if ((certificate.subjectAltName ?? '') === '') return unusable('the certificate has no subject alternative name');
  if (!servesTls(certificate)) return unusable('the certificate is not for servers (extended key usage)');
  if (read(() => createSecureContext({ cert: certificatePem, key: privateKeyPem })) === undefined) {
    return unusable('TLS does not accept the certificate chain and key');
  }
  return { ok: true, value: { certificatePem, privateKeyPem, notBefore, notAfter } };
}

/** Without the extension a certificate is for every usage, and the property is missing, whatever its type says. */
function servesTls(certificate: X509Certificate): boolean {
  const usages: unknown = certificate.keyUsage;
  return !Array.isArray(usages) || usages.includes(SERVER_AUTH) || usages.includes(ANY_USAGE);
}

function read<T>(from: () => T): T | undefined {
  try {
    return from();
  } catch {
    return undefined;
  }
}

function unusable(message: string): { readonly ok: false; readonly failure: PairFailure } {
  return { ok: false, failure: { code: 'CERTIFICATE_UNUSABLE', message } };
}
