import { type Failure, ok, type Result } from '../codes/result.ts';
import { effectiveTag } from '../image/reference.ts';
import type { AskedForm, SignatureStorage } from '../image/signature-storage.ts';
import type { Finding, Proof, RevocableChain } from '../model/finding.ts';
import type { Leaf, NonEmpty, ProofRule, Store, Where } from '../model/requirement.ts';
import type { AskedName } from '../model/subject.ts';
import type { EvidenceRule } from '../policy/policy.ts';
import type { Candidate, Listing } from '../signatures/evidence.ts';
import { FRESH } from './caches.ts';
import { type Budget, type Gatherer, type LookupKind, type Search, type Target } from './gather.ts';
import { judge } from './judge.ts';
import { type AcceptedFinding, NOTHING_SEEN, type Seen } from './node-value.ts';
import { unlessRevoked } from './revoked.ts';
import type { Task } from './task.ts';

/** What one leaf found at one manifest. */
export type LeafEvidence = {
  readonly accepted: readonly AcceptedFinding[];
  /** What could have held a signature and could not be read. */
  readonly failures: readonly Failure[];
  /** Whether those failures refuse even beside an accepted signature (`evidence: complete`, MODEL.md M4). */
  readonly spoilt: boolean;
  readonly seen: Seen;
  /** Every artifact with its finding, for nodes that count artifacts. */
  readonly artifacts: readonly {
    readonly type: string;
    readonly id: string;
    readonly accepted: AcceptedFinding | undefined;
  }[];
};

/** What looking at one image may use. */
export type LeafContext = {
  readonly gatherer: Gatherer;
  readonly target: Target;
  readonly asked: AskedName;
  readonly evidence: EvidenceRule;
  /** What `registries.d` says; a failure fails every leaf that asks it. */
  readonly storage: Result<SignatureStorage>;
  readonly budget: Budget;
  readonly task: Task;
  /** How old a list may be, in milliseconds, where nothing says that it must be fresh. */
  readonly listAge: number;
  /** Told when a list older than `FRESH` was used, since such a list may not refuse. */
  readonly onStale: () => void;
};

/** The stores that containers/image itself reads; only there does one unreadable piece refuse the image (MODEL.md M4). */
const COMPLETE_STORES: ReadonlySet<Store> = new Set(['cosign-tag', 'lookaside']);

const LOOKUPS: Readonly<Record<Store, LookupKind>> = {
  'cosign-tag': 'tag',
  'sigstore-bundle': 'referrers',
  'cosign-referrer': 'referrers',
  lookaside: 'detached',
  notation: 'notation',
};

const LOOKUP_KINDS: readonly LookupKind[] = ['tag', 'referrers', 'detached', 'notation'];

/** Looks for what a leaf wants and judges all of it; look-ups run side by side. */
export async function evaluateLeaf(leaf: Leaf, need: 'any' | 'complete', context: LeafContext): Promise<LeafEvidence> {
  // Before anything is looked up: an image must not be called unsigned because of a key that nobody could have used.
  const unusable = context.gatherer.unusable(leaf.proof);
  if (unusable !== undefined)
    return { accepted: [], failures: [unusable], spoilt: true, seen: NOTHING_SEEN, artifacts: [] };

  const search = searchFor(leaf.where, context);
  if (!search.ok) return { accepted: [], failures: [search.failure], spoilt: true, seen: NOTHING_SEEN, artifacts: [] };
  const kinds = lookupsOf(search.value, context);
  const parts = await Promise.all(kinds.map((kind) => evaluateLookup(kind, leaf, search.value, need, context)));
  return {
    accepted: parts.flatMap((part) => part.accepted),
    failures: parts.flatMap((part) => part.failures),
    spoilt: parts.some((part) => part.spoilt),
    seen: {
      findings: parts.flatMap((part) => part.seen.findings),
      lookedIn: parts.flatMap((part) => part.seen.lookedIn),
      others: parts.reduce((sum, part) => sum + part.seen.others, 0),
    },
    artifacts: parts.flatMap((part) => part.artifacts),
  };
}

/** Where a leaf's look-ups go for this image, in the form in which it was asked for. */
function searchFor(where: Where, { storage, asked, target }: LeafContext): Result<Search> {
  if (where.storage === 'registry') return ok({ where, storage: 'registry' });
  if (!storage.ok) return storage;
  return ok({ where, storage: { storage: storage.value, asked: formOf(asked, target) } });
}

/** An image without a name is asked for by what it is. */
function formOf(asked: AskedName, { descriptor }: Target): AskedForm {
  if (asked === 'none') return { digest: descriptor.digest };
  return asked.digest === undefined ? { tag: effectiveTag(asked) ?? '' } : { digest: asked.digest };
}

/** The look-ups that a leaf's stores take; attachments only where they are read anywhere. */
function lookupsOf({ where, storage }: Search, { target, task }: LeafContext): readonly LookupKind[] {
  const kinds = LOOKUP_KINDS.filter((kind) => where.stores.some((store) => LOOKUPS[store] === kind));
  if (storage === 'registry') return kinds;
  const place = where.repository === 'own' ? target.repository : where.repository;
  const { attachments } = task.registry.storage(place, storage);
  return attachments === 'somewhere' ? kinds : kinds.filter((kind) => kind === 'detached');
}

