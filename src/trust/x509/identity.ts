import type { CertificateIdentity, Signer, SubjectName } from '../../model/finding.ts';
import type { Certificate } from './certificate.ts';
import type { TrustedChain } from './chain.ts';

/** Whom a certificate belongs to. Worth something only at the end of a trusted chain. */
function identityOf({ extensions }: Certificate): CertificateIdentity {
  return { issuer: extensions.fulcioIssuer, names: extensions.names };
}

/**
 * The signer that a trusted chain names. Its ids are the key and each name as the issuer vouches for it, so that the same
 * person with another certificate, or the same key without one, is one signer (MODEL.md M11).
 */
export function signerOf(chain: TrustedChain): Signer {
  const [leaf] = chain.certificates;
  const identity = identityOf(leaf);
  const root = chain.certificates.at(-1) ?? leaf;
  // Where no OIDC issuer is named, the root is who vouches: its key, because it outlives its certificates.
  const issuer = identity.issuer ?? root.publicKey.fingerprint;
  // As JSON, so that no text of a certificate can run over into the next part.
  const ids = identity.names.map((name) => `name ${JSON.stringify([issuer, ...Object.values(name)])}`);
  return {
    display: display(identity, leaf),
    ids: [leaf.publicKey.fingerprint, ...ids],
    identity,
  };
}

function display({ issuer, names }: CertificateIdentity, leaf: Certificate): string {
  const shown = names.flatMap((name) => shownName(name));
  const who = shown.length === 0 ? `certificate sha256:${leaf.fingerprint}` : shown.join(', ');
  return issuer === undefined ? who : `${who} (${issuer})`;
}

function shownName(name: SubjectName): readonly string[] {
  return 'text' in name && name.kind !== 'ip' ? [name.text] : [];
}
