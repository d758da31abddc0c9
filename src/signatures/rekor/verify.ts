import { createHash } from 'node:crypto';
import type { LogEntry } from '../../model/finding.ts';
import type { KeySet } from '../../trust/trust-store.ts';
import { type Checked, refuse } from '../../trust/x509/result.ts';
import { parseSignedEntry } from './entry.ts';

/** The signature that a log entry must be about. */
export type LoggedSignature = {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Hexadecimal SHA-256 of the DER of the signer's certificate, or of its key's SubjectPublicKeyInfo. */
  readonly signer: string;
};

/** An entry that a trusted log signed, with the time that it vouches for. */
export type VerifiedEntry = LogEntry & { readonly at: number };

/**
 * Verifies a signed entry timestamp by any of the policy's logs, and that the entry is about this signature: its payload,
 * its bytes, and the key or certificate that made it.
 *
 * The three comparisons are what GHSA-whqx-f9j3-ch6m and CVE-2022-23649 were about: without them any entry of the log
 * vouches for any signature. The log's id in the entry is not compared with the key: it is the key that is trusted.
 * @param annotation attacker-controlled; undefined or empty where the signature carries no entry
 * @returns LOG_ENTRY_MISSING, LOG_ENTRY_INVALID, LOG_ENTRY_MISMATCH
 * @see reference/openshift-containers.md §4, "Rekor SET"
 */
export async function verifySignedEntry(
  annotation: string | undefined,
  logs: KeySet,
  about: LoggedSignature,
): Promise<Checked<VerifiedEntry>> {
  if (annotation === undefined || annotation.trim() === '')
    return refuse('LOG_ENTRY_MISSING', 'the signature carries no transparency log entry, which the policy asks for');
  const entry = parseSignedEntry(annotation);
  if (!entry.ok) return entry;

  const { signed, signature, record, integratedTime, index } = entry.value;
  const log = await keyThatSigned(logs, signed, signature);
  if (log === undefined)
    return refuse('LOG_ENTRY_INVALID', 'no transparency log that the policy names signed the log entry');

  if (record.sha256 !== createHash('sha256').update(about.payload).digest('hex'))
    return refuse('LOG_ENTRY_MISMATCH', 'the transparency log entry is about another payload');
  if (Buffer.compare(record.signature, about.signature) !== 0)
    return refuse('LOG_ENTRY_MISMATCH', 'the transparency log entry is about another signature');
  if (createHash('sha256').update(record.verifier).digest('hex') !== about.signer)
    return refuse('LOG_ENTRY_MISMATCH', 'the transparency log entry names another key or certificate');
  return { ok: true, value: { log: `key ${log}`, index, at: integratedTime * 1000 } };
}

async function keyThatSigned(logs: KeySet, signed: Uint8Array, signature: Uint8Array): Promise<string | undefined> {
  for (const key of logs.keys) {
    if (await key.verifies(signed, signature, 'sha256')) return key.fingerprint;
  }
  return undefined;
}
