import { type AdmitOptions, type Admitted, admit } from '../../src/admission/admit.ts';
import { type AdmissionRequest, parseReview } from '../../src/admission/review.ts';
import { workloadKinds } from '../../src/admission/workloads.ts';
import { auditRecord } from '../../src/audit/record.ts';
import { failure } from '../../src/codes/result.ts';
import type { Decision, PolicyOutcome } from '../../src/model/decision.ts';
import { effectiveMode, type Mode, stricter } from '../../src/model/mode.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { DecisionRequest, Verifier } from '../../src/verifier/request.ts';
import { decision, expectToMeetSchema, OUTCOMES, origin, said, subject } from '../audit/fixture.ts';

/** A JSON object of a test. */
export type Json = Record<string, unknown>;

/** Images that the fake verifier takes for signed. */
export const SIGNED = 'ghcr.io/acme/signed:1';
export const ALSO_SIGNED = 'ghcr.io/acme/also-signed:1';
export const UNSIGNED = 'ghcr.io/acme/unsigned:1';

/** A verifier that knows signed images by name, and remembers what it was asked. */
export type FakeVerifier = Verifier & { readonly asked: DecisionRequest[]; readonly images: () => string[] };

/** Makes one; each of `policies` is applied to every image. */
export function fakeVerifier(policies: readonly { name: string; mode?: Mode }[] = [{ name: 'release' }]): FakeVerifier {
  const asked: DecisionRequest[] = [];
  return {
    asked,
    images: () => asked.flatMap(({ images }) => images.map(({ image }) => image)),
    close: () => Promise.resolve(),
    decide: (request) => {
      asked.push(request);
      return Promise.resolve(decide(request, policies));
    },
  };
}

function decide({ images, mode }: DecisionRequest, policies: readonly { name: string; mode?: Mode }[]): Decision {
  const subjects = images.map(({ image, path }) =>
    subject(
      policies.map((policy): PolicyOutcome => {
        const effective = effectiveMode(policy.mode, mode.server, mode.namespace);
        const outcome = outcomeOf(image);
        return said(outcome.kind, { policy: origin(policy.name), mode: effective, outcome, ...codeOf(outcome) });
      }),
      { image, path },
    ),
  );
  const strictest = mode.namespace === undefined ? mode.server : stricter(mode.server, mode.namespace);
  const warnings = subjects.flatMap(({ policies, image }) =>
    policies.flatMap((p) => (p.mode === 'warn' && p.admission === 'refuse' ? [`image "${image}": ${p.reason}`] : [])),
  );
  return decision(subjects, { mode: strictest, warnings });
}

function outcomeOf(image: string): Outcome {
  if (image === '')
    return { kind: 'error', failure: failure('REFERENCE_EMPTY', 'the image reference is empty'), findings: [] };
  return image === SIGNED || image === ALSO_SIGNED ? OUTCOMES.verified : OUTCOMES.unsigned;
}

function codeOf(outcome: Outcome): Partial<PolicyOutcome> {
  return outcome.kind === 'error' ? { code: outcome.failure.code } : {};
}

/** A container. */
export function container(image: unknown, name = 'app', more: Json = {}): Json {
  return { name, image, ...more };
}

/** A pod. */
export function pod(spec: Json, metadata: Json = {}): Json {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', ...metadata }, spec };
}

/** A deployment with one container for each image. */
export function deployment(images: readonly unknown[], more: Json = {}): Json {
  return workload('apps/v1', 'Deployment', {
    replicas: 1,
    template: { spec: { containers: images.map((image, i) => container(image, `c${i}`)) } },
    ...more,
  });
}

/** An object of any kind. */
export function workload(apiVersion: string, kind: string, spec: Json, metadata: Json = {}): Json {
  return { apiVersion, kind, metadata: { name: 'web', ...metadata }, spec };
}

/** The AdmissionReview that the API server would send for an object. */
export function review(object: unknown, more: Json = {}): Json {
  const named = object as { apiVersion?: string; kind?: string } | null;
  const [group, version] = splitVersion(named?.apiVersion ?? 'v1');
  const kind = named?.kind ?? 'Pod';
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group, version, kind },
      resource: { group, version, resource: `${kind.toLowerCase()}s` },
      namespace: 'shop',
      operation: 'CREATE',
      userInfo: { username: 'jane', groups: ['developers'] },
      object,
      oldObject: null,
      dryRun: false,
      ...more,
    },
  };
}

function splitVersion(apiVersion: string): readonly [string, string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

/** What reviews are decided with unless a test says otherwise. */
export function options(verifier: Pick<Verifier, 'decide'>, more: Partial<AdmitOptions> = {}): AdmitOptions {
  return {
    verifier,
    workloads: workloadKinds(),
    serverMode: 'deny',
    namespaceModes: new Map(),
    readsBeyondImages: false,
    deadline: 4_500,
    time: 0,
    ...more,
  };
}

/** The request of a review that must be well-formed. */
function request(body: unknown): AdmissionRequest {
  const parsed = parseReview(body);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
}

/** Answers a review, and checks its record against the schema. */
export async function ask(
  body: unknown,
  verifier: Pick<Verifier, 'decide'> = fakeVerifier(),
  more: Partial<AdmitOptions> = {},
): Promise<Admitted> {
  const asked = request(body);
  const admitted = await admit(asked, options(verifier, more));
  if (admitted.response.uid !== asked.uid) throw new Error('the answer is to another review');
  expectToMeetSchema(auditRecord(admitted.facts, admitted.decision, { instance: 'test', version: '0' }));
  return admitted;
}

/** Whether a review is let in. */
export async function allows(body: unknown, more: Partial<AdmitOptions> = {}): Promise<boolean> {
  return (await ask(body, fakeVerifier(), more)).response.allowed;
}
