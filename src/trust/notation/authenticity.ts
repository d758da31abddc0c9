import type { NonEmpty } from '../../model/requirement.ts';
import { type Certificate, isSignedBy, parseCertificate, parseCertificates } from '../x509/certificate.ts';
import { readElements, sameBytes } from '../x509/der.ts';
import { KEY_USAGE } from '../x509/extensions.ts';
import { type Checked, malformed, refuse } from '../x509/result.ts';

/** The types of trust stores. */
export const TRUST_STORE_TYPES = ['ca', 'signingAuthority', 'tsa'] as const;

/** What a trust store of notation is for: signers, signing authorities or timestamp authorities. */
export type TrustStoreType = (typeof TRUST_STORE_TYPES)[number];

/** How a notation signature came about, as it says in what is signed. */
export type SigningScheme = 'notary.x509' | 'notary.x509.signingAuthority';

/** The certificates of all stores that a policy names, by their type; none where it names none of the type. */
export type SignerStores = Readonly<Record<Exclude<TrustStoreType, 'tsa'>, readonly Certificate[]>>;

/** Certificates of one file of a trust store. */
const MAXIMUM_CERTIFICATES = 1000;

/**
 * Finds the certificate for which a chain is trusted: one of its own that is, byte for byte, in a trust store of the type
 * that belongs to the signature's scheme. Nothing is built, so an intermediate in a store trusts what is below it alone.
 * @param chain one that stands by itself: see `codeSigningChainProblem`
 * @returns CERTIFICATE_UNTRUSTED
 * @see notation-core-go signature/envelope.go, VerifyAuthenticity
 */
export function trustedCertificate(
  chain: readonly Certificate[],
  scheme: SigningScheme,
  stores: SignerStores,
): Checked<Certificate> {
  const type = scheme === 'notary.x509' ? 'ca' : 'signingAuthority';
  const trusted = stores[type];
  if (trusted.length === 0)
    return refuse(
      'CERTIFICATE_UNTRUSTED',
      `the signature is of the scheme ${scheme}, and the policy names no trust store of the type "${type}"`,
    );
  const certificate = chain.find(({ der }) => trusted.some((other) => sameBytes(der, other.der)));
  return certificate === undefined
    ? refuse('CERTIFICATE_UNTRUSTED', "no certificate of the signer's chain is in a trust store that the policy names")
    : { ok: true, value: certificate };
}

/**
 * Reads one file of a trust store: PEM where a block begins anywhere, as in Go, and DER, one behind the other, otherwise.
 * All of it is read or nothing; a file without a certificate is refused, for a store must not be empty.
 * @returns CERTIFICATE_MALFORMED, ALGORITHM_UNSUPPORTED
 * @see reference/notation-ratify.md §1.8, "Trust stores"; notation-core-go x509/cert.go
 */
export function readStoreFile(bytes: Uint8Array): Checked<NonEmpty<Certificate>> {
  const text = Buffer.from(bytes).toString('latin1');
  if (text.includes('-----BEGIN ')) return parseCertificates(text, { junk: 'ignored', maximum: MAXIMUM_CERTIFICATES });
  const elements = readElements(bytes) ?? [];
  if (elements.length > MAXIMUM_CERTIFICATES)
    return malformed(`it is one of more than ${MAXIMUM_CERTIFICATES} in a file`);
  const certificates: Certificate[] = [];
  for (const element of elements) {
    const certificate = parseCertificate(element.bytes);
    if (!certificate.ok) return certificate;
    certificates.push(certificate.value);
  }
  const [first, ...rest] = certificates;
  return first === undefined ? malformed('it holds neither PEM nor DER') : { ok: true, value: [first, ...rest] };
}

/**
 * Why a certificate must not be in a store of a type, as the end of a sentence; undefined where it may. It must be an
 * authority's or have signed itself, and for timestamps be an authority's that signed itself. One that must not makes the
 * whole store unusable. When it is valid is not asked here.
 * @see notation-go verifier/truststore
 */
export async function storeProblem(type: TrustStoreType, certificate: Certificate): Promise<string | undefined> {
  const { extensions, issuer, subject } = certificate;
  const mayIssue = extensions.isAuthority && (extensions.keyUsage?.has(KEY_USAGE.keyCertSign) ?? true);
  if (type !== 'tsa' && extensions.isAuthority) return undefined;
  const signedItself = sameBytes(issuer, subject) && (await isSignedBy(certificate, certificate));
  if (type === 'tsa')
    return signedItself && mayIssue
      ? undefined
      : 'a certificate is not one of a root authority, as those for timestamps must be';
  return signedItself ? undefined : "a certificate is neither an authority's nor one that signed itself";
}
