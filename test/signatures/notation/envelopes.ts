import { generateKeyPairSync } from 'node:crypto';
import { digestOf } from '../../../src/image/digest.ts';
import { type Envelope, type EnvelopeKind, readEnvelope } from '../../../src/signatures/notation/envelope.ts';
import { verifyIntegrity } from '../../../src/signatures/notation/integrity.ts';
import type { Verified } from '../../../src/signatures/sigstore/result.ts';
import { CODE_SIGNING, extendedUsage, type Issued, issue, issueRoot, usage } from '../../fixtures/certificates.ts';
import { type SigningOptions, signEnvelope } from '../../fixtures/notation/signer.ts';

export const root = issueRoot();

/** A signer's certificate below the root, for these keys. */
export const signerWith = (keys?: Issued['keys']): Issued =>
  issue(root, {
    subject: 'signer',
    extensions: [usage(0), extendedUsage(CODE_SIGNING)],
    ...(keys === undefined ? {} : { keys }),
  });

/** On P-256. */
export const signer = signerWith();
export const rsaSigner = signerWith(generateKeyPairSync('rsa', { modulusLength: 2048 }));

/** What is signed here. */
export const TARGET = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digestOf(Buffer.from('an image')),
  size: 8,
};

/** A good envelope by somebody, about the target, or one with something changed. */
export function envelope(kind: EnvelopeKind, changes: Partial<SigningOptions> = {}, by: Issued = signer): Buffer {
  return signEnvelope({ kind, chain: [by.der, root.der], key: by.keys.privateKey, payload: TARGET, ...changes });
}

/** What an envelope comes to when it is read and its signature verified. */
export async function integrity(kind: EnvelopeKind, bytes: Uint8Array): Promise<Verified<Envelope>> {
  const read = readEnvelope(kind, bytes);
  return read.kind === 'refused' ? read : verifyIntegrity(read.value);
}

/** The same in a word: `verified`, or the code. */
export async function wordFor(kind: EnvelopeKind, bytes: Uint8Array): Promise<string> {
  const result = await integrity(kind, bytes);
  return result.kind === 'verified' ? 'verified' : result.code;
}
