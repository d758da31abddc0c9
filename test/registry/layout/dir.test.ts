import { execFileSync } from 'node:child_process';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageArtifact, indexArtifact } from '../../../src/cli/demo/artifacts.ts';
import { NO_CREDENTIALS } from '../../../src/config/credentials.ts';
import { MANIFEST_TYPES } from '../../../src/image/descriptor.ts';
import { digestOf, hexOf } from '../../../src/image/digest.ts';
import { NO_STORAGE } from '../../../src/image/signature-storage.ts';
import { openLayout } from '../../../src/registry/layout/create.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import { ANYWHERE, AT_LEISURE, dirFiles, type Files, folderOf, instanceFiles, layout, registryAt } from './folders.ts';

const image = imageArtifact('one');
const other = imageArtifact('other');

/** A folder of files, and the registry over it. */
async function opened(files: Files) {
  const path = await folderOf(files);
  return { path, registry: await registryAt(`dir:${path}`) };
}

const top = (registry: Registry) => registry.resolveTag(ANYWHERE, 'any', AT_LEISURE);
const signatures = (registry: Registry, digest = image.digest, maximum = 128) =>
  registry.detached(ANYWHERE, digest, { storage: NO_STORAGE, asked: { tag: 'any' } }, maximum, AT_LEISURE);
const unusable = (words: string) => ({
  kind: 'failed',
  failure: { code: 'LAYOUT_UNUSABLE', message: expect.stringContaining(words) },
});

