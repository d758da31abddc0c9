import { classOf, type RefusalCode } from '../codes/codes.ts';
import type { Failure } from '../codes/result.ts';
import type { Finding, Location } from './finding.ts';
import type { NonEmpty } from './requirement.ts';

/** Where a policy or exemption comes from; also names the synthetic ones (`configuration/unmatched`). */
export type Origin = {
  /** The dialect's kind, such as `ClusterImagePolicy`, or `configuration`. */
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** File and document, or the object's UID. */
  readonly source: string;
  readonly generation: number | undefined;
};

/** What one policy came to for one subject. `admits()` alone says which of these let it in. */
export type Outcome =
  | { readonly kind: 'verified'; readonly findings: NonEmpty<Finding> }
  | { readonly kind: 'accepted'; readonly by: Origin; readonly findings: readonly Finding[] }
  | {
      readonly kind: 'unsigned';
      readonly lookedIn: NonEmpty<Location>;
      readonly code: 'UNSIGNED' /** Attachments that are no signatures. */;
      readonly others: number;
    }
  | {
      readonly kind: 'untrusted' | 'invalid' | 'rejected';
      readonly findings: readonly Finding[];
      readonly code: RefusalCode;
      readonly message: string;
    }
  | { readonly kind: 'unmatched' }
  | { readonly kind: 'exempt'; readonly by: Origin; readonly reason: string }
  | { readonly kind: 'error'; readonly failure: Failure; readonly findings: readonly Finding[] };

/** What the configuration says about failures of class `unavailable`. */
export type OnError = 'deny' | 'warn' | 'allow';

/** What the configuration says about images that no policy names. */
export type Unmatched = 'allow' | 'warn' | 'deny';

/** How an outcome is answered before the mode is applied. */
export type Admission = 'admit' | 'warn' | 'refuse';

/**
 * Whether an outcome lets its subject in. This is the only place that decides it (MODEL.md M5).
 * `onError` loosens class `unavailable` alone (MODEL.md M6).
 */
export function admits(outcome: Outcome, onError: OnError, unmatched: Unmatched): Admission {
  switch (outcome.kind) {
    case 'verified':
    case 'accepted':
    case 'exempt':
      return 'admit';
    case 'unsigned':
    case 'untrusted':
    case 'invalid':
    case 'rejected':
      return 'refuse';
    case 'unmatched':
      return unmatched === 'allow' ? 'admit' : unmatched === 'warn' ? 'warn' : 'refuse';
    case 'error':
      if (classOf(outcome.failure.code) !== 'unavailable') return 'refuse';
      return onError === 'allow' ? 'admit' : onError === 'warn' ? 'warn' : 'refuse';
  }
}
