import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Repository } from '../../../src/image/reference.ts';
import { parseReference } from '../../../src/image/reference.ts';
import {
  NO_STORAGE,
  type SignatureStorage,
  type StoragePlan,
  storageFor,
} from '../../../src/image/signature-storage.ts';
import { mergeRegistriesD, readRegistriesD } from '../../../src/policy/dialects/containers/registries-d.ts';
import { readDocuments } from '../../../src/policy/sources/documents.ts';
import { loadPolicies } from '../../../src/policy/sources/load.ts';
import { folder } from '../sources/folder.ts';

type Merged = ReturnType<typeof mergeRegistriesD>;

/** Files of `registries.d` by name, as they are written. */
function merged(files: Readonly<Record<string, string>>): Merged {
  const read = Object.entries(files).flatMap(([file, text]) => {
    const documents = readDocuments(file, text);
    if (!documents.ok) throw new Error(documents.failure.message);
    return documents.value.map(({ value }) => {
      const document = readRegistriesD(value);
      if (!document.ok) throw new Error(document.failure.message);
      return { file, document: document.value };
    });
  });
  return mergeRegistriesD(read);
}

function storage(text: string): SignatureStorage {
  const all = merged({ 'a.yaml': text });
  if (!all.ok) throw new Error(all.failure.message);
  return all.value;
}

/** What holds for an image. */
function plan(text: string, image: string): StoragePlan {
  const read = parseReference(image);
  if (!read.ok) throw new Error(read.failure.message);
  const { tag = 'latest', digest } = read.value;
  return storageFor(storage(text), read.value.repository, digest === undefined ? { tag } : { digest });
}

/** What is said against one file. */
function refusal(value: unknown): string {
  const read = readRegistriesD(value);
  return read.ok ? 'nothing' : `${read.failure.code} ${read.failure.message}`;
}

const BUILT_IN = { lookaside: 'file:///var/lib/containers/sigstore', attachments: false };

