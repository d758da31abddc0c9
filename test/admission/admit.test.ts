import { describe, expect, it } from 'vitest';
import type { AdmitOptions } from '../../src/admission/admit.ts';
import {
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
} from './fixture.ts';

const unsigned = review(pod({ containers: [container(UNSIGNED)] }));

describe('modes [peers 53]', () => {
  it('deny refuses, warn lets in with a warning, audit lets in and says nothing', async () => {
    const deny = await ask(unsigned);
    expect(deny.response).toMatchObject({ allowed: false, status: { code: 403, reason: 'Forbidden' } });
    expect(deny.response.warnings).toBeUndefined();

    const warn = await ask(unsigned, fakeVerifier(), { serverMode: 'warn' });
    expect(warn.response).toMatchObject({ allowed: true, warnings: [expect.stringContaining(UNSIGNED)] });
    expect(warn.response.status).toBeUndefined();

    const audit = await ask(unsigned, fakeVerifier(), { serverMode: 'audit' });
    expect(audit.response).toMatchObject({ allowed: true, auditAnnotations: { 'would-deny': 'true' } });
    expect(audit.response.warnings).toBeUndefined();
    expect(audit.decision.subjects[0]?.wouldDeny).toBe(true);
  });

  it('one policy denies and another warns: refused, and the warning is sent too [peers 54]', async () => {
    const verifier = fakeVerifier([{ name: 'strict' }, { name: 'new', mode: 'warn' }]);
    const { response } = await ask(unsigned, verifier);
    expect(response.allowed).toBe(false);
    expect(response.status?.message).toContain('"strict"');
    expect(response.status?.message).not.toContain('"new"');
    expect(response.warnings).toHaveLength(1);
  });

  it('a namespace can tighten, never loosen, and no name stands for another', async () => {
    const modes = (namespace: string): Partial<AdmitOptions> => ({
      serverMode: 'audit',
      namespaceModes: new Map([[namespace, 'deny']]),
    });
    expect(await allows(unsigned, modes('shop'))).toBe(false);
    expect(await allows(unsigned, modes('other'))).toBe(true);
    expect(await allows(unsigned, { namespaceModes: new Map([['shop', 'audit']]) })).toBe(false);
    expect(
      await allows(
        { ...unsigned, request: { ...(unsigned['request'] as Json), namespace: 'constructor' } },
        { serverMode: 'audit' },
      ),
    ).toBe(true);
  });

  it('the request itself can tighten, never loosen', async () => {
    expect(await allows(unsigned, { serverMode: 'audit', requestMode: 'deny' })).toBe(false);
    expect(await allows(unsigned, { requestMode: 'audit' })).toBe(false);
  });
});

describe('the same review', () => {
  it('twice gets the same answer, and no patch [peers 52]', async () => {
    const [first, second] = [await ask(unsigned), await ask(unsigned)];
    expect(second).toEqual(first);
    expect(first.response).not.toHaveProperty('patch');
  });

  it('as a dry run gets the same answer, and its record says so [peers 50]', async () => {
    const dry = { ...unsigned, request: { ...(unsigned['request'] as Json), dryRun: true } };
    const [real, tried] = [await ask(unsigned), await ask(dry)];
    expect(tried.response).toEqual(real.response);
    expect([real.facts.dryRun, tried.facts.dryRun]).toEqual([false, true]);
  });
});

