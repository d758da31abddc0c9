import { refusalSentence } from '../audit/message.ts';
import type { ReviewFacts } from '../audit/record.ts';
import { enforcedRefusals } from '../audit/refusals.ts';
import type { Decision } from '../model/decision.ts';
import { known, unknown } from '../model/known.ts';
import { type Mode, stricter } from '../model/mode.ts';
import type { Asker } from '../model/subject.ts';
import type { RequestedImage, Verifier } from '../verifier/request.ts';
import { imagesUnchanged } from './changes.ts';
import { type Fields, field, isFields, stringMap } from './json.ts';
import { isMirrorPod } from './mirror.ts';
import type { CarriedImage } from './pod-spec.ts';
import { type CredentialsFor, credentialsOf } from './pull-secrets.ts';
import { allowedWithoutLook, refusedByItself } from './refusal.ts';
import { type AdmissionResponse, respond } from './respond.ts';
import type { AdmissionRequest } from './review.ts';
import { imagesOf, type PodSpecAt, type Workloads } from './workloads.ts';

/** What reviews are decided with. */
export type AdmitOptions = {
  readonly verifier: Pick<Verifier, 'decide'>;
  readonly workloads: Workloads;
  readonly serverMode: Mode;
  /** Modes that the configuration gives to namespaces, by name. */
  readonly namespaceModes: ReadonlyMap<string, Mode>;
  /** Mode that this request asks for itself (`?mode=`); it can only tighten. */
  readonly requestMode?: Mode | undefined;
  /** Whether any policy reads more of an object than its images; then no update passes without work. */
  readonly readsBeyondImages: boolean;
  /** What finds out what pods pull with; given only where the review is known to come from the API server. */
  readonly credentialsFor?: CredentialsFor | undefined;
  /** When the answer must be there, in milliseconds since the epoch. */
  readonly deadline: number;
  /** When the review arrived, in milliseconds since the epoch. */
  readonly time: number;
};

/** The answer to one review, and what its audit record is made of. */
export type Admitted = {
  readonly response: AdmissionResponse;
  readonly decision: Decision;
  readonly facts: ReviewFacts;
  /** What was thrown inside, for the operational log alone; undefined where nothing was. */
  readonly defect: { readonly cause: unknown } | undefined;
};

type Modes = { readonly server: Mode; readonly namespace: Mode | undefined; readonly mode: Mode };

type Judged = { readonly decision: Decision; readonly note: ReviewFacts['note']; readonly defect?: Admitted['defect'] };

/**
 * Answers one review. Never throws: an exception anywhere inside is a refusal with INTERNAL_ERROR (DESIGN.md §4.11).
 *
 * Deletions pass, so do kinds that carry no images and updates that change none; everything else is the verifier's word.
 */
export async function admit(request: AdmissionRequest, options: AdmitOptions): Promise<Admitted> {
  const own = request.namespace === undefined ? undefined : options.namespaceModes.get(request.namespace);
  const server = stricter(options.serverMode, options.requestMode ?? 'audit');
  const mode = own === undefined ? server : stricter(server, own);

  const modes = { server, namespace: own, mode };
  try {
    return answered(request, options, await judge(request, options, modes));
  } catch (cause) {
    return answered(request, options, internalError([{ path: 'request.object', image: '' }], mode, cause));
  }
}

function answered(request: AdmissionRequest, options: AdmitOptions, judged: Judged): Admitted {
  const { decision, note } = judged.decision.allowed || !isMirrorPod(request) ? judged : letMirrorIn(judged.decision);
  return {
    response: respond(request.uid, decision),
    decision,
    facts: factsOf(request, options.time, note),
    defect: judged.defect,
  };
}

