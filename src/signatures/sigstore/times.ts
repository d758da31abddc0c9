import type { WitnessRule } from '../../model/requirement.ts';
import { refused, type Verified, verified } from './result.ts';
import type { ReadTimestamp } from './timestamps.ts';
import type { KnownEntry } from './transparency.ts';

/** A time that somebody claims to have witnessed. Who it was and whether it holds is verified later, where it costs more. */
export type ClaimedTime = {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: string;
  /** What tells one witness from another. */
  readonly witness: string;
};

/**
 * The times of a bundle: promises of logs that carry one, and timestamps. A proof of inclusion alone says nothing of time.
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
  const byAuthorities = timestamps.map(({ at, signer }) => ({
    at,
    by: `timestamp authority ${signer.serial}`,
    witness: `${signer.serial} ${signer.issuer}`,
  }));
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
