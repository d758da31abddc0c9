import { type Failure, failure, type Result } from '../codes/result.ts';
import type { SubjectDecision } from '../model/decision.ts';
import { effectiveMode } from '../model/mode.ts';
import type { OnError, Origin, Outcome, Unmatched } from '../model/outcome.ts';
import type { Requirement } from '../model/requirement.ts';
import type { Selected } from '../policy/policy.ts';
import type { Registry } from '../registry/registry.ts';
import type { Revocation } from '../trust/revocation/revocation.ts';
import type { TrustStore } from '../trust/trust-store.ts';
import { accessFor } from './access.ts';
import { type Caches, FRESH, type ResolvedManifest } from './caches.ts';
import { decisionOf, type Judgement, policyOutcome, subjectDecision } from './decision.ts';
import { decidedWithoutEvidence, evaluate } from './evaluate.ts';
import { type Budget, createGatherer, fullBudget, type Gatherer, type Target } from './gather.ts';
import { evaluateLeaf, type LeafContext } from './leaf.ts';
import { gravest, NOTHING_SEEN, type NodeValue } from './node-value.ts';
import { outcomeOf } from './outcome.ts';
import type { DecisionRequest, RequestedImage, RequestedLayout, Verifier } from './request.ts';
import { createResolver, type Resolver } from './resolve.ts';
import { type Policies, selectPolicies } from './select.ts';
import { type Subject, subjectOf } from './subject.ts';
import { evaluateSubject } from './subject-rule.ts';
import { createTask, type OnRequest, type Task } from './task.ts';

/** What the operator decided, beside the policies. */
export type VerifierSettings = {
  readonly onError: OnError;
  readonly unmatched: Unmatched;
  /** What is said of tags where a policy verifies the image: a tag may move between this decision and the pull. */
  readonly requireDigest: 'deny' | 'warn' | 'off';
  /** How long a list of signatures is believed, in milliseconds. */
  readonly listAge: number;
};

/** What a verifier is made of. */
export type VerifierParts = {
  readonly registry: Registry;
  readonly trust: TrustStore;
  readonly caches: Caches;
  /** Read at each decision, so that an edit is in force on the next request. */
  readonly policies: () => Policies;
  readonly settings: VerifierSettings;
  /** Says whether certificates were revoked. */
  readonly revocation: Revocation;
  readonly clock: () => number;
  /** Told of each request to a registry. */
  readonly onRequest: OnRequest;
  /** Told of exceptions, which are refusals to everybody else. */
  readonly onDefect: (error: unknown) => void;
};

/** One request under way: the engine, what it decides by, and what it may still take. */
type Run = {
  readonly parts: VerifierParts;
  readonly gatherer: Gatherer;
  readonly resolver: Resolver;
  readonly request: DecisionRequest;
  readonly policies: Policies;
  readonly judgement: Judgement;
  readonly task: Task;
  /** The registry with the credentials of whoever asks. */
  readonly access: () => Promise<Result<Registry>>;
};

/**
 * Makes the engine: selects policies, resolves each image once, fetches once, verifies, decides. The images of one
 * request are decided side by side under one deadline.
 */
export function createVerifier(parts: VerifierParts): Verifier {
  const gatherer = createGatherer(parts);
  const resolver = createResolver(parts.caches);

  return {
    decide: async (request) => {
      const task = createTask(parts.registry, request.deadline, parts.clock, mayDeny(request), parts.onRequest);
      const judgement: Judgement = { mode: request.mode, settings: parts.settings };
      const access = accessFor(parts.registry, request.credentials, task.deadline);
      const run: Run = { parts, gatherer, resolver, request, policies: parts.policies(), judgement, task, access };
      const subjects = await Promise.all(request.images.map((image) => decideImage(image, run)));
      task.deadline.clear();
      return decisionOf(subjects, judgement, { milliseconds: parts.clock() - task.now, ...task.meter });
    },
    close: () => parts.registry.close(),
  };
}

/** Whether anything in this request can be refused; only then must a moved tag be seen at once (DESIGN.md §4.5). */
function mayDeny(request: DecisionRequest): boolean {
  return request.mode.server === 'deny' || request.mode.namespace === 'deny';
}

async function decideImage(image: RequestedImage | RequestedLayout, run: Run): Promise<SubjectDecision> {
  const subject = subjectOf(image);
  if (!subject.ok) return unreadable(image, run.judgement, subject.failure);
  try {
    return await decideSubject(image, subject.value, run);
  } catch (error) {
    // Whatever went wrong, and whoever made it go wrong, the answer is a refusal (DESIGN.md §4.11).
    run.parts.onDefect(error);
    return unreadable(image, run.judgement, failure('INTERNAL_ERROR', 'countersign failed while verifying the image'));
  }
}

/** An image that could not even be looked at is refused in the server's own mode: no policy can be asked about it. */
function unreadable(image: RequestedImage, judgement: Judgement, why: Failure): SubjectDecision {
  const outcome: Outcome = { kind: 'error', failure: why, findings: [] };
  return subjectDecision(image, undefined, [
    policyOutcome(configured('reference'), '', undefined, outcome, undefined, judgement),
  ]);
}

