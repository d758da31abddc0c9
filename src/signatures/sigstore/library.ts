import type { KeyObject } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import { type SignedEntity, type Signer, type TrustMaterial, VerificationError, Verifier } from '@sigstore/verify';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import type { BundleContent } from './bundle.ts';
import type { SignerChain } from './chain.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';
import type { ReadTimestamp } from './times.ts';
import type { KnownEntry } from './transparency.ts';

/** What the library is asked to verify. Everything was compared with the signature before. */
export type LibraryQuestion = {
  readonly content: BundleContent;
  /** A certificate whose promises of certificate logs are to be verified too, or a key whose holder is known. */
  readonly signer:
    | { readonly kind: 'certificate'; readonly chain: SignerChain; readonly certificateLogs: number }
    | { readonly kind: 'key'; readonly key: KeyObject };
  readonly entries: readonly KnownEntry[];
  readonly timestamps: readonly ReadTimestamp[];
};

type LogEntryMessage = SignedEntity['tlogEntries'][number];

/**
 * Asks @sigstore/verify whether timestamps, log entries and promises of certificate logs hold. No policy is handed in: it
 * takes identities for unanchored regular expressions. The signature was verified before, with every kind of key.
 * @returns its signer, or a refusal for whatever it throws: VerificationError, and TypeError, SyntaxError and Error for input
 *   that its readers stumble over
 */
export function askLibrary(question: LibraryQuestion, root: TrustedRoot): Verified<Signer> {
  try {
    const { signer } = question;
    const material: TrustMaterial = {
      ...root.material,
      certificateAuthorities: signer.kind === 'key' ? [] : [authorityFor(signer.chain)],
      publicKey: () => {
        if (signer.kind !== 'key') throw new TypeError('there is a certificate and no key');
        return { publicKey: signer.key, validFor: () => true };
      },
    };
    const verifier = new Verifier(material, {
      // How many are needed was counted before, by different logs; the library must find no fewer than it was given.
      tlogThreshold: question.entries.length,
      timestampThreshold: timesIn(question),
      ctlogThreshold: signer.kind === 'certificate' ? signer.certificateLogs : 0,
    });
    return verified(verifier.verify(entityOf(question)));
  } catch (error) {
    return refusalFor(error);
  }
}

/** The way that was found from the signer's certificate to the root, and nothing beside it: the library believes all it is given. */
function authorityFor({ chain, authority }: SignerChain): TrustMaterial['certificateAuthorities'][number] {
  return {
    certChain: chain.certificates.slice(1).map(({ der }) => X509Certificate.parse(Buffer.from(der))),
    validFor: { start: new Date(authority.window.start), end: new Date(authority.window.end) },
  };
}

function entityOf({ content, signer, entries, timestamps }: LibraryQuestion): SignedEntity {
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
    key:
      signer.kind === 'key'
        ? { $case: 'public-key', hint: '' }
        : {
            $case: 'certificate',
            certificate: X509Certificate.parse(Buffer.from(signer.chain.chain.certificates[0].der)),
          },
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
    case 'CERTIFICATE_ERROR':
      return error.message.includes('SCT')
        ? refused(
            'signer',
            'CERTIFICATE_NOT_LOGGED',
            "the signer's certificate lacks a valid promise of a trusted certificate log",
          )
        : refused('signer', 'CERTIFICATE_UNTRUSTED', "the signer's certificate does not lead to a trusted authority");
    case 'TLOG_BODY_ERROR':
      return refused('transparency', 'LOG_ENTRY_MISMATCH', 'a log entry is of another signature');
    case 'TLOG_ERROR':
    case 'TLOG_INCLUSION_PROOF_ERROR':
    case 'TLOG_INCLUSION_PROMISE_ERROR':
    case 'TLOG_MISSING_INCLUSION_ERROR':
      return refused('transparency', 'LOG_ENTRY_INVALID', 'a log entry of the bundle is not in the log that it names');
    case 'SIGNATURE_ERROR':
    case 'PUBLIC_KEY_ERROR':
    case 'NOT_IMPLEMENTED_ERROR':
      return refused('signature', 'SIGNATURE_MISMATCH', 'the signature of the bundle does not hold');
  }
}
