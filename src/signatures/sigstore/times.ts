import { RFC3161Timestamp } from '@sigstore/core';
import type { WitnessRule } from '../../model/requirement.ts';
import { refused, type Verified, verified } from './result.ts';
import type { KnownEntry } from './transparency.ts';

/** A time that somebody claims to have witnessed. Who it was and whether it holds, the library verifies. */
export type ClaimedTime = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: string;
  /** What tells one witness from another. */
  readonly witness: string;
};

/** A timestamp as the library reads it. */
export type ReadTimestamp = ReturnType<typeof RFC3161Timestamp.parse>;

/**
 * Reads RFC 3161 responses. Only those that say "granted" are timestamps (RFC 3161 §2.4.2), which the library does not ask.
 * @param ders attacker-controlled
 */
export function readTimestamps(ders: readonly Uint8Array[]): Verified<readonly ReadTimestamp[]> {
  const read: ReadTimestamp[] = [];
  for (const der of ders) {
    try {
      const timestamp = RFC3161Timestamp.parse(Buffer.from(der));
      if (timestamp.status !== 0n && timestamp.status !== 1n) return unreadable();
      if (Number.isNaN(timestamp.signingTime.getTime())) return unreadable();
      read.push(timestamp);
    } catch {
      return unreadable();
    }
  }
  return verified(read);
}

/**
 * The times of a bundle: promises of logs that carry one, and timestamps. A proof of inclusion alone says nothing of time.
 * @throws whatever the library throws at a timestamp that lacks a part
 */
export function claimedTimes(
  entries: readonly KnownEntry[],
  timestamps: readonly ReadTimestamp[],
  rule: 'none' | WitnessRule,
): Verified<readonly ClaimedTime[]> {
  const byLogs = entries.flatMap(({ entry, log }) =>
    entry.promise === undefined || entry.integratedTime === undefined
      ? []
      : [{ at: entry.integratedTime * 1000, by: log.baseUrl, witness: log.id }],
  );
  const byAuthorities = timestamps.map((timestamp) => {
    const serial = timestamp.signerSerialNumber.toString('hex');
    return {
      at: timestamp.signingTime.getTime(),
      by: `timestamp authority ${serial}`,
      witness: `${serial} ${timestamp.signerIssuer.toString('hex')}`,
    };
  });
  const times = [...byLogs, ...byAuthorities];
  if (rule === 'none') return verified(times);
  const counted = { anyone: times, logs: byLogs, authorities: byAuthorities }[rule.by];
  const witnesses = new Set(counted.map(({ witness }) => witness)).size;
  if (witnesses < rule.threshold)
    return refused(
      'time',
      'TIME_UNPROVEN',
      `the signature has times by ${witnesses} trusted ${WITNESSES[rule.by]}, not ${rule.threshold}`,
    );
  return verified(times);
}

const WITNESSES = { anyone: 'witnesses', logs: 'logs', authorities: 'timestamp authorities' } as const;

function unreadable() {
  return refused('time', 'TIMESTAMP_INVALID', 'the bundle holds a timestamp that cannot be read');
}
