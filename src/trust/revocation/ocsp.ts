import { printable } from '../../encoding/escape.ts';
import type { Certificate } from '../x509/certificate.ts';
import { createFacts, type SignedFact } from './facts.ts';
import type { AuthorityClient } from './fetch.ts';
import { type CertificateId, certificateId, requestPath } from './ocsp-request.ts';
import { type OcspAnswer, readOcspResponse } from './ocsp-response.ts';
import { ocspSigner } from './ocsp-signer.ts';
import { type Read, unreadable } from './read.ts';
import {
  type AskContext,
  CLOCK_SKEW_MS,
  type OnRevocationRequest,
  type RevocationLimits,
  type RevocationStatus,
  statusOf,
  unknown,
} from './status.ts';

/** Asks OCSP responders about certificates, and keeps what they signed. */
export type Ocsp = {
  /**
   * @param urls asked in order, until one answers
   * @param signedAt when the signature was made, if that is known beyond doubt; milliseconds
   */
  readonly status: (
    certificate: Certificate,
    issuer: Certificate,
    urls: readonly string[],
    signedAt: number | undefined,
    context: AskContext,
  ) => Promise<RevocationStatus>;
};

type KeptAnswer = SignedFact & Pick<OcspAnswer, 'revokedAt' | 'invalidSince'> & { readonly url: string };

/** Memory of an answer beside its URL; bytes. */
const ANSWER_BYTES = 200;

/**
 * Makes what asks OCSP responders.
 *
 * Row 9 of §1.14: a responder that the issuer appointed without `id-pkix-ocsp-nocheck` is looked up in the lists that its
 * own certificate names; if it names none it cannot be revoked, like every other certificate. Row 11: an answer that
 * does not say until when it holds has ended already.
 * @param isRevoked asks the lists about a responder
 * @see reference/notation-ratify.md §1.11
 */
export function createOcsp(
  client: AuthorityClient,
  clock: () => number,
  limits: RevocationLimits,
  isRevoked: (certificate: Certificate, issuer: Certificate, context: AskContext) => Promise<RevocationStatus>,
): Ocsp {
  const facts = createFacts<KeptAnswer>({ entries: 8_192, bytes: limits.keptOcspBytes }, clock);

  async function ask(
    url: string,
    id: CertificateId,
    issuer: Certificate,
    onRequest: OnRevocationRequest | undefined,
  ): Promise<Read<KeptAnswer>> {
    const path = requestPath(id);
    if (path === undefined) return unreadable('its serial number is too long to ask about');
    const body = await client.get(url, 'ocsp', onRequest, path);
    if (!body.ok) return body;
    const response = readOcspResponse(body.value, id);
    if (!response.ok) return response;
    const { answer } = response.value;
    const now = clock();
    const signer = await ocspSigner(response.value, issuer, now);
    if (!signer.ok) return signer;
    if (answer.thisUpdate > now + CLOCK_SKEW_MS) return unreadable('the answer is from the future');
    if (answer.nextUpdate === undefined) return unreadable('the answer does not say until when it holds');
    if (answer.nextUpdate < now) return unreadable('the answer has expired');
    const { value: by } = signer;
    if (by.kind === 'appointed' && by.isToBeChecked) {
      // Its own time bounds this: whoever asked may be gone, and the answer is kept for the next.
      const own = await isRevoked(by.certificate, issuer, { signal: AbortSignal.timeout(limits.crlMs), onRequest });
      const status = statusOf("the responder's own certificate", own);
      if (status.kind !== 'good') return unreadable(status.message);
    }
    // Signed, and yet nothing to go by: it may be good in a minute, so it is kept no longer than a failure.
    if (answer.status === 'unknown') return unreadable('the responder does not know the certificate');
    return {
      ok: true,
      value: {
        url,
        revokedAt: answer.status === 'revoked' ? (answer.revokedAt ?? answer.thisUpdate) : undefined,
        invalidSince: answer.invalidSince,
        issuedAt: answer.thisUpdate,
        until: by.kind === 'issuer' ? answer.nextUpdate : Math.min(answer.nextUpdate, by.certificate.notAfter),
        bytes: ANSWER_BYTES + url.length * 2,
      },
    };
  }

  return {
    async status(certificate, issuer, urls, signedAt, context) {
      const id = certificateId(certificate, issuer);
      const problems: string[] = [];
      for (const url of urls) {
        const key = JSON.stringify([issuer.fingerprint, Buffer.from(id.serial).toString('hex'), url]);
        const read = await facts.get(key, context, (onRequest) => ask(url, id, issuer, onRequest));
        if (read.ok) return judge(read.value, signedAt);
        problems.push(`${shown(url)}: ${read.message}`);
      }
      return unknown(problems.length === 0 ? 'its OCSP responder has no URL' : problems.join('; '));
    },
  };
}

function judge({ url, revokedAt, invalidSince }: KeptAnswer, signedAt: number | undefined): RevocationStatus {
  if (revokedAt === undefined) return { kind: 'good' };
  if (signedAt !== undefined && invalidSince !== undefined && signedAt < invalidSince) return { kind: 'good' };
  return { kind: 'revoked', message: `was revoked on ${new Date(revokedAt).toISOString()}, says ${shown(url)}` };
}

const shown = (url: string): string => `OCSP responder ${printable(url)}`;
