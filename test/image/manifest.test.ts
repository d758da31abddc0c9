import { describe, expect, it } from 'vitest';
import { MANIFEST_TYPES } from '../../src/image/descriptor.ts';
import { checkManifestType, parseImageIndex, parseImageManifest } from '../../src/image/manifest.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** A member of a manifest that nobody reads, with so many values. */
const ballast = (values: number): object =>
  Object.fromEntries(Array.from({ length: values }, (_, i) => [`x${i.toString(36)}`, 0]));

describe('a manifest of nothing but keys [hostile]', () => {
  const { ociManifest, ociIndex } = MANIFEST_TYPES;
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: DIGEST, size: 2 };
  const manifest = { schemaVersion: 2, mediaType: ociManifest, config, layers: [] };
  const index = { schemaVersion: 2, mediaType: ociIndex, manifests: [] };

  it.each([
    ['image', manifest, ociManifest, parseImageManifest],
    ['index', index, ociIndex, parseImageIndex],
  ] as const)('is a limit, and not seconds in which nothing else is decided: %s', (_, of, mediaType, parse) => {
    const bytes = (values: number) => Buffer.from(JSON.stringify({ ...of, ...ballast(values) }));
    expect(parse(bytes(1_000), mediaType).ok).toBe(true);
    expect(checkManifestType(bytes(1_000), mediaType).ok).toBe(true);
    for (const read of [parse(bytes(250_000), mediaType), checkManifestType(bytes(250_000), mediaType)])
      expect(read).toMatchObject({ ok: false, failure: { code: 'LIMIT_EXCEEDED' } });
  });

  it('is not an index of a thousand manifests, which is read', () => {
    const platform = { os: 'linux', architecture: 'amd64', variant: 'v8' };
    const annotations = { a: '1', b: '2', c: '3', d: '4' };
    const entry = {
      mediaType: ociManifest,
      digest: DIGEST,
      size: 2,
      artifactType: 'text/plain',
      platform,
      annotations,
    };
    const bytes = Buffer.from(JSON.stringify({ ...index, manifests: Array.from({ length: 1_000 }, () => entry) }));
    expect(parseImageIndex(bytes, ociIndex)).toMatchObject({ ok: true, value: { manifests: { length: 1_000 } } });
  });
});
