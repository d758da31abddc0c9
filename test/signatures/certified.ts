import { createHash, type KeyObject, sign } from 'node:crypto';
import { expect } from 'vitest';
import type { Artifact, ArtifactLayer } from '../../src/cli/demo/artifacts.ts';
import { createSigner, simpleSigningPayload } from '../../src/cli/demo/signer.ts';
import type { ReasonCode } from '../../src/codes/codes.ts';
import type { Outcome } from '../../src/model/outcome.ts';
import type { NonEmpty, ProofRule, SignerRule, TrustRef } from '../../src/model/requirement.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { ANNOTATIONS, SIMPLE_SIGNING_TYPE } from '../../src/signatures/cosign/formats.ts';
import type { Verifier } from '../../src/verifier/request.ts';
import {
  type Issued,
  issue,
  issueIntermediate,
  issueRoot,
  leafExtensions,
  NOON,
  newKeys,
} from '../fixtures/certificates.ts';
import { everywhere, keyLeaf, policyOf } from '../fixtures/keys.ts';
import { asker, type World } from '../fixtures/world.ts';
import { REPOSITORY } from './fixture.ts';

/** A Fulcio-like authority with an intermediate, as the public one has it. */
export const root = issueRoot();
export const intermediate = issueIntermediate(root);
/** What cosign attaches: intermediates, and the root last. */
const CHAIN = intermediate.pem + root.pem;
/** The leaf of Ann, who signed with it at noon. */
export const ann = issue(intermediate, { subject: 'ann', extensions: leafExtensions() });

/** A Rekor-like log: its key, and the promises that it makes. */
export const rekor = newKeys();
export const otherRekor = newKeys();

export const publicPem = (key: KeyObject): string => key.export({ format: 'pem', type: 'spki' });
export const inline = (pem: string): TrustRef => ({ kind: 'inline', text: pem });

/** What a log entry is made of; each part can be replaced by something wrong. */
export type EntryOptions = {
  readonly at?: number;
  readonly log?: KeyObject;
  readonly body?: unknown;
  /** Changes the payload before it is signed. */
  readonly payload?: (payload: Record<string, unknown>) => unknown;
  /** Changes the annotation after it was signed. */
  readonly annotation?: (annotation: { SignedEntryTimestamp: string; Payload: Record<string, unknown> }) => unknown;
};

/** The body of a hashedrekord entry about a signature. */
export function hashedRecord(payload: Uint8Array, signature: string, verifier: string) {
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') } },
      signature: { content: signature, publicKey: { content: Buffer.from(verifier).toString('base64') } },
    },
  };
}

/** The annotation in which cosign keeps a log's promise. */
export function entryFor(payload: Uint8Array, signature: string, verifier: string, options: EntryOptions = {}): string {
  const body = options.body ?? hashedRecord(payload, signature, verifier);
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const made: Record<string, unknown> = {
    body: Buffer.from(text).toString('base64'),
    integratedTime: Math.floor((options.at ?? NOON) / 1000),
    logID: 'c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d',
    logIndex: 7,
  };
  const promised = (options.payload?.(made) ?? made) as Record<string, unknown>;
  // Rekor's canonical form: sorted keys, no spaces.
  const canonical = JSON.stringify(Object.fromEntries(Object.entries(promised).sort(([a], [b]) => (a < b ? -1 : 1))));
  const set = sign('sha256', Buffer.from(canonical), options.log ?? rekor.privateKey).toString('base64');
  const annotation = { SignedEntryTimestamp: set, Payload: promised };
  const written = options.annotation?.(annotation) ?? annotation;
  return typeof written === 'string' ? written : JSON.stringify(written);
}

/** What a layer is made of. */
export type LayerOptions = {
  readonly leaf?: Issued;
  readonly payload?: Uint8Array;
  readonly certificate?: string;
  readonly chain?: string;
  readonly entry?: EntryOptions | 'none' | ((good: { payload: Uint8Array; signature: string }) => string);
};

