import type { ReasonCode } from '../codes/codes.ts';
import { printable } from '../encoding/escape.ts';
import type { Decision, SubjectDecision } from '../model/decision.ts';
import type { Mode } from '../model/mode.ts';
import type { Outcome } from '../model/outcome.ts';
import { acceptedSigner, findingsOf, policyName } from './names.ts';

/** Why a review says nothing of images, or why its answer is not what its images came to. */
export type Note =
  | 'deleted'
  | 'unchanged'
  | 'not-a-workload'
  | 'no-images'
  | 'malformed'
  | 'malformed-review'
  | 'mirror-pod';

/** What the review itself says, beside the decision on it. */
export type ReviewFacts = {
  /** When the review arrived, in milliseconds since the epoch. */
  readonly time: number;
  readonly uid: string;
  readonly operation: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly user: string;
  readonly dryRun: boolean;
  readonly note: Note | undefined;
};

/** Who writes the record. */
export type Writer = { readonly instance: string; readonly version: string };

/** One image in a record. */
export type ImageRecord = {
  readonly image: string;
  readonly path: string;
  readonly digest: string | null;
  readonly outcome: Outcome['kind'];
  readonly policies: readonly {
    readonly policy: string;
    readonly generation: number | null;
    readonly mode: Mode;
    readonly outcome: Outcome['kind'];
    readonly code: ReasonCode | null;
  }[];
  readonly signers: readonly string[];
};

/** One line of the audit log; docs/audit-record.schema.json and docs/audit.md describe it. */
export type AuditRecord = {
  readonly time: string;
  readonly uid: string;
  readonly operation: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  readonly dryRun: boolean;
  readonly decision: 'allowed' | 'denied';
  readonly wouldDeny: boolean;
  readonly mode: Mode;
  readonly note?: Note;
  readonly ms: number;
  readonly images: readonly ImageRecord[];
  readonly cache: { readonly hits: number; readonly misses: number };
  readonly requests: number;
  readonly instance: string;
  readonly version: string;
  readonly truncated?: true;
};

/** Longest line, so that log collectors which cut at 16 KiB (CRI's own framing) keep it whole. */
const MAX_LINE = 12 * 1024;
/** A reference has at most some 600 characters; what is longer is none. */
const MAX_IMAGE = 600;
const MAX_TEXT = 253;

/** The record of a decision. Text from outside is escaped and cut, so that a record is one line of bounded length. */
export function auditRecord(facts: ReviewFacts, decision: Decision, writer: Writer): AuditRecord {
  const images = decision.subjects.map(imageRecord);
  const whole: AuditRecord = {
    time: new Date(facts.time).toISOString(),
    uid: printable(facts.uid, MAX_TEXT),
    operation: facts.operation,
    kind: printable(facts.kind, MAX_TEXT),
    namespace: printable(facts.namespace ?? '', MAX_TEXT),
    name: printable(facts.name, MAX_TEXT),
    user: printable(facts.user, MAX_TEXT),
    dryRun: facts.dryRun,
    decision: decision.allowed ? 'allowed' : 'denied',
    wouldDeny: !decision.allowed || decision.subjects.some((subject) => subject.wouldDeny),
    mode: decision.mode,
    ...(facts.note === undefined ? {} : { note: facts.note }),
    ms: Math.max(0, Math.round(decision.cost.milliseconds * 1000) / 1000),
    images,
    cache: { hits: decision.cost.hits, misses: decision.cost.misses },
    requests: decision.cost.requests,
    instance: writer.instance,
    version: writer.version,
  };
  // What is left without images is bounded piece by piece, so only images can make a line too long.
  return isSurelyShort(images) || sizeOf(whole) + 1 <= MAX_LINE ? whole : truncated(whole);
}

/** The record as one line of the log, line end included. */
export function auditLine(record: AuditRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** What was said of an image before: the annotations and the record of one review say the same. */
const records = new WeakMap<SubjectDecision, ImageRecord>();

/** What a record, and so an audit annotation, says of one image. */
export function imageRecord(subject: SubjectDecision): ImageRecord {
  const before = records.get(subject);
  if (before !== undefined) return before;
  const record = newImageRecord(subject);
  records.set(subject, record);
  return record;
}

function newImageRecord(subject: SubjectDecision): ImageRecord {
  const signers = new Set<string>();
  for (const { outcome } of subject.policies) {
    for (const finding of findingsOf(outcome)) {
      const signer = acceptedSigner(finding);
      if (signer !== undefined) signers.add(signer);
    }
  }
  return {
    image: printable(subject.image, MAX_IMAGE),
    path: printable(subject.path, MAX_TEXT),
    digest: subject.digest ?? null,
    outcome: subject.headline,
    policies: subject.policies.map(({ policy, mode, outcome, code }) => ({
      policy: policyName(policy),
      generation: policy.generation ?? null,
      mode,
      outcome: outcome.kind,
      code: code ?? null,
    })),
    signers: [...signers],
  };
}

/** The image without what a reader can do without: who signed, then which policy said what, last things first. */
export function shortened(image: ImageRecord, maxBytes: number): ImageRecord {
  const signers = [...image.signers];
  const policies = [...image.policies];
  let size = sizeOf(image);
  for (const list of [signers, policies]) {
    while (size > maxBytes && list.length > 0) size -= sizeOf(list.pop()) + (list.length > 0 ? 1 : 0);
  }
  return { ...image, policies, signers };
}

/**
 * Cuts from the last image backwards, first its signers and policies, and only when every image is bare whole images:
 * a long list of decoys must not push the digest that was let in out of the record.
 */
function truncated(whole: AuditRecord): AuditRecord {
  const bare = sizeOf({ ...whole, images: [], truncated: true }) + 1;
  const images = [...whole.images];
  let size = bare + images.reduce((sum, image) => sum + sizeOf(image) + 1, 0);
  for (let i = images.length - 1; i >= 0 && size > MAX_LINE; i--) {
    const image = images[i];
    if (image === undefined) continue;
    const before = sizeOf(image);
    const short = shortened(image, Math.max(0, before - (size - MAX_LINE)));
    images[i] = short;
    size -= before - sizeOf(short);
  }
  while (size > MAX_LINE) {
    const last = images.pop();
    if (last === undefined) break;
    size -= sizeOf(last) + 1;
  }
  return { ...whole, images, truncated: true };
}

/** Bytes that everything but the images takes at most: five texts of 253 characters, and what is fixed. */
const WITHOUT_IMAGES = 6_000;
/** Bytes that a character takes at most: four in UTF-8, fewer where JSON escapes a quote or a backslash. */
const BYTES_A_CHARACTER = 4;
/** Characters of the names of an image's members, and of one policy's. */
const MEMBERS = 300;

/** Whether a record cannot be too long; nearly every one, and measuring it costs as much as writing it. */
function isSurelyShort(images: readonly ImageRecord[]): boolean {
  let characters = 0;
  for (const { image, path, policies, signers } of images) {
    characters += MEMBERS + image.length + path.length;
    for (const { policy } of policies) characters += MEMBERS + policy.length;
    for (const signer of signers) characters += signer.length + 3;
  }
  return WITHOUT_IMAGES + characters * BYTES_A_CHARACTER <= MAX_LINE;
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
