import type { Digest } from '../../image/digest.ts';
import {
  BY_CERTIFICATE,
  type Check,
  type CheckName,
  type Claims,
  type LogEntry,
  type Proof,
  type Signer,
  UNRESERVED,
  type WitnessedTime,
} from '../../model/finding.ts';
import type { NonEmpty } from '../../model/requirement.ts';
import type { ProofMaterial } from '../../trust/proof-material.ts';
import { chainAt, type TrustedChain, trustedChains } from '../../trust/x509/chain.ts';
import { signerOf } from '../../trust/x509/identity.ts';
import { disproved } from '../evidence.ts';
import { verifySignedEntry } from '../rekor/verify.ts';
import { readAttachedCertificates } from './certificate-annotations.ts';
import { ANNOTATIONS } from './formats.ts';
import { claimsOf, signatureOf } from './layer-claims.ts';

/** The authorities of a policy, and what proves when something was signed. */
export type CertifiedMaterial = Extract<ProofMaterial, { kind: 'logged-certificates' | 'current-certificates' }>;

/**
 * Proves one cosign simple-signing layer by the certificate that it carries: that an authority of the policy vouches for
 * the signer, that the signer said it about this digest, and when.
 *
 * With a log, every certificate of the chain was valid when the log took the signature in (Fulcio's live for ten minutes).
 * Without one, the proof says from when to when its chain is valid, and is judged by that each time: whether it holds now
 * is no property of the signature. Who may sign for what is judged per policy, too.
 * @param payload the layer's blob, its digest already checked
 * @param now picks among several chains the one that is valid; milliseconds
 * @see reference/openshift-containers.md §4
 */
export async function proveCertifiedLayer(
  payload: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  material: CertifiedMaterial,
  image: Digest,
  now: number,
): Promise<Proof> {
  const signature = signatureOf(annotations);
  if (!signature.ok) return signature.proof;
  const attached = readAttachedCertificates(annotations);
  if (!attached.ok) return disproved('format', attached.code, attached.message);
  const { leaf, intermediates } = attached.value;

  const chains = await trustedChains(
    {
      leaf,
      intermediates: [...material.intermediates, ...intermediates],
      roots: material.roots,
      purpose: 'codeSigning',
      usage: material.kind === 'logged-certificates' ? 'demanded' : 'if-stated',
    },
    material.edges,
  );
  if (!chains.ok) return disproved('signature', chains.code, chains.message);
  const { display } = signerOf(chains.value[0]);
  if (!(await leaf.publicKey.verifies(payload, signature.value, 'sha256')))
    return disproved(
      'signature',
      'SIGNATURE_CORRUPT',
      'the signature does not verify with the certificate beside it',
      display,
    );
  const claims = claimsOf(payload, image, display);
  if (!claims.ok) return claims.proof;

  if (material.kind === 'current-certificates') {
    const chain = chainFor(chains.value, now);
    const { notBefore, notAfter } = chain;
    return proved(signerOf(chain), claims.value, { checks: CURRENT, times: [], log: [], notBefore, notAfter });
  }

  const entry = await verifySignedEntry(annotations[ANNOTATIONS.rekorBundle], material.logs, {
    payload,
    signature: signature.value,
    signer: leaf.fingerprint,
  });
  if (!entry.ok) return disproved('transparency', entry.code, entry.message, display);
  const { at } = entry.value;
  const chain = chainAt(chains.value, at);
  if (!chain.ok)
    return disproved('time', chain.code, `${chain.message}; it was logged at ${new Date(at).toISOString()}`, display);
  const times = [{ at, by: entry.value.log }];
  return proved(signerOf(chain.value), claims.value, {
    checks: LOGGED,
    times,
    log: [entry.value],
    notBefore: 'always',
    notAfter: 'forever',
  });
}

/** The chain that is valid at a moment, or else the one that is valid for longest: whether it holds is judged each time. */
export function chainFor(chains: NonEmpty<TrustedChain>, now: number): TrustedChain {
  const current = chainAt(chains, now);
  return current.ok ? current.value : chains.reduce((best, chain) => (chain.notAfter > best.notAfter ? chain : best));
}

/** What was checked here. Whether a chain is valid at present is checked at each judgement. */
const CURRENT: readonly CheckName[] = ['format', 'signature', 'payload', 'digest'];
const LOGGED: readonly CheckName[] = [...CURRENT, 'transparency', 'time'];

function proved(
  signer: Signer,
  claims: Claims,
  rest: {
    readonly checks: readonly CheckName[];
    readonly times: readonly WitnessedTime[];
    readonly log: readonly LogEntry[];
    readonly notBefore: number | 'always';
    readonly notAfter: number | 'forever';
  },
): Proof {
  const checks: readonly Check[] = rest.checks.map((check) => ({ check, result: { kind: 'passed' } }));
  return { kind: 'proved', signer, claims, ...rest, timedBy: BY_CERTIFICATE, ...UNRESERVED, checks };
}
