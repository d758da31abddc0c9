import type { KeyObject } from 'node:crypto';
import { type SignedEntity, type Signer, type TrustMaterial, VerificationError, Verifier } from '@sigstore/verify';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import type { BundleContent } from './bundle.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';
import type { ReadTimestamp } from './times.ts';
import type { KnownEntry } from './transparency.ts';

/** What the library is asked to verify. Everything was compared with the signature before. */
export type LibraryQuestion = {
  readonly content: BundleContent;
  /** The signer's key, for which the library has nothing left to ask: chain, promises and signature were verified before. */
  readonly key: KeyObject;
  readonly entries: readonly KnownEntry[];
  readonly timestamps: readonly ReadTimestamp[];
};

type LogEntryMessage = SignedEntity['tlogEntries'][number];

/**
 * Asks @sigstore/verify whether timestamps and log entries hold. It is given a key and no certificate: it would trace that to
 * a root at ten times the cost of all the rest, with fewer checks than chain.ts makes. No policy is handed in: it takes
 * identities for unanchored regular expressions.
 * @returns its signer, or a refusal for whatever it throws: VerificationError, and TypeError, SyntaxError and Error for input
 *   that its readers stumble over
 */
export function askLibrary(question: LibraryQuestion, root: TrustedRoot): Verified<Signer> {
  try {
    const material: TrustMaterial = {
      ...root.material,
      publicKey: () => ({ publicKey: question.key, validFor: () => true }),
    };
    const verifier = new Verifier(material, {
      // How many are needed was counted before, by different logs; the library must find no fewer than it was given.
      tlogThreshold: question.entries.length,
      timestampThreshold: timesIn(question),
      ctlogThreshold: 0,
    });
    return verified(verifier.verify(entityOf(question)));
  } catch (error) {
    return refusalFor(error);
  }
}

function entityOf({ content, entries, timestamps }: LibraryQuestion): SignedEntity {
  const tlogEntries = entries.map(messageOf);
  const isSame = (bytes: Uint8Array): boolean => Buffer.compare(bytes, content.signature) === 0;
  return {
    signature: {
      signature: Buffer.from(content.signature),
      compareSignature: isSame,
      // Compared in log-body.ts, by more algorithms than the library knows.
      compareDigest: () => true,
      compareSignedDigest: () => true,
      verifySignature: () => true,
    },
    key: { $case: 'public-key', hint: '' },
    tlogEntries,
    timestamps: [
      ...tlogEntries.filter(givesTime).map((tlogEntry) => ({ $case: 'transparency-log' as const, tlogEntry })),
      ...timestamps.map((timestamp) => ({ $case: 'timestamp-authority' as const, timestamp })),
    ],
  };
}

function messageOf({ entry, checkpoint }: KnownEntry): LogEntryMessage {
  const { proof } = entry;
  return {
    logIndex: String(entry.index),
    logId: { keyId: Buffer.from(entry.logId, 'hex') },
    kindVersion: { kind: entry.kind, version: entry.version },
    integratedTime: String(entry.integratedTime ?? 0),
    inclusionPromise: entry.promise === undefined ? undefined : { signedEntryTimestamp: Buffer.from(entry.promise) },
    inclusionProof:
      proof === undefined || checkpoint === undefined
        ? undefined
        : {
            logIndex: String(proof.index),
            rootHash: Buffer.from(proof.rootHash),
            treeSize: String(proof.treeSize),
            hashes: proof.hashes.map((hash) => Buffer.from(hash)),
            checkpoint: { envelope: checkpoint },
          },
    canonicalizedBody: Buffer.from(entry.body),
  };
}

function givesTime({ integratedTime, inclusionPromise }: LogEntryMessage): boolean {
  return integratedTime !== '0' && inclusionPromise !== undefined;
}

function timesIn({ entries, timestamps }: LibraryQuestion): number {
  return timestamps.length + entries.map((known) => messageOf(known)).filter(givesTime).length;
}

function refusalFor(error: unknown): RefusedBundle {
  if (!(error instanceof VerificationError))
    return refused('format', 'SIGNATURE_MALFORMED', 'the bundle holds something that cannot be read');
  switch (error.code) {
    case 'TIMESTAMP_ERROR':
      return refused(
        'time',
        'TIMESTAMP_INVALID',
        'a timestamp of the bundle does not hold, or is by nobody who is trusted',
      );
    case 'TLOG_BODY_ERROR':
      return refused('transparency', 'LOG_ENTRY_MISMATCH', 'a log entry is of another signature');
    case 'TLOG_ERROR':
    case 'TLOG_INCLUSION_PROOF_ERROR':
    case 'TLOG_INCLUSION_PROMISE_ERROR':
    case 'TLOG_MISSING_INCLUSION_ERROR':
      return refused('transparency', 'LOG_ENTRY_INVALID', 'a log entry of the bundle is not in the log that it names');
    case 'CERTIFICATE_ERROR':
    case 'SIGNATURE_ERROR':
    case 'PUBLIC_KEY_ERROR':
    case 'NOT_IMPLEMENTED_ERROR':
      return refused('signature', 'SIGNATURE_MISMATCH', 'the signature of the bundle does not hold');
  }
}
