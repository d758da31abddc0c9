import type { ErrorCode, RefusalCode } from '../codes/codes.ts';
import type { Failure } from '../codes/result.ts';
import type { Digest } from '../image/digest.ts';
import type { NameAttribute, NonEmpty, Store } from './requirement.ts';

/** Where a piece of evidence was read. */
export type Location = {
  readonly store: Store;
  /** Registry and repository by their physical names. */
  readonly repository: string;
  /** The tag, the digest of the manifest that refers to the image, or where a detached signature lies, without secrets. */
  readonly reference: string;
};

/** The checks of a proof, in the order in which they are made. How far one got is how much it is worth telling. */
export const CHECKS = [
  'format',
  'signature',
  'payload',
  'digest',
  'transparency',
  'time',
  'signer',
  'names',
  'conditions',
] as const;

/** One step of verification. */
export type CheckName = (typeof CHECKS)[number];

/** One step and what it came to. */
export type Check = {
  readonly check: CheckName;
  readonly result:
    | { readonly kind: 'passed' }
    | { readonly kind: 'logged'; readonly code: RefusalCode }
    | { readonly kind: 'failed'; readonly code: RefusalCode; readonly message: string };
};

/**
 * One subject alternative name of a certificate. The kind is part of the name: an e-mail address that is written as a URI
 * or as a DNS name was not checked by the authority as an address.
 */
export type SubjectName =
  | { readonly kind: 'email' | 'uri' | 'dns'; readonly text: string }
  /** An otherName that holds a UTF8String. */
  | { readonly kind: 'otherName'; readonly oid: string; readonly text: string }
  /** In hexadecimal. */
  | { readonly kind: 'ip'; readonly text: string }
  /** A kind of name that nothing here compares, such as a directory name. */
  | { readonly kind: 'unread'; readonly tag: number };

/** Whom a trusted authority says that a certificate belongs to. */
export type CertificateIdentity = {
  /** The OIDC issuer that Fulcio vouches for; undefined in certificates that name none. */
  readonly issuer: string | undefined;
  readonly names: readonly SubjectName[];
};

/** Whom a certificate belongs to by its subject, as notation tells people apart. */
export type SubjectIdentity = { readonly subject: readonly NameAttribute[] };

/** Who signed. Two signers are one if they share any id (MODEL.md M11). */
export type Signer = {
  /** For people: `key sha256:…`, or subject and issuer. */
  readonly display: string;
  readonly ids: NonEmpty<string>;
  /** `none` for a bare key, which no rule about identities can ever accept. */
  readonly identity: CertificateIdentity | SubjectIdentity | 'none';
};

/** What the signed bytes say. Only a proof whose signature holds has claims. */
export type Claims = {
  readonly digest: Digest;
  /** The signed docker-reference, as signed; formats without one say so. */
  readonly name: { readonly kind: 'named'; readonly text: string } | { readonly kind: 'unnamed' };
  readonly predicateType: string | undefined;
  readonly annotations: Readonly<Record<string, unknown>>;
};

/** When something was witnessed, in milliseconds since the epoch. */
export type WitnessedTime = { readonly at: number; readonly by: string };

/** An entry of a transparency log that was verified. */
export type LogEntry = { readonly log: string; readonly index: number; readonly at: number | undefined };

/** What is valid for a time: a certificate or one of its authorities, an OpenPGP key, or its signature by itself. */
export type TimedBy = 'certificate' | 'key' | 'signature';

/** Timed by certificates alone, or by nothing. */
export const BY_CERTIFICATE = { from: 'certificate', until: 'certificate' } as const;

/**
 * What is known of one signature under one proof rule: a fact, independent of who asks and under which name.
 * Acceptance is judged from it on every decision and never stored (MODEL.md M1).
 */
export type Proof =
  | {
      readonly kind: 'proved';
      readonly signer: Signer;
      readonly claims: Claims;
      readonly times: readonly WitnessedTime[];
      readonly log: readonly LogEntry[];
      readonly checks: readonly Check[];
      /** What sets each of the two times below. */
      readonly timedBy: { readonly from: TimedBy; readonly until: TimedBy };
      /** From when on it holds, in milliseconds; `always` where it rests on no time. Compared with now at each judgement. */
      readonly notBefore: number | 'always';
      /** The earliest time this proof rests on, in milliseconds; `forever` where it rests on none. */
      readonly notAfter: number | 'forever';
      /** What stands against it and does not refuse it, because the rule only has it reported. */
      readonly reservations: readonly Reservation[];
      /** Chains of certificates of which it is asked at each judgement whether any was revoked. */
      readonly revocable: readonly RevocableChain[];
    }
  | {
      readonly kind: 'disproved';
      readonly failed: CheckName;
      readonly code: RefusalCode;
      readonly message: string;
      /** A key or identity that the artifact claims, shown as a claim. */
      readonly claimedSigner: string | undefined;
    };

/** Something that a rule has reported and not enforced, and when it holds: always, before or from a moment on. */
export type Reservation = {
  readonly message: string;
  readonly holds: 'always' | { readonly before: number } | { readonly from: number };
};

/** A chain whose certificates may have been revoked since, or may be tomorrow; such answers are never part of a proof. */
export type RevocableChain = {
  /** The signer's, or that of whoever vouches for the time. */
  readonly of: 'signer' | 'timestamp';
  /** DER, the leaf first and the root last. */
  readonly certificates: readonly Uint8Array[];
  /** When the signature was made, where somebody trusted says it; milliseconds. */
  readonly signedAt: number | undefined;
  /** From when on the proof rests on it; milliseconds. */
  readonly from: number | 'always';
};

/** Of a proof that needs no more than it says. */
export const UNRESERVED = { reservations: [], revocable: [] } as const;

/** One artifact that was found, with what came of it. */
export type Finding =
  | {
      readonly kind: 'judged';
      readonly location: Location;
      readonly artifact: Artifact;
      readonly proof: Proof;
      readonly verdict: Verdict;
    }
  /** It exists and could not be read. */
  | {
      readonly kind: 'unread';
      readonly location: Location;
      readonly artifact: Artifact | undefined;
      readonly failure: Failure;
    };

/** The artifact that carries a signature. */
export type Artifact = { readonly digest: Digest; readonly mediaType: string };

/** What a leaf says of a proof for one name, one asker, one moment. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly check: CheckName; readonly code: RefusalCode; readonly message: string }
  | { readonly kind: 'undecided'; readonly code: ErrorCode; readonly message: string };
