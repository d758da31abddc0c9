import { hash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** How the API server is told from anybody else who reaches the port (DESIGN.md §4.12). */
export type Callers = {
  /**
   * Path segments of at most 100 characters that only the API server knows. Asked at each request, since they change;
   * while they do, the old and the new one hold.
   */
  readonly segments: () => readonly string[];
  /** Client certificates that only the API server has; undefined where it presents none. */
  readonly certificates: CallerCertificates | undefined;
};

/** Which client certificates are the API server's. Whoever presents another, or none, is served as a stranger. */
export type CallerCertificates = {
  readonly caPem: string;
  /** Common names, one of which the certificate has: the CA may issue for nodes and people as well. */
  readonly names: readonly string[];
};

/** Nobody is known. */
export const NO_CALLERS: Callers = { segments: () => [], certificates: undefined };

/** Whether a segment is one of those that hold, in a time that says nothing of what they are. */
export function isSegment(given: string, segments: readonly string[]): boolean {
  const digest = hash('sha256', given, 'buffer');
  let found = false;
  for (const segment of segments) {
    const same = timingSafeEqual(digest, hash('sha256', segment, 'buffer'));
    // What is empty is known to everybody.
    found = (same && segment !== '') || found;
  }
  return found;
}

/** Whether the other side of a connection proved by its certificate to be the API server. */
export function presentsCertificate(socket: Socket, certificates: CallerCertificates | undefined): boolean {
  if (certificates === undefined || !(socket instanceof TLSSocket) || !socket.authorized) return false;
  const name: unknown = socket.getPeerX509Certificate()?.toLegacyObject().subject.CN;
  return typeof name === 'string' && certificates.names.includes(name);
}

/** What TLS needs to ask for client certificates without insisting on them. */
export function certificateRequest(certificates: CallerCertificates | undefined) {
  return certificates === undefined
    ? {}
    : ({ requestCert: true, rejectUnauthorized: false, ca: certificates.caPem } as const);
}