describe('one section', () => {
  it.each([
    [{ 'lookaside-staging': 'a', lookaside: 'b' }, 'b'],
    [{ lookaside: 'b' }, 'b'],
    [{ 'lookaside-staging': 'a' }, undefined],
    [{}, undefined],
    [null, undefined],
    [{ 'lookaside-staging': 'a', lookaside: 'b', 'sigstore-staging': 'c', sigstore: 'd' }, 'b'],
    [{ lookaside: 'b', 'sigstore-staging': 'c', sigstore: 'd' }, 'b'],
    [{ lookaside: 'b', sigstore: 'd' }, 'b'],
    [{ sigstore: 'd' }, 'd'],
    [{ 'sigstore-staging': 'c' }, undefined],
    [{ lookaside: '', sigstore: 'd' }, 'd'],
    [{ lookaside: null, sigstore: 'd' }, 'd'],
    [{ lookaside: '' }, undefined],
  ])('%j is read at %s; what is for writing is never read [openshift-containers 81]', (section, lookaside) => {
    const read = readRegistriesD({ docker: { 'example.com': section }, 'default-docker': section ?? {} });
    const expected = { lookaside, attachments: undefined };
    expect(read).toEqual({ ok: true, value: { docker: { 'example.com': expected }, otherwise: expected } });
  });

  it.each([true, false])('use-sigstore-attachments: %s', (attachments) => {
    expect(readRegistriesD({ 'default-docker': { 'use-sigstore-attachments': attachments } })).toEqual({
      ok: true,
      value: { docker: {}, otherwise: { lookaside: undefined, attachments } },
    });
  });

  it('keeps a lookaside that is no URL, so that only the images there are refused', () => {
    const read = readRegistriesD({
      docker: { 'a.example': { lookaside: ':emptyscheme' }, b: { lookaside: '/no/scheme' } },
    });
    expect(read).toMatchObject({
      value: { docker: { 'a.example': { lookaside: ':emptyscheme' }, b: { lookaside: '/no/scheme' } } },
    });
  });

  it.each([
    ['text', 'registries.d: a file must be a map'],
    [[], 'registries.d: a file must be a map'],
    [{ docker: [] }, 'docker: it must be a map of names'],
    [{ docker: 'example.com' }, 'docker: it must be a map of names'],
    [{ docker: { 'example.com': 'https://x.example' } }, 'docker["example.com"]: it must be a map'],
    [{ docker: { 'example.com': [] } }, 'docker["example.com"]: it must be a map'],
    [{ docker: { 'example.com': { lookaside: 5 } } }, 'docker["example.com"].lookaside: it must be a text'],
    [{ docker: { 'example.com': { sigstore: ['a'] } } }, 'docker["example.com"].sigstore: it must be a text'],
    [
      { docker: { 'example.com': { lookaside: 'a', sigstore: 1 } } },
      'docker["example.com"].sigstore: it must be a text',
    ],
    [{ 'default-docker': [] }, 'default-docker: it must be a map'],
    [
      { 'default-docker': { 'use-sigstore-attachments': 'yes' } },
      'default-docker.use-sigstore-attachments: it must be',
    ],
    [{ 'default-docker': { 'use-sigstore-attachments': 1 } }, 'default-docker.use-sigstore-attachments: it must be'],
    [{ docker: { 'a\u202e': 1 } }, 'docker["a\\u202e"]: it must be a map'],
    [{ docker: { 'docker.io/a': {}, 'Index.docker.io/a': {} } }, '"docker.io/a" and "Index.docker.io/a" are one name'],
    [{ '<<': {} }, 'merge key'],
    [{ docker: { '<<': {} } }, 'merge key'],
    [{ docker: { 'a.example': { '<<': { lookaside: 'https://b.example' } } } }, 'merge key'],
    [{ 'default-docker': { '<<': {} } }, 'merge key'],
  ])('%j is refused', (value, expected) => {
    expect(refusal(value)).toMatch(/^POLICY_BROKEN /);
    expect(refusal(value)).toContain(expected);
  });

  it('passes over keys that nobody knows', () => {
    const value = {
      docker: { 'example.com': { lookaside: 'file:///a', lookasid: 5 } },
      podman: 1,
      'default-podman': [],
    };
    expect(readRegistriesD(value)).toEqual({
      ok: true,
      value: { docker: { 'example.com': { lookaside: 'file:///a', attachments: undefined } }, otherwise: undefined },
    });
  });

  it('of whatever a file may hold is read or refused, and never throws [hostile]', () => {
    const section = fc.dictionary(
      fc.constantFrom('lookaside', 'sigstore', 'use-sigstore-attachments', '__proto__', 'x'),
      fc.jsonValue(),
    );
    const file = fc.record(
      {
        docker: fc.oneof(fc.dictionary(fc.string(), fc.oneof(section, fc.jsonValue())), fc.jsonValue()),
        'default-docker': section,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(file, (value) => {
        const read = readRegistriesD(value);
        if (!read.ok) expect(read.failure.code).toBe('POLICY_BROKEN');
        for (const { lookaside, attachments } of read.ok ? Object.values(read.value.docker) : []) {
          expect(['string', 'undefined']).toContain(typeof lookaside);
          expect(['boolean', 'undefined']).toContain(typeof attachments);
        }
      }),
    );
  });
});

describe('what holds for an image', () => {
  it('is said by the most specific section [openshift-containers 81, 82]', () => {
    const scopes = [
      'localhost',
      'localhost:5000',
      'example.com',
      'example.com/ns1',
      'example.com/ns1/ns2',
      'example.com/ns1/ns2/repo',
      'example.com/ns1/ns2/repo:notlatest',
    ];
    const sections = scopes.map((scope) => `  ${scope}: {lookaside: 'file:///${scope}'}`).join('\n');
    const text = `default-docker: {lookaside: 'file:///default'}\ndocker:\n${sections}\n`;
    for (const [image, expected] of [
      ['example.com/ns1/ns2/repo:notlatest', 'example.com/ns1/ns2/repo:notlatest'],
      ['example.com/ns1/ns2/repo:unmatched', 'example.com/ns1/ns2/repo'],
      ['example.com/ns1/ns2/notrepo:notlatest', 'example.com/ns1/ns2'],
      ['example.com/ns1/notns2/repo:notlatest', 'example.com/ns1'],
      ['example.com/notns1/ns2/repo:notlatest', 'example.com'],
      ['unknown.example.com/busybox', 'default'],
      ['localhost:5000/busybox', 'localhost:5000'],
      ['localhost/busybox', 'localhost'],
      ['localhost:9999/busybox', 'default'],
    ]) {
      expect(plan(text, image ?? '').lookaside, image).toBe(`file:///${expected}`);
    }
  });

  it('falls through for each field by itself, as the code does and the manual page does not', () => {
    const text = `
      docker:
        example.com: {lookaside: 'https://sigs.example'}
        example.com/ns/app: {use-sigstore-attachments: true}
        example.com/ns: {lookaside-staging: 'file:///w', use-sigstore-attachments: false}
        '*.wild.example': {lookaside: 'https://wild.example'}
      default-docker: {use-sigstore-attachments: true}
    `;
    expect(plan(text, 'example.com/ns/app')).toEqual({ lookaside: 'https://sigs.example', attachments: true });
    expect(plan(text, 'example.com/ns/other')).toEqual({ lookaside: 'https://sigs.example', attachments: false });
    expect(plan(text, 'example.com/x')).toEqual({ lookaside: 'https://sigs.example', attachments: true });
    expect(plan(text, 'a.wild.example/x')).toEqual({ lookaside: 'https://wild.example', attachments: true });
    expect(plan(text, 'wild.example/x')).toEqual({ ...BUILT_IN, attachments: true });
  });

  it('is built in where nobody says anything', () => {
    expect(plan('docker: {}', 'example.com/x')).toEqual(BUILT_IN);
    expect(plan('docker: {thisisnotmatched: {lookaside: x}}', 'thisisnotmatched')).toEqual(BUILT_IN);
  });

  it('does not depend on how names of hosts are written', () => {
    const text = 'docker: {EXAMPLE.com/x: {lookaside: a}, index.docker.io/library: {lookaside: b}}';
    expect(plan(text, 'example.COM/x').lookaside).toBe('a');
    expect(plan(text, 'busybox').lookaside).toBe('b');
    const digest = `sha256:${'ab'.repeat(32)}`;
    expect(plan(`docker: {'example.com/x@${digest}': {lookaside: d}}`, `example.com/x@${digest}`).lookaside).toBe('d');
  });

  it('does not come from what every object has [hostile]', () => {
    const place: Repository = { host: 'constructor', path: 'x' };
    expect(storageFor(storage('docker: {}'), place, { tag: '1' })).toEqual(BUILT_IN);
    const own = storage('docker: {__proto__: {lookaside: evil, use-sigstore-attachments: true}}');
    expect(storageFor(own, { host: 'a.example', path: 'x' }, { tag: '1' })).toEqual(BUILT_IN);
  });
});

describe('all files', () => {
  it('together are one, as in the example of containers/image', () => {
    const all = merged({
      'internal-example.com.yaml': `
        docker:
          example.com: {lookaside: 'https://lookaside.example.com'}
          registry.test.example.com: {lookaside: 'http://registry.test.example.com/lookaside'}
          localhost/invalid/url/test: {lookaside: ':emptyscheme'}
      `,
      'internet-user.yaml': `
        default-docker: {lookaside: 'file:///mnt/companywide/signatures/for/other/repositories'}
        docker:
          docker.io/centos/mybetaproduct: {lookaside: 'http://localhost:9999/wip', lookaside-staging: 'file:///srv/wip'}
          docker.io/centos/mybetaproduct:latest: {lookaside: 'https://lookaside.centos.org/'}
      `,
    });
    const section = (lookaside: string) => ({ lookaside, attachments: undefined });
    expect(all).toEqual({
      ok: true,
      value: {
        otherwise: section('file:///mnt/companywide/signatures/for/other/repositories'),
        sections: {
          'example.com': section('https://lookaside.example.com'),
          'registry.test.example.com': section('http://registry.test.example.com/lookaside'),
          'localhost/invalid/url/test': section(':emptyscheme'),
          'docker.io/centos/mybetaproduct': section('http://localhost:9999/wip'),
          'docker.io/centos/mybetaproduct:latest': section('https://lookaside.centos.org/'),
        },
      },
    });
  });

  it('must not say default-docker twice, and both are named [openshift-containers 83]', () => {
    const file = (place: string) => `default-docker:\n lookaside: file:////tmp/${place}`;
    expect(merged({ '0.yaml': file('something'), '1.yaml': file('different') })).toMatchObject({
      failure: { code: 'POLICY_BROKEN', message: 'default-docker is defined both in "0.yaml" and "1.yaml"' },
    });
    // Even where the second says nothing.
    expect(merged({ '0.yaml': file('something'), '1.yaml': 'default-docker: {}' }).ok).toBe(false);
    expect(merged({ '0.yaml': file('something'), '1.yaml': 'default-docker:' }).ok).toBe(true);
  });

  it('must not say one name twice, in whatever spelling, and both are named [openshift-containers 83]', () => {
    const file = (name: string) => `docker:\n ${name}:\n  lookaside: file:////tmp/x`;
    const message = 'the namespace "example.com" of docker is defined both in "0.yaml" and "1.yaml"';
    expect(merged({ '0.yaml': file('example.com'), '1.yaml': file('example.com') })).toMatchObject({
      failure: { message },
    });
    expect(merged({ '0.yaml': file('example.com'), '1.yaml': file('Example.com') })).toMatchObject({
      failure: { message },
    });
    expect(merged({ '0.yaml': file('example.com'), '1.yaml': file('example.com:80') }).ok).toBe(true);
  });

  it('that are none are an empty configuration [openshift-containers 84]', async () => {
    expect(mergeRegistriesD([])).toEqual({ ok: true, value: NO_STORAGE });
    await using there = await folder();
    await there.write({ 'policy.json': '{"default":[{"type":"reject"}]}' });
    const loaded = await loadPolicies([there.path]);
    expect(loaded).toMatchObject({ ok: true, value: { problems: [], storage: { ok: true, value: NO_STORAGE } } });
  });

  it('beside a policy.json are read with it, and what they say twice is a problem of the whole', async () => {
    await using there = await folder();
    await there.write({
      'policy.json': '{"default":[{"type":"reject"}]}',
      'registries.d/a.yaml': 'docker: {example.com: {lookaside: file:///a}}',
    });
    expect(await loadPolicies([there.path])).toMatchObject({
      ok: true,
      value: { problems: [], storage: { value: { sections: { 'example.com': { lookaside: 'file:///a' } } } } },
    });
    await there.write({ 'registries.d/b.yaml': 'docker: {example.com: {lookaside: file:///b}}' });
    expect(await loadPolicies([there.path])).toMatchObject({
      value: { problems: [{ code: 'POLICY_BROKEN' }], storage: { ok: false, failure: { code: 'POLICY_BROKEN' } } },
    });
  });

  it('refuse a key that is written twice', () => {
    expect(readDocuments('a.yaml', 'docker: {a.example: {lookaside: x, lookaside: y}}').ok).toBe(false);
  });
});
