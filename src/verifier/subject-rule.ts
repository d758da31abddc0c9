import { failure } from '../codes/result.ts';
import type { Requirement } from '../model/requirement.ts';
import type { SubjectRule } from '../policy/policy.ts';
import type { ResolvedManifest } from './caches.ts';
import type { Target } from './gather.ts';
import { MAXIMUM_INSTANCES } from './index-manifest.ts';
import { failuresOf, gravest, NOTHING_SEEN, type NodeValue, seenBy } from './node-value.ts';
import type { Resolver } from './resolve.ts';
import type { Task } from './task.ts';

/** Indexes within indexes that are followed. */
const MAXIMUM_DEPTH = 2;

/** Evaluates the whole requirement for one manifest. */
export type EvaluateManifest = (requirement: Requirement, target: Target) => Promise<NodeValue>;

/**
 * Applies a policy's rule on multi-platform images at the root of its requirement (MODEL.md M9): the index as asked, the
 * index or else every instance, or every instance always. Every instance meets the whole requirement; leaves are never
 * mixed between the index and its instances.
 */
export async function evaluateSubject(
  rule: SubjectRule,
  requirement: Requirement,
  target: Target,
  manifest: ResolvedManifest,
  resolver: Resolver,
  evaluateManifest: EvaluateManifest,
  task: Task,
): Promise<NodeValue> {
  if (manifest.children === undefined || rule === 'asResolved') return evaluateManifest(requirement, target);
  const walk: Walk = { requirement, target, resolver, evaluateManifest, task, instancesLeft: MAXIMUM_INSTANCES };
  if (rule === 'everyInstance') return everyInstance(manifest, 1, walk);

  const ofIndex = await evaluateManifest(requirement, target);
  if (ofIndex.kind === 'pass') return ofIndex;
  const ofInstances = await everyInstance(manifest, 1, walk);
  const seen = seenBy([ofIndex, ofInstances]);
  if (ofInstances.kind === 'pass') return { ...ofInstances, seen };
  // The index could have been signed, had it been readable: not knowing is not knowing that it is not.
  return errorOf([ofIndex, ofInstances]) ?? { ...ofIndex, seen };
}

/** What is the same at every depth of one search through instances. */
type Walk = {
  readonly requirement: Requirement;
  readonly target: Target;
  readonly resolver: Resolver;
  readonly evaluateManifest: EvaluateManifest;
  readonly task: Task;
  /** Of all nested indexes together: else they would multiply until the deadline, which `onError` loosens. */
  instancesLeft: number;
};

/** All instances, one after another: the first definite fail ends the search and saves the look-ups of the rest. */
async function everyInstance(manifest: ResolvedManifest, depth: number, walk: Walk): Promise<NodeValue> {
  const { requirement, resolver, evaluateManifest, task } = walk;
  const { repository } = walk.target;
  const children = manifest.children ?? [];
  if (children.length === 0)
    return broken('INDEX_WITHOUT_INSTANCES', 'the image index lists no instance that a node could run');
  if (depth > MAXIMUM_DEPTH) return broken('LIMIT_EXCEEDED', 'the image index nests too deeply');

  const values: NodeValue[] = [];
  for (const child of children) {
    // The index is only the pusher's word for what its entries are: each is read before it is judged.
    const resolved = await resolver.instance(repository, child.digest, task);
    if (resolved.ok && resolved.value.children === undefined && --walk.instancesLeft < 0)
      return broken('LIMIT_EXCEEDED', `the image index and those in it list more than ${MAXIMUM_INSTANCES} instances`);
    const value: NodeValue = !resolved.ok
      ? { kind: 'error', failure: resolved.failure, seen: NOTHING_SEEN }
      : resolved.value.children === undefined
        ? await evaluateManifest(requirement, { repository, descriptor: resolved.value.descriptor })
        : await everyInstance(resolved.value, depth + 1, walk);
    if (value.kind === 'fail') return value;
    values.push(value);
  }
  return (
    errorOf(values) ?? {
      kind: 'pass',
      accepted: values.flatMap((value) => (value.kind === 'pass' ? value.accepted : [])),
      seen: seenBy(values),
    }
  );
}

/** The gravest error among values: an outage at one instance must not hide what is broken at another (MODEL.md §3.4). */
function errorOf(values: readonly NodeValue[]): NodeValue | undefined {
  const [first, ...rest] = failuresOf(values);
  return first === undefined ? undefined : { kind: 'error', failure: gravest([first, ...rest]), seen: seenBy(values) };
}

function broken(code: 'INDEX_WITHOUT_INSTANCES' | 'LIMIT_EXCEEDED', message: string): NodeValue {
  return { kind: 'error', failure: failure(code, message), seen: NOTHING_SEEN };
}
