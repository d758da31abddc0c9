import { type Failure, failure } from '../codes/result.ts';
import type { Condition, Leaf, NonEmpty, Requirement } from '../model/requirement.ts';
import { judgeCondition } from './judge.ts';
import { type LeafEvidence, reportsOf } from './leaf.ts';
import { type AcceptedFinding, failuresOf, gravest, NOTHING_SEEN, type NodeValue, seenBy } from './node-value.ts';
import { distinctSigners } from './quorum.ts';

/** Looks for what a leaf wants at one manifest; `complete` asks for a fresh list without holes. */
export type LookForLeaf = (leaf: Leaf, need: 'any' | 'complete') => Promise<LeafEvidence>;

/**
 * Evaluates a requirement to pass, fail or error by the table of MODEL.md M3. A definite fail beats an error in `allOf`,
 * a pass beats it in `anyOf`; no node is evaluated by skipping a child, so that the decision shows all that was seen.
 */
export async function evaluate(
  requirement: Requirement,
  look: LookForLeaf,
  need: 'any' | 'complete' = 'any',
): Promise<NodeValue> {
  const decided = decidedWithoutEvidence(requirement);
  if (decided !== undefined) return decided;
  switch (requirement.kind) {
    case 'some':
      return someValue(await look(requirement.leaf, need));
    case 'allOf':
      return kOfValue(requirement.of.length, await children(requirement.of, look, need));
    case 'anyOf':
      return kOfValue(1, await children(requirement.of, look, need));
    case 'kOf':
      return kOfValue(requirement.k, await children(requirement.of, look, need));
    case 'quorum':
      return quorumValue(requirement.k, requirement.of, await leaves(requirement.of, look, need));
    case 'each':
      return eachValue(
        requirement,
        await leaves(
          requirement.verifiers.map((verifier) => verifier.leaf),
          look,
          'complete',
        ),
      );
    case 'when': {
      // A pass does not tell of what could not be read in another branch, and the body is for all that there is.
      const holes: Failure[] = [];
      const watched: LookForLeaf = async (leaf, wanted) => {
        const found = await look(leaf, wanted);
        holes.push(...found.failures);
        return found;
      };
      return whenValue(await evaluate(requirement.child, watched, 'complete'), holes, requirement.body);
    }
    case 'accept':
    case 'reject':
      return nothingToAsk();
  }
}

/**
 * The value of a requirement that no evidence can change, such as a static accept; undefined where evidence decides.
 * Such an image costs no request (DESIGN.md §4.4).
 */
export function decidedWithoutEvidence(requirement: Requirement): NodeValue | undefined {
  switch (requirement.kind) {
    case 'accept':
      return { kind: 'pass', accepted: [], seen: NOTHING_SEEN };
    case 'reject':
      return { kind: 'fail', said: { code: 'REJECTED_BY_POLICY', message: requirement.says }, seen: NOTHING_SEEN };
    case 'allOf':
    case 'anyOf':
    case 'kOf': {
      const wanted =
        requirement.kind === 'allOf' ? requirement.of.length : requirement.kind === 'anyOf' ? 1 : requirement.k;
      const decided = requirement.of.map(decidedWithoutEvidence);
      const passes = decided.filter((value) => value?.kind === 'pass').length;
      const fails = decided.filter((value) => value?.kind === 'fail').length;
      if (wanted < 1 || wanted > requirement.of.length) return nothingToAsk();
      if (passes >= wanted) return { kind: 'pass', accepted: [], seen: NOTHING_SEEN };
      if (decided.includes(undefined) && decided.length - fails >= wanted) return undefined;
      return kOfValue(
        wanted,
        decided.filter((value) => value !== undefined),
      );
    }
    case 'quorum':
      return requirement.k < 1 || requirement.k > requirement.of.length ? nothingToAsk() : undefined;
    case 'some':
    case 'each':
    case 'when':
      return undefined;
  }
}

/** A requirement with nothing to check must not pass (MODEL.md §3.3); compilers refuse to make one. */
function nothingToAsk(): NodeValue {
  return {
    kind: 'error',
    failure: failure('POLICY_BROKEN', 'the requirement asks for nothing that could be checked'),
    seen: NOTHING_SEEN,
  };
}

async function children(
  of: NonEmpty<Requirement>,
  look: LookForLeaf,
  need: 'any' | 'complete',
): Promise<readonly NodeValue[]> {
  return Promise.all(of.map((child) => evaluate(child, look, need)));
}

async function leaves(
  of: readonly Leaf[],
  look: LookForLeaf,
  need: 'any' | 'complete',
): Promise<readonly LeafEvidence[]> {
  return Promise.all(of.map((leaf) => look(leaf, need)));
}

function someValue(evidence: LeafEvidence): NodeValue {
  const [first, ...rest] = evidence.failures;
  const failing: NodeValue | undefined =
    first === undefined ? undefined : { kind: 'error', failure: gravest([first, ...rest]), seen: evidence.seen };
  if (evidence.spoilt && failing !== undefined) return failing;
  if (evidence.accepted.length > 0) return { kind: 'pass', accepted: evidence.accepted, seen: evidence.seen };
  return failing ?? { kind: 'fail', said: undefined, seen: evidence.seen };
}

