import { describe, expect, it } from 'vitest';
import { publishImage, signImage } from '../../src/cli/demo/publish.ts';
import { createSigner } from '../../src/cli/demo/signer.ts';
import { container, deployment, type Json, pod, review, workload } from '../admission/fixture.ts';
import { expectDenied, expectVerified, keyPolicy, registryFor, runOf, stage } from '../fixtures/webhook.ts';

const release = createSigner();

/** A webhook that wants everything signed, over a registry with two signed images and two that are not. */
async function shop(configuration: Json = {}) {
  const registry = await registryFor();
  const image = (name: string) => `${registry.host}/shop/${name}:v1`;
  for (const name of ['signed', 'also-signed'])
    signImage(registry, `shop/${name}`, publishImage(registry, `shop/${name}`, name), release);
  for (const name of ['unsigned', 'also-unsigned']) publishImage(registry, `shop/${name}`, name);
  const policies = [keyPolicy({ name: 'release', scopes: [registry.host], signer: release })];
  return {
    ...(await stage(registry, policies, configuration)),
    image,
    signed: image('signed'),
    alsoSigned: image('also-signed'),
    unsigned: image('unsigned'),
    alsoUnsigned: image('also-unsigned'),
  };
}

const unsignedAt = (image: string, path: string) => ({
  image,
  path,
  policy: 'release',
  word: 'unsigned',
  code: 'UNSIGNED',
});

const template = (images: readonly string[]): Json => ({
  spec: { containers: images.map((image, i) => container(image, `c${i}`)) },
});

/** The eight kinds that run pods, and how each carries a template. */
const KINDS: readonly (readonly [string, string, (images: readonly string[]) => Json, string])[] = [
  ['v1', 'Pod', (images) => template(images)['spec'] as Json, 'spec.containers'],
  ...(
    [
      ['apps/v1', 'Deployment'],
      ['apps/v1', 'ReplicaSet'],
      ['v1', 'ReplicationController'],
      ['apps/v1', 'StatefulSet'],
      ['apps/v1', 'DaemonSet'],
      ['batch/v1', 'Job'],
    ] as const
  ).map(
    ([version, kind]) =>
      [
        version,
        kind,
        (images: readonly string[]) => ({ template: template(images) }),
        'spec.template.spec.containers',
      ] as const,
  ),
  [
    'batch/v1',
    'CronJob',
    (images) => ({ jobTemplate: { spec: { template: template(images) } } }),
    'spec.jobTemplate.spec.template.spec.containers',
  ],
];

