import { ownCopy, weightOf } from '../cache/own-copy.ts';
import { createSingleFlight } from '../cache/single-flight.ts';
import { type Failure, failed, failure, failureClass, ok, type Result } from '../codes/result.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { type Repository, repositoryName } from '../image/reference.ts';
import type { Proof, RevocableChain } from '../model/finding.ts';
import { hashOf } from '../model/hash.ts';
import type { ProofRule, Where } from '../model/requirement.ts';
import type { Registry, RequestContext, SignatureSearch } from '../registry/registry.ts';
import { MAXIMUM_BUNDLE_BYTES, MAXIMUM_PAYLOAD_BYTES } from '../signatures/cosign/formats.ts';
import { listReferrers } from '../signatures/cosign/referrers.ts';
import { listSignatureTag } from '../signatures/cosign/tag.ts';
import { listDetached } from '../signatures/detached/list.ts';
import type { BlobReference, Candidate, Listing } from '../signatures/evidence.ts';
import { listNotationSignatures } from '../signatures/notation/referrers.ts';
import { type ProvableCandidate, proveCandidate } from '../signatures/prove-candidate.ts';
import { createMaterialLoader, type ProofMaterial } from '../trust/proof-material.ts';
import type { Revocation } from '../trust/revocation/revocation.ts';
import { type RevocationStatus, unknown } from '../trust/revocation/status.ts';
import type { TrustStore } from '../trust/trust-store.ts';
import { parseCertificate } from '../trust/x509/certificate.ts';
import { type Caches, FRESH } from './caches.ts';
import { holdsAt } from './judge.ts';
import type { Task } from './task.ts';
import { createTurns } from './turns.ts';

/** The manifest whose signatures are looked for: the image, or one instance of it. */
export type Target = { readonly repository: Repository; readonly descriptor: Descriptor };

/** The places that are looked at; each is one look-up, shared by every store, policy and container. */
export type LookupKind = 'tag' | 'referrers' | 'detached' | 'notation';

/** Where a look-up goes: a leaf's `where`, and what `registries.d` adds to it. */
export type Search = { readonly where: Where; readonly storage: SignatureSearch | 'registry' };

/** What one image may still cost, and which proofs were already granted. */
export type Budget = { verifications: number; bytes: number; readonly granted: Set<string> };

/** Verifications of one image under all policies; a flood of signatures must not become a flood of work (MODEL.md M6). */
const MAXIMUM_VERIFICATIONS = 512;

/**
 * Bytes of signatures read for one image. Without it somebody could push so much that time runs out, and with
 * `onError: allow` running out of time admits (MODEL.md M6).
 */
const MAXIMUM_SIGNATURE_BYTES = 16 * 1024 * 1024;

/** What an image may cost that nothing was spent on yet. */
export function fullBudget(): Budget {
  return { verifications: MAXIMUM_VERIFICATIONS, bytes: MAXIMUM_SIGNATURE_BYTES, granted: new Set() };
}

/** Looks up and proves, each thing once. */
export type Gatherer = {
  /**
   * Why nothing can be proved under a rule: FEATURE_NOT_SUPPORTED, POLICY_BROKEN or TRUST_MATERIAL_UNAVAILABLE. Costs no
   * request.
   */
  readonly unusable: (rule: ProofRule) => Failure | undefined;
  /** One look-up, from the cache if it is no older than `maximumAge` milliseconds. */
  readonly list: (
    kind: LookupKind,
    target: Target,
    search: Search,
    maximumAge: number,
    task: Task,
  ) => Promise<Result<{ readonly listing: Listing; readonly age: number }>>;
  /** What one candidate proves under a rule; a failure where its bytes could not be had. */
  readonly prove: (
    candidate: ProvableCandidate,
    rule: ProofRule,
    target: Target,
    where: Where,
    budget: Budget,
    task: Task,
  ) => Promise<Result<Proof>>;
  /** Whether a certificate of a chain was revoked, as far as anybody says now. */
  readonly revocation: (chain: RevocableChain, task: Task) => Promise<RevocationStatus>;
};

/** A listing, and when it was asked for. */
type Read = { readonly listing: Listing; readonly at: number };

const LATE = failure('DEADLINE_EXCEEDED', 'the signatures could not be read in time');

/** Where all was read: that time runs out then is the doing of whoever laid the signatures, which `onError` never loosens. */
const OVERDUE = failure('LIMIT_EXCEEDED', 'the image carries more signatures than could be verified in time');

/** What a gatherer is made of. */
export type GathererParts = {
  readonly trust: TrustStore;
  readonly caches: Caches;
  readonly revocation: Revocation;
  readonly clock: () => number;
};

