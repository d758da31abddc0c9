import { expect } from 'vitest';
import { createSigner } from '../../../src/cli/demo/signer.ts';
import type { Digest } from '../../../src/image/digest.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { parseReference } from '../../../src/image/reference.ts';
import type { Proof } from '../../../src/model/finding.ts';
import { proveSimpleSigning } from '../../../src/signatures/simple-signing/prove.ts';
import { type OpenPgpCertificate, parseKeyring } from '../../../src/trust/openpgp/keyring.ts';
import type { OpenPgpMaterial } from '../../../src/trust/proof-material.ts';
import { judge } from '../../../src/verifier/judge.ts';
import { keyLeaf } from '../../fixtures/keys.ts';
import { type OpenPgpSigner, simpleSigningPayload } from '../../fixtures/openpgp/signer.ts';

/** The image that the tests' messages are about. */
export const DIGEST = digestOf(Buffer.from('an image'));

/** A payload about it. */
export const PAYLOAD = simpleSigningPayload({ digest: DIGEST });

/** When the tests ask: a year after keys and signatures were made. */
export const NOW = Date.UTC(2026, 0, 1);

/** How a message is asked about. */
export type Asked = {
  readonly weakAlgorithms?: 'refuse' | 'accept';
  readonly now?: number;
  readonly image?: Digest;
};

/** The keys of signers, or of the bytes of keyrings. */
export function materialOf(
  keyrings: readonly (OpenPgpSigner | Uint8Array)[],
  weakAlgorithms: 'refuse' | 'accept' = 'refuse',
): OpenPgpMaterial {
  const [first, ...rest] = keyrings.flatMap((keyring): readonly OpenPgpCertificate[] => {
    const parsed = parseKeyring(keyring instanceof Uint8Array ? keyring : keyring.publicKeyBinary);
    return parsed.ok ? parsed.value : expect.fail(parsed.failure.message);
  });
  if (first === undefined) return expect.fail('no keyring');
  return { kind: 'openpgp', certificates: [first, ...rest], weakAlgorithms };
}

/** What a message proves under keys; a failure fails the test. */
export async function prove(
  message: Uint8Array,
  keyrings: readonly (OpenPgpSigner | Uint8Array)[],
  { weakAlgorithms = 'refuse', image = DIGEST }: Asked = {},
): Promise<Proof> {
  const proof = await proveSimpleSigning(message, materialOf(keyrings, weakAlgorithms), image);
  return proof.ok ? proof.value : expect.fail(`${proof.failure.code}: ${proof.failure.message}`);
}

/** What came of a message: `accepted`, the code of a refusal, or `unread` and the code of a failure. */
export async function say(
  message: Uint8Array,
  keyrings: readonly (OpenPgpSigner | Uint8Array)[],
  { weakAlgorithms = 'refuse', now = NOW, image = DIGEST }: Asked = {},
): Promise<string> {
  const proof = await proveSimpleSigning(message, materialOf(keyrings, weakAlgorithms), image);
  return proof.ok ? judged(proof.value, now) : `unread ${proof.failure.code}`;
}

/** What a leaf that compares no name makes of a proof at a time. */
export function judged(proof: Proof, now: number): string {
  const asked = parseReference('registry.example/acme/app:1.0');
  if (!asked.ok) return expect.fail(asked.failure.message);
  const verdict = judge(keyLeaf([createSigner()]), proof, asked.value, now);
  return verdict.kind === 'accepted' ? 'accepted' : verdict.code;
}

/** Why a proof is none. */
export function refusal(proof: Proof): { readonly code: string; readonly message: string; readonly failed: string } {
  return proof.kind === 'disproved' ? proof : expect.fail('it is proved');
}
