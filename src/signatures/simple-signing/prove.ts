import { ok, type Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import { type Check, type CheckName, type Claims, type Proof, UNRESERVED } from '../../model/finding.ts';
import { KEY_ALGORITHMS, type OpenPgpKey } from '../../trust/openpgp/key-packet.ts';
import type { OpenPgpCertificate } from '../../trust/openpgp/keyring.ts';
import { type OpenPgpLibrary, openPgpLibrary } from '../../trust/openpgp/library.ts';
import { type SigningKey, signingKey } from '../../trust/openpgp/signing-key.ts';
import type { OpenPgpMaterial } from '../../trust/proof-material.ts';
import { claimsOf } from '../cosign/layer-claims.ts';
import { disproved } from '../evidence.ts';
import { readSignedMessage } from './message.ts';
import { type MessageSignature, readMessageSignature } from './signature.ts';

type Disproved = Extract<Proof, { kind: 'disproved' }>;

/** A key of the policy that a signature may be by. */
type Candidate = { readonly certificate: OpenPgpCertificate; readonly key: OpenPgpKey };

/** How far the clock of whoever signed may be ahead; milliseconds. gpg takes any date. */
const SKEW = 5 * 60 * 1000;

/** Hashes that count as weak, by their numbers (RFC 9580 §9.5). */
const WEAK_HASHES: ReadonlyMap<number, string> = new Map([
  [1, 'MD5'],
  [2, 'SHA-1'],
  [3, 'RIPEMD-160'],
]);
/** Refused by gpg too. */
const MD5 = 1;
/** What EdDSA signs has 256 bits or more (RFC 9580 §5.2.3.3), which the library insists on. */
const SHORT_HASHES: ReadonlyMap<number, string> = new Map([...WEAK_HASHES, [11, 'SHA-224']]);
const EDDSA: ReadonlySet<number> = new Set([KEY_ALGORITHMS.eddsaLegacy, KEY_ALGORITHMS.ed25519, KEY_ALGORITHMS.ed448]);

/** Keys of the policy that a refusal lists. */
const MAXIMUM_NAMED = 3;

/**
 * What an OpenPGP message proves: that a key of the policy signed a simple-signing payload about this digest.
 *
 * At which time it holds is part of the proof, and judged on every decision: from when the key was made, and the signature
 * but for some minutes, until the first of them ends. A signature of a subkey is its primary key's.
 * @param message attacker-controlled
 * @returns a failure only where a bound was hit, or the library is not there
 * @see reference/openshift-containers.md §3.1, §3.3, §7
 */
export async function proveSimpleSigning(
  message: Uint8Array,
  material: OpenPgpMaterial,
  image: Digest,
): Promise<Result<Proof>> {
  const read = readSignedMessage(message);
  if (!read.ok) return read.failure.code === 'RESPONSE_MALFORMED' ? ok(unreadable(read.failure.message)) : read;
  const { payload, signature: body } = read.value;

  const library = await openPgpLibrary();
  if (!library.ok) return library;
  const signature = await readMessageSignature(library.value, body, material.weakAlgorithms);
  if (typeof signature === 'string') return ok(unreadable(signature));

  const candidates = candidatesFor(signature, material);
  const [first, ...rest] = candidates;
  if (first === undefined) return ok(unknown(signature, material));
  let proof = await proveWith(library.value, first, signature, payload, material, image);
  // Key ids are short enough to be made alike on purpose, so that each key that bears this one is tried.
  for (const candidate of rest) {
    if (proof.kind === 'proved') break;
    proof = await proveWith(library.value, candidate, signature, payload, material, image);
  }
  return ok(proof);
}

function candidatesFor({ keyId }: MessageSignature, { certificates }: OpenPgpMaterial): readonly Candidate[] {
  return certificates.flatMap((certificate) =>
    certificate.keys.filter((key) => key.keyId === keyId).map((key) => ({ certificate, key })),
  );
}

async function proveWith(
  library: OpenPgpLibrary,
  { certificate, key }: Candidate,
  signature: MessageSignature,
  payload: Uint8Array,
  { weakAlgorithms }: OpenPgpMaterial,
  image: Digest,
): Promise<Proof> {
  const signer = display(certificate);
  const weak = weakHash(signature, key, weakAlgorithms);
  if (weak !== undefined) return disproved('signature', 'ALGORITHM_WEAK', `the signature is made with ${weak}`, signer);

  const signing = await signingKey(library, certificate, key, weakAlgorithms);
  if (!signing.ok) return disproved('signature', signing.code, `${signer}: ${signing.message}`, signer);
  if (signature.created < signing.value.notBefore)
    return disproved('signature', 'KEY_UNFIT', `${signer} was made after the signature that names it`, signer);
  if (!(await signature.verifies(payload, key, signing.value)))
    return disproved(
      'signature',
      'SIGNATURE_CORRUPT',
      `the signature claims ${signer} and does not verify with it`,
      signer,
    );

  const claims = claimsOf(payload, image, signer, 'atomic');
  return claims.ok ? proved(certificate, signature, signing.value, claims.value) : claims.proof;
}

/** The name of the hash that a signature must not be made with, or undefined. */
function weakHash(
  { hash }: MessageSignature,
  { algorithm }: OpenPgpKey,
  weakAlgorithms: 'refuse' | 'accept',
): string | undefined {
  if (EDDSA.has(algorithm)) return SHORT_HASHES.get(hash);
  return weakAlgorithms === 'refuse' || hash === MD5 ? WEAK_HASHES.get(hash) : undefined;
}

/** Of a key that the policy does not have: it is named, beside those that it has (openshift-containers.md §6). */
function unknown({ keyId }: MessageSignature, { certificates }: OpenPgpMaterial): Disproved {
  const known = certificates.slice(0, MAXIMUM_NAMED).map(({ fingerprint }) => fingerprint.toUpperCase());
  const more = certificates.length - known.length;
  const list = `${known.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const claimed = `OpenPGP key id ${keyId.toUpperCase()}`;
  const message = `the signature is by ${claimed}, and the policy has only ${certificates.length === 1 ? 'the key' : 'the keys'} ${list}`;
  return disproved('signature', 'SIGNATURE_MISMATCH', message, claimed);
}

const PASSED: readonly Check[] = (['format', 'signature', 'payload', 'digest'] satisfies readonly CheckName[]).map(
  (check) => ({ check, result: { kind: 'passed' } }),
);

function proved(
  certificate: OpenPgpCertificate,
  signature: MessageSignature,
  signing: SigningKey,
  claims: Claims,
): Proof {
  const from = signature.created - SKEW;
  const isSignatureLater = from > signing.notBefore;
  const isSignatureFirst = isBefore(signature.notAfter, signing.notAfter);
  return {
    kind: 'proved',
    signer: { display: display(certificate), ids: [`openpgp:${certificate.fingerprint}`], identity: 'none' },
    claims,
    times: [],
    log: [],
    checks: PASSED,
    ...UNRESERVED,
    timedBy: { from: isSignatureLater ? 'signature' : 'key', until: isSignatureFirst ? 'signature' : 'key' },
    notBefore: isSignatureLater ? from : signing.notBefore,
    notAfter: isSignatureFirst ? signature.notAfter : signing.notAfter,
  };
}

/** Whether one end comes before another. */
function isBefore(one: number | 'forever', other: number | 'forever'): boolean {
  return one !== 'forever' && (other === 'forever' || one < other);
}

function display({ fingerprint }: OpenPgpCertificate): string {
  return `OpenPGP key ${fingerprint.toUpperCase()}`;
}

function unreadable(why: string): Disproved {
  return disproved('format', 'SIGNATURE_MALFORMED', `the OpenPGP signature cannot be read: ${why}`);
}
