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
  if (
    countOf(content.payload, OPENING_BRACE) > MAXIMUM_OBJECTS ||
    countOf(content.payload, BACKSLASH) > MAXIMUM_ESCAPES
  )
    return refused('payload', 'LIMIT_EXCEEDED', 'the statement holds more objects or escapes than are read');
  const statement = parseStatement(content.payload);
  if (!statement.ok) return refused('payload', statement.code, statement.message);
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

/**
 * Objects, and escapes in texts, are what makes a statement slow to read: 2 MiB of nothing else would hold up all other
 * decisions for a tenth of a second. A bill of materials of that size has some 20 000 objects.
 */
const MAXIMUM_OBJECTS = 65_536;
const MAXIMUM_ESCAPES = 262_144;

const OPENING_BRACE = 0x7b;
const BACKSLASH = 0x5c;

function countOf(bytes: Uint8Array, wanted: number): number {
  let count = 0;
  // Over the bytes by their numbers: by an iterator it takes ten times as long.
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === wanted) count++;
  return count;
}

function isDigestOf({ algorithm, digest }: Extract<BundleContent, { kind: 'message' }>, bytes: Uint8Array): boolean {
  return Buffer.compare(createHash(algorithm).update(bytes).digest(), digest) === 0;
}

function otherFile(): RefusedBundle {
  return refused('digest', 'PAYLOAD_DIGEST_MISMATCH', 'the bundle signs something else');
}