describe('what carries images', () => {
  it.each(KINDS)(
    '%s %s: signed is admitted, unsigned is denied at its own path [peers 37]',
    async (version, kind, spec, path) => {
      const { ask, signed, unsigned } = await shop();
      const admitted = await ask(review(workload(version, kind, spec([signed]))));
      expectVerified(admitted);
      expect(admitted.record).toMatchObject({ kind, images: [{ path: `${path}[0].image` }] });
      const denied = await ask(review(workload(version, kind, spec([unsigned]))));
      expectDenied(denied, unsignedAt(unsigned, `${path}[0].image`));
    },
  );

  it('in several containers: one unsigned is enough, and each is named [peers 38]', async () => {
    const { ask, signed, alsoSigned, unsigned, alsoUnsigned } = await shop();
    const answer = (images: readonly string[]) => ask(review(deployment(images)));
    const at = (i: number) => `spec.template.spec.containers[${i}].image`;
    expectVerified(await answer([signed, alsoSigned]));
    expectDenied(await answer([unsigned, alsoSigned]), unsignedAt(unsigned, at(0)));
    expectDenied(await answer([signed, unsigned]), unsignedAt(unsigned, at(1)));
    expectDenied(await answer([unsigned, alsoUnsigned]), unsignedAt(unsigned, at(0)), unsignedAt(alsoUnsigned, at(1)));
  });

  it.each(['initContainers', 'ephemeralContainers'])(
    'in %s beside signed containers [peers 39] [Connaisseur ≤1.3.0]',
    async (list) => {
      const { ask, signed, unsigned } = await shop();
      const withList = (image: string) =>
        review(pod({ containers: [container(signed)], [list]: [container(signed, 'a'), container(image, 'b')] }));
      expectVerified(await ask(withList(signed)));
      expectDenied(await ask(withList(unsigned)), unsignedAt(unsigned, `spec.${list}[1].image`));
    },
  );

  it('in an image volume', async () => {
    const { ask, signed, unsigned } = await shop();
    const withVolume = (reference: string) =>
      review(pod({ containers: [container(signed)], volumes: [{ name: 'v', image: { reference } }] }));
    expectVerified(await ask(withVolume(signed)));
    expectDenied(await ask(withVolume(unsigned)), unsignedAt(unsigned, 'spec.volumes[0].image.reference'));
  });

  it('in a custom resource of the configuration, and in none that it does not name', async () => {
    const { ask, signed, unsigned } = await shop({
      workloads: [{ group: 'argoproj.io', kind: 'Rollout', path: 'spec.template' }],
    });
    const rollout = (image: string) =>
      review(workload('argoproj.io/v1alpha1', 'Rollout', { template: template([image]) }));
    expectVerified(await ask(rollout(signed)));
    expectDenied(await ask(rollout(unsigned)), unsignedAt(unsigned, 'spec.template.spec.containers[0].image'));
    const other = await ask(review(workload('example.com/v1', 'Rollout', { template: template([unsigned]) })));
    expect(other).toMatchObject({ allowed: true, record: { note: 'not-a-workload', requests: 0 } });
  });

  it('is added by kubectl debug: unsigned is denied, signed is admitted [peers 40] [CVE-2023-2727] [Connaisseur ≤3.1.1]', async () => {
    const { ask, signed, unsigned } = await shop();
    const running = pod({ containers: [container(signed)] });
    const debug = (image: string) =>
      review(pod({ containers: [container(signed)], ephemeralContainers: [container(image, 'debugger')] }), {
        operation: 'UPDATE',
        subResource: 'ephemeralcontainers',
        resource: { group: '', version: 'v1', resource: 'pods' },
        oldObject: running,
      });
    expectVerified(await ask(debug(signed)));
    expectDenied(await ask(debug(unsigned)), unsignedAt(unsigned, 'spec.ephemeralContainers[0].image'));
  });
});