async function judge(request: AdmissionRequest, options: AdmitOptions, modes: Modes): Promise<Judged> {
  const { operation, object } = request;
  if (operation === 'DELETE') return { decision: allowedWithoutLook(modes.mode), note: 'deleted' };
  if (object === undefined) return { decision: allowedWithoutLook(modes.mode), note: 'not-a-workload' };

  const carried = imagesOf(request.kind, object, options.workloads);
  if (!carried.ok) {
    const { code, message, path } = carried.failure;
    const decision = refusedByItself({ code, message, name: 'object' }, [{ path, image: '' }], modes.mode);
    return { decision, note: 'malformed' };
  }
  if (carried.value.kind === 'not-a-workload') {
    return { decision: allowedWithoutLook(modes.mode), note: 'not-a-workload' };
  }

  const { images, pod, specs } = carried.value;
  if (operation === 'UPDATE' && keepsImages(request, images, options)) {
    return { decision: allowedWithoutLook(modes.mode), note: 'unchanged' };
  }

  // What makes pods of a template may fill an empty image in; the pod itself is judged when it comes.
  const blank = pod ? [] : images.filter(({ image }) => image === '');
  const asked = pod ? images : images.filter(({ image }) => image !== '');
  const warnings = blank.map(
    ({ path }) => `${path} is empty: the pods made from this template will be refused unless it is filled in`,
  );
  if (asked.length === 0) return { decision: allowedWithoutLook(modes.mode, warnings), note: 'no-images' };

  const judged = await decide(asked, specs, request, options, modes);
  return { ...judged, decision: withWarnings(judged.decision, warnings) };
}

function keepsImages(request: AdmissionRequest, images: readonly CarriedImage[], options: AdmitOptions): boolean {
  if (request.oldObject === undefined) return false;
  const before = imagesOf(request.kind, request.oldObject, options.workloads);
  if (!before.ok || before.value.kind !== 'workload') return false;
  return imagesUnchanged(before.value.images, images, options.readsBeyondImages);
}

async function decide(
  images: readonly CarriedImage[],
  specs: readonly PodSpecAt[],
  request: AdmissionRequest,
  options: AdmitOptions,
  modes: Modes,
): Promise<Judged> {
  const asked: readonly RequestedImage[] = images.map(({ path, image }) => ({ path, image }));
  const { credentialsFor } = options;
  const { namespace } = request;
  try {
    const decision = await options.verifier.decide({
      images: asked,
      asker: askerOf(request),
      mode: { server: modes.server, namespace: modes.namespace },
      deadline: options.deadline,
      credentials:
        credentialsFor === undefined || namespace === undefined
          ? undefined
          : credentialsOf(specs, namespace, credentialsFor),
    });
    return { decision, note: undefined };
  } catch (cause) {
    return internalError(asked, modes.mode, cause);
  }
}

/** Who asks, as far as the review says. */
function askerOf(request: AdmissionRequest): Asker {
  const { namespace, operation, object } = request;
  return {
    namespace: namespace === undefined ? unknown('the review names no namespace') : known(namespace),
    namespaceLabels: unknown('no cluster connection'),
    resource: known(request.resource),
    labels: object === undefined ? unknown('the review holds no object') : labelsOf(object),
    object: object === undefined ? unknown('the review holds no object') : known(object),
    operation: operation === 'DELETE' ? unknown('deletions are not decided') : known(operation),
  };
}

function labelsOf(object: Fields): Asker['labels'] {
  const metadata = field(object, 'metadata') ?? {};
  const labels = isFields(metadata) ? stringMap(field(metadata, 'labels') ?? {}) : undefined;
  return labels === undefined ? unknown('metadata.labels is malformed') : known(labels);
}

function internalError(images: readonly RequestedImage[], mode: Mode, cause: unknown): Judged {
  // What was thrown may hold text from outside, or a secret: only its name is told.
  const name = cause instanceof Error ? cause.name : typeof cause;
  const message = `countersign failed while deciding (${name})`;
  const decision = refusedByItself({ code: 'INTERNAL_ERROR', message, name: 'internal' }, images, mode);
  return { decision, note: undefined, defect: { cause } };
}

function letMirrorIn(decision: Decision): Judged {
  const warnings = decision.subjects.flatMap((subject) =>
    enforcedRefusals(subject).map(
      (refusal) => `a static pod runs whatever is decided: ${refusalSentence(subject, refusal)}`,
    ),
  );
  return { decision: { ...withWarnings(decision, warnings), allowed: true }, note: 'mirror-pod' };
}

function withWarnings(decision: Decision, warnings: readonly string[]): Decision {
  return warnings.length === 0 ? decision : { ...decision, warnings: [...decision.warnings, ...warnings] };
}

function factsOf(request: AdmissionRequest, time: number, note: ReviewFacts['note']): ReviewFacts {
  return {
    time,
    uid: request.uid,
    operation: request.operation,
    kind: request.kind.kind,
    namespace: request.namespace,
    name: request.name,
    user: request.user.name,
    dryRun: request.dryRun,
    note,
  };
}