async function decideSubject(image: RequestedImage, subject: Subject, run: Run): Promise<SubjectDecision> {
  const { judgement, task } = run;
  const { unmatched, requireDigest } = run.parts.settings;
  const { asked, name } = subject;
  const { required, lifted, unmatchedByCluster } = selectPolicies(run.policies, asked, run.request.asker, task.now);

  const verifying = required.some(needsEvidence);
  const access = verifying ? await run.access() : undefined;
  const reading = access?.ok === true ? { ...run, task: { ...task, registry: access.value } } : run;
  const resolved = access?.ok === true ? await subject.resolve(run.resolver, reading.task) : access;
  const written = name === 'none' ? undefined : name.digest;
  const digest = resolved?.ok === true ? resolved.value.descriptor.digest : written;
  const say = ({ policy, scope }: Selected, outcome: Outcome) =>
    policyOutcome(policy.origin, scope, policy.mode, outcome, digest, judgement);

  const budget = fullBudget();
  const outcomes = await Promise.all(
    required.map(async (selected) =>
      say(selected, outcomeOf(await valueOf(selected, subject, resolved, budget, reading), selected.policy.origin)),
    ),
  );
  for (const { selected, by, reason } of lifted) outcomes.push(say(selected, { kind: 'exempt', by, reason }));

  // What a tenant wrote never lifts `unmatched: deny`, so it is asked beside it.
  const answered = required.length + lifted.length > 0;
  if (unmatchedByCluster && (!answered || unmatched !== 'allow')) {
    outcomes.push(policyOutcome(configured('unmatched'), '', undefined, { kind: 'unmatched' }, digest, judgement));
  }
  if (!verifying || name === 'none' || name.digest !== undefined) return subjectDecision(image, digest, outcomes);

  const message = `the tag ${name.tag ?? 'latest'} may move between this decision and the pull`;
  if (requireDigest === 'deny') {
    const outcome: Outcome = { kind: 'rejected', findings: [], code: 'DIGEST_REQUIRED', message };
    outcomes.push(policyOutcome(configured('requireDigest'), '', undefined, outcome, digest, judgement));
  }
  const advise =
    requireDigest === 'warn' && effectiveMode('warn', judgement.mode.server, judgement.mode.namespace) === 'warn';
  return subjectDecision(
    image,
    digest,
    outcomes,
    advise ? [`${message}: name it by its digest [DIGEST_REQUIRED]`] : [],
  );
}

function needsEvidence({ state }: Selected): boolean {
  return state.kind === 'ready' && decidedWithoutEvidence(state.require) === undefined;
}

/** What one policy's requirement comes to for one image. */
async function valueOf(
  selected: Selected,
  subject: Subject,
  resolved: Result<ResolvedManifest> | undefined,
  budget: Budget,
  run: Run,
): Promise<NodeValue> {
  if (selected.state.kind === 'broken') return { kind: 'error', failure: selected.state.failure, seen: NOTHING_SEEN };
  const requirement = selected.state.require;
  const decided = decidedWithoutEvidence(requirement);
  if (decided !== undefined) return decided;
  if (resolved === undefined)
    return { kind: 'error', failure: failure('INTERNAL_ERROR', 'the image was not resolved'), seen: NOTHING_SEEN };
  if (!resolved.ok) return { kind: 'error', failure: resolved.failure, seen: NOTHING_SEEN };

  const first = await attempt(selected, requirement, subject, resolved.value, run.parts.settings.listAge, budget, run);
  if (first.value.kind === 'pass' || !first.stale) return first.value;
  // The image may have been signed since the list was read: an old list may admit, but not refuse (MODEL.md M2).
  const again = (await attempt(selected, requirement, subject, resolved.value, FRESH, budget, run)).value;
  if (again.kind !== 'error' || first.value.kind !== 'error') return again;
  // What took all the time the first time must not come out as time that ran out, which `onError` loosens.
  return { ...again, failure: gravest([again.failure, first.value.failure]) };
}

async function attempt(
  selected: Selected,
  requirement: Requirement,
  subject: Subject,
  manifest: ResolvedManifest,
  listAge: number,
  budget: Budget,
  run: Run,
): Promise<{ readonly value: NodeValue; readonly stale: boolean }> {
  const { gatherer, resolver, task } = run;
  let stale = false;
  const onStale = () => {
    stale = true;
  };
  const evaluateManifest = (inner: Requirement, target: Target) => {
    const context: LeafContext = {
      gatherer,
      target,
      asked: subject.name,
      evidence: selected.policy.evidence,
      storage: run.policies.storage,
      budget,
      task,
      listAge,
      onStale,
    };
    return evaluate(inner, (leaf, need) => evaluateLeaf(leaf, need, context));
  };
  const target: Target = { repository: subject.place, descriptor: manifest.descriptor };
  const value = await evaluateSubject(
    selected.policy.subjectRule,
    requirement,
    target,
    manifest,
    resolver,
    evaluateManifest,
    task,
  );
  return { value, stale };
}

/** The synthetic policies that stand for a key of the configuration. */
function configured(name: string): Origin {
  return { kind: 'configuration', namespace: undefined, name, source: 'configuration', generation: undefined };
}