describe('an update', () => {
  const update = (object: Json, oldObject: Json) => review(object, { operation: 'UPDATE', oldObject });

  it('of one container of several is judged, and so is a replacement [peers 41]', async () => {
    const { ask, signed, alsoSigned, unsigned } = await shop();
    const before = deployment([signed, signed]);
    expectVerified(await ask(update(deployment([signed, alsoSigned]), before)));
    const patched = await ask(update(deployment([signed, unsigned]), before));
    expectDenied(patched, unsignedAt(unsigned, 'spec.template.spec.containers[1].image'));
    const replaced = await ask(update(deployment([unsigned]), deployment([signed])));
    expectDenied(replaced, unsignedAt(unsigned, 'spec.template.spec.containers[0].image'));
  });

  it('that swaps the images of two containers is judged, although no image is new [peers 41, hostile]', async () => {
    const { ask, signed, unsigned } = await shop();
    const swapped = await ask(update(deployment([unsigned, signed]), deployment([signed, unsigned])));
    expectDenied(swapped, unsignedAt(unsigned, 'spec.template.spec.containers[0].image'));
  });

  it('that moves an image to a container that runs earlier is judged [peers 41, hostile]', async () => {
    const { ask, signed, unsigned } = await shop();
    const spec = (lists: Json) => workload('apps/v1', 'Deployment', { template: { spec: lists } });
    const before = spec({ containers: [container(signed, 'a'), container(unsigned, 'b')] });
    const after = spec({ containers: [container(signed, 'a')], initContainers: [container(unsigned, 'b')] });
    expectDenied(await ask(update(after, before)), unsignedAt(unsigned, 'spec.template.spec.initContainers[0].image'));
  });

  it.each(['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController'])(
    'to no replicas of an old %s passes, creating one without replicas does not [peers 43] [Portieris 0.14.0]',
    async (kind) => {
      const { ask, unsigned, signed } = await shop();
      const version = kind === 'ReplicationController' ? 'v1' : 'apps/v1';
      const scaled = (image: string, replicas: number, metadata: Json = {}) =>
        workload(version, kind, { replicas, template: template([image]) }, metadata);
      expectDenied(
        await ask(review(scaled(unsigned, 0))),
        unsignedAt(unsigned, 'spec.template.spec.containers[0].image'),
      );
      expectVerified(await ask(review(scaled(signed, 0))));
      const passed = await ask(update(scaled(unsigned, 0, { labels: { old: 'yes' } }), scaled(unsigned, 3)));
      expect(passed).toMatchObject({ allowed: true, requests: 0, record: { note: 'unchanged', images: [] } });
      const changed = await ask(update(scaled(unsigned, 0), scaled(signed, 0)));
      expectDenied(changed, unsignedAt(unsigned, 'spec.template.spec.containers[0].image'));
    },
  );

  it('of what is being deleted: taking the finalizer off passes, a new image is judged [peers 45] [CVE-2023-34091]', async () => {
    const { ask, signed, unsigned } = await shop();
    const dying = (image: string, finalizers: readonly string[]) =>
      pod({ containers: [container(image)] }, { deletionTimestamp: '2026-06-01T00:00:00Z', finalizers });
    const freed = await ask(update(dying(unsigned, []), dying(unsigned, ['example.com/wait'])));
    expect(freed).toMatchObject({ allowed: true, requests: 0, record: { note: 'unchanged' } });
    const smuggled = await ask(update(dying(unsigned, []), dying(signed, ['example.com/wait'])));
    expectDenied(smuggled, unsignedAt(unsigned, 'spec.containers[0].image'));
  });

  it('that cannot be compared is judged: no old object, a container without a name, one name twice', async () => {
    const { ask, unsigned } = await shop();
    const nameless = pod({ containers: [{ image: unsigned }] });
    const twice = pod({ containers: [container(unsigned, 'a'), container(unsigned, 'a')] });
    for (const [object, oldObject] of [
      [pod({ containers: [container(unsigned)] }), null],
      [nameless, nameless],
      [twice, twice],
    ])
      expect(await ask(review(object, { operation: 'UPDATE', oldObject }))).toMatchObject({
        allowed: false,
        code: 403,
      });
  });

  it('that deletes needs no look', async () => {
    const { ask, unsigned } = await shop();
    const oldObject = pod({ containers: [container(unsigned)] });
    const kind = { group: '', version: 'v1', kind: 'Pod' };
    const answer = await ask(review(null, { kind, operation: 'DELETE', oldObject }));
    expect(answer).toMatchObject({ allowed: true, requests: 0, record: { note: 'deleted', operation: 'DELETE' } });
  });
});

