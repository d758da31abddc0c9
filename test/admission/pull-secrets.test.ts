import { describe, expect, it } from 'vitest';
import { type CredentialsFor, type PullingPod } from '../../src/admission/pull-secrets.ts';
import { workloadKinds } from '../../src/admission/workloads.ts';
import { failed, ok } from '../../src/codes/result.ts';
import { credentialId } from '../../src/config/credentials.ts';
import type { DecisionRequest } from '../../src/verifier/request.ts';
import { ask, container, deployment, fakeVerifier, type Json, pod, review, SIGNED, workload } from './fixture.ts';

/** Remembers who was asked about, and gives each ServiceAccount a credential of its own. */
function recorder() {
  const asked: PullingPod[] = [];
  const credentialsFor: CredentialsFor = (pulling) => {
    asked.push(pulling);
    const credential = { kind: 'basic', username: pulling.serviceAccount, password: 'x' } as const;
    return Promise.resolve(
      ok({ id: () => credentialId(credential), candidates: () => Promise.resolve(ok([credential])) }),
    );
  };
  return { asked, credentialsFor };
}

/** What the engine is handed for a review, called as the engine would call it. */
async function handed(body: Json, credentialsFor: CredentialsFor | undefined, workloads = workloadKinds()) {
  const verifier = fakeVerifier();
  await ask(body, verifier, { credentialsFor, workloads });
  const [request]: readonly (DecisionRequest | undefined)[] = verifier.asked;
  if (request === undefined) throw new Error('the verifier was not asked');
  return request.credentials;
}

async function asked(body: Json, workloads = workloadKinds()) {
  const { asked: pods, credentialsFor } = recorder();
  const ask = await handed(body, credentialsFor, workloads);
  const came = await ask?.(AbortSignal.timeout(1_000));
  return { pods, failure: came?.ok === false ? came.failure : undefined };
}

const secrets = (...names: readonly unknown[]) => ({ imagePullSecrets: names.map((name) => ({ name })) });
const spec = (more: Json) => ({ containers: [container(SIGNED)], ...more });

describe('what a pod pulls with', () => {
  it.each([
    ['nothing said', {}, { serviceAccount: 'default', pullSecrets: [] }],
    ['secrets', secrets('a', 'b'), { serviceAccount: 'default', pullSecrets: ['a', 'b'] }],
    ['an account', { serviceAccountName: 'builder' }, { serviceAccount: 'builder', pullSecrets: [] }],
    ['an account by its older field', { serviceAccount: 'old' }, { serviceAccount: 'old', pullSecrets: [] }],
    [
      'an account by both',
      { serviceAccountName: 'new', serviceAccount: 'old' },
      { serviceAccount: 'new', pullSecrets: [] },
    ],
    [
      'empty names, which kubelet passes over',
      { ...secrets('', 'a'), serviceAccountName: '' },
      { serviceAccount: 'default', pullSecrets: ['a'] },
    ],
    [
      'a reference without a name',
      { imagePullSecrets: [{}, { name: null }] },
      { serviceAccount: 'default', pullSecrets: [] },
    ],
    ['a secret twice', secrets('a', 'a'), { serviceAccount: 'default', pullSecrets: ['a'] }],
    ['null', { imagePullSecrets: null, serviceAccountName: null }, { serviceAccount: 'default', pullSecrets: [] }],
    [
      'as many secrets as are read',
      secrets(...Array.from({ length: 32 }, (_, n) => `s${n}`)),
      { serviceAccount: 'default' },
    ],
  ])('is read off its spec: %s', async (_, more, expected) => {
    const { pods, failure } = await asked(review(pod(spec(more))));
    expect(failure).toBeUndefined();
    expect(pods).toMatchObject([{ namespace: 'shop', ...expected }]);
  });

  it.each([
    ['secrets that are no list', { imagePullSecrets: { name: 'a' } }, 'OBJECT_MALFORMED', 'spec.imagePullSecrets'],
    ['secrets that are a text', { imagePullSecrets: 'a' }, 'OBJECT_MALFORMED', 'spec.imagePullSecrets'],
    ['a reference that is a text', { imagePullSecrets: ['a'] }, 'OBJECT_MALFORMED', 'spec.imagePullSecrets[0]'],
    [
      'a reference that is null',
      { imagePullSecrets: [{ name: 'a' }, null] },
      'OBJECT_MALFORMED',
      'spec.imagePullSecrets[1]',
    ],
    ['a name that is no text', secrets(1), 'OBJECT_MALFORMED', 'spec.imagePullSecrets[0]'],
    ['a name of another type', secrets(['a']), 'OBJECT_MALFORMED', 'spec.imagePullSecrets[0]'],
    ['an account that is no text', { serviceAccountName: 7 }, 'OBJECT_MALFORMED', 'spec.serviceAccountName'],
    [
      'an older account that is no text',
      { serviceAccountName: 'a', serviceAccount: {} },
      'OBJECT_MALFORMED',
      'spec.serviceAccountName',
    ],
    ['more secrets than are read', secrets(...Array.from({ length: 33 }, (_, n) => `s${n}`)), 'LIMIT_EXCEEDED', '32'],
  ])('fails the look-up and is asked of nobody where it is malformed: %s', async (_, more, code, says) => {
    const { pods, failure } = await asked(review(pod(spec(more))));
    expect(failure).toMatchObject({ code, message: expect.stringContaining(says) });
    expect(pods).toEqual([]);
  });

  it('is of the namespace of the request, whatever the object says of itself', async () => {
    const foreign = pod(spec({ ...secrets('a'), namespace: 'kube-system' }), { namespace: 'kube-system' });
    expect((await asked(review(foreign))).pods).toMatchObject([{ namespace: 'shop', pullSecrets: ['a'] }]);
  });

  it('is nothing where the request is of no namespace', async () => {
    const { asked: pods, credentialsFor } = recorder();
    expect(await handed(review(pod(spec(secrets('a'))), { namespace: '' }), credentialsFor)).toBeUndefined();
    expect(pods).toEqual([]);
  });

  it('is nothing where the caller is not known to be the API server', async () => {
    expect(await handed(review(pod(spec(secrets('a')))), undefined)).toBeUndefined();
  });

  it('is not read before it is asked for', async () => {
    const { asked: pods, credentialsFor } = recorder();
    await handed(review(pod(spec(secrets('a')))), credentialsFor);
    expect(pods).toEqual([]);
  });
});