async function evaluateLookup(
  kind: LookupKind,
  leaf: Leaf,
  search: Search,
  need: 'any' | 'complete',
  context: LeafContext,
): Promise<LeafEvidence> {
  const { gatherer, target, task } = context;
  const complete =
    need === 'complete' ||
    (context.evidence === 'complete' &&
      leaf.where.stores.some((store) => LOOKUPS[store] === kind && COMPLETE_STORES.has(store)));
  const listed = await gatherer.list(
    kind,
    target,
    search,
    complete ? Math.min(FRESH, context.listAge) : context.listAge,
    task,
  );
  if (!listed.ok)
    return { accepted: [], failures: [listed.failure], spoilt: complete, seen: NOTHING_SEEN, artifacts: [] };
  if (listed.value.age > FRESH) context.onStale();
  return judgeListing(listed.value.listing, leaf, complete, context);
}

async function judgeListing(
  listing: Listing,
  leaf: Leaf,
  complete: boolean,
  context: LeafContext,
): Promise<LeafEvidence> {
  const stored = listing.candidates.filter(
    (candidate) => candidate.kind === 'unread' || leaf.where.stores.includes(candidate.location.store),
  );
  const wanted = stored.filter((candidate) => isOfFormat(candidate, leaf.proof));
  const findings = await Promise.all(wanted.map((candidate, index) => findingOf(candidate, index, leaf, context)));

  const accepted: AcceptedFinding[] = [];
  const failures: Failure[] = [];
  const artifacts: LeafEvidence['artifacts'][number][] = [];
  for (const [index, finding] of findings.entries()) {
    const candidate = wanted[index];
    if (finding.kind === 'unread') {
      failures.push(finding.failure);
      continue;
    }
    if (finding.verdict.kind === 'undecided')
      failures.push({ code: finding.verdict.code, message: finding.verdict.message });
    const taken = finding.verdict.kind === 'accepted' ? { leaf, finding } : undefined;
    if (taken !== undefined) accepted.push(taken);
    if (candidate !== undefined && candidate.kind !== 'unread')
      artifacts.push({ type: finding.artifact.mediaType, id: candidate.id, accepted: taken });
  }
  // What a later attempt may read differently spoils; a refusal of one signature does not.
  return {
    accepted,
    failures,
    spoilt: complete && failures.length > 0,
    seen: {
      findings,
      lookedIn: [listing.place],
      others: listing.others + stored.length - wanted.length,
    },
    artifacts,
  };
}

/** A signature of another format than the policy asks for is there beside it, as an attachment is. */
function isOfFormat({ kind }: Candidate, proof: ProofRule): boolean {
  switch (kind) {
    case 'unread':
      return true;
    case 'openpgp':
    case 'notation':
      return proof.kind === kind;
    case 'malformed':
      return true;
    case 'layer':
    case 'bundle':
      return proof.kind !== 'openpgp' && proof.kind !== 'notation';
  }
}

async function findingOf(candidate: Candidate, index: number, leaf: Leaf, context: LeafContext): Promise<Finding> {
  if (candidate.kind === 'unread') return candidate;
  const { location, artifact } = candidate;
  if (index >= leaf.where.attempts)
    return {
      kind: 'unread',
      location,
      artifact,
      failure: {
        code: 'LIMIT_EXCEEDED',
        message: `more than ${leaf.where.attempts} signatures; the rest was not tried`,
      },
    };
  const proof =
    candidate.kind === 'malformed'
      ? candidate.proof
      : await context.gatherer.prove(candidate, leaf.proof, context.target, leaf.where, context.budget, context.task);
  if ('ok' in proof && !proof.ok) return { kind: 'unread', location, artifact, failure: proof.failure };
  return judged('ok' in proof ? proof.value : proof, candidate, leaf, context);
}

/** What a proof is worth at this moment, for this name and this leaf. */
async function judged(
  proof: Proof,
  { location, artifact }: Exclude<Candidate, { kind: 'unread' }>,
  leaf: Leaf,
  { asked, gatherer, task }: LeafContext,
): Promise<Finding> {
  const verdict = judge(leaf, proof, asked, task.now);
  const ask = (chain: RevocableChain) => gatherer.revocation(chain, task);
  return unlessRevoked({ kind: 'judged', location, artifact, proof, verdict }, leaf, ask, task.now);
}

/** One report for each artifact, by the first verifier that knows its type; other artifacts are ignored. */
export function reportsOf(
  types: readonly NonEmpty<string>[],
  evidence: readonly LeafEvidence[],
): readonly { readonly type: string; readonly accepted: AcceptedFinding | undefined }[] {
  const reported = new Set<string>();
  const reports: { readonly type: string; readonly accepted: AcceptedFinding | undefined }[] = [];
  for (const [index, known] of types.entries()) {
    for (const artifact of evidence[index]?.artifacts ?? []) {
      if (!known.includes(artifact.type) || reported.has(artifact.id)) continue;
      reported.add(artifact.id);
      reports.push({ type: artifact.type, accepted: artifact.accepted });
    }
  }
  return reports;
}
