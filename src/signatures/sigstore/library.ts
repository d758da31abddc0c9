import { type SignedEntity, VerificationError, Verifier } from '@sigstore/verify';
import type { NonEmpty } from '../../model/requirement.ts';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { type RefusedBundle, refused } from './result.ts';
import type { KnownEntry } from './transparency.ts';

type LogEntryMessage = SignedEntity['tlogEntries'][number];

/**
 * Asks @sigstore/verify whether log entries are in their logs: promises, proofs of inclusion and checkpoints.
 *
 * It is asked for nothing else. It would trace a certificate to a root at ten times the cost of all the rest, with fewer
 * checks than chain.ts makes, and a timestamp's authority in the same way; it takes identities for unanchored regular
 * expressions, and never compares the signer with the entry.
 * @param entries of trusted logs; everything in them was compared with the signature before
 * @param signature what the entries must be about
 * @returns a refusal for whatever it throws: VerificationError, and TypeError, SyntaxError and Error for input that its readers
 *   stumble over; undefined where all hold
 */
export function inclusionProblem(
  entries: NonEmpty<KnownEntry>,
  signature: Uint8Array,
  root: TrustedRoot,
): RefusedBundle | undefined {
  const [{ log }] = entries;
  const tlogEntries = entries.map(messageOf);
  const promises = tlogEntries.filter(
    ({ inclusionPromise, integratedTime }) => inclusionPromise !== undefined && integratedTime !== '0',
  );
  try {
    const verifier = new Verifier(
      {
        ...NOBODY,
        tlogs: root.libraryLogs,
        // The library wants a signer's key, and does nothing with it but hand it back.
        publicKey: () => ({ publicKey: log.key, validFor: () => true }),
      },
      // How many are needed was counted before, by different logs; the library must find no fewer than it was given.
      { tlogThreshold: entries.length, timestampThreshold: promises.length, ctlogThreshold: 0 },
    );
    verifier.verify({
      signature: {
        signature: Buffer.from(signature),
        compareSignature: (bytes) => Buffer.compare(bytes, signature) === 0,
        // Compared in log-body.ts, by more algorithms than the library knows.
        compareDigest: () => true,
        compareSignedDigest: () => true,
        // Verified in content.ts.
        verifySignature: () => true,
      },
      key: { $case: 'public-key', hint: '' },
      tlogEntries,
      timestamps: promises.map((tlogEntry) => ({ $case: 'transparency-log', tlogEntry })),
    });
    return undefined;
  } catch (error) {
    return refusalFor(error);
  }
}

/** The library has nobody to believe but logs. */
const NOBODY = { certificateAuthorities: [], timestampAuthorities: [], ctlogs: [] };

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

function refusalFor(error: unknown): RefusedBundle {
  if (!(error instanceof VerificationError))
    return refused('format', 'SIGNATURE_MALFORMED', 'the signature comes with something that cannot be read');
  switch (error.code) {
    case 'TIMESTAMP_ERROR':
      return refused('time', 'TIMESTAMP_INVALID', 'two log entries of the signature are of one log and one time');
    case 'TLOG_BODY_ERROR':
      return refused('transparency', 'LOG_ENTRY_MISMATCH', 'a log entry is of another signature');
    case 'TLOG_ERROR':
    case 'TLOG_INCLUSION_PROOF_ERROR':
    case 'TLOG_INCLUSION_PROMISE_ERROR':
    case 'TLOG_MISSING_INCLUSION_ERROR':
      return refused(
        'transparency',
        'LOG_ENTRY_INVALID',
        'a log entry of the signature is not in the log that it names',
      );
    case 'CERTIFICATE_ERROR':
    case 'SIGNATURE_ERROR':
    case 'PUBLIC_KEY_ERROR':
    case 'NOT_IMPLEMENTED_ERROR':
      return refused('signature', 'SIGNATURE_MISMATCH', 'the signature does not hold');
  }
}