describe('in every workload, by its path', () => {
  const inner = spec({ ...secrets('a'), serviceAccountName: 'builder' });
  const template = { template: { spec: inner } };
  it.each([
    ['Deployment', deployment([], template)],
    ['ReplicaSet', workload('apps/v1', 'ReplicaSet', template)],
    ['StatefulSet', workload('apps/v1', 'StatefulSet', template)],
    ['DaemonSet', workload('apps/v1', 'DaemonSet', template)],
    ['Job', workload('batch/v1', 'Job', template)],
    ['CronJob', workload('batch/v1', 'CronJob', { jobTemplate: { spec: template } })],
    ['ReplicationController', workload('v1', 'ReplicationController', template)],
    ['PodTemplate', { apiVersion: 'v1', kind: 'PodTemplate', metadata: { name: 'x' }, ...template }],
  ])('%s', async (_, object) => {
    expect((await asked(review(object))).pods).toEqual([
      { namespace: 'shop', serviceAccount: 'builder', pullSecrets: ['a'] },
    ]);
  });

  it('names the whole path of what is malformed', async () => {
    const broken = workload('batch/v1', 'CronJob', { jobTemplate: { spec: { template: { spec: spec(secrets(1)) } } } });
    expect((await asked(review(broken))).failure?.message).toContain(
      'spec.jobTemplate.spec.template.spec.imagePullSecrets[0]',
    );
  });

  const kinds = workloadKinds([
    { group: 'acme.test', kind: 'Twin', path: 'spec.one' },
    { group: 'acme.test', kind: 'Twin', path: 'spec.two' },
  ]);
  const twin = (one: Json, two: Json) => workload('acme.test/v1', 'Twin', { one: spec(one), two: { spec: spec(two) } });

  it('each pod of a resource that carries several is asked about, and like ones once', async () => {
    const { pods } = await asked(review(twin({ serviceAccountName: 'x' }, secrets('b'))), kinds);
    expect(pods).toEqual([
      { namespace: 'shop', serviceAccount: 'x', pullSecrets: [] },
      { namespace: 'shop', serviceAccount: 'default', pullSecrets: ['b'] },
    ]);
    expect((await asked(review(twin(secrets('a'), secrets('a'))), kinds)).pods).toHaveLength(1);
  });

  it('what all of them have is tried in turn, and one that cannot be had fails them all', async () => {
    const body = review(twin({ serviceAccountName: 'x' }, { serviceAccountName: 'y' }));
    const ask = await handed(body, recorder().credentialsFor, kinds);
    const came = await ask?.(AbortSignal.timeout(1_000));
    const found = came?.ok === true ? await came.value.candidates({ host: 'a.test', path: 'b' }) : undefined;
    expect(found).toMatchObject({ ok: true, value: [{ username: 'x' }, { username: 'y' }] });

    const half: CredentialsFor = (pulling, signal) =>
      pulling.serviceAccount === 'y'
        ? Promise.resolve(failed('CLUSTER_UNREACHABLE', 'no'))
        : recorder().credentialsFor(pulling, signal);
    const failing = await handed(body, half, kinds);
    expect(await failing?.(AbortSignal.timeout(1_000))).toMatchObject({ failure: { code: 'CLUSTER_UNREACHABLE' } });
  });
});

describe('no secret is asked for', () => {
  it.each([
    ['a deletion', review(null, { operation: 'DELETE', object: null, oldObject: pod(spec(secrets('a'))) })],
    [
      'an update that keeps its images',
      review(pod(spec(secrets('b'))), { operation: 'UPDATE', oldObject: pod(spec(secrets('a'))) }),
    ],
    ['an object without images', review(workload('v1', 'ConfigMap', {}))],
  ])('by %s', async (_, body) => {
    const verifier = fakeVerifier();
    const { asked: pods, credentialsFor } = recorder();
    expect((await ask(body, verifier, { credentialsFor })).response.allowed).toBe(true);
    expect(verifier.asked).toEqual([]);
    expect(pods).toEqual([]);
  });
});
