import { failed, type Result } from '../../codes/result.ts';
import { printable } from '../../encoding/escape.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { Check, CheckName, Proof, Reservation, RevocableChain, Signer } from '../../model/finding.ts';
import { trustedCertificate } from '../../trust/notation/authenticity.ts';
import { readSubject } from '../../trust/notation/distinguished-name.ts';
import { codeSigningChainProblem } from '../../trust/notation/profile.ts';
import type { NotationMaterial } from '../../trust/proof-material.ts';
import { asProof, refused, type Verified, verified } from '../sigstore/result.ts';
import { type Envelope, type EnvelopeKind, readEnvelope } from './envelope.ts';
import { verifyIntegrity } from './integrity.ts';
import { aboutThis, readPayload, userMetadata } from './payload.ts';
import { type Times, timesOf } from './validity.ts';

/**
 * What a notation envelope proves under a rule: that the holder of a certificate which the rule's stores trust signed this
 * very descriptor. What a level only has reported is a reservation of the proof.
 *
 * What depends on the moment is not decided here: the proof says when it holds. Neither is revocation, nor whether the
 * signer's subject is one that the policy names.
 * @param bytes the envelope, its digest already checked
 * @returns a failure only where nothing can be known: a bound was hit, or a trust store is unusable
 * @see reference/notation-ratify.md §1.9
 */
export async function proveNotation(
  kind: EnvelopeKind,
  bytes: Uint8Array,
  material: NotationMaterial,
  target: Descriptor,
): Promise<Result<Proof>> {
  const unusable = await material.problem();
  if (unusable !== undefined) return failed('TRUST_MATERIAL_UNAVAILABLE', unusable);
  const proof = await prove(kind, bytes, material, target);
  return proof.kind === 'refused' ? asProof(proof) : { ok: true, value: proof.value };
}

async function prove(
  kind: EnvelopeKind,
  bytes: Uint8Array,
  material: NotationMaterial,
  target: Descriptor,
): Promise<Verified<Proof>> {
  const read = readEnvelope(kind, bytes);
  if (read.kind === 'refused') return read;
  const sound = await verifyIntegrity(read.value);
  if (sound.kind === 'refused') return sound;
  const envelope = sound.value;
  const signer = signerOf(envelope);
  // A signature of something else, or of somebody whom nobody knows, is the cheapest to refuse.
  const payload = readPayload(envelope.payload);
  if (payload.kind === 'refused') return claimed(payload, signer);
  const about = aboutThis(payload.value, target);
  if (about.kind === 'refused') return claimed(about, signer);

  const { levels } = material;
  const trusted = trustedCertificate(envelope.chain, envelope.scheme.name, material.stores);
  const stranger = trusted.ok || levels.authenticity === 'log' ? undefined : trusted;
  const problem = await codeSigningChainProblem(envelope.chain, material.edges, stranger);
  if (problem !== undefined) {
    const check = problem === stranger ? 'signer' : 'signature';
    return claimed(refused(check, problem.code, problem.message), signer);
  }
  const reservations: Reservation[] = trusted.ok ? [] : [{ message: trusted.message, holds: 'always' }];
  // Where a stranger may sign, his certificates do not say where requests go, unless revocation is to refuse him.
  const isAsked = trusted.ok || levels.revocation === 'enforce';
  const times = await timesOf(envelope, material);
  if (times.kind === 'refused') return claimed(times, signer);
  return verified({
    kind: 'proved',
    signer,
    claims: {
      digest: target.digest,
      name: { kind: 'unnamed' },
      predicateType: undefined,
      annotations: userMetadata(payload.value),
    },
    log: [],
    checks: PASSED,
    ...times.value,
    reservations: [...reservations, ...times.value.reservations],
    revocable: [...(isAsked ? [signerChain(envelope)] : []), ...times.value.revocable],
  } satisfies Proof & Times);
}

const PASSED: readonly Check[] = (['format', 'signature', 'payload', 'digest'] satisfies readonly CheckName[]).map(
  (check) => ({ check, result: { kind: 'passed' } }),
);

function claimed<T extends { readonly kind: 'refused' }>(refusal: T, { display }: Signer): T {
  return { ...refusal, claimedSigner: display };
}

/**
 * Whom the chain says that the signer is. Its ids are the key, and the subject under the root that vouches for it, so that
 * a renewed certificate is the same signer (MODEL.md M11).
 */
function signerOf({ chain }: Envelope): Signer {
  const [leaf] = chain;
  const root = chain.at(-1) ?? leaf;
  const subject = readSubject(leaf);
  const parts = subject.ok ? subject.value : [];
  const key = leaf.publicKey.fingerprint;
  if (parts.length === 0)
    return { display: `certificate sha256:${leaf.fingerprint}`, ids: [key], identity: { subject: [] } };
  const text = parts.map(({ type, value }) => `${type}=${value}`).join(', ');
  const name = `subject ${JSON.stringify([root.publicKey.fingerprint, ...parts.map(({ type, value }) => [type, value])])}`;
  return { display: printable(text, 253), ids: [key, name], identity: { subject: parts } };
}

/** notation takes the word of a signing authority alone for when a signature was made, and no timestamp's. */
function signerChain({ chain, scheme }: Envelope): RevocableChain {
  const signedAt = scheme.name === 'notary.x509.signingAuthority' ? scheme.authenticSigningTime : undefined;
  // Copies of their own: proofs are kept, and what was cut out of an envelope would keep all of it in memory.
  return { of: 'signer', certificates: chain.map(({ der }) => Uint8Array.from(der)), signedAt, from: 'always' };
}
