import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect } from 'vitest';
import type { RefusalCode } from '../../src/codes/codes.ts';
import { failure } from '../../src/codes/result.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { Decision, PolicyOutcome, SubjectDecision } from '../../src/model/decision.ts';
import { BY_CERTIFICATE, type Finding, type Location, UNRESERVED } from '../../src/model/finding.ts';
import type { Mode } from '../../src/model/mode.ts';
import type { Origin, Outcome } from '../../src/model/outcome.ts';

/** Some digest. */
export const DIGEST = digestOf(Buffer.from('image'));

const LOCATION: Location = { store: 'cosign-tag', repository: 'ghcr.io/acme/app', reference: 'sha256-4f1c.sig' };
const ARTIFACT = {
  digest: digestOf(Buffer.from('signature')),
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
};

/** A policy's origin. */
export function origin(name = 'release', namespace?: string): Origin {
  return {
    kind: namespace === undefined ? 'ClusterImagePolicy' : 'ImagePolicy',
    namespace,
    name,
    source: 'uid',
    generation: 3,
  };
}

/** A finding that was accepted for a signer. */
export function acceptedFinding(display = 'key sha256:aa'): Finding {
  return {
    kind: 'judged',
    location: LOCATION,
    artifact: ARTIFACT,
    proof: {
      kind: 'proved',
      signer: { display, ids: [display], identity: 'none' },
      claims: { digest: DIGEST, name: { kind: 'unnamed' }, predicateType: undefined, annotations: {} },
      times: [],
      log: [],
      checks: [],
      timedBy: BY_CERTIFICATE,
      ...UNRESERVED,
      notBefore: 'always',
      notAfter: 'forever',
    },
    verdict: { kind: 'accepted', warnings: [] },
  };
}

/** A finding that a leaf refused. */
export function refusedFinding(): Finding {
  const [code, message] = ['SIGNATURE_MISMATCH', 'no key of the policy verifies it'] as const;
  return {
    kind: 'judged',
    location: LOCATION,
    artifact: ARTIFACT,
    proof: { kind: 'disproved', failed: 'signature', code, message, claimedSigner: 'mallory\u202e' },
    verdict: { kind: 'refused', check: 'signature', code, message },
  };
}

/** A finding that could not be read. */
export function unreadFinding(): Finding {
  return {
    kind: 'unread',
    location: { ...LOCATION, reference: ARTIFACT.digest },
    artifact: undefined,
    failure: failure('RESPONSE_TOO_LARGE', 'the layer is too large'),
  };
}

/** One of every outcome. */
export const OUTCOMES = {
  verified: { kind: 'verified', findings: [acceptedFinding()] },
  accepted: { kind: 'accepted', by: origin('static'), findings: [] },
  unsigned: { kind: 'unsigned', lookedIn: [LOCATION], others: 0, code: 'UNSIGNED' },
  untrusted: refusal('untrusted', 'SIGNATURE_MISMATCH'),
  invalid: refusal('invalid', 'PAYLOAD_DIGEST_MISMATCH'),
  rejected: refusal('rejected', 'REJECTED_BY_POLICY'),
  unmatched: { kind: 'unmatched' },
  exempt: { kind: 'exempt', by: origin('holiday'), reason: 'until the vendor signs' },
  error: {
    kind: 'error',
    failure: failure('REGISTRY_UNREACHABLE', 'ghcr.io did not answer'),
    findings: [unreadFinding()],
  },
} as const satisfies { [K in Outcome['kind']]: Extract<Outcome, { kind: K }> | Outcome };

function refusal(kind: 'untrusted' | 'invalid' | 'rejected', code: RefusalCode): Outcome {
  return { kind, findings: [refusedFinding()], code, message: 'what was found does not do' };
}

/** One policy's word. */
export function said(kind: Outcome['kind'], more: Partial<PolicyOutcome> = {}): PolicyOutcome {
  const outcome: Outcome = OUTCOMES[kind];
  const admitted = ['verified', 'accepted', 'exempt', 'unmatched'].includes(kind);
  return {
    policy: origin(),
    scope: 'ghcr.io/acme',
    mode: 'deny',
    outcome,
    admission: admitted ? 'admit' : 'refuse',
    code: 'code' in outcome ? outcome.code : outcome.kind === 'error' ? outcome.failure.code : undefined,
    reason: `No cosign signature for ${DIGEST} in ghcr.io/acme/app (looked at tag x.sig and referrers).`,
    ...more,
  };
}

/** One image with what policies said of it. */
export function subject(policies: readonly PolicyOutcome[], more: Partial<SubjectDecision> = {}): SubjectDecision {
  return {
    image: 'ghcr.io/acme/app:1.2',
    path: 'spec.containers[0].image',
    digest: DIGEST,
    policies,
    headline: policies[0]?.outcome.kind ?? 'unmatched',
    wouldDeny: policies.some(({ admission }) => admission === 'refuse'),
    advice: [],
    ...more,
  };
}

/** A decision over images, allowed as the modes have it. */
export function decision(subjects: readonly SubjectDecision[], more: Partial<Decision> = {}): Decision {
  const mode: Mode = 'deny';
  const denied = subjects.some(({ policies }) => policies.some((p) => p.mode === 'deny' && p.admission === 'refuse'));
  return {
    allowed: !denied,
    mode,
    subjects,
    warnings: [],
    cost: { milliseconds: 1.2345678, requests: 2, hits: 1, misses: 1 },
    ...more,
  };
}

const validate = new Ajv({ allErrors: true }).compile(
  JSON.parse(readFileSync(new URL('../../docs/audit-record.schema.json', import.meta.url), 'utf8')),
);

/** Checks a record against the schema in docs. */
export function expectToMeetSchema(record: unknown): void {
  const parsed: unknown = JSON.parse(JSON.stringify(record));
  expect(validate(parsed) ? [] : validate.errors).toEqual([]);
}
