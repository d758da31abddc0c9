import { createPublicKey, type KeyObject } from 'node:crypto';
import { failed, ok, type Result } from '../../codes/result.ts';
import { asObject, type JsonObject } from '../../encoding/strict-json.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { TIME_STAMPING } from '../x509/extensions.ts';
import { bytesAt, listAt, objectAt } from './fields.ts';
import { readWindow, type ValidityWindow } from './validity-window.ts';

/** A certificate authority or a timestamp authority that is trusted. */
export type Authority = {
  /** The certificate nearest to the leaf first, the root last. A timestamp authority's begins with its signer. */
  readonly chain: NonEmpty<Certificate>;
  readonly window: ValidityWindow;
};

/** An authority that signs timestamps, with its signer's key as node:crypto takes it. */
export type TimestampAuthority = Authority & { readonly key: KeyObject };

/** A chain is at most so long; each certificate costs a verification. */
const MAXIMUM_CHAIN = 8;

/** Reads one entry of `certificateAuthorities` or `timestampAuthorities`. */
export function readAuthority(entry: JsonObject, use: 'certificates' | 'timestamps'): Result<Authority> {
  const window = readWindow(entry);
  if (window === undefined) return broken(use, 'does not say from when it holds (validFor.start)');
  const chain: Uint8Array[] = [];
  for (const certificate of listAt(objectAt(entry, 'certChain'), 'certificates') ?? []) {
    const der = bytesAt(asObject(certificate), 'rawBytes');
    if (der === undefined) return broken(use, 'holds a certificate that is not base64');
    chain.push(der);
  }
  return authorityOf(chain, window, use);
}

/**
 * Makes an authority of its certificates. Who signs timestamps must be certified for that (RFC 3161 §2.3); the library
 * does not ask.
 */
export function authorityOf(
  certificates: readonly Uint8Array[],
  window: ValidityWindow,
  use: 'certificates' | 'timestamps',
): Result<Authority> {
  if (certificates.length > MAXIMUM_CHAIN) return broken(use, `has more than ${MAXIMUM_CHAIN} certificates`);
  const chain: Certificate[] = [];
  for (const der of certificates) {
    const certificate = parseCertificate(der);
    if (!certificate.ok) return broken(use, `holds a certificate that cannot be used: ${certificate.message}`);
    const { isAuthority, extendedKeyUsage } = certificate.value.extensions;
    const signsTimestamps = use === 'timestamps' && chain.length === 0;
    if (signsTimestamps && extendedKeyUsage?.includes(TIME_STAMPING) !== true)
      return broken(use, 'begins with a certificate that is not for timestamps');
    if (!signsTimestamps && !isAuthority) return broken(use, 'holds a certificate that may not sign certificates');
    chain.push(certificate.value);
  }
  const [first, ...rest] = chain;
  return first === undefined ? broken(use, 'has no certificates') : ok({ chain: [first, ...rest], window });
}

/** Prepares an authority for its timestamps. */
export function timestampAuthorityOf(authority: Authority): TimestampAuthority {
  const [{ publicKey }] = authority.chain;
  return { ...authority, key: createPublicKey({ key: Buffer.from(publicKey.spki), format: 'der', type: 'spki' }) };
}

function broken(use: 'certificates' | 'timestamps', what: string): Result<never> {
  const name = use === 'certificates' ? 'a certificate authority' : 'a timestamp authority';
  return failed('TRUST_MATERIAL_UNAVAILABLE', `in the trusted root, ${name} ${what}`);
}
