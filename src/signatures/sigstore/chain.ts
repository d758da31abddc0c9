import type { NonEmpty } from '../../model/requirement.ts';
import type { Authority } from '../../trust/sigstore/authority.ts';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { within } from '../../trust/sigstore/validity-window.ts';
import { type Certificate, parseCertificate } from '../../trust/x509/certificate.ts';
import { chainAt, type TrustedChain, trustedChains } from '../../trust/x509/chain.ts';
import { KEY_USAGE } from '../../trust/x509/extensions.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';

/** The certificates of a bundle, read. */
export function readCertificates(ders: NonEmpty<Uint8Array>): Verified<NonEmpty<Certificate>> {
  const read: Certificate[] = [];
  for (const der of ders) {
    const certificate = parseCertificate(der);
    if (!certificate.ok) return refused('signer', certificate.code, certificate.message);
    // A root is trusted because the verifier has it, never because a bundle brings it (protobuf-specs, X509CertificateChain).
    if (read.length > 0 && Buffer.compare(certificate.value.issuer, certificate.value.subject) === 0)
      return refused('signer', 'CERTIFICATE_UNTRUSTED', 'the signature brings a root certificate, as it must not');
    read.push(certificate.value);
  }
  const [leaf, ...intermediates] = read;
  return leaf === undefined
    ? refused('format', 'SIGNATURE_MALFORMED', 'the bundle holds no certificate')
    : verified([leaf, ...intermediates]);
}

/**
 * Traces a signer's certificate to one authority of the root: by signatures, usages, lengths and name constraints, and so
 * that authority and all certificates held at every one of the times.
 *
 * Certificates that the bundle brings are only ever a way to what the root trusts; the library ignores them.
 * @param times milliseconds since the epoch; not empty, or nothing would be asked
 * @see sigstore client specification §4.3
 */
export async function signerChain(
  [leaf, ...brought]: NonEmpty<Certificate>,
  root: TrustedRoot,
  times: readonly number[],
): Promise<Verified<TrustedChain>> {
  if (times.length === 0) return refused('time', 'TIME_UNPROVEN', 'the signature has no witnessed time');
  if (leaf.extensions.keyUsage?.has(KEY_USAGE.digitalSignature) !== true)
    return refused('signer', 'CERTIFICATE_UNFIT', "the signer's certificate is not for digital signatures");

  let problem: RefusedBundle = refused(
    'signer',
    'CERTIFICATE_UNTRUSTED',
    'the trusted root has no certificate authority',
  );
  for (const authority of root.certificateAuthorities) {
    const found = await chainBelow(leaf, brought, authority, root, times);
    if (found.kind === 'verified') return found;
    if (problem.code === 'CERTIFICATE_UNTRUSTED') problem = found;
  }
  return problem;
}

async function chainBelow(
  leaf: Certificate,
  brought: readonly Certificate[],
  authority: Authority,
  root: TrustedRoot,
  times: readonly number[],
): Promise<Verified<TrustedChain>> {
  const anchor = authority.chain.at(-1) ?? authority.chain[0];
  const chains = await trustedChains(
    {
      leaf,
      intermediates: [...authority.chain.slice(0, -1), ...brought],
      roots: [anchor],
      purpose: 'codeSigning',
      usage: 'demanded',
    },
    root.edges,
  );
  if (!chains.ok) return refused('signer', chains.code, chains.message);
  if (!times.every((at) => within(authority.window, at)))
    return refused('time', 'CERTIFICATE_UNTRUSTED', 'the authority of the certificate is not trusted for that time');
  const held = chains.value.find((chain) => times.every((at) => chainAt([chain], at).ok));
  if (held !== undefined) return verified(held);
  const [first = 0] = times.filter((at) => !chainAt(chains.value, at).ok);
  const why = chainAt(chains.value, first);
  return why.ok
    ? refused('time', 'CERTIFICATE_EXPIRED', 'no way to the authority is valid at all witnessed times')
    : refused('time', why.code, why.message);
}
