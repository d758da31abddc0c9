import { describe, expect, it } from 'vitest';
import { imagesOf, workloadKinds } from '../../src/admission/workloads.ts';
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
  workload,
} from './fixture.ts';

const template = (image: unknown): Json => ({ template: { spec: { containers: [container(image)] } } });

const KINDS: readonly (readonly [kind: string, make: (image: unknown) => Json])[] = [
  ['Pod', (image) => pod({ containers: [container(image)] })],
  ['Deployment', (image) => workload('apps/v1', 'Deployment', template(image))],
  ['ReplicaSet', (image) => workload('apps/v1', 'ReplicaSet', template(image))],
  ['ReplicationController', (image) => workload('v1', 'ReplicationController', template(image))],
  ['StatefulSet', (image) => workload('apps/v1', 'StatefulSet', template(image))],
  ['DaemonSet', (image) => workload('apps/v1beta2', 'DaemonSet', template(image))],
  ['Job', (image) => workload('batch/v1', 'Job', template(image))],
  ['CronJob', (image) => workload('batch/v1', 'CronJob', { jobTemplate: { spec: template(image) } })],
  ['PodTemplate', (image) => ({ apiVersion: 'v1', kind: 'PodTemplate', ...template(image) })],
  ['Deployment of an old group', (image) => workload('extensions/v1beta1', 'Deployment', template(image))],
];

describe.each(KINDS)('%s [peers 37]', (_, make) => {
  it('is let in with a signed image and refused with an unsigned one', async () => {
    expect(await allows(review(make(SIGNED)))).toBe(true);
    expect(await allows(review(make(UNSIGNED)))).toBe(false);
  });

  it('is refused where its pod spec is missing or no object', async () => {
    const object = make(SIGNED);
    const spec = 'template' in object ? { template: {} } : { spec: {} };
    expect(await allows(review({ ...object, ...spec }))).toBe(false);
    expect(await allows(review({ ...object, spec: 'x', template: [] }))).toBe(false);
    expect(await allows(review({ ...object, spec: null, template: null }))).toBe(false);
  });
});

describe('every container counts', () => {
  it.each([
    ['both signed', [SIGNED, SIGNED], true],
    ['the first unsigned', [UNSIGNED, SIGNED], false],
    ['the second unsigned', [SIGNED, UNSIGNED], false],
    ['both unsigned', [UNSIGNED, UNSIGNED], false],
  ] as const)('in a deployment of two: %s [peers 38]', async (_, images, allowed) => {
    expect(await allows(review(deployment(images)))).toBe(allowed);
  });

  it('an unsigned init container beside signed ones is refused [peers 39]', async () => {
    const spec = { containers: [container(SIGNED)], initContainers: [container(SIGNED), container(UNSIGNED, 'init')] };
    expect(await allows(review(pod(spec)))).toBe(false);
    expect(await allows(review(workload('apps/v1', 'StatefulSet', { template: { spec } })))).toBe(false);
  });

  it('an unsigned debug container is refused, a signed one let in [peers 40]', async () => {
    const old = pod({ containers: [container(UNSIGNED)] });
    const debug = (image: string) =>
      review(pod({ containers: [container(SIGNED)], ephemeralContainers: [container(image, 'debugger')] }), {
        operation: 'UPDATE',
        subResource: 'ephemeralcontainers',
        oldObject: old,
      });
    expect(await allows(debug(UNSIGNED))).toBe(false);
    expect(await allows(debug(SIGNED))).toBe(true);
  });

  it('an unsigned image volume is refused', async () => {
    const spec = (reference: unknown) => ({
      containers: [container(SIGNED)],
      volumes: [
        { name: 'tmp', emptyDir: {} },
        { name: 'data', image: { reference } },
      ],
    });
    expect(await allows(review(pod(spec(SIGNED))))).toBe(true);
    expect(await allows(review(pod(spec(UNSIGNED))))).toBe(false);
  });

  it('each is asked for under the whole path of its field', async () => {
    const verifier = fakeVerifier();
    const spec = {
      containers: [container('a'), container('b', 'two')],
      initContainers: [container('c')],
      ephemeralContainers: [container('d')],
      volumes: [{ name: 'x' }, { name: 'y', image: { reference: 'e' } }],
    };
    await ask(review(workload('batch/v1', 'CronJob', { jobTemplate: { spec: { template: { spec } } } })), verifier);
    const at = 'spec.jobTemplate.spec.template.spec';
    expect(verifier.asked[0]?.images).toEqual([
      { path: `${at}.containers[0].image`, image: 'a' },
      { path: `${at}.containers[1].image`, image: 'b' },
      { path: `${at}.initContainers[0].image`, image: 'c' },
      { path: `${at}.ephemeralContainers[0].image`, image: 'd' },
      { path: `${at}.volumes[1].image.reference`, image: 'e' },
    ]);
  });

  it('a pod of 31 images, and one of 400 containers, are asked about whole and once [peers 51]', async () => {
    for (const count of [31, 129, 400]) {
      const verifier = fakeVerifier();
      const containers = Array.from({ length: count }, (_, i) =>
        container(i === count - 1 ? UNSIGNED : SIGNED, `c${i}`),
      );
      const { response } = await ask(review(pod({ containers })), verifier);
      expect(response.allowed).toBe(false);
      expect(verifier.asked).toHaveLength(1);
      expect(verifier.images()).toHaveLength(count);
    }
  });

  it('more than 1,000 images are refused unseen', async () => {
    const verifier = fakeVerifier();
    const containers = Array.from({ length: 1_001 }, (_, i) => container(SIGNED, `c${i}`));
    const { response } = await ask(review(pod({ containers })), verifier);
    expect(response.status?.message).toContain('[LIMIT_EXCEEDED]');
    expect(verifier.asked).toEqual([]);
  });
});

