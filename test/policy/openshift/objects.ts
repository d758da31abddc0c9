import { parseReference } from '../../../src/image/reference.ts';
import { known, unknown } from '../../../src/model/known.ts';
import type { AskedImage, Asker } from '../../../src/model/subject.ts';
import { type CompiledPolicy, type Member, type Narrowing, NOT_NARROWED } from '../../../src/policy/compiled.ts';
import { POLICY_DEFAULTS } from '../../../src/policy/defaults.ts';
import { type CompileContext, compileObject } from '../../../src/policy/dialects/openshift/compile.ts';
import { readObject } from '../../../src/policy/dialects/openshift/object.ts';
import { openShiftSet } from '../../../src/policy/dialects/openshift/set.ts';
import type { PolicySet } from '../../../src/policy/policy.ts';

/** A key in the right wrapping; nothing here verifies with it. */
export const KEY = Buffer.from(`-----BEGIN PUBLIC KEY-----\n${'A'.repeat(64)}\n-----END PUBLIC KEY-----\n`).toString(
  'base64',
);

const CONTEXT: CompileContext = { source: 'test', defaults: POLICY_DEFAULTS, mode: undefined, lastScopes: [] };

type Written = {
  readonly name?: string;
  readonly namespace?: string;
  readonly scopes?: unknown;
  readonly keyData?: unknown;
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly signedIdentity?: unknown;
  readonly rootOfTrust?: unknown;
};

/** An object as YAML would give it: an ImagePolicy where there is a namespace, a ClusterImagePolicy otherwise. */
export function written(how: Written): { apiVersion: string; kind: string; metadata: object; spec: object } {
  const { name = 'policy', namespace, scopes = ['example.com'], annotations, signedIdentity } = how;
  const { rootOfTrust = { policyType: 'PublicKey', publicKey: { keyData: how.keyData ?? KEY } } } = how;
  return {
    apiVersion: 'config.openshift.io/v1',
    kind: namespace === undefined ? 'ClusterImagePolicy' : 'ImagePolicy',
    metadata: {
      name,
      generation: 3,
      ...(namespace === undefined ? {} : { namespace }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: { scopes, policy: { rootOfTrust, ...(signedIdentity === undefined ? {} : { signedIdentity }) } },
  };
}

/** The same, compiled. */
export function policy(how: Written, context: Partial<CompileContext> = {}): CompiledPolicy {
  const kind = how.namespace === undefined ? 'ClusterImagePolicy' : 'ImagePolicy';
  return compileObject(readObject(written(how), kind, 'v1'), { ...CONTEXT, ...context });
}

/** A policy that its entry narrows. */
export function narrowed(compiled: CompiledPolicy, how: Partial<Narrowing>): Member {
  return { compiled, narrowing: { ...NOT_NARROWED, ...how } };
}

/** A set of policies, none of them narrowed. */
export function setOf(...policies: readonly CompiledPolicy[]): PolicySet {
  return openShiftSet(policies.map((compiled) => ({ compiled, narrowing: NOT_NARROWED })));
}

/** An image as asked for. */
export function asked(image: string): AskedImage {
  const reference = parseReference(image);
  if (!reference.ok) throw new Error(reference.failure.message);
  return { kind: 'image', written: image, reference: reference.value, transport: 'docker' };
}

/** Who asks: from a namespace, or, with null, from one that is not known. */
export function asker(namespace: string | null): Asker {
  const why = unknown('not asked here');
  return {
    namespace: namespace === null ? unknown('the API server did not answer') : known(namespace),
    namespaceLabels: why,
    resource: why,
    labels: why,
    object: why,
    operation: why,
  };
}

/** What is selected, as `name scope`, in order. */
export function names(set: PolicySet, image: string, namespace: string | null = 'team-a'): readonly string[] {
  return set
    .select(asked(image), asker(namespace))
    .map(({ policy, scope }) => `${policy.origin.name} ${scope}`)
    .sort();
}
