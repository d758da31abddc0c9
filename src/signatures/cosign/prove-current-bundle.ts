import { ok, type Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import { BY_CERTIFICATE, type Check, type CheckName, type Proof, UNRESERVED } from '../../model/finding.ts';
import type { Authorities } from '../../trust/proof-material.ts';
import { trustedChains } from '../../trust/x509/chain.ts';
import { signerOf } from '../../trust/x509/identity.ts';
import { disproved } from '../evidence.ts';
import { readCertificates } from '../sigstore/chain.ts';
import { claimsOf, signatureProblem } from '../sigstore/content.ts';
import { asProof } from '../sigstore/result.ts';
import { readImageBundle } from './bundle.ts';
import { chainFor } from './prove-certified.ts';

/**
 * Proves one sigstore bundle by a long-lived certificate of the policy's authorities: signature, chain, statement. What it
 * carries of logs and timestamps is passed over, since such a policy trusts no log; the proof says from when to when its
 * chain is valid and is judged by that each time.
 * @param bytes the bundle's blob, its digest already checked
 * @param now picks among several chains the one that is valid; milliseconds
 * @see reference/tekton-sigstorejs.md §B.2: the library has no verification at the current time
 */
export async function proveCurrentBundle(
  bytes: Uint8Array,
  { roots, intermediates, edges }: Authorities,
  image: Digest,
  now: number,
): Promise<Result<Proof>> {
  const read = readImageBundle(bytes);
  if (read.kind === 'refused') return asProof(read);
  const {
    bundle: { signer },
    content,
  } = read.value;
  if (signer.kind === 'key')
    return ok(
      disproved('signature', 'CERTIFICATE_MISSING', 'the bundle is signed with a bare key and has no certificate'),
    );
  const certificates = readCertificates(signer.chain);
  if (certificates.kind === 'refused') return asProof(certificates);
  const [leaf, ...brought] = certificates.value;

  const chains = await trustedChains(
    { leaf, intermediates: [...intermediates, ...brought], roots, purpose: 'codeSigning', usage: 'if-stated' },
    edges,
  );
  if (!chains.ok) return ok(disproved('signature', chains.code, chains.message));
  const artifact = { kind: 'digest', digest: image } as const;
  const unsigned = await signatureProblem(content, artifact, leaf.publicKey, 'usual');
  if (unsigned !== undefined) return asProof(unsigned);
  const claims = claimsOf(content, artifact);
  if (claims.kind === 'refused') return asProof(claims);

  const chain = chainFor(chains.value, now);
  const { notBefore, notAfter } = chain;
  const checks = CHECKED.map((check): Check => ({ check, result: { kind: 'passed' } }));
  return ok({
    kind: 'proved',
    signer: signerOf(chain),
    claims: claims.value,
    times: [],
    log: [],
    checks,
    timedBy: BY_CERTIFICATE,
    ...UNRESERVED,
    notBefore,
    notAfter,
  });
}

/** What was checked here. Whether the chain is valid at present is checked at each judgement. */
const CHECKED: readonly CheckName[] = ['format', 'signature', 'payload', 'digest'];
