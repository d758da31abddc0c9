import { describe, expect, it } from 'vitest';
import {
  ALSO_SIGNED,
  allows,
  ask,
  container,
  deployment,
  fakeVerifier,
  type Json,
  pod,
  review,
  SIGNED,
  UNSIGNED,
  workload,
} from './fixture.ts';

const update = (oldObject: unknown, object: unknown, more: Json = {}) =>
  review(object, { operation: 'UPDATE', oldObject, ...more });

describe('an update', () => {
  it('of one container among several is judged [peers 41]', async () => {
    const old = deployment([SIGNED, SIGNED]);
    expect(await allows(update(old, deployment([SIGNED, UNSIGNED])))).toBe(false);
    expect(await allows(update(old, deployment([UNSIGNED, SIGNED])))).toBe(false);
    expect(await allows(update(old, deployment([SIGNED, ALSO_SIGNED])))).toBe(true);
  });

  it('that changes one image asks about all of them', async () => {
    const verifier = fakeVerifier();
    await ask(update(deployment([SIGNED, UNSIGNED]), deployment([ALSO_SIGNED, UNSIGNED])), verifier);
    expect(verifier.images()).toEqual([ALSO_SIGNED, UNSIGNED]);
  });

  it('back to an earlier revision is judged like any other [peers 42]', async () => {
    expect(await allows(update(deployment([ALSO_SIGNED]), deployment([SIGNED])))).toBe(true);
    expect(await allows(update(deployment([SIGNED]), deployment([UNSIGNED])))).toBe(false);
  });

  it('that keeps every image passes without work, whatever they are [peers 43]', async () => {
    for (const object of [
      deployment([UNSIGNED], { replicas: 0 }),
      { ...deployment([UNSIGNED]), metadata: { name: 'web', labels: { a: 'b' } } },
      deployment([UNSIGNED], { template: { spec: { hostNetwork: true, containers: [container(UNSIGNED, 'c0')] } } }),
    ]) {
      const verifier = fakeVerifier();
      const { response, facts } = await ask(update(deployment([UNSIGNED]), object), verifier);
      expect([response.allowed, facts.note, verifier.asked]).toEqual([true, 'unchanged', []]);
    }
  });

  it('that keeps every image is judged where a policy reads more than images', async () => {
    const same = update(deployment([UNSIGNED]), deployment([UNSIGNED]));
    expect(await allows(same, { readsBeyondImages: true })).toBe(false);
  });

  it('that takes a container away passes, one that brings it back is judged', async () => {
    expect(await allows(update(deployment([UNSIGNED, UNSIGNED]), deployment([UNSIGNED])))).toBe(true);
    expect(await allows(update(deployment([UNSIGNED]), deployment([UNSIGNED, UNSIGNED])))).toBe(false);
  });

  it('that moves an image to another container or another list is judged', async () => {
    const old = pod({ containers: [container(SIGNED, 'a'), container(UNSIGNED, 'b')] });
    expect(await allows(update(old, pod({ containers: [container(SIGNED, 'b'), container(UNSIGNED, 'a')] })))).toBe(
      false,
    );
    expect(
      await allows(
        update(old, pod({ containers: [container(SIGNED, 'a')], initContainers: [container(UNSIGNED, 'b')] })),
      ),
    ).toBe(false);
  });

  it('in which containers cannot be told apart is judged', async () => {
    const twins = pod({ containers: [container(UNSIGNED, 'a'), container(UNSIGNED, 'a')] });
    expect(await allows(update(twins, twins))).toBe(false);
    const unnamed = pod({ containers: [{ image: UNSIGNED }] });
    expect(await allows(update(unnamed, unnamed))).toBe(false);
    const numbered = pod({ containers: [{ image: UNSIGNED, name: 1 }] });
    expect(await allows(update(numbered, numbered))).toBe(false);
  });

  it.each([null, undefined, {}, { spec: { template: { spec: { containers: 'x' } } } }, { kind: 'Role' }])(
    'whose old object cannot be read is judged [peers 48]: %j',
    async (old) => {
      expect(await allows(update(old, deployment([UNSIGNED])))).toBe(false);
      expect(await allows(update(old, deployment([SIGNED])))).toBe(true);
    },
  );

  it('of an image volume is judged', async () => {
    const spec = (reference: string) => ({
      containers: [container(SIGNED)],
      volumes: [{ name: 'v', image: { reference } }],
    });
    expect(await allows(update(pod(spec(SIGNED)), pod(spec(UNSIGNED))))).toBe(false);
    expect(await allows(update(pod(spec(UNSIGNED)), pod(spec(UNSIGNED))))).toBe(true);
  });
});

describe('creating with no replicas [peers 43]', () => {
  it.each([
    ['apps/v1', 'Deployment'],
    ['apps/v1', 'ReplicaSet'],
    ['apps/v1', 'StatefulSet'],
    ['v1', 'ReplicationController'],
  ])('a %s %s with an unsigned image is refused', async (apiVersion, kind) => {
    const spec = { replicas: 0, template: { spec: { containers: [container(UNSIGNED)] } } };
    expect(await allows(review(workload(apiVersion, kind, spec)))).toBe(false);
  });
});

describe('a deletion', () => {
  it('passes, even of what would be refused', async () => {
    const verifier = fakeVerifier();
    const { response, facts } = await ask(
      review(pod({}), { operation: 'DELETE', object: null, oldObject: pod({ containers: 1 }) }),
      verifier,
    );
    expect([response.allowed, facts.note, facts.name, verifier.asked]).toEqual([true, 'deleted', 'web', []]);
  });

  it('under way lets the finalizer go, and no other image in [peers 45, CVE-2023-34091]', async () => {
    const deleting = { deletionTimestamp: '2026-11-22T00:00:00Z', finalizers: ['example.com/wait'] };
    const old = pod({ containers: [container(UNSIGNED)] }, deleting);
    const freed = { ...deleting, finalizers: [] };
    expect(await allows(update(old, pod({ containers: [container(UNSIGNED)] }, freed)))).toBe(true);
    expect(await allows(update(old, pod({ containers: [container('ghcr.io/evil/app')] }, freed)))).toBe(false);
    expect(await allows(review(pod({ containers: [container(UNSIGNED)] }, deleting)))).toBe(false);
  });
});