/** A layer that somebody signed with a certificate, logged at noon. */
export function certifiedLayer(image: Artifact, options: LayerOptions = {}): ArtifactLayer {
  const leaf = options.leaf ?? ann;
  const payload = options.payload ?? simpleSigningPayload(image.digest, `registry.example/${REPOSITORY}`);
  const signature = sign('sha256', payload, leaf.keys.privateKey).toString('base64');
  const { entry = {} } = options;
  const logged =
    entry === 'none'
      ? ''
      : typeof entry === 'function'
        ? entry({ payload, signature })
        : entryFor(payload, signature, leaf.pem, entry);
  const annotations = {
    [ANNOTATIONS.signature]: signature,
    [ANNOTATIONS.certificate]: options.certificate ?? leaf.pem,
    [ANNOTATIONS.chain]: options.chain ?? CHAIN,
    [ANNOTATIONS.rekorBundle]: logged,
  };
  return { bytes: payload, mediaType: SIMPLE_SIGNING_TYPE, annotations };
}

/** What OpenShift's FulcioCAWithRekor compiles to. */
export function fulcioProof(
  roots: NonEmpty<string> = [root.pem],
  logs: NonEmpty<string> = [publicPem(rekor.publicKey)],
) {
  return {
    kind: 'certificates',
    roots: [inline(roots[0]), ...roots.slice(1).map(inline)],
    intermediates: [],
    validAt: { kind: 'rekor', logs: [inline(logs[0]), ...logs.slice(1).map(inline)] },
  } as const satisfies ProofRule;
}

/** What OpenShift's PKI compiles to. */
export function pkiProof(roots: string, intermediates?: string): ProofRule {
  return {
    kind: 'certificates',
    roots: [inline(roots)],
    intermediates: intermediates === undefined ? [] : [inline(intermediates)],
    validAt: 'now',
  };
}

/** OpenShift's fulcioSubject. */
export function fulcioSubject(email = 'ann@example.com', issuer = 'https://issuer.example'): SignerRule {
  return {
    kind: 'identities',
    anyOf: [
      { issuer: { kind: 'exact', text: issuer }, subject: { of: 'email', text: { kind: 'exact', text: email } } },
    ],
  };
}

/** A policy as OpenShift's language makes it, but for names. */
export function certifiedPolicy(proof: ProofRule, signer: SignerRule): Policy {
  const leaf = { ...keyLeaf([createSigner()]), proof, signer };
  return policyOf({ kind: 'some', leaf }, { evidence: 'complete' });
}

/** What an engine says of an image at a moment: `verified`, or its word and code. */
export async function sayAt(engine: Verifier, world: World, image: Artifact, at: number): Promise<Outcome> {
  const decision = await engine.decide({
    images: [{ image: `${world.server.host}/${REPOSITORY}@${image.digest}`, path: 'spec.containers[0].image' }],
    asker: asker('default'),
    mode: { server: 'deny', namespace: undefined },
    deadline: at + 4_000,
  });
  expect(decision.subjects[0]?.policies).toHaveLength(1);
  const outcome = decision.subjects[0]!.policies[0]!.outcome;
  expect(decision.allowed).toBe(outcome.kind === 'verified');
  return outcome;
}

/** `verified`, or the code of the refusal, under one policy at one moment, by a fresh engine. */
export async function codeAt(
  world: World,
  image: Artifact,
  policy: Policy,
  at = NOON,
): Promise<ReasonCode | 'verified'> {
  const engine = world.engine([everywhere(policy)], { onError: 'allow' }, { clock: () => at });
  return codeOf(await sayAt(engine, world, image, at));
}

export function codeOf(outcome: Outcome): ReasonCode | 'verified' {
  if (outcome.kind === 'verified') return 'verified';
  if (outcome.kind === 'error') return outcome.failure.code;
  return 'code' in outcome ? outcome.code : expect.fail(outcome.kind);
}
