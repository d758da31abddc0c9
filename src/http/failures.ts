import { type Failure, failure } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';

/** Marks the error by which a connection to a forbidden address is refused. */
export const FORBIDDEN_ADDRESS_CODE = 'ERR_COUNTERSIGN_ADDRESS_FORBIDDEN';

/** What node and OpenSSL call a certificate that is not trusted for a host. */
const TRUST_ERRORS: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_FORMAT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UND_ERR_PRX_TLS',
]);

const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

/**
 * Says what an error of the HTTP client means. Whatever is not known better is a connection that did not hold.
 * @param host for the message; `signal` tells an abort from other trouble
 */
export function failureOf(error: unknown, host: string, signal: AbortSignal): Failure {
  const at = printable(host, 300);
  if (signal.aborted) return failure('REGISTRY_DEADLINE', `${at} did not answer in time`, error);
  const codes = codesOf(error);
  const has = (known: ReadonlySet<string>) => codes.some((code) => known.has(code));

  if (codes.includes(FORBIDDEN_ADDRESS_CODE)) return forbiddenAddress(host);
  if (has(TRUST_ERRORS)) {
    return failure('REGISTRY_TLS_UNTRUSTED', `the certificate of ${at} is not trusted (${codes[0] ?? ''})`, error);
  }
  if (has(TIMEOUTS)) return failure('REGISTRY_DEADLINE', `${at} did not answer in time`, error);
  if (codes.includes('UND_ERR_HEADERS_OVERFLOW')) {
    return failure('RESPONSE_TOO_LARGE', `${at} answered with larger headers than countersign reads`, error);
  }
  if (codes.includes('UND_ERR_RES_CONTENT_LENGTH_MISMATCH')) {
    return failure('RESPONSE_MALFORMED', `${at} answered with another length than it says`, error);
  }
  // undici gives its parser's errors a name and no code; a body that ends early is a cut connection.
  if (error instanceof Error && error.name === 'HTTPParserError' && !error.message.includes('EOF')) {
    return failure('RESPONSE_MALFORMED', `${at} answered with something that is not HTTP`, error);
  }
  const why = codes[0] === undefined ? '' : ` (${printable(codes[0], 60)})`;
  return failure('REGISTRY_UNREACHABLE', `the connection to ${at} failed${why}`, error);
}

/** The refusal of a request to an address that only the configuration may name. */
export function forbiddenAddress(host: string): Failure {
  return failure('ADDRESS_FORBIDDEN', `${printable(host, 300)} is at a loopback, link-local or metadata address`);
}

/** The codes of an error and of what lies beneath it, outermost first. */
function codesOf(error: unknown): readonly string[] {
  const codes: string[] = [];
  let beneath: unknown = error;
  for (let depth = 0; depth < 5 && beneath instanceof Error; depth++) {
    if ('code' in beneath && typeof beneath.code === 'string') codes.push(beneath.code);
    if (beneath instanceof AggregateError) for (const each of beneath.errors) codes.push(...codesOf(each));
    beneath = beneath.cause;
  }
  return codes;
}
