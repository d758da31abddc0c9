import { expect } from 'vitest';
import { type Artifact, type ArtifactLayer } from '../../src/cli/demo/artifacts.ts';
import { bundleReferrer, type Signer, signedLayer, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import type { ReasonCode } from '../../src/codes/codes.ts';
import type { Decision } from '../../src/model/decision.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { ANNOTATIONS } from '../../src/signatures/cosign/formats.ts';
import type { VerifierSettings } from '../../src/verifier/verifier.ts';
import { everywhere } from '../fixtures/keys.ts';
import { ask, type World } from '../fixtures/world.ts';

/** The repository that the tests sign in. */
export const REPOSITORY = 'acme/app';

/** What one policy said of one image: its word and code, and each finding as `accepted`, its code, or `unread` and its code. */
export type Said = {
  readonly word: Outcome['kind'];
  readonly code: ReasonCode | undefined;
  readonly findings: readonly string[];
};

/** What a policy says of an image, asked by digest. That the answer follows from the word is checked here, each time. */
export async function say(
  world: World,
  image: Artifact,
  policy: Policy,
  settings: Partial<VerifierSettings> = {},
): Promise<Said> {
  return saidIn(await decide(world, image, policy, settings));
}

/** The decision itself. */
export function decide(
  world: World,
  image: Artifact,
  policy: Policy,
  settings: Partial<VerifierSettings> = {},
): Promise<Decision> {
  return ask(world.engine([everywhere(policy)], settings), [`${world.server.host}/${REPOSITORY}@${image.digest}`]);
}

/** What the only policy said of the only image. */
function saidIn(decision: Decision): Said {
  expect(decision.subjects).toHaveLength(1);
  expect(decision.subjects[0]?.policies).toHaveLength(1);
  const outcome = decision.subjects[0]!.policies[0]!.outcome;
  expect(decision.allowed).toBe(outcome.kind === 'verified' || outcome.kind === 'accepted');
  return {
    word: outcome.kind,
    code: decision.subjects[0]!.policies[0]!.code,
    findings: 'findings' in outcome ? outcome.findings.map(shown) : [],
  };
}

function shown(finding: Finding): string {
  if (finding.kind === 'unread') return `unread ${finding.failure.code}`;
  return finding.verdict.kind === 'accepted' ? 'accepted' : finding.verdict.code;
}

/** Admitted on the only finding. */
export const VERIFIED: Said = { word: 'verified', code: undefined, findings: ['accepted'] };

/** A good layer for an image, signed under the name of the test's repository. */
export function goodLayer(signer: Signer, image: Artifact, name = 'registry.example/acme/app'): ArtifactLayer {
  return signedLayer(signer, simpleSigningPayload(image.digest, name));
}

/** The layer with another signature annotation; undefined takes the annotation away. */
export function withSignature(layer: ArtifactLayer, signature: string | undefined): ArtifactLayer {
  const { [ANNOTATIONS.signature]: _old, ...others } = layer.annotations ?? {};
  return {
    ...layer,
    annotations: signature === undefined ? others : { ...others, [ANNOTATIONS.signature]: signature },
  };
}

/** The signature annotation of a layer. */
export function signatureIn(layer: ArtifactLayer): string {
  return layer.annotations?.[ANNOTATIONS.signature] ?? '';
}

/** Signs any bytes as a simple-signing layer. */
export function layerOver(signer: Signer, payload: string | Uint8Array): ArtifactLayer {
  return signedLayer(signer, Buffer.from(payload));
}

/** A bundle of other bytes than a signer would write, attached to an image. */
export function referrerWith(image: Artifact, bundle: unknown, predicateType?: string | null): Artifact {
  const bytes = bundle instanceof Uint8Array ? bundle : Buffer.from(JSON.stringify(bundle));
  return bundleReferrer(image, bytes, predicateType);
}

/** The object without one of its members. */
export function without(object: object, member: string): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== member));
}

/** A copy with one bit flipped. */
export function flipped(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
}
