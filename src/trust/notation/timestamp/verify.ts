import { createHash } from 'node:crypto';
import type { NonEmpty } from '../../../model/requirement.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type TrustedChain, trustedChains, type VerifiedEdges } from '../../x509/chain.ts';
import { sameBytes } from '../../x509/der.ts';
import type { Checked } from '../../x509/result.ts';
import { timestampingChainProblem } from '../profile.ts';
import { invalidTimestamp } from './refusal.ts';
import { signatureProblem, signingTimeProblem } from './signer.ts';
import type { SignerInfo } from './signer-info.ts';
import { signingCertificate } from './signing-certificate.ts';
import { type TimeWindow, validityProblem } from './time-window.ts';
import type { TimestampToken } from './token.ts';

/** When a signature was there, as somebody trusted vouches for. */
export type VerifiedTimestamp = {
  /** The time of the timestamp with its accuracy to either side. */
  readonly window: TimeWindow;
  /** Whose timestamp it is, the trusted root last; nobody asked yet whether any of it was revoked. */
  readonly chain: TrustedChain;
};

/**
 * Verifies that a timestamp is over a signature and is by an authority below a trusted root: every certificate on the way
 * valid at the time that it names, and fit for timestamps under notation's profile. Of several signers one is enough.
 *
 * Revocation is not asked here, nor whether the signature's own chain was valid then: see `validityProblem`.
 * @param signature the bytes that the timestamp must be over: the envelope's bare signature
 * @param roots the certificates of all `tsa` trust stores that the policy names; none trusts nobody
 * @returns TIMESTAMP_INVALID, with what stands against the last signer
 * @see reference/notation-ratify.md §1.10; RFC 3161 §2.4.2
 */
export async function verifyTimestamp(
  token: TimestampToken,
  signature: Uint8Array,
  roots: readonly Certificate[],
  edges: VerifiedEdges,
): Promise<Checked<VerifiedTimestamp>> {
  const { imprint, window } = token.info;
  const [root, ...others] = roots;
  if (root === undefined)
    return invalidTimestamp('is by nobody whom the policy trusts, for it trusts nobody for timestamps');
  if (!sameBytes(createHash(imprint.hash).update(signature).digest(), imprint.digest))
    return invalidTimestamp('is over something else than the signature');
  let last: Checked<never> = invalidTimestamp('is signed by nobody');
  for (const signer of token.signers) {
    const chain = await signerChain(signer, token, [root, ...others], edges);
    if (chain.ok) return { ok: true, value: { window, chain: chain.value } };
    last = chain;
  }
  return last;
}

/** The chain of one signer whose signature holds. */
async function signerChain(
  signer: SignerInfo,
  token: TimestampToken,
  roots: NonEmpty<Certificate>,
  edges: VerifiedEdges,
): Promise<Checked<TrustedChain>> {
  const leaf = signingCertificate(signer, token.certificates);
  if (!leaf.ok) return leaf;
  const against = await signatureProblem(signer, token, leaf.value);
  if (against !== undefined) return invalidTimestamp(against);

  const chains = await trustedChains(
    { leaf: leaf.value, intermediates: token.certificates, roots, purpose: 'timeStamping', usage: 'demanded' },
    edges,
  );
  if (!chains.ok) return invalidTimestamp(`is by an authority that does not hold: ${chains.message}`);
  let problem = '';
  for (const chain of chains.value) {
    const found = await chainProblem(chain, signer, token.info.moment, edges);
    if (found === undefined) return { ok: true, value: chain };
    problem = found;
  }
  return invalidTimestamp(problem);
}

async function chainProblem(
  { certificates }: TrustedChain,
  signer: SignerInfo,
  moment: TimeWindow,
  edges: VerifiedEdges,
): Promise<string | undefined> {
  const against = validityProblem(moment, certificates) ?? (await timestampingChainProblem(certificates, edges));
  if (against !== undefined) return `is by an authority that does not hold: ${against.message}`;
  return signingTimeProblem(signer, certificates);
}
