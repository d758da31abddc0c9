import type { RefusalCode } from '../codes/codes.ts';
import { type Failure, failureClass } from '../codes/result.ts';
import type { Finding, Location } from '../model/finding.ts';
import type { Leaf } from '../model/requirement.ts';

/** A finding that a leaf accepted. */
export type AcceptedFinding = { readonly leaf: Leaf; readonly finding: Extract<Finding, { kind: 'judged' }> };

/** Everything that was seen below a node, whatever it came to. */
export type Seen = {
  readonly findings: readonly Finding[];
  readonly lookedIn: readonly Location[];
  /** Attachments that are no signatures. */
  readonly others: number;
};

/** What a node of the requirement came to (MODEL.md M3). Below is always everything that was seen. */
export type NodeValue =
  | { readonly kind: 'pass'; readonly accepted: readonly AcceptedFinding[]; readonly seen: Seen }
  | {
      readonly kind: 'fail';
      readonly said: { readonly code: RefusalCode; readonly message: string } | undefined;
      readonly seen: Seen;
    }
  | { readonly kind: 'error'; readonly failure: Failure; readonly seen: Seen };

/** Nothing seen. */
export const NOTHING_SEEN: Seen = { findings: [], lookedIn: [], others: 0 };

/** What several nodes saw, each place and finding once: leaves share look-ups. */
export function seenBy(values: readonly { readonly seen: Seen }[]): Seen {
  const lookedIn = new Map<string, Location>();
  let others = 0;
  for (const { seen } of values) {
    for (const place of seen.lookedIn) lookedIn.set(`${place.store} ${place.repository} ${place.reference}`, place);
    others = Math.max(others, seen.others);
  }
  return { findings: values.flatMap((value) => value.seen.findings), lookedIn: [...lookedIn.values()], others };
}

/**
 * The failure that stands for several. One that `onError` cannot loosen goes first: otherwise trouble that somebody can
 * cause would hide behind an outage, and be admitted with it (MODEL.md §3.4).
 */
export function gravest(failures: readonly [Failure, ...Failure[]]): Failure {
  return failures.find((failure) => failureClass(failure) !== 'unavailable') ?? failures[0];
}

/** The failures among node values. */
export function failuresOf(values: readonly NodeValue[]): readonly Failure[] {
  return values.flatMap((value) => (value.kind === 'error' ? [value.failure] : []));
}