describe('other objects', () => {
  it('that carry no images are let in without a look, known or not [peers 46]', async () => {
    const { ask, run, unsigned } = await shop();
    for (const object of [
      workload('rbac.authorization.k8s.io/v1', 'Role', {}),
      workload('example.com/v1', 'Widget', { containers: [container(unsigned)] }),
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { constructor: 'x' } },
    ])
      expect(await ask(review(object))).toMatchObject({
        allowed: true,
        requests: 0,
        record: { note: 'not-a-workload' },
      });
    expectDenied(await run([unsigned]), unsignedAt(unsigned, 'spec.containers[0].image'));
  });

  it('of a known kind in another group are not taken for it, nor is a Pod called something else [peers 46, hostile]', async () => {
    const { post, ask, unsigned } = await shop();
    const object = pod({ containers: [container(unsigned)] });
    const disguised = review(object, { kind: { group: '', version: 'v1', kind: 'ConfigMap' } });
    const { status, body } = await post(JSON.stringify(disguised));
    expect(status).toBe(200);
    expect(body).toMatchObject({ response: { allowed: false, status: { code: 400 } } });
    expect(
      (await ask(review({ ...object, apiVersion: 'v2' }, { kind: { group: '', version: 'v2', kind: 'Pod' } }))).allowed,
    ).toBe(false);
  });

  it('that are mirrors of static pods are judged and recorded, never denied [peers 47]', async () => {
    const { ask, unsigned } = await shop();
    const object = pod({ containers: [container(unsigned)] }, { annotations: { 'kubernetes.io/config.mirror': 'x' } });
    const node = { username: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };
    const mirror = await ask(review(object, { userInfo: node }));
    expect(mirror).toMatchObject({
      allowed: true,
      record: { decision: 'allowed', wouldDeny: true, note: 'mirror-pod', images: [{ outcome: 'unsigned' }] },
      warnings: [expect.stringContaining('a static pod runs whatever is decided')],
    });
    // Anybody can write the annotation, and a node can make other pods.
    for (const [pretended, userInfo] of [
      [object, undefined],
      [object, { username: 'system:node:a', groups: ['developers'] }],
      [object, { username: 'jane', groups: ['system:nodes'] }],
      [pod({ containers: [container(unsigned)] }), node],
    ] as const)
      expectDenied(
        await ask(review(pretended, userInfo === undefined ? {} : { userInfo })),
        unsignedAt(unsigned, 'spec.containers[0].image'),
      );
  });
});

