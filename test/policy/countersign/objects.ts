import type { Leaf, Requirement, TrustRef } from '../../../src/model/requirement.ts';
import { type CompiledPolicy, type Member, type Narrowing, NOT_NARROWED } from '../../../src/policy/compiled.ts';
import { compileOwnObject, type OwnContext } from '../../../src/policy/dialects/countersign/compile.ts';
import { ownSet } from '../../../src/policy/dialects/countersign/set.ts';
import type { PolicySet } from '../../../src/policy/policy.ts';
import type { Fields } from '../../../src/policy/structural.ts';

/** A key in the right wrapping; nothing here verifies with it. */
export const PEM = '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n';

/** A signature by that key. */
export const BY_KEY = { keys: { anyOf: [{ pem: PEM }] } };

/** A signature by an identity of the public-good instance. */
export const BY_IDENTITY = {
  keyless: { identities: [{ issuer: 'https://issuer.example', subject: 'release@example.com' }] },
  trustedRoot: { publicGood: {} },
};

type Written = {
  readonly name?: unknown;
  readonly namespace?: unknown;
  readonly annotations?: unknown;
  readonly images?: unknown;
  readonly require?: unknown;
  /** Instead of a whole requirement: one signature. */
  readonly signature?: unknown;
  readonly spec?: Fields;
  readonly metadata?: Fields;
};

/** An object as YAML would give it: an ImagePolicy where there is a namespace, a ClusterImagePolicy otherwise. */
export function written(how: Written): Fields {
  const { name = 'policy', namespace, annotations, images = ['example.com'], signature = BY_KEY } = how;
  return {
    apiVersion: 'countersign.dev/v1alpha1',
    kind: namespace === undefined ? 'ClusterImagePolicy' : 'ImagePolicy',
    metadata: {
      name,
      generation: 3,
      ...(namespace === undefined ? {} : { namespace }),
      ...(annotations === undefined ? {} : { annotations }),
      ...how.metadata,
    },
    spec: { images, require: how.require ?? { signature }, ...how.spec },
  };
}

/** What the path of a file comes to here. */
function material(path: string): TrustRef {
  return { kind: 'inline', text: `what ${path} holds` };
}

/** Compiles an object. */
export function compile(object: Fields, context: Partial<OwnContext> = {}): CompiledPolicy {
  const kind = object['kind'] === 'ImagePolicy' ? 'ImagePolicy' : 'ClusterImagePolicy';
  return compileOwnObject(object, { source: 'test', mode: undefined, lastScopes: [], material, kind, ...context });
}

/** The same from its parts. */
export function policy(how: Written, context: Partial<OwnContext> = {}): CompiledPolicy {
  return compile(written(how), context);
}

/** What a policy demands; an error where it is broken. */
export function required({ policy: { state } }: CompiledPolicy): Requirement {
  if (state.kind !== 'ready') throw new Error(state.failure.message);
  return state.require;
}

/** The leaf of a policy that asks for one signature. */
export function leaf(signature: unknown): Leaf {
  const require = required(policy({ signature }));
  if (require.kind !== 'some') throw new Error(`it demands ${require.kind}`);
  return require.leaf;
}

/** What is wrong with a policy, a sentence each. */
export function problems(compiled: CompiledPolicy): readonly string[] {
  return compiled.problems.map(({ text }) => text);
}

/** A policy that its entry narrows. */
export function narrowed(compiled: CompiledPolicy, how: Partial<Narrowing>): Member {
  return { compiled, narrowing: { ...NOT_NARROWED, ...how } };
}

/** A set of policies, none of them narrowed. */
export function setOf(...policies: readonly CompiledPolicy[]): PolicySet {
  return ownSet(policies.map((compiled) => narrowed(compiled, {})));
}
