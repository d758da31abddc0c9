import { rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Artifact, imageArtifact, indexArtifact } from '../../../src/cli/demo/artifacts.ts';
import {
  bundleBytes,
  bundleReferrer,
  createSigner,
  signatureManifest,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from '../../../src/cli/demo/signer.ts';
import { digestOf, hexOf } from '../../../src/image/digest.ts';
import { NO_STORAGE } from '../../../src/image/signature-storage.ts';
import { openLayout } from '../../../src/registry/layout/create.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import { signatureTag } from '../../../src/signatures/cosign/tag.ts';
import { ANYWHERE, AT_LEISURE, type Entry, type Files, folderOf, layout, ociFiles, registryAt } from './folders.ts';

const signer = createSigner();
const image = imageArtifact('one');
const other = imageArtifact('other');
const index = indexArtifact([{ image }, { image: other }]);
const signature = signatureManifest([
  signedLayer(signer, simpleSigningPayload(image.digest, 'registry.test/acme/app')),
]);
const bundle = bundleReferrer(image, bundleBytes(signer, signStatement(image.digest)));
const sig = signatureTag(image.digest, '');
const KIND = 'kind';
const COSIGN = 'dev.cosignproject.cosign/';

const top = (registry: Registry) => registry.resolveTag(ANYWHERE, 'any', AT_LEISURE);
const failing = (words: string, code = 'LAYOUT_UNUSABLE') => ({
  kind: 'failed',
  failure: { code, message: expect.stringContaining(words) },
});

/** Which image a layout of entries means; its digest, or why none. */
async function chosen(entries: readonly Entry[], suffix = '', beside: readonly Artifact[] = []) {
  const path = await folderOf(ociFiles(entries, beside));
  const found = await top(await registryAt(`oci:${path}${suffix}`));
  return found.kind === 'found' ? found.value.digest : found;
}

async function opened(files: Files, suffix = '') {
  const path = await folderOf(files);
  return { path, registry: await registryAt(`oci:${path}${suffix}`) };
}

describe('which image of an OCI layout is meant', () => {
  it('is its only one, with or without a name, however often it stands there', async () => {
    expect(await chosen([{ artifact: image }])).toBe(image.digest);
    expect(await chosen([{ artifact: image, name: 'v1' }])).toBe(image.digest);
    expect(
      await chosen([
        { artifact: image, name: 'v1' },
        { artifact: image, name: 'latest' },
      ]),
    ).toBe(image.digest);
    expect(await chosen([{ artifact: index, name: 'v1' }], '', [image, other])).toBe(index.digest);
  });

  it('is never guessed among several: the refusal names them', async () => {
    const two = [{ artifact: image, name: 'v1' }, { artifact: other }];
    expect(await chosen(two)).toMatchObject(failing(`name one: v1, @${other.digest}`));
    expect(await chosen([])).toMatchObject(failing('names no image'));
  });

  it('does not count what is attached to it: signatures by tag, what refers to it, what cosign saved beside it', async () => {
    expect(await chosen([{ artifact: signature, name: sig }, { artifact: image }])).toBe(image.digest);
    expect(await chosen([{ artifact: signature, name: sig }])).toBe(signature.digest);
    expect(await chosen([{ artifact: bundle }, { artifact: image }])).toBe(image.digest);
    const list = indexArtifact([{ image: bundle }]);
    const listed = [{ artifact: list, name: `sha256-${hexOf(image.digest)}` }, { artifact: image }];
    expect(await chosen(listed, '', [bundle])).toBe(image.digest);
    const saved = (kind: string) => ({ [KIND]: COSIGN + kind });
    const cosign = [
      { artifact: image, name: 'registry.test/acme/app:v1', annotations: saved('image') },
      { artifact: signature, name: 'registry.test/acme/app:v1', annotations: saved('sigs') },
    ];
    expect(await chosen(cosign)).toBe(image.digest);
    expect(await chosen(cosign, ':registry.test/acme/app:v1')).toBe(image.digest);
  });

  it('is the one of a name, and never one of two that have it', async () => {
    const entries = [{ artifact: image, name: 'v1' }, { artifact: other, name: 'v2' }, { artifact: index }];
    expect(await chosen(entries, ':v2')).toBe(other.digest);
    expect(await chosen(entries, ':v3')).toMatchObject(failing('has no image "v3"'));
    const twice = [
      { artifact: image, name: 'v1' },
      { artifact: other, name: 'v1' },
    ];
    expect(await chosen(twice, ':v1')).toMatchObject(failing('more than one image "v1"'));
  });

  it('is the one of a digest that stands in index.json', async () => {
    const entries = [{ artifact: image, name: 'v1' }, { artifact: other }];
    expect(await chosen(entries, `@${other.digest}`)).toBe(other.digest);
    expect(await chosen([{ artifact: index }], `@${image.digest}`, [image])).toMatchObject(failing('does not name'));
  });
});

describe('an OCI layout', () => {
  const whole = ociFiles([{ artifact: image, name: 'v1' }, { artifact: signature, name: sig }, { artifact: bundle }]);

  it('has its signatures where a registry has them', async () => {
    const { path, registry } = await opened(whole);
    const place = { host: 'oci:', path: path.slice(1) };
    expect(await registry.manifest(ANYWHERE, { tag: sig }, AT_LEISURE)).toMatchObject({
      kind: 'found',
      value: { descriptor: { digest: signature.digest }, location: place },
    });
    expect(await registry.manifest(ANYWHERE, { tag: signatureTag(other.digest, '') }, AT_LEISURE)).toEqual({
      kind: 'absent',
    });
    const referrers = await registry.referrers(ANYWHERE, image.digest, AT_LEISURE);
    expect(referrers).toMatchObject({ kind: 'found', value: { source: 'fallback', location: place } });
    expect(referrers.kind === 'found' && referrers.value.descriptors.map(({ digest }) => digest)).toEqual([
      bundle.digest,
    ]);
    expect(await registry.referrers(ANYWHERE, other.digest, AT_LEISURE)).toMatchObject({ value: { descriptors: [] } });
    const search = { storage: NO_STORAGE, asked: { tag: 'v1' } };
    expect(await registry.detached(ANYWHERE, image.digest, search, 8, AT_LEISURE)).toMatchObject({
      kind: 'found',
      value: { signatures: [] },
    });
    expect(registry.storage(ANYWHERE, search)).toMatchObject({ attachments: 'somewhere' });
  });

  it('takes what cosign saved for the signatures of the image it was saved with, and of no other', async () => {
    const files = (name: string) =>
      ociFiles([
        { artifact: image, name: 'a', annotations: { [KIND]: `${COSIGN}image` } },
        { artifact: signature, name, annotations: { [KIND]: `${COSIGN}sigs` } },
      ]);
    const tagged = async (name: string) =>
      (await opened(files(name), ':a')).registry.manifest(ANYWHERE, { tag: sig }, AT_LEISURE);
    expect(await tagged('a')).toMatchObject({ kind: 'found', value: { descriptor: { digest: signature.digest } } });
    expect(await tagged('b')).toEqual({ kind: 'absent' });
  });

  it('reads the list that stands in for the referrers API, each once', async () => {
    const list = indexArtifact([{ image: bundle }]);
    const { registry } = await opened(
      ociFiles([
        { artifact: image, name: 'v1' },
        { artifact: list, name: `sha256-${hexOf(image.digest)}` },
        { artifact: bundle },
      ]),
    );
    const referrers = await registry.referrers(ANYWHERE, image.digest, AT_LEISURE);
    expect(referrers.kind === 'found' && referrers.value.descriptors.map(({ digest }) => digest)).toEqual([
      bundle.digest,
    ]);
  });

  it('lists what may refer to the image although it is missing, so that its lack is trouble', async () => {
    const { path, registry } = await opened(whole);
    await rm(join(path, 'blobs/sha256', hexOf(bundle.digest)));
    const referrers = await registry.referrers(ANYWHERE, image.digest, AT_LEISURE);
    expect(referrers.kind === 'found' && referrers.value.descriptors.map(({ digest }) => digest)).toEqual([
      bundle.digest,
    ]);
    await rm(join(path, 'blobs/sha256', hexOf(signature.digest)));
    expect(await registry.manifest(ANYWHERE, { tag: sig }, AT_LEISURE)).toMatchObject(failing('does not hold it'));
  });

  it('has instances of an index that index.json does not name, and they say themselves what they are', async () => {
    const { registry } = await opened(ociFiles([{ artifact: index }], [image, other]));
    expect(await registry.manifest(ANYWHERE, other.digest, AT_LEISURE)).toMatchObject({ kind: 'found' });
    expect(await registry.manifest(ANYWHERE, signature.digest, AT_LEISURE)).toEqual({ kind: 'absent' });
  });

  it('keeps the bound that the caller gives for a manifest', async () => {
    const { registry } = await opened(whole);
    const little = { ...AT_LEISURE, maxManifestBytes: 16 };
    expect(await registry.manifest(ANYWHERE, bundle.digest, little)).toMatchObject(failing('larger', 'LIMIT_EXCEEDED'));
  });

  it('gives nothing whose bytes are not those of its digest', async () => {
    const { path, registry } = await opened(whole);
    const file = join(path, 'blobs/sha256', hexOf(image.digest));
    await writeFile(file, other.manifest);
    expect(await top(registry)).toMatchObject(failing('has the digest', 'DIGEST_MISMATCH'));
    const [blob = new Uint8Array()] = image.blobs;
    const digest = digestOf(blob);
    await writeFile(join(path, 'blobs/sha256', hexOf(digest)), 'other');
    expect(await registry.blob(ANYWHERE, { digest, size: blob.length }, 1024, AT_LEISURE)).toMatchObject(
      failing('has the digest', 'DIGEST_MISMATCH'),
    );
  });

  it.each([
    ['no index.json', { 'index.json': undefined }, 'has no index.json'],
    ['an index.json that is none', { 'index.json': '[]' }, 'index.json'],
    ['duplicate keys', { 'index.json': '{"schemaVersion":2,"manifests":[],"manifests":[]}' }, 'index.json'],
    ['an image for index.json', { 'index.json': '{"schemaVersion":2,"layers":[]}' }, 'index.json'],
    [
      'a digest of another algorithm',
      {
        'index.json': `{"schemaVersion":2,"manifests":[{"mediaType":"a","size":1,"digest":"sha512:${'a'.repeat(128)}"}]}`,
      },
      'sha256',
    ],
    [
      'a digest that would leave the folder',
      {
        'index.json': '{"schemaVersion":2,"manifests":[{"mediaType":"a","size":1,"digest":"sha256:../../etc/passwd"}]}',
      },
      'sha256',
    ],
    ['another version', { 'oci-layout': '{"imageLayoutVersion":"2.0.0"}' }, 'version'],
    ['no version', { 'oci-layout': '{}' }, 'version'],
  ])('is no layout with %s', async (_, changes, words) => {
    const files = Object.entries({ ...whole, ...changes }).flatMap(([name, content]) =>
      content === undefined ? [] : [[name, content] as const],
    );
    const { registry } = await opened(Object.fromEntries(files));
    for (const read of [
      await top(registry),
      await registry.manifest(ANYWHERE, image.digest, AT_LEISURE),
      await registry.manifest(ANYWHERE, { tag: sig }, AT_LEISURE),
      await registry.referrers(ANYWHERE, image.digest, AT_LEISURE),
    ])
      expect(read).toMatchObject(failing(words));
  });

  it('is bounded in entries, in bytes of index.json, and in bytes that are searched for referrers', async () => {
    const [entry] = JSON.parse(String(whole['index.json'])).manifests;
    const many = { schemaVersion: 2, manifests: Array.from({ length: 1_001 }, () => entry) };
    const { registry } = await opened({ ...whole, 'index.json': JSON.stringify(many) });
    expect(await top(registry)).toMatchObject(failing('entries', 'LIMIT_EXCEEDED'));

    const large = await opened(whole);
    await truncate(join(large.path, 'index.json'), 4 * 1024 * 1024 + 1);
    expect(await top(large.registry)).toMatchObject(failing('larger', 'LIMIT_EXCEEDED'));

    const heavy = Array.from({ length: 5 }, (_, number): Artifact => {
      const json = {
        schemaVersion: 2,
        config: {},
        layers: [],
        mediaType: image.mediaType,
        number,
        x: 'x'.repeat(4_100_000),
      };
      const manifest = Buffer.from(JSON.stringify(json));
      return { ...image, manifest, digest: digestOf(manifest) };
    });
    const searched = await opened(
      ociFiles([...heavy.map((artifact) => ({ artifact })), { artifact: image, name: 'v1' }]),
      ':v1',
    );
    expect((await top(searched.registry)).kind).toBe('found');
    expect(await searched.registry.referrers(ANYWHERE, image.digest, AT_LEISURE)).toMatchObject(
      failing('larger', 'LIMIT_EXCEEDED'),
    );
  });

  it('never throws, and never gives other bytes than the digest says, whatever stands in index.json', async () => {
    const written = Buffer.from(whole['index.json'] ?? '');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(written.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const changed = Buffer.from(written);
          for (const [at, byte] of changes) changed[at] = byte;
          const { registry } = await opened({ ...whole, 'index.json': changed });
          const found = await registry.manifest(ANYWHERE, image.digest, AT_LEISURE);
          if (found.kind === 'found') expect(digestOf(found.value.bytes)).toBe(image.digest);
          for (const read of [
            await top(registry),
            await registry.manifest(ANYWHERE, { tag: sig }, AT_LEISURE),
            await registry.referrers(ANYWHERE, image.digest, AT_LEISURE),
          ])
            expect(['found', 'absent', 'failed']).toContain(read.kind);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is not left by symbolic links, of a file or of a folder', async () => {
    const { path, registry } = await opened(whole);
    const outside = await folderOf({});
    await rename(join(path, 'blobs'), join(outside, 'blobs'));
    await symlink(join(outside, 'blobs'), join(path, 'blobs'));
    expect(await top(registry)).toMatchObject(failing('leads out of the layout'));
  });

  it('cannot lie in a folder with a colon in its name, which would end the path in a policy', async () => {
    const path = await folderOf({ 'a:b/index.json': '{}' });
    const link = join(path, 'link');
    await symlink(join(path, 'a:b'), link);
    expect(await openLayout(layout(`oci:${link}`))).toMatchObject({ ok: false, failure: { code: 'LAYOUT_UNUSABLE' } });
  });
});