describe('a request that is none', () => {
  const whole = JSON.stringify(runOf(['x']));
  it.each([
    ['nothing', '', 400],
    ['null', 'null', 400],
    ['a null request', '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}', 400],
    ['truncated JSON', whole.slice(0, -20), 400],
    ['two texts', `${whole}${whole}`, 400],
    ['another version', whole.replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1'), 200],
    ['no object', JSON.stringify(review(null, { kind: { group: '', version: 'v1', kind: 'Pod' } })), 200],
    ['an object that is text', JSON.stringify(review('pod', { kind: { group: '', version: 'v1', kind: 'Pod' } })), 200],
    ['a broken update', JSON.stringify(review(pod({ containers: 7 }), { operation: 'UPDATE', oldObject: [] })), 200],
    ['a __proto__', whole.replace('"dryRun":false', '"__proto__":{}'), 400],
    ['a uid that is no text', whole.replace(/"uid":"[^"]*"/, '"uid":{}'), 400],
    ['a uid too long', whole.replace(/"uid":"[^"]*"/, `"uid":"${'u'.repeat(300)}"`), 400],
  ])('is refused well-formed, and the next one is answered: %s [peers 48, 49]', async (_name, body, status) => {
    const { post, run, signed, records } = await shop();
    const answer = await post(body);
    expect(answer.status).toBe(status);
    if (status === 200)
      expect(await records()).toEqual([expect.objectContaining({ note: 'malformed-review', decision: 'denied' })]);
    if (status === 200)
      expect(answer.body).toMatchObject({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: {
          uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
          allowed: false,
          status: { message: expect.stringMatching(/malformed/) },
        },
      });
    else
      expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', code: 400, message: expect.any(String) });
    expectVerified(await run([signed]));
  });

  it('has the shape of a review but not of a pod: the path of what is wrong is named [peers 48]', async () => {
    const { ask, unsigned } = await shop();
    for (const [spec, path, what] of [
      [{ containers: {} }, 'spec.containers', 'is no list'],
      [{}, 'spec.containers', 'is missing'],
      [{ containers: [container(unsigned)], initContainers: 'none' }, 'spec.initContainers', 'is no list'],
      [{ containers: [container(7)] }, 'spec.containers[0].image', 'is no string'],
    ] as const) {
      const answer = await ask(review(pod(spec)));
      expectDenied(answer, {
        image: '',
        path,
        policy: 'configuration/object',
        word: 'error',
        code: 'OBJECT_MALFORMED',
      });
      expect(answer.message).toContain(`${path} ${what}`);
      expect(answer.record).toMatchObject({ note: 'malformed' });
    }
  });
});

describe('a large request', () => {
  it('beyond the limit is refused before it is read, and the next one is answered [peers 51]', async () => {
    const { post, run, signed } = await shop({ limits: { bodyBytes: 100_000 } });
    const { status, body } = await post(JSON.stringify(runOf([signed], { note: 'x'.repeat(200_000) })));
    expect(status).toBe(413);
    expect(body).toMatchObject({ kind: 'Status', code: 413 });
    expectVerified(await run([signed]));
  });

  it('of 130 containers is decided, each of them: the last one counts too [peers 51]', async () => {
    const { run, signed, unsigned } = await shop();
    expectVerified(await run(Array.from({ length: 130 }, () => signed)));
    const images = Array.from({ length: 130 }, (_, i) => (i === 129 ? unsigned : signed));
    expectDenied(await run(images), unsignedAt(unsigned, 'spec.containers[129].image'));
  });

  it('of more than 1000 containers is refused and not cut [peers 51]', async () => {
    const { run, signed } = await shop();
    const answer = await run(Array.from({ length: 1001 }, () => signed));
    expect(answer).toMatchObject({ allowed: false, code: 403, requests: 0 });
    expect(answer.message).toContain('[LIMIT_EXCEEDED]');
  });

  it('of 31 different cold images is decided inside its deadline [peers 51]', async () => {
    const { run, registry, image, unsigned } = await shop();
    const images = Array.from({ length: 31 }, (_, i) => {
      signImage(registry, `shop/many-${i}`, publishImage(registry, `shop/many-${i}`, `many ${i}`), release);
      return image(`many-${i}`);
    });
    const answer = await run(images, 'shop', '?timeout=5s');
    expectVerified(answer);
    expect(answer.record.images).toHaveLength(31);
    expect(answer.milliseconds).toBeLessThan(4600);
    expectDenied(await run([...images, unsigned]), unsignedAt(unsigned, 'spec.containers[31].image'));
  });

  it('that denies very much says so in a message that etcd keeps, and in a record of 12 KiB', async () => {
    const { run, image } = await shop();
    const answer = await run(Array.from({ length: 400 }, (_, i) => image(`missing-${i}`)));
    expect(answer).toMatchObject({ allowed: false, code: 403, record: { truncated: true } });
    expect(Buffer.byteLength(answer.message)).toBeLessThanOrEqual(4096);
    expect(answer.message).toMatch(/\nand \d+ more$/);
    expect(Buffer.byteLength(JSON.stringify(answer.record))).toBeLessThanOrEqual(12 * 1024);
  });
});

describe('the same review again', () => {
  it('gets the same verdict, by digest without a request and with no patch ever [peers 52]', async () => {
    const { run, registry, image, unsigned } = await shop();
    const { digest } = publishImage(registry, 'shop/signed', 'signed');
    for (const [name, allowed] of [
      [`${image('signed').replace(':v1', '')}@${digest}`, true],
      [unsigned, false],
    ] as const) {
      const first = await run([name]);
      const again = await run([name]);
      expect(again.allowed).toBe(allowed);
      expect({ ...again, record: undefined, milliseconds: 0, requests: 0 }).toEqual({
        ...first,
        record: undefined,
        milliseconds: 0,
        requests: 0,
      });
      if (allowed) expect(again.requests).toBe(0);
    }
  });

  it('as a dry run gets the same answer and is not counted [peers 50]', async () => {
    const { ask, metrics, unsigned } = await shop();
    const dry = await ask(runOf([unsigned], { dryRun: true }));
    expectDenied(dry, unsignedAt(unsigned, 'spec.containers[0].image'));
    expect(dry.record).toMatchObject({ dryRun: true });
    expect(await metrics()).not.toMatch(/countersign_reviews_total\{/);
    await ask(runOf([unsigned]));
    expect(await metrics()).toContain('countersign_reviews_total{decision="denied",mode="deny"} 1');
  });
});
