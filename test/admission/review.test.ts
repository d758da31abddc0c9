import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit } from '../../src/admission/admit.ts';
import { respondMalformed } from '../../src/admission/respond.ts';
import { parseReview } from '../../src/admission/review.ts';
import { ask, container, fakeVerifier, type Json, options, pod, review, SIGNED } from './fixture.ts';

const good = () => review(pod({ containers: [container(SIGNED)] }));
const without = (key: string) => ({ ...good(), request: { ...(good()['request'] as Json), [key]: undefined } });
const withField = (key: string, value: unknown) => ({
  ...good(),
  request: { ...(good()['request'] as Json), [key]: value },
});

describe('a review that cannot be read [peers 48]', () => {
  it.each([
    ['not an object', 'x'],
    ['null', null],
    ['a list', []],
    ['without request', { ...good(), request: undefined }],
    ['with a null request', { ...good(), request: null }],
    ['without uid', without('uid')],
    ['with an empty uid', withField('uid', '')],
    ['with an endless uid', withField('uid', 'x'.repeat(129))],
    ['with a uid that is no string', withField('uid', { a: 1 })],
  ])('%s has no uid to answer to: HTTP 400', (_, body) => {
    const parsed = parseReview(body);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok)
      expect(respondMalformed(parsed.failure)).toMatchObject({ status: 400, body: { message: expect.any(String) } });
  });

  it.each([
    ['of another version', { ...good(), apiVersion: 'admission.k8s.io/v1beta1' }],
    ['of another kind', { ...good(), kind: 'ConversionReview' }],
    ['without object', without('object')],
    ['with a null object', withField('object', null)],
    ['with a list for an object', withField('object', [])],
    ['with a text for an object', withField('object', '{}')],
    ['with a text for an old object', withField('oldObject', 'x')],
    ['without operation', without('operation')],
    ['with an unknown operation', withField('operation', 'PATCH')],
    ['without kind', without('kind')],
    ['with a kind of the wrong type', withField('kind', { group: 1, version: 'v1', kind: 'Pod' })],
    ['without resource', without('resource')],
    ['with a sub-resource of the wrong type', withField('subResource', {})],
    ['with a namespace of the wrong type', withField('namespace', 1)],
    ['with a name of the wrong type', withField('name', [])],
    ['with a dryRun of the wrong type', withField('dryRun', 'false')],
    ['with a user of the wrong type', withField('userInfo', 'admin')],
    ['with groups of the wrong type', withField('userInfo', { username: 'a', groups: [1] })],
    ['that calls a pod a role', withField('kind', { group: '', version: 'v1', kind: 'Role' })],
    ['that calls a pod a pod of another group', withField('kind', { group: 'x', version: 'v1', kind: 'Pod' })],
  ])('%s gets a well-formed refusal with its own uid', (_, body) => {
    const parsed = parseReview(body);
    expect(parsed.ok).toBe(false);
    if (parsed.ok) return;
    expect(respondMalformed(parsed.failure)).toEqual({
      status: 200,
      body: {
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: {
          uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
          allowed: false,
          status: { code: 400, reason: 'BadRequest', message: expect.stringMatching(/^malformed AdmissionReview: /) },
        },
      },
    });
  });
});

describe('a review', () => {
  it('is answered under its own uid [peers 49]', async () => {
    for (const uid of ['a', 'b'.repeat(128)]) expect((await ask(withField('uid', uid))).response.uid).toBe(uid);
  });

  it('takes the name from the object where the request has none', () => {
    const generated = parseReview(review({ ...pod({ containers: [] }), metadata: { generateName: 'web-' } }));
    expect(generated.ok && generated.value.name).toBe('web-');
    const named = parseReview(withField('name', 'given'));
    expect(named.ok && named.value.name).toBe('given');
  });

  it('to connect needs no object', async () => {
    const connect = { ...withField('operation', 'CONNECT') };
    const { response } = await ask({ ...connect, request: { ...connect.request, object: null } });
    expect(response.allowed).toBe(true);
  });
});

