import type { DistinguishedName, NonEmpty, NotationLevels, ProofRule } from '../../../model/requirement.ts';

/** A trust policy document after reading: only what notation would have read in the same way. */
export type TrustPolicyDocument = { readonly statements: NonEmpty<Statement> };

/** One statement: for which repositories it speaks, and what it asks of their signatures. */
export type Statement = {
  /** Unlike that of any other statement of the document. */
  readonly name: string;
  /** Repositories as they are written, each once in the document; `*` stands for all that no statement names. */
  readonly scopes: '*' | NonEmpty<string>;
  readonly verification: { readonly kind: 'skip' } | Verification;
};

/** What a statement asks that does not skip verification. */
export type Verification = {
  readonly kind: 'verify';
  readonly levels: NotationLevels;
  readonly verifyTimestamp: TimestampRule;
  /** Each once. */
  readonly stores: NonEmpty<TrustStoreName>;
  readonly identities: TrustedIdentities;
};

/** When a countersigned time is asked for. */
export type TimestampRule = Extract<ProofRule, { kind: 'notation' }>['verifyTimestamp'];

/** The types of trust stores: by which scheme of signing, or for timestamps (notation-ratify.md §1.8). */
export const STORE_TYPES = ['ca', 'signingAuthority', 'tsa'] as const;

/** A trust store as a statement names it, `type:name`; the name is one component of a path. */
export type TrustStoreName = { readonly type: (typeof STORE_TYPES)[number]; readonly name: string };

/** Whose certificates count. `passedOver` are identities of kinds that nobody knows, as notation passes them over. */
export type TrustedIdentities =
  | { readonly kind: 'any' }
  | {
      readonly kind: 'subjects';
      readonly anyOf: NonEmpty<DistinguishedName>;
      readonly passedOver: readonly string[];
    }
  /** Nobody: every identity was passed over. */
  | { readonly kind: 'none'; readonly passedOver: NonEmpty<string> };