describe('what the verifier is asked', () => {
  it('holds what the review says and calls the rest unknown', async () => {
    const verifier = fakeVerifier();
    const object = pod({ containers: [container(SIGNED)] }, { labels: { app: 'web' } });
    await ask(review(object), verifier, { namespaceModes: new Map([['shop', 'warn']]), deadline: 99 });
    expect(verifier.asked).toEqual([
      {
        images: [{ path: 'spec.containers[0].image', image: SIGNED }],
        asker: {
          namespace: { known: true, value: 'shop' },
          namespaceLabels: { known: false, why: 'no cluster connection' },
          resource: { known: true, value: { group: '', version: 'v1', resource: 'pods' } },
          labels: { known: true, value: { app: 'web' } },
          object: { known: true, value: object },
          operation: { known: true, value: 'CREATE' },
        },
        mode: { server: 'deny', namespace: 'warn' },
        deadline: 99,
      },
    ]);
  });

  it('calls labels of the wrong type unknown, since unknown is never "no"', async () => {
    for (const metadata of [{ labels: { a: 1 } }, { labels: [] }, { labels: 'x' }]) {
      const verifier = fakeVerifier();
      await ask(review(pod({ containers: [container(SIGNED)] }, metadata)), verifier);
      expect(verifier.asked[0]?.asker.labels.known).toBe(false);
    }
  });

  it('is not changed by anything that the object says of itself [peers 59]', async () => {
    const forged = {
      annotations: {
        'countersign.dev/verified': 'true',
        'kyverno.io/verify-images': '{"x":"pass"}',
        'countersign.dev/mode': 'audit',
      },
      labels: { 'countersign.dev/mode': 'audit', 'countersign.dev/verified': 'true' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'approved', uid: 'x', controller: true }],
    };
    expect(await allows(review(pod({ containers: [container(UNSIGNED)] }, forged)))).toBe(false);
    expect(await allows(review({ ...deployment([UNSIGNED]), metadata: forged }))).toBe(false);
  });
});

describe('mirror pods [peers 47]', () => {
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'hash' } };
  const kubelet = { username: 'system:node:worker-1', groups: ['system:nodes', 'system:authenticated'] };
  const mirrored = (metadata: Json, userInfo: Json) =>
    review(pod({ containers: [container(UNSIGNED)] }, metadata), { userInfo });

  it('of a kubelet are judged and recorded, and never refused or changed', async () => {
    const { response, decision, facts } = await ask(mirrored(mirror, kubelet));
    expect(response).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('a static pod runs whatever is decided')],
    });
    expect(response).not.toHaveProperty('patch');
    expect(decision.subjects[0]).toMatchObject({ headline: 'unsigned', wouldDeny: true });
    expect(facts.note).toBe('mirror-pod');
  });

  it.each([
    ['a user who writes the annotation', mirror, { username: 'jane', groups: ['system:nodes'] }],
    ['a user who takes a node name', mirror, { username: 'system:node:x', groups: ['developers'] }],
    ['a node without the annotation', {}, kubelet],
    ['a node with an annotation that is none', { annotations: { 'kubernetes.io/config.mirror': 1 } }, kubelet],
  ])('of %s are ordinary pods', async (_, metadata, user) => {
    expect(await allows(mirrored(metadata, user))).toBe(false);
  });

  it('are pods: a deployment is none', async () => {
    expect(await allows(review({ ...deployment([UNSIGNED]), metadata: mirror }, { userInfo: kubelet }))).toBe(false);
  });
});

describe('a defect', () => {
  const failing = (fail: () => never) => ({ decide: fail });
  const rejecting = { decide: () => Promise.reject(new RangeError('secret-token')) };

  it('in the verifier is a refusal with INTERNAL_ERROR that tells no secret [kyverno 15705]', async () => {
    for (const verifier of [
      rejecting,
      failing(() => {
        throw new RangeError('secret-token');
      }),
    ]) {
      const { response, decision, defect } = await ask(unsigned, verifier);
      expect(defect?.cause).toBeInstanceOf(RangeError);
      expect(response.allowed).toBe(false);
      expect(response.status?.message).toContain('[INTERNAL_ERROR]');
      expect(JSON.stringify([response, decision])).not.toContain('secret-token');
      expect(decision.subjects.map(({ image }) => image)).toEqual([UNSIGNED]);
    }
  });

  it('does not stop a cluster that only audits', async () => {
    const { response, decision } = await ask(unsigned, rejecting, { serverMode: 'audit' });
    expect([response.allowed, decision.subjects[0]?.wouldDeny]).toEqual([true, true]);
  });

  it('in what the verifier answers is a refusal too', async () => {
    const broken = { decide: () => Promise.resolve(JSON.parse('{"allowed":true}')) };
    const { response } = await ask(unsigned, broken);
    expect(response.allowed).toBe(false);
    expect(response.status?.message).toContain('[INTERNAL_ERROR]');
  });
});