/** Any JSON, with keys and values drawn so that much of it comes close to a real review. */
const key = fc.constantFrom(
  'spec',
  'template',
  'jobTemplate',
  'containers',
  'initContainers',
  'ephemeralContainers',
  'volumes',
  'image',
  'reference',
  'name',
  'metadata',
  '__proto__',
);
const anyJson = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(null, true, 1, '', 'a', 'evil/image', SIGNED),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(key, tie('node'), { maxKeys: 4 }),
  ),
})).node;
const carrier = fc.record(
  {
    name: fc.oneof(fc.constantFrom('a', 'b'), anyJson),
    image: fc.oneof(fc.constantFrom('evil/image', SIGNED, ''), anyJson),
  },
  { requiredKeys: [] },
);
const list = fc.oneof(
  { weight: 5, arbitrary: fc.array(fc.oneof({ weight: 9, arbitrary: carrier }, anyJson), { maxLength: 3 }) },
  anyJson,
);
const spec = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      { containers: list, initContainers: list, ephemeralContainers: list, volumes: list },
      { requiredKeys: ['containers'] },
    ),
  },
  anyJson,
);
const KINDS = {
  Pod: ['v1', (at: unknown) => ({ spec: at })],
  PodTemplate: ['v1', (at: unknown) => ({ template: { spec: at } })],
  Deployment: ['apps/v1', (at: unknown) => ({ spec: { template: { spec: at } } })],
  CronJob: ['batch/v1', (at: unknown) => ({ spec: { jobTemplate: { spec: { template: { spec: at } } } } })],
} as const;
const object = fc
  .tuple(fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[])), spec)
  .map(([kind, at]) => ({ at, body: { apiVersion: KINDS[kind][0], kind, ...KINDS[kind][1](at) } }));

/** Every image string of a pod spec, found by a walk that skips what it does not understand. */
function imageStrings(at: unknown): string[] {
  const of = (value: unknown, ...path: string[]): unknown =>
    path.reduce<unknown>(
      (node, name) =>
        typeof node === 'object' && node !== null && Object.hasOwn(node, name) ? (node as Json)[name] : undefined,
      value,
    );
  const items = (name: string): unknown[] => {
    const value = of(at, name);
    return Array.isArray(value) ? value : [];
  };
  const images = [
    ...['containers', 'initContainers', 'ephemeralContainers'].flatMap((name) =>
      items(name).map((item) => of(item, 'image')),
    ),
    ...items('volumes').map((item) => of(item, 'image', 'reference')),
  ];
  return images.filter((image): image is string => typeof image === 'string' && image !== '');
}

describe('whatever is sent', () => {
  it('a body of any JSON never throws, and is never let in unread', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anyJson, fc.dictionary(fc.constantFrom('apiVersion', 'kind', 'request'), anyJson)),
        async (body) => {
          const parsed = parseReview(body);
          if (!parsed.ok) expect(JSON.stringify(respondMalformed(parsed.failure))).not.toContain('"allowed":true');
          else await admit(parsed.value, options(fakeVerifier()));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('no workload is let in unless the verifier was asked about every image string in it', async () => {
    let letIn = 0;
    await fc.assert(
      fc.asyncProperty(
        object,
        fc.constantFrom('CREATE', 'UPDATE'),
        anyJson,
        async ({ at, body }, operation, oldObject) => {
          const verifier = fakeVerifier();
          // From text, as it comes over the wire: `__proto__` is then a key like any other.
          const parsed = parseReview(JSON.parse(JSON.stringify(review(body, { operation, oldObject }))));
          if (!parsed.ok) return;
          const { response } = await admit(parsed.value, options(verifier));
          const images = imageStrings(JSON.parse(JSON.stringify(at ?? null)));
          if (!response.allowed) return;
          letIn += images.length > 0 ? 1 : 0;
          expect(verifier.images()).toEqual(expect.arrayContaining(images));
          expect(images).not.toContain('evil/image');
        },
      ),
      // The count below is of one sequence; another could make fewer acceptable objects by chance.
      { numRuns: 5_000, seed: 7 },
    );
    // Were the generator never to make anything acceptable, the property would say nothing.
    expect(letIn).toBeGreaterThan(20);
  });
});
