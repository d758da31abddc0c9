import type { Threshold } from '../../model/requirement.ts';
import type { TrustedLog } from '../../trust/sigstore/log.ts';
import type { TrustedRoot } from '../../trust/sigstore/trusted-root.ts';
import { within } from '../../trust/sigstore/validity-window.ts';
import type { BundleContent } from './bundle.ts';
import type { BundleEntry } from './bundle-entry.ts';
import { ownCheckpoint } from './checkpoint.ts';
import { entryProblem, type LoggedSigner } from './log-body.ts';
import { type RefusedBundle, refused, type Verified, verified } from './result.ts';

/** An entry of a trusted log that is about the signature. Whether it is in the log, the library verifies. */
export type KnownEntry = {
  readonly entry: BundleEntry;
  readonly log: TrustedLog;
  /** The note with the log's own signatures alone. */
  readonly checkpoint: string | undefined;
};

/**
 * Takes the entries of trusted logs and compares each with the signature. Entries of other logs are passed over, as nothing
 * can be said of them; those that are left must all hold, be of as many different logs as the rule asks for, and none of them there twice.
 */
export function knownEntries(
  entries: readonly BundleEntry[],
  root: TrustedRoot,
  rule: 'none' | Threshold,
  content: BundleContent,
  signer: LoggedSigner,
): Verified<readonly KnownEntry[]> {
  const known: KnownEntry[] = [];
  for (const entry of entries) {
    const log = root.logs.find(({ id }) => id === entry.logId);
    if (log === undefined) continue;
    const problem = entryProblem(entry, content, signer);
    if (problem !== undefined) return problem;
    if (entry.proof === undefined) {
      known.push({ entry, log, checkpoint: undefined });
      continue;
    }
    const checkpoint = ownCheckpoint(entry.proof, log);
    if (checkpoint.kind === 'refused') return checkpoint;
    known.push({ entry, log, checkpoint: checkpoint.value });
  }
  const logs = new Set(known.map(({ log }) => log.id)).size;
  if (rule !== 'none' && logs < rule.threshold)
    return refused(
      'transparency',
      'LOG_ENTRY_MISSING',
      `the signature has entries of ${logs} trusted logs, not ${rule.threshold}`,
    );
  if (known.some(({ entry }, index) => known.slice(0, index).some((before) => isSame(before.entry, entry))))
    return refused('transparency', 'LOG_ENTRY_INVALID', 'two log entries of the signature are one entry twice');
  return verified(known);
}

/** Nothing but log and record is compared, for what stands around them can be written anew without the log. */
function isSame(a: BundleEntry, b: BundleEntry): boolean {
  return a.logId === b.logId && Buffer.compare(a.body, b.body) === 0;
}

/**
 * Whether each log held when it was used. The library asks that for promises alone, which carry a time; a proof alone is
 * as old as the witnessed times say, and without any it counts for now.
 */
export function windowProblem(
  entries: readonly KnownEntry[],
  times: readonly number[],
  now: number,
): RefusedBundle | undefined {
  for (const { entry, log } of entries) {
    const at =
      entry.promise === undefined || entry.integratedTime === undefined ? times : [entry.integratedTime * 1000];
    const moments = at.length === 0 ? [now] : at;
    if (!moments.every((moment) => within(log.window, moment)))
      return refused('transparency', 'LOG_ENTRY_INVALID', 'a log entry is of a time for which its log is not trusted');
  }
  return undefined;
}
