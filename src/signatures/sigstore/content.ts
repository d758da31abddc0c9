import { createHash } from 'node:crypto';
import { type Digest, digestOf, hexOf } from '../../image/digest.ts';
import type { Claims } from '../../model/finding.ts';
import type { HashRule } from '../../model/requirement.ts';
import type { PublicKey } from '../../trust/public-key.ts';
import { IN_TOTO_PAYLOAD } from '../cosign/formats.ts';
import { parseStatement } from '../cosign/statement.ts';
import type { BundleContent } from './bundle.ts';
import { signedBytes } from './log-body.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';

/** What must have been signed: a file, or something of which only the digest is known, as an image is. */
export type SignedArtifact =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'digest'; readonly digest: Digest };

/**
 * Whether the holder of the key signed the content, and the digest that a bundle writes beside a file's signature is the
 * file's.
 * @param hashes for an envelope, which does not say with which hash it was signed; a message does
 * @returns the refusal, or undefined where it holds
 */
export async function signatureProblem(
  content: BundleContent,
  artifact: SignedArtifact,
  key: PublicKey,
  hashes: HashRule,
): Promise<RefusedBundle | undefined> {
  const signed =
    content.kind === 'dsse' ? signedBytes(content) : artifact.kind === 'bytes' ? artifact.bytes : undefined;
  if (signed === undefined)
    return refused(
      'signature',
      'ARTIFACT_REQUIRED',
      'the bundle signs the bytes of a file, and only a digest is known: without the file the signature cannot be verified',
    );
  if (content.kind === 'message' && artifact.kind === 'bytes' && !isDigestOf(content, artifact.bytes))
    return otherFile();
  const hash = content.kind === 'message' ? content.algorithm : hashes;
  if (await key.verifies(signed, content.signature, hash)) return undefined;
  return refused('signature', 'SIGNATURE_MISMATCH', "the signature does not verify with the signer's key");
}

/**
 * What the content says about the artifact: that a file's digest is the one written in the bundle, or that the artifact is a
 * subject of the signed in-toto statement. An envelope of any other type says nothing.
 *
 * A statement takes the longest of all to read, so it is asked for last, once its signer is known to be trusted.
 */
export function claimsOf(content: BundleContent, artifact: SignedArtifact): Verified<Claims> {
  const digest = artifact.kind === 'bytes' ? digestOf(artifact.bytes) : artifact.digest;
  if (content.kind === 'message') {
    if (artifact.kind === 'digest' || !isDigestOf(content, artifact.bytes)) return otherFile();
    return verified({ digest, name: { kind: 'unnamed' }, predicateType: undefined, annotations: {} });
  }
  if (content.payloadType !== IN_TOTO_PAYLOAD)
    return refused('payload', 'PAYLOAD_TYPE_UNEXPECTED', 'the bundle holds no in-toto statement');
  const statement = parseStatement(content.payload);
  if (statement.kind === 'refused') return statement;
  const subject = statement.value.subjects.find(({ sha256 }) => sha256 === hexOf(digest));
  if (subject === undefined)
    return refused('digest', 'PAYLOAD_DIGEST_MISMATCH', 'the statement is about something else');
  return verified({
    digest,
    name: { kind: 'unnamed' },
    predicateType: statement.value.predicateType,
    annotations: subject.annotations,
  });
}

function isDigestOf({ algorithm, digest }: Extract<BundleContent, { kind: 'message' }>, bytes: Uint8Array): boolean {
  return Buffer.compare(createHash(algorithm).update(bytes).digest(), digest) === 0;
}

function otherFile(): RefusedBundle {
  return refused('digest', 'PAYLOAD_DIGEST_MISMATCH', 'the bundle signs something else');
}