function kOfValue(k: number, values: readonly NodeValue[]): NodeValue {
  const seen = seenBy(values);
  const passing = values.filter((value) => value.kind === 'pass');
  if (passing.length >= k) return { kind: 'pass', accepted: passing.flatMap((value) => value.accepted), seen };
  const [first, ...rest] = failuresOf(values);
  if (first !== undefined && passing.length + 1 + rest.length >= k)
    return { kind: 'error', failure: gravest([first, ...rest]), seen };
  const said = values.find((value) => value.kind === 'fail' && value.said !== undefined);
  return { kind: 'fail', said: said?.kind === 'fail' ? said.said : undefined, seen };
}

function quorumValue(k: number, of: NonEmpty<Leaf>, evidence: readonly LeafEvidence[]): NodeValue {
  const values = evidence.map(someValue);
  const seen = seenBy(values);
  const accepted = values.map((value) => (value.kind === 'pass' ? value.accepted : []));
  const matched = distinctSigners(accepted.map((findings) => findings.map(signerIds)));
  if (matched >= k) return { kind: 'pass', accepted: accepted.flat(), seen };
  const [first, ...rest] = failuresOf(values);
  if (first !== undefined && matched + 1 + rest.length >= k)
    return { kind: 'error', failure: gravest([first, ...rest]), seen };
  return {
    kind: 'fail',
    said:
      matched === 0
        ? undefined
        : { code: 'QUORUM_NOT_REACHED', message: `${matched} of ${k} different signers out of ${of.length} signed` },
    seen,
  };
}

function signerIds(accepted: AcceptedFinding): readonly string[] {
  return accepted.finding.proof.kind === 'proved' ? accepted.finding.proof.signer.ids : [];
}

/** Every artifact, by type: the first verifier that knows the type makes its one report (MODEL.md §2.4). */
function eachValue(requirement: Extract<Requirement, { kind: 'each' }>, evidence: readonly LeafEvidence[]): NodeValue {
  const seen = seenBy(evidence);
  const [first, ...rest] = evidence.flatMap((part) => part.failures);
  const reports = reportsOf(
    requirement.verifiers.map((verifier) => verifier.types),
    evidence,
  );
  const violated = typeViolated(requirement, reports, first === undefined);
  if (violated !== undefined) return { kind: 'fail', said: { code: 'CONDITION_FAILED', message: violated }, seen };
  if (first !== undefined) return { kind: 'error', failure: gravest([first, ...rest]), seen };
  if (reports.length === 0) return { kind: 'fail', said: undefined, seen };
  const missing = Object.keys(requirement.rules).find(
    (type) => !reports.some((report) => report.type === type && report.accepted !== undefined),
  );
  if (missing !== undefined)
    return {
      kind: 'fail',
      said: { code: 'CONDITION_FAILED', message: `no artifact of type ${missing} was accepted` },
      seen,
    };
  return {
    kind: 'pass',
    accepted: reports.flatMap((report) => (report.accepted === undefined ? [] : [report.accepted])),
    seen,
  };
}

/** Which type's rule is broken whatever else there is: what could not be read may be the success that `any` wants. */
function typeViolated(
  { rules, otherwise }: Extract<Requirement, { kind: 'each' }>,
  reports: ReturnType<typeof reportsOf>,
  complete: boolean,
): string | undefined {
  for (const type of new Set(reports.map((report) => report.type))) {
    const ofType = reports.filter((report) => report.type === type);
    const successes = ofType.filter((report) => report.accepted !== undefined).length;
    const rule = Object.hasOwn(rules, type) ? rules[type] : otherwise;
    if (rule === 'any' ? complete && successes === 0 : successes < ofType.length)
      return `${ofType.length - successes} of ${ofType.length} artifacts of type ${type} were refused`;
  }
  return undefined;
}

function whenValue(child: NodeValue, holes: readonly Failure[], body: Condition): NodeValue {
  if (child.kind !== 'pass') return child;
  const [first, ...rest] = holes;
  if (first !== undefined) return { kind: 'error', failure: gravest([first, ...rest]), seen: child.seen };
  for (const { finding } of child.accepted) {
    if (finding.proof.kind !== 'proved') continue;
    const verdict = judgeCondition(body, finding.proof.claims);
    if (verdict?.kind === 'refused')
      return { kind: 'fail', said: { code: verdict.code, message: verdict.message }, seen: child.seen };
    if (verdict?.kind === 'undecided')
      return { kind: 'error', failure: failure(verdict.code, verdict.message), seen: child.seen };
  }
  if (child.accepted.length === 0)
    return {
      kind: 'error',
      failure: failure('CONDITION_UNDECIDABLE', 'there is no statement that the condition could be asked of'),
      seen: child.seen,
    };
  return child;
}
