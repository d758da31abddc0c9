import { printable } from '../../encoding/escape.ts';
import type { HttpClient, HttpResponse } from '../../http/client.ts';
import { createGate, type Gate } from '../../http/gate.ts';
import { type Read, unreadable } from './read.ts';
import type { OnRevocationRequest, RevocationLimits } from './status.ts';

/** Asks authorities for what they say: plain HTTP, bounded in bytes, time and concurrency. Never throws. */
export type AuthorityClient = {
  /**
   * Gets what a URL of a certificate leads to.
   * @param suffix put behind the URL's path
   */
  readonly get: (
    text: string,
    purpose: 'ocsp' | 'crl',
    onRequest: OnRevocationRequest | undefined,
    suffix?: string,
  ) => Promise<Read<Uint8Array>>;
};

const MAXIMUM_REDIRECTS = 3;
const MAXIMUM_URL = 2048;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Makes what asks authorities. Certificates name where: so nobody's credentials go along, addresses of this machine and
 * link are refused by the HTTP client, redirects included, and https, which would need another authority's word, is no
 * scheme for this (RFC 5280 §8).
 */
export function createAuthorityClient(http: HttpClient, limits: RevocationLimits): AuthorityClient {
  const settings = {
    ocsp: { gate: createGate({ total: 16, perKey: 4 }), ms: limits.ocspMs, maxBytes: limits.ocspBytes },
    // Each may hold a whole list in memory while it is under way.
    crl: { gate: createGate({ total: 4, perKey: 2 }), ms: limits.crlMs, maxBytes: limits.crlBytes },
  };

  return {
    async get(text, purpose, onRequest, suffix) {
      const { gate, ms, maxBytes } = settings[purpose];
      const signal = AbortSignal.timeout(ms);
      let url = authorityUrl(text);
      if (url !== undefined && suffix !== undefined)
        url.pathname = `${url.pathname}${url.pathname.endsWith('/') ? '' : '/'}${suffix}`;
      for (let redirects = 0; url !== undefined; redirects++) {
        const answer = await inTurn(gate, http, { url, purpose, maxBytes, signal, onRequest });
        if (!answer.ok) return answer;
        const { status, header, body } = answer.value;
        if (status === 200) return { ok: true, value: body };
        const place = header('location');
        const where = printable(url.host, 300);
        if (!REDIRECTS.has(status) || place === undefined) return unreadable(`${where} answered with status ${status}`);
        if (redirects >= MAXIMUM_REDIRECTS) return unreadable(`${where} redirects once too often`);
        url = authorityUrl(place, url);
        if (url === undefined) return unreadable(`${where} redirects to a place that is not asked`);
      }
      return unreadable(`"${printable(text)}" is no URL that is asked: it must be plain http, and name no user`);
    },
  };
}

async function inTurn(
  gate: Gate,
  http: HttpClient,
  {
    url,
    purpose,
    maxBytes,
    signal,
    onRequest,
  }: {
    readonly url: URL;
    readonly purpose: 'ocsp' | 'crl';
    readonly maxBytes: number;
    readonly signal: AbortSignal;
    readonly onRequest: OnRevocationRequest | undefined;
  },
): Promise<Read<HttpResponse>> {
  const { host } = url;
  const answer = await gate.run(host, signal, () => {
    onRequest?.({ host, purpose });
    return http.request({ method: 'GET', url, headers: {}, maxBytes, signal });
  });
  if (!answer.ok) return unreadable(`${printable(host, 300)} was asked too often at once`);
  return answer.value.ok ? answer.value : unreadable(answer.value.failure.message);
}

/** A URL to ask, or undefined where nothing is asked. */
function authorityUrl(text: string, base?: URL): URL | undefined {
  const url = text.length > MAXIMUM_URL ? null : URL.parse(text, base);
  if (url === null || url.protocol !== 'http:' || url.username !== '' || url.password !== '') return undefined;
  return url;
}
