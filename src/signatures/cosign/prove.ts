import { ok, type Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import {
  BY_CERTIFICATE,
  type Check,
  type CheckName,
  type Claims,
  type LogEntry,
  type Proof,
  UNRESERVED,
} from '../../model/finding.ts';
import type { HashRule } from '../../model/requirement.ts';
import type { PublicKey } from '../../trust/public-key.ts';
import type { SigningKeys } from '../../trust/sigstore/bundle-rule.ts';
import type { KeySet } from '../../trust/trust-store.ts';
import { disproved } from '../evidence.ts';
import { verifySignedEntry } from '../rekor/verify.ts';
import type { SigstoreBundle } from '../sigstore/bundle.ts';
import { claimsOf as claimsAbout } from '../sigstore/content.ts';
import { signedBytes } from '../sigstore/log-body.ts';
import { asProof } from '../sigstore/result.ts';
import { readImageBundle } from './bundle.ts';
import { ANNOTATIONS } from './formats.ts';
import { claimsOf, signatureOf } from './layer-claims.ts';

/**
 * Proves one cosign simple-signing layer with the keys of a policy: what it says, and that a key's holder said it
 * about this digest.
 *
 * Who may sign for which name is not asked here: that is judged per policy, on every decision (MODEL.md M1).
 * @param payload the layer's blob, its digest already checked
 * @param logs one of them must have taken the signature in
 * @see reference/sigstore-policy-controller.md §2.2, steps 4 and 5; reference/openshift-containers.md §4
 */
export async function proveLayer(
  payload: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  { keys: keySet, hash }: SigningKeys,
  logs: KeySet | 'none',
  image: Digest,
): Promise<Proof> {
  const signature = signatureOf(annotations);
  if (!signature.ok) return signature.proof;

  const key = await keyThatVerifies(keySet, payload, signature.value, hash);
  if (key === undefined)
    return disproved('signature', 'SIGNATURE_MISMATCH', `the signature does not verify with ${named(keySet)}`);
  const claims = claimsOf(payload, image, display(key));
  if (!claims.ok) return claims.proof;
  if (logs === 'none') return proved(key, claims.value);

  // The entry must name the very key that verified: one for another key of the policy vouches for another signature.
  const entry = await verifySignedEntry(annotations[ANNOTATIONS.rekorBundle], logs, {
    payload,
    signature: signature.value,
    signer: key.fingerprint.slice('sha256:'.length),
  });
  if (!entry.ok) return disproved('transparency', entry.code, entry.message, display(key));
  return proved(key, claims.value, entry.value);
}

/**
 * Proves one sigstore bundle with the keys of a policy. What it carries of logs and timestamps is passed over: the policy
 * asks for none.
 * @param bytes the bundle's blob, its digest already checked
 * @returns a failure only where a bound was hit
 * @see reference/sigstore-policy-controller.md §2.3
 */
export async function proveBundle(
  bytes: Uint8Array,
  { keys: keySet, hash }: SigningKeys,
  image: Digest,
): Promise<Result<Proof>> {
  const read = readImageBundle(bytes);
  if (read.kind === 'refused') return asProof(read);
  const { bundle, content } = read.value;

  const key = await keyThatVerifies(keySet, signedBytes(content), content.signature, hash);
  if (key === undefined) return ok(unverified(bundle, keySet));
  const claims = claimsAbout(content, { kind: 'digest', digest: image });
  if (claims.kind === 'refused') return asProof({ ...claims, claimedSigner: display(key) });
  return ok(proved(key, claims.value));
}

async function keyThatVerifies(
  keySet: KeySet,
  data: Uint8Array,
  signature: Uint8Array,
  hash: HashRule,
): Promise<PublicKey | undefined> {
  for (const key of keySet.keys) {
    if (await key.verifies(data, signature, hash)) return key;
  }
  return undefined;
}

/** A wrong key and a flipped bit look alike, unless the bundle itself points at a key that the policy trusts. */
function unverified({ signer }: SigstoreBundle, keySet: KeySet): Proof {
  const hinted = keySet.keys.find((key) => signer.kind === 'key' && hintOf(key) === signer.hint);
  if (hinted === undefined)
    return disproved('signature', 'SIGNATURE_MISMATCH', `the signature does not verify with ${named(keySet)}`);
  if (hinted.algorithm.kind === 'ed25519')
    return disproved(
      'signature',
      'ALGORITHM_UNSUPPORTED',
      'the Ed25519 signature does not verify; the prehashed variant (Ed25519ph) is not supported',
      display(hinted),
    );
  return disproved(
    'signature',
    'SIGNATURE_CORRUPT',
    `the signature claims ${display(hinted)} and does not verify with it`,
    display(hinted),
  );
}

/** The hint that cosign writes: base64 of the SHA-256 of the key's SubjectPublicKeyInfo. */
function hintOf(key: PublicKey): string {
  return Buffer.from(key.fingerprint.slice('sha256:'.length), 'hex').toString('base64');
}

function named(keySet: KeySet): string {
  const [first, ...rest] = keySet.keys;
  return rest.length === 0 ? `the policy's ${display(first)}` : `any of the policy's ${keySet.keys.length} keys`;
}

function display(key: PublicKey): string {
  return `key ${key.fingerprint}`;
}

const PASSED: readonly CheckName[] = ['format', 'signature', 'payload', 'digest'];

function proved(key: PublicKey, claims: Claims, entry?: LogEntry & { readonly at: number }): Proof {
  const passed: readonly CheckName[] = entry === undefined ? PASSED : [...PASSED, 'transparency'];
  const checks: readonly Check[] = passed.map((check) => ({ check, result: { kind: 'passed' } }));
  return {
    kind: 'proved',
    signer: { display: display(key), ids: [key.fingerprint], identity: 'none' },
    claims,
    times: entry === undefined ? [] : [{ at: entry.at, by: entry.log }],
    log: entry === undefined ? [] : [entry],
    checks,
    timedBy: BY_CERTIFICATE,
    ...UNRESERVED,
    notBefore: 'always',
    notAfter: 'forever',
  };
}
