import { printable } from '../encoding/escape.ts';
import type { Decision, SubjectDecision } from '../model/decision.ts';
import type { Finding, Location } from '../model/finding.ts';
import { findingsOf, policyName } from './names.ts';

/** What `verify` and `review` print with `--output json` (DESIGN.md §5). */
export type JsonOutput = {
  readonly allowed: boolean;
  readonly images: readonly ImageOutput[];
  /** Objects that carry their own signature; none of this version's policies speaks of them. */
  readonly objects: readonly never[];
  readonly warnings: readonly string[];
};

type ImageOutput = {
  readonly image: string;
  readonly path: string;
  readonly digest: string | null;
  readonly outcome: string;
  readonly policies: readonly {
    readonly policy: string;
    readonly scope: string;
    readonly mode: string;
    readonly outcome: string;
    readonly code: string | null;
    readonly reason: string;
  }[];
  readonly findings: readonly FindingOutput[];
};

/** One artifact as the CLI shows it. */
export type FindingOutput = {
  readonly format: string;
  readonly location: string;
  readonly artifact: string | null;
  readonly signer: string | null;
  readonly accepted: boolean;
  readonly code: string | null;
  readonly message: string;
};

/** Several decisions, one for each object that was looked at, as one output. */
export function jsonOutput(decisions: readonly Decision[]): JsonOutput {
  return {
    allowed: decisions.every((decision) => decision.allowed),
    images: decisions.flatMap((decision) => decision.subjects.map(imageOutput)),
    objects: [],
    warnings: decisions.flatMap((decision) => decision.warnings),
  };
}

/** The findings of an image under all its policies; what several policies say alike is told once. */
export function findingOutputs(subject: SubjectDecision): readonly FindingOutput[] {
  const distinct = new Map<string, FindingOutput>();
  for (const { outcome } of subject.policies) {
    for (const finding of findingsOf(outcome)) {
      const output = findingOutput(finding);
      distinct.set(JSON.stringify(output), output);
    }
  }
  return [...distinct.values()];
}

function imageOutput(subject: SubjectDecision): ImageOutput {
  return {
    image: subject.image,
    path: subject.path,
    digest: subject.digest ?? null,
    outcome: subject.headline,
    policies: subject.policies.map(({ policy, scope, mode, outcome, code, reason }) => ({
      policy: policyName(policy),
      scope,
      mode,
      outcome: outcome.kind,
      code: code ?? null,
      reason,
    })),
    findings: findingOutputs(subject),
  };
}

function findingOutput(finding: Finding): FindingOutput {
  const { location, artifact } = finding;
  const digest = artifact?.digest ?? null;
  const where = { format: location.store, location: printable(written(location), 600), artifact: digest };
  if (finding.kind === 'unread') {
    const { code, message } = finding.failure;
    return { ...where, signer: null, accepted: false, code, message };
  }
  const { proof, verdict } = finding;
  const signer = proof.kind === 'proved' ? proof.signer.display : (proof.claimedSigner ?? null);
  const shown = { ...where, signer: signer === null ? null : printable(signer, 253) };
  if (verdict.kind === 'accepted')
    return { ...shown, accepted: true, code: null, message: verdict.warnings.join('; ') };
  return { ...shown, accepted: false, code: verdict.code, message: verdict.message };
}

/** A place as people write it: a reference, or the URL below which a detached signature lies. */
function written({ store, repository, reference }: Location): string {
  if (store === 'lookaside') return reference;
  return `${repository}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`;
}
