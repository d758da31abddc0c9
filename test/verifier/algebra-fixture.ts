import { createSigner } from '../../src/cli/demo/signer.ts';
import { type Failure, failure } from '../../src/codes/result.ts';
import { digestOf } from '../../src/image/digest.ts';
import { BY_CERTIFICATE, type Finding, type Proof, UNRESERVED } from '../../src/model/finding.ts';
import type { Condition, Leaf, NonEmpty, Requirement } from '../../src/model/requirement.ts';
import type { LookForLeaf } from '../../src/verifier/evaluate.ts';
import type { LeafEvidence } from '../../src/verifier/leaf.ts';
import type { AcceptedFinding } from '../../src/verifier/node-value.ts';
import { keyLeaf } from '../fixtures/keys.ts';

const signer = createSigner();
const location = { store: 'cosign-tag', repository: 'registry.example/app', reference: 'sha256-0.sig' } as const;
const digest = digestOf(Buffer.from('image'));

/** One artifact of an imagined world: what it is, who signed it, and whether the leaf accepts it. */
export type Thing =
  | {
      readonly kind: 'accepted';
      readonly type?: string;
      readonly id?: string;
      /** Ids of the signer. */
      readonly by?: NonEmpty<string>;
      readonly annotations?: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'refused'; readonly type?: string; readonly id?: string }
  | { readonly kind: 'unread'; readonly failure: Failure };

/** A leaf that is told from others by its name. */
export const leafCalled = (name: string): Leaf => keyLeaf([signer], { name });

/** One signature as the named leaf wants it. */
export const some = (name: string): Requirement => ({ kind: 'some', leaf: leafCalled(name) });

/** Trouble that time may end. */
export const OUTAGE = failure('REGISTRY_UNAVAILABLE', 'the registry answers 503');

/** Trouble that somebody made. */
export const JUNK = failure('RESPONSE_TOO_LARGE', 'the registry sends too much');

/** An accepted thing. */
export const accepted = (...by: readonly string[]): Thing => {
  const [first = 'alice', ...rest] = by;
  return { kind: 'accepted', by: [first, ...rest] };
};

/** A refused thing. */
export const refused: Thing = { kind: 'refused' };

/** A thing that could not be read. */
export const unread = (why: Failure = OUTAGE): Thing => ({ kind: 'unread', failure: why });

/** What was found for each leaf, and the needs that were asked for. */
export function lookingAt(
  world: Readonly<Record<string, readonly Thing[]>>,
  evidence: 'isolate' | 'complete' = 'isolate',
): LookForLeaf & { readonly needs: ('any' | 'complete')[] } {
  const needs: ('any' | 'complete')[] = [];
  const look: LookForLeaf = (leaf, need) => {
    needs.push(need);
    return Promise.resolve(evidenceOf(leaf, world[leaf.name] ?? [], need === 'complete' || evidence === 'complete'));
  };
  return Object.assign(look, { needs });
}

function evidenceOf(leaf: Leaf, things: readonly Thing[], complete: boolean): LeafEvidence {
  const artifacts: LeafEvidence['artifacts'][number][] = [];
  const findings: Finding[] = [];
  const failures: Failure[] = [];
  for (const [i, thing] of things.entries()) {
    if (thing.kind === 'unread') {
      failures.push(thing.failure);
      findings.push({ kind: 'unread', location, artifact: undefined, failure: thing.failure });
      continue;
    }
    const type = thing.type ?? 'signature';
    const finding = judged(thing, type);
    findings.push(finding);
    const taken: AcceptedFinding | undefined = thing.kind === 'accepted' ? { leaf, finding } : undefined;
    artifacts.push({ type, id: thing.id ?? `${leaf.name} ${i}`, accepted: taken });
  }
  return {
    accepted: artifacts.flatMap((artifact) => (artifact.accepted === undefined ? [] : [artifact.accepted])),
    failures,
    spoilt: complete && failures.length > 0,
    seen: { findings, lookedIn: [location], others: 0 },
    artifacts,
  };
}

function judged(thing: Exclude<Thing, { kind: 'unread' }>, type: string): Extract<Finding, { kind: 'judged' }> {
  const artifact = { digest, mediaType: type };
  if (thing.kind === 'refused') {
    const why = { code: 'SIGNATURE_MISMATCH', message: 'the signature does not verify' } as const;
    const proof: Proof = { kind: 'disproved', failed: 'signature', ...why, claimedSigner: undefined };
    return { kind: 'judged', location, artifact, proof, verdict: { kind: 'refused', check: 'signature', ...why } };
  }
  const proof: Proof = {
    kind: 'proved',
    signer: { display: 'somebody', ids: thing.by ?? ['alice'], identity: 'none' },
    claims: { digest, name: { kind: 'unnamed' }, predicateType: undefined, annotations: thing.annotations ?? {} },
    times: [],
    log: [],
    checks: [],
    timedBy: BY_CERTIFICATE,
    ...UNRESERVED,
    notBefore: 'always',
    notAfter: 'forever',
  };
  return { kind: 'judged', location, artifact, proof, verdict: { kind: 'accepted', warnings: [] } };
}

/** A condition on an annotation. */
export const annotated = (name: string, value: string): Condition => ({ kind: 'annotation', name, value });