describe('what has not the shape of its kind', () => {
  const good = [container(SIGNED)];
  it.each([
    ['spec.containers', {}],
    ['spec.containers', { containers: { 0: container(SIGNED) } }],
    ['spec.containers', { containers: 'x' }],
    ['spec.containers[1]', { containers: [...good, null] }],
    ['spec.containers[0]', { containers: [[container(UNSIGNED)]] }],
    ['spec.containers[0].image', { containers: [container({ toString: SIGNED })] }],
    ['spec.containers[0].image', { containers: [container([SIGNED])] }],
    ['spec.initContainers', { containers: good, initContainers: { a: 1 } }],
    ['spec.ephemeralContainers', { containers: good, ephemeralContainers: 1 }],
    ['spec.volumes', { containers: good, volumes: {} }],
    ['spec.volumes[0]', { containers: good, volumes: ['image'] }],
    ['spec.volumes[0].image', { containers: good, volumes: [{ image: 'x' }] }],
    ['spec.volumes[0].image.reference', { containers: good, volumes: [{ image: { reference: 1 } }] }],
  ])('is refused at %s, never skipped: %j', async (path, spec) => {
    const verifier = fakeVerifier();
    const { response, facts } = await ask(review(pod(spec)), verifier);
    expect(response.allowed).toBe(false);
    expect(response.status).toMatchObject({ code: 403, reason: 'Forbidden' });
    expect(response.status?.message).toContain(`(${path})`);
    expect(facts.note).toBe('malformed');
    expect(verifier.asked).toEqual([]);
  });

  it('is let in with a record while the server only audits', async () => {
    const { response, decision } = await ask(review(pod({ containers: 1 })), fakeVerifier(), { serverMode: 'audit' });
    expect(response.allowed).toBe(true);
    expect(decision.subjects[0]).toMatchObject({ headline: 'error', wouldDeny: true });
  });
});

describe('an empty image [peers 32]', () => {
  it.each(['', null, undefined])('in a pod is handed on, and so refused: %j', async (image) => {
    const verifier = fakeVerifier();
    const { response } = await ask(review(pod({ containers: [container(SIGNED), container(image, 'b')] })), verifier);
    expect(verifier.images()).toEqual([SIGNED, '']);
    expect(response.status?.message).toContain('image "" (spec.containers[1].image) refused');
    expect(response.status?.message).toContain('[REFERENCE_EMPTY]');
  });

  it('of a volume in a pod is refused as well', async () => {
    const volumes = [{ name: 'v', image: { pullPolicy: 'Always' } }];
    expect(await allows(review(pod({ containers: [container(SIGNED)], volumes })))).toBe(false);
  });

  it('in a template is a warning, and the others are asked about', async () => {
    const verifier = fakeVerifier();
    const { response } = await ask(review(deployment(['', SIGNED])), verifier);
    expect(response.allowed).toBe(true);
    expect(response.warnings).toEqual([expect.stringContaining('spec.template.spec.containers[0].image is empty')]);
    expect(verifier.images()).toEqual([SIGNED]);
    expect((await ask(review(deployment([''])), verifier)).facts.note).toBe('no-images');
  });
});

describe('other kinds', () => {
  it.each([
    ['rbac.authorization.k8s.io/v1', 'Role'],
    ['example.com/v1', 'Deployment'],
    ['apps/v1', 'Pod'],
    ['autoscaling/v1', 'Scale'],
  ])('%s %s carries no images and is let in [peers 46]', async (apiVersion, kind) => {
    const verifier = fakeVerifier();
    const { response, facts } = await ask(review(workload(apiVersion, kind, template(UNSIGNED))), verifier);
    expect([response.allowed, facts.note, verifier.asked]).toEqual([true, 'not-a-workload', []]);
  });
});

describe('configured kinds', () => {
  const rollout = (spec: Json) => workload('argoproj.io/v1alpha1', 'Rollout', spec);
  const workloads = workloadKinds([{ group: 'argoproj.io', kind: 'Rollout', path: 'spec.template' }]);

  it('are asked about like the known ones', async () => {
    expect(await allows(review(rollout(template(UNSIGNED))), { workloads })).toBe(false);
    expect(await allows(review(rollout(template(SIGNED))), { workloads })).toBe(true);
    expect(await allows(review(rollout({})), { workloads })).toBe(false);
  });

  it('may point at a pod spec, and a decoy beside it hides nothing', () => {
    const found = imagesOf(
      { group: 'argoproj.io', kind: 'Rollout' },
      rollout({ template: { containers: [container('decoy')], spec: { containers: [container('real')] } } }),
      workloads,
    );
    expect(
      found.ok && found.value.kind === 'workload' && found.value.images.map(({ image, path }) => [path, image]),
    ).toEqual([
      ['spec.template.containers[0].image', 'decoy'],
      ['spec.template.spec.containers[0].image', 'real'],
    ]);
  });

  it('cannot take the place of a known one', async () => {
    const weaker = workloadKinds([{ group: 'apps', kind: 'Deployment', path: 'spec.decoy' }]);
    const decoy = { ...template(UNSIGNED), decoy: { containers: [] } };
    expect(await allows(review(workload('apps/v1', 'Deployment', decoy)), { workloads: weaker })).toBe(false);
  });

  it('read nothing off a prototype', async () => {
    const hostile = workloadKinds([{ group: 'x', kind: 'Y', path: 'constructor.prototype' }]);
    expect(await allows(review(workload('x/v1', 'Y', {})), { workloads: hostile })).toBe(false);
  });
});