/** Makes a gatherer over the caches. */
export function createGatherer({ trust, caches, revocation, clock }: GathererParts): Gatherer {
  const listFlights = createSingleFlight<Result<Read>>();
  const blobFlights = createSingleFlight<Result<Uint8Array>>();
  const proofFlights = createSingleFlight<Result<Proof>>();
  const materialOf = createMaterialLoader(trust);
  const turns = createTurns();

  const placeOf = (target: Target, where: Where): Repository =>
    where.repository === 'own' ? target.repository : where.repository;

  // Shared work runs under its own flight's signal, so that whoever started it does not end it for those who joined.
  const blob = async (
    repository: Repository,
    reference: BlobReference,
    maximumBytes: number,
    { registry, onRequest }: Task,
    waiting: AbortSignal,
  ): Promise<Result<Uint8Array>> => {
    // The access is part of the key: bytes are handed out only to whoever could have fetched them (MODEL.md M2). So are
    // the size and the bound: a manifest that lies about the size must not answer for one that does not.
    const key = `${registry.access(repository).id} ${reference.digest} ${reference.size} ${maximumBytes}`;
    const kept = caches.bytes.get(key);
    if (kept !== undefined) return ok(kept);
    return blobFlights.run(
      key,
      waiting,
      async (signal) => {
        const found = await registry.blob(repository, reference, maximumBytes, { signal, onRequest });
        if (found.kind === 'failed') return { ok: false, failure: found.failure };
        if (found.kind === 'absent')
          return failed(
            'RESPONSE_MALFORMED',
            `the signature manifest names the blob ${reference.digest}, which is not there`,
          );
        // Copied, since short bodies are cut out of a larger buffer that they would keep alive.
        caches.bytes.set(key, new Uint8Array(found.value), found.value.length);
        return ok(found.value);
      },
      () => ({ ok: false, failure: LATE }),
    );
  };

  const verify = async (
    candidate: ProvableCandidate,
    material: ProofMaterial,
    target: Target,
    where: Where,
    task: Task,
    waiting: AbortSignal,
  ): Promise<Result<Proof>> => {
    const bytes =
      'bytes' in candidate.blob
        ? ok(candidate.blob.bytes)
        : await blob(placeOf(target, where), candidate.blob, maximumBytes(candidate), task, waiting);
    if (!bytes.ok) return bytes;
    await turns(task.deadline);
    // Nobody waits for it any more.
    if (waiting.aborted) return { ok: false, failure: OVERDUE };
    return proveCandidate(candidate, bytes.value, material, target.descriptor, task.now);
  };

  return {
    unusable: (rule) => {
      const material = materialOf(rule);
      return material.ok ? undefined : material.failure;
    },

    list: async (kind, target, { where, storage }, maximumAge, task) => {
      const repository = placeOf(target, where);
      const { digest } = target.descriptor;
      const { registry } = task;
      const plan = storage === 'registry' ? undefined : registry.storage(repository, storage);
      const key = `${registry.access(repository).id} ${repositoryName(repository)} ${digest} ${kind} ${where.tagPrefix} ${where.attempts} ${plan?.id ?? 'registry'}`;
      const kept = caches.lists.get(key);
      const age = kept === undefined ? Number.POSITIVE_INFINITY : task.now - kept.at;
      if (kept !== undefined && age <= maximumAge) {
        task.meter.hits++;
        return ok({ listing: kept.listing, age });
      }
      task.meter.misses++;
      const read = () =>
        listFlights.run(
          key,
          task.deadline.signal(),
          async (signal) => {
            const at = clock();
            const found = await lookUp(kind, repository, digest, { where, storage }, task.registry, {
              signal,
              onRequest: task.onRequest,
              ...(plan !== undefined && { isWanted: plan.hasAttachments }),
            });
            if (!found.ok) return found;
            keepListing(caches, key, { listing: found.value, at });
            return ok({ listing: found.value, at });
          },
          () => ({ ok: false, failure: LATE }),
        );
      const ageOf = ({ at }: Read) => Math.max(0, task.now - at);

      const joined = await read();
      if (!joined.ok) return joined;
      // Somebody else may have asked long before this task began.
      const latest = ageOf(joined.value) > Math.max(FRESH, maximumAge) ? await read() : joined;
      return latest.ok ? ok({ listing: latest.value.listing, age: ageOf(latest.value) }) : latest;
    },

    revocation: async ({ certificates, signedAt }, task) => {
      const chain = certificates.flatMap((der) => {
        const certificate = parseCertificate(der);
        return certificate.ok ? [certificate.value] : [];
      });
      // They were read when the signature was proved; what cannot be read again is not asked for as if it were not there.
      if (chain.length < certificates.length) return unknown('a certificate cannot be read');
      return revocation.check(chain, signedAt, task.deadline.signal(), task.onRequest);
    },

    prove: async (candidate, rule, target, where, budget, task) => {
      const material = materialOf(rule);
      if (!material.ok) return material;
      const { digest, mediaType, size } = target.descriptor;
      const key = `${candidate.id} ${candidate.blob.size} ${digest} ${mediaType} ${size} ${hashOf(rule)} ${material.value.hash}`;
      // Before the cache is asked: what others had verified must not let a decision reach further than a cold one.
      const unaffordable = spend(budget, key, material.value.cost, candidate);
      if (unaffordable !== undefined) return { ok: false, failure: unaffordable };
      const kept = caches.proofs.get(key);
      // Beyond its time another chain of the same certificate may hold, so it is proved anew and not called expired.
      if (kept !== undefined && holdsAt(kept, task.now)) {
        task.meter.hits++;
        return ok(kept);
      }
      task.meter.misses++;
      // The access is part of the flight's key although not of the proof's: bytes are fetched under it.
      return proofFlights.run(
        `${task.registry.access(placeOf(target, where)).id} ${key}`,
        task.deadline.signal(),
        async (signal) => {
          const proof = await verify(candidate, material.value, target, where, task, signal);
          if (proof.ok) caches.proofs.set(key, ownCopy(proof.value), weightOf(proof.value));
          return proof;
        },
        () => ({ ok: false, failure: 'bytes' in candidate.blob ? OVERDUE : LATE }),
      );
    },
  };
}

