import { vi } from 'vitest';
import type { Json, KubeObject } from '../chart.ts';
import type { ControlPlane } from '../control-plane.ts';

/** Metadata beside the name, and what else stands in a pod's spec. */
export type PodParts = {
  readonly metadata?: { readonly [key: string]: Json };
  readonly spec?: { readonly [key: string]: Json };
};

/** A pod with one container for each image. */
export function podWith(
  name: string,
  images: readonly string[],
  { metadata = {}, spec = {} }: PodParts = {},
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { containers: containersOf(images), ...spec },
  };
}

// Containers `c0`, `c1` and so on.
function containersOf(images: readonly string[]): readonly Json[] {
  return images.map((image, i) => ({ name: `c${i}`, image }));
}

/** The eight kinds that make pods, or are one, and where their pod spec is. */
export const KINDS = [
  ['Pod', 'v1', 'spec'],
  ['ReplicationController', 'v1', 'spec.template.spec'],
  ['Deployment', 'apps/v1', 'spec.template.spec'],
  ['ReplicaSet', 'apps/v1', 'spec.template.spec'],
  ['StatefulSet', 'apps/v1', 'spec.template.spec'],
  ['DaemonSet', 'apps/v1', 'spec.template.spec'],
  ['Job', 'batch/v1', 'spec.template.spec'],
  ['CronJob', 'batch/v1', 'spec.jobTemplate.spec.template.spec'],
] as const;

/** One of them. */
export type Kind = (typeof KINDS)[number][0];

/** An object of a kind whose pods run these images. */
export function workload(kind: Kind, name: string, images: readonly string[], replicas = 1): KubeObject {
  if (kind === 'Pod') return podWith(name, images);
  const labels = { app: name };
  const restartPolicy = kind === 'Job' || kind === 'CronJob' ? { restartPolicy: 'Never' } : {};
  const template = { metadata: { labels }, spec: { containers: containersOf(images), ...restartPolicy } };
  const apiVersion = KINDS.find(([one]) => one === kind)?.[1] ?? 'v1';
  return { apiVersion, kind, metadata: { name }, spec: specOf(kind, template, labels, replicas) };
}

function specOf(kind: Exclude<Kind, 'Pod'>, template: Json, labels: { readonly app: string }, replicas: number): Json {
  const selector = { matchLabels: labels };
  switch (kind) {
    case 'ReplicationController':
      return { replicas, selector: labels, template };
    case 'Deployment':
    case 'ReplicaSet':
      return { replicas, selector, template };
    case 'StatefulSet':
      return { replicas, selector, serviceName: labels.app, template };
    case 'DaemonSet':
      return { selector, template };
    case 'Job':
      return { template };
    case 'CronJob':
      return { schedule: '0 0 1 1 *', jobTemplate: { spec: { template } } };
  }
}

/** Runs kubectl and throws where it fails. */
export async function must(plane: ControlPlane, args: readonly string[], input?: string): Promise<string> {
  const { status, stdout, stderr } = await plane.kubectl(args, input);
  if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Makes a namespace, and waits for the service account that its pods need. */
export async function makeNamespace(
  plane: ControlPlane,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<string> {
  const namespace: Json = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  await must(plane, ['create', '-f', '-'], JSON.stringify(namespace));
  await vi.waitFor(() => must(plane, ['-n', name, 'get', 'serviceaccount', 'default']), EVENTUALLY);
  return name;
}

/** Patience with what follows from something else in the cluster. */
export const EVENTUALLY = { timeout: 30_000, interval: 50 } as const;

/** The label of a namespace in which refusals are enforced. */
export const DENY = { 'countersign.dev/mode': 'deny' } as const;