describe('a folder that skopeo wrote', () => {
  it('holds its image under every tag, and under its digest alone', async () => {
    const { path, registry } = await opened(dirFiles(image));
    const descriptor = { digest: image.digest, mediaType: image.mediaType, size: image.manifest.length };
    expect(await top(registry)).toMatchObject({ kind: 'found', value: descriptor });
    const read = await registry.manifest(ANYWHERE, image.digest, AT_LEISURE);
    expect(read).toMatchObject({ kind: 'found', value: { location: { host: 'dir:', path: path.slice(1) } } });
    expect(read.kind === 'found' && Buffer.from(read.value.bytes)).toEqual(Buffer.from(image.manifest));
    expect(await registry.manifest(ANYWHERE, other.digest, AT_LEISURE)).toEqual({ kind: 'absent' });
    expect(await registry.manifest(ANYWHERE, { tag: 'any' }, AT_LEISURE)).toEqual({ kind: 'absent' });
  });

  it('needs no version file, and is not read where that says something else', async () => {
    const { version: _, ...files } = dirFiles(image);
    expect((await top((await opened(files)).registry)).kind).toBe('found');
    const versioned = async (version: string) => top((await opened({ ...files, version })).registry);
    expect((await versioned('Directory Transport Version: 1.2\n')).kind).toBe('found');
    for (const version of ['Directory Transport Version: 2.0\n', '', 'Directory Transport Version: 1.1\nmore'])
      expect(await versioned(version)).toMatchObject(unusable('of a version'));
  });

  it('is told what it is by an OCI manifest that does not say it, as many tools write them', async () => {
    const { mediaType: _, ...bare } = JSON.parse(Buffer.from(image.manifest).toString());
    const { registry } = await opened({ 'manifest.json': JSON.stringify(bare) });
    expect(await top(registry)).toMatchObject({ kind: 'found', value: { mediaType: MANIFEST_TYPES.ociManifest } });
    const index = { schemaVersion: 2, manifests: [] };
    const listed = await opened({ 'manifest.json': JSON.stringify(index) });
    expect(await top(listed.registry)).toMatchObject({ kind: 'found', value: { mediaType: MANIFEST_TYPES.ociIndex } });
  });

  it.each([
    ['no JSON', '{', 'LAYOUT_UNUSABLE'],
    ['an image and an index at once', '{"schemaVersion":2,"manifests":[],"layers":[]}', 'LAYOUT_UNUSABLE'],
    ['schema 1', '{"schemaVersion":1,"name":"x","fsLayers":[]}', 'MEDIA_TYPE_UNSUPPORTED'],
    ['of an unknown type', '{"mediaType":"text/plain","layers":[]}', 'MEDIA_TYPE_UNSUPPORTED'],
    ['duplicate keys', '{"mediaType":"a","mediaType":"b","layers":[]}', 'LAYOUT_UNUSABLE'],
  ])('is no image where manifest.json is %s', async (_, text, code) => {
    const { registry } = await opened({ 'manifest.json': text });
    expect(await top(registry)).toMatchObject({ kind: 'failed', failure: { code } });
  });

  it('is no image without manifest.json, or with one that is larger than is read', async () => {
    const { registry } = await opened({ 'signature-1': 'x' });
    expect(await top(registry)).toMatchObject(unusable('has no manifest.json'));
    expect(await signatures(registry)).toMatchObject(unusable('has no manifest.json'));
    const large = await opened(dirFiles(image));
    await truncate(join(large.path, 'manifest.json'), 4 * 1024 * 1024 + 1);
    expect(await top(large.registry)).toMatchObject({ kind: 'failed', failure: { code: 'LIMIT_EXCEEDED' } });
  });

  it('is not opened where there is no such folder', async () => {
    const path = await folderOf({ file: 'x' });
    for (const [wrong, words] of [
      [`${path}/missing`, 'ENOENT'],
      [`${path}/file`, 'is no folder'],
      [`${path}/file/below`, 'ENOTDIR'],
    ])
      expect(await openLayout(layout(`dir:${wrong}`))).toMatchObject({
        ok: false,
        failure: { code: 'LAYOUT_UNUSABLE', message: expect.stringContaining(words ?? '') },
      });
  });

  it('is known by its real path, by which a policy names it', async () => {
    const path = await folderOf(dirFiles(image));
    const elsewhere = await folderOf({});
    await symlink(path, join(elsewhere, 'link'));
    expect(await openLayout(layout(`dir:${elsewhere}/../${elsewhere.split('/').at(-1)}/./link/`))).toMatchObject({
      ok: true,
      value: { reference: { transport: 'dir', path } },
    });
  });

  describe('its signatures', () => {
    const one = Buffer.from('one');
    const two = Buffer.from('two');

    it('are those numbered from 1 without a gap, under their names', async () => {
      const { path, registry } = await opened({ ...dirFiles(image, [one, two]), 'signature-4': 'four' });
      expect(await signatures(registry)).toEqual({
        kind: 'found',
        value: {
          location: { host: 'dir:', path: path.slice(1) },
          source: 'lookaside',
          place: `dir:${path}`,
          signatures: [
            { name: `dir:${path}/signature-1`, bytes: one },
            { name: `dir:${path}/signature-2`, bytes: two },
          ],
        },
      });
      const gap = await opened({ ...dirFiles(image), 'signature-2': 'two', 'signature-0': 'zero' });
      expect(await signatures(gap.registry)).toMatchObject({ kind: 'found', value: { signatures: [] } });
    });

    it('of an instance are not those of the index, nor the other way round', async () => {
      const index = indexArtifact([{ image }, { image: other }]);
      const { registry } = await opened({
        ...dirFiles(index, [one]),
        ...instanceFiles(image, [two, one]),
        ...instanceFiles(other),
      });
      const bytesOf = async (digest: typeof image.digest) => {
        const found = await signatures(registry, digest);
        return found.kind === 'found'
          ? found.value.signatures.map(({ bytes }) => Buffer.from(bytes).toString())
          : found;
      };
      expect(await bytesOf(index.digest)).toEqual(['one']);
      expect(await bytesOf(image.digest)).toEqual(['two', 'one']);
      expect(await bytesOf(other.digest)).toEqual([]);
      expect((await registry.manifest(ANYWHERE, other.digest, AT_LEISURE)).kind).toBe('found');
    });

    it('are bounded in number, each in size, and together', async () => {
      const many = await opened(dirFiles(image, [one, one, one]));
      expect((await signatures(many.registry, image.digest, 3)).kind).toBe('found');
      expect(await signatures(many.registry, image.digest, 2)).toMatchObject({ failure: { code: 'LIMIT_EXCEEDED' } });
      await truncate(join(many.path, 'signature-2'), 1024 * 1024 + 1);
      expect(await signatures(many.registry)).toMatchObject({ kind: 'failed', failure: { code: 'LIMIT_EXCEEDED' } });
      const heavy = await opened(
        dirFiles(
          image,
          Array.from({ length: 9 }, () => Buffer.alloc(1024 * 1024)),
        ),
      );
      expect(await signatures(heavy.registry)).toMatchObject({ kind: 'failed', failure: { code: 'LIMIT_EXCEEDED' } });
    });

    it('that cannot be read are trouble and no end of the list', async () => {
      const { path, registry } = await opened(dirFiles(image, [one]));
      await mkdir(join(path, 'signature-2'));
      expect(await signatures(registry)).toMatchObject(unusable('is no file'));
    });
  });

  it('is not left by a symbolic link, whatever it is called', async () => {
    const outside = await folderOf({ 'manifest.json': image.manifest, 'signature-1': 'secret' });
    for (const name of ['manifest.json', 'version', 'signature-1']) {
      const { [name]: _, ...files } = dirFiles(image);
      const { path, registry } = await opened(files);
      await symlink(join(outside, name === 'version' ? 'signature-1' : name), join(path, name));
      const read = name === 'signature-1' ? await signatures(registry) : await top(registry);
      expect(read, name).toMatchObject(unusable('leads out of the layout'));
      expect(JSON.stringify(read)).not.toContain('secret');
    }
  });

  it('may have links that stay inside, and a name that begins like its own is outside', async () => {
    const { 'manifest.json': manifest, ...files } = dirFiles(image);
    const inside = await opened({ ...files, 'the-manifest': manifest ?? '' });
    await symlink('the-manifest', join(inside.path, 'manifest.json'));
    expect((await top(inside.registry)).kind).toBe('found');

    const parent = await folderOf({
      'app/version': 'Directory Transport Version: 1.1\n',
      'app-2/manifest.json': manifest ?? '',
    });
    await symlink('../app-2/manifest.json', join(parent, 'app/manifest.json'));
    expect(await top(await registryAt(`dir:${parent}/app`))).toMatchObject(unusable('leads out of the layout'));
  });

  it('is not waited for where a file is a pipe', async () => {
    const { path, registry } = await opened(dirFiles(image));
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(path, 'signature-1')]);
    expect(await signatures(registry)).toMatchObject(unusable('is no file'));
  });

  it('gives a blob or an instance only where its bytes are those of the digest', async () => {
    const [blob = new Uint8Array()] = image.blobs;
    const digest = digestOf(blob);
    const { path, registry } = await opened({ ...dirFiles(image), ...instanceFiles(other) });
    const read = (size: number, most = 1024) => registry.blob(ANYWHERE, { digest, size }, most, AT_LEISURE);
    expect((await read(blob.length)).kind).toBe('found');
    expect(await read(blob.length + 1)).toMatchObject(unusable('not'));
    expect(await read(blob.length, 1)).toMatchObject({ kind: 'failed', failure: { code: 'LIMIT_EXCEEDED' } });
    expect(await registry.blob(ANYWHERE, { digest: other.digest, size: 1 }, 1024, AT_LEISURE)).toEqual({
      kind: 'absent',
    });

    await writeFile(join(path, hexOf(digest)), Buffer.from(blob).fill(0));
    await writeFile(join(path, `${hexOf(other.digest)}.manifest.json`), image.manifest);
    expect(await read(blob.length)).toMatchObject({ kind: 'failed', failure: { code: 'DIGEST_MISMATCH' } });
    expect(await registry.manifest(ANYWHERE, other.digest, AT_LEISURE)).toMatchObject({
      kind: 'failed',
      failure: { code: 'DIGEST_MISMATCH' },
    });
  });

  it('has no referrers, is asked nothing of whoever asks, and closes nothing', async () => {
    const { registry } = await opened(dirFiles(image));
    expect(await registry.referrers(ANYWHERE, image.digest, AT_LEISURE)).toMatchObject({
      kind: 'found',
      value: { descriptors: [] },
    });
    expect(registry.with(NO_CREDENTIALS)).toBe(registry);
    expect(await registry.close()).toBeUndefined();
  });
});