function lookUp(
  kind: LookupKind,
  repository: Repository,
  digest: Digest,
  { where, storage }: Search,
  registry: Registry,
  context: RequestContext,
): Promise<Result<Listing>> {
  switch (kind) {
    case 'tag':
      return listSignatureTag(registry, repository, digest, where.tagPrefix, context);
    case 'referrers':
      return listReferrers(registry, repository, digest, where.attempts, context);
    case 'notation':
      return listNotationSignatures(registry, repository, digest, where.attempts, context);
    case 'detached':
      if (storage === 'registry')
        return Promise.resolve(failed('INTERNAL_ERROR', 'nothing says where detached signatures lie'));
      return listDetached(registry, repository, digest, storage, where.attempts, context);
  }
}

/**
 * Takes from the budget what a proof costs, once for all policies that ask for it; what is too large by itself is refused
 * without taking from the others.
 */
function spend(
  budget: Budget,
  proof: string,
  verifications: number,
  candidate: ProvableCandidate,
): Failure | undefined {
  if (budget.granted.has(proof)) return undefined;
  const { size } = candidate.blob;
  const maximum = maximumBytes(candidate);
  if (size > maximum) return failure('RESPONSE_TOO_LARGE', `a signature of ${size} bytes is larger than ${maximum}`);
  if (verifications > budget.verifications) {
    return failure(
      'LIMIT_EXCEEDED',
      `the image carries more signatures than are verified: ${MAXIMUM_VERIFICATIONS} verifications`,
    );
  }
  if (size > budget.bytes) {
    return failure(
      'LIMIT_EXCEEDED',
      `the signatures of the image are larger than ${MAXIMUM_SIGNATURE_BYTES} bytes together`,
    );
  }
  budget.verifications -= verifications;
  budget.bytes -= size;
  budget.granted.add(proof);
  return undefined;
}

function maximumBytes(candidate: ProvableCandidate): number {
  switch (candidate.kind) {
    case 'bundle':
    case 'notation':
      return MAXIMUM_BUNDLE_BYTES;
    case 'layer':
    case 'openpgp':
      return MAXIMUM_PAYLOAD_BYTES;
  }
}

/**
 * Keeps a listing. One with a hole in it may be trouble that passes: it is kept as old from the start, so that it may
 * admit by what could be read, but is read again before anything is refused for what could not.
 */
function keepListing(caches: Caches, key: string, { listing, at }: Read): void {
  const holes = listing.candidates.flatMap((candidate) => (candidate.kind === 'unread' ? [candidate.failure] : []));
  if (holes.some((hole) => failureClass(hole) !== 'content')) return;
  const isWhole = holes.every((hole) => hole.code === 'LIMIT_EXCEEDED');
  const kept = ownCopy({ ...listing, candidates: listing.candidates.map(withoutCause) });
  caches.lists.set(key, { listing: kept, at: isWhole ? at : at - FRESH - 1 }, weightOf(kept));
}

/** Causes are for logs; in a cache they would keep alive whatever an error holds. */
function withoutCause(candidate: Candidate): Candidate {
  if (candidate.kind !== 'unread') return candidate;
  const { code, message } = candidate.failure;
  return { ...candidate, failure: { code, message } };
}
