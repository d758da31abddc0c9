import { describe, expect, it } from 'vitest';
import { type ArtifactLayer, imageArtifact } from '../../../src/cli/demo/artifacts.ts';
import { createSigner, signedLayer, simpleSigningPayload } from '../../../src/cli/demo/signer.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { listSignatureTag, signatureTag } from '../../../src/signatures/cosign/tag.ts';
import { withAttachments } from '../../../src/signatures/layout/attachments.ts';
import { ANYWHERE, AT_LEISURE, dirFiles, folderOf, registryAt } from '../../registry/layout/folders.ts';
import { asDetached } from './detached.ts';

const image = imageArtifact('one');
const layer = signedLayer(createSigner(), simpleSigningPayload(image.digest, 'registry.test/acme/app'));
const attestation: ArtifactLayer = { bytes: Buffer.from('{}'), mediaType: 'application/vnd.dsse.envelope.v1+json' };
const openPgp = Buffer.from([0xa3, 0x01, 0x02, 0x03]);

async function listed(signatures: readonly Uint8Array[], digest = image.digest, prefix = '') {
  const registry = withAttachments(await registryAt(`dir:${await folderOf(dirFiles(image, signatures))}`));
  return { registry, listing: await listSignatureTag(registry, ANYWHERE, digest, prefix, AT_LEISURE) };
}

describe('what skopeo copied from the .sig tag into a folder', () => {
  it('is listed as it stood under the tag, and its payload is read like a blob', async () => {
    const { registry, listing } = await listed([asDetached(layer)]);
    const digest = digestOf(layer.bytes);
    expect(listing).toMatchObject({
      ok: true,
      value: { others: 0, candidates: [{ kind: 'layer', blob: { digest }, annotations: layer.annotations }] },
    });
    const read = (size: number) => registry.blob(ANYWHERE, { digest, size }, 4096, AT_LEISURE);
    expect(await read(layer.bytes.length)).toMatchObject({ kind: 'found' });
    expect(await read(layer.bytes.length - 1)).toEqual({ kind: 'absent' });
  });

  it('is counted beside it where it is no signature of this kind', async () => {
    const { listing } = await listed([openPgp, asDetached(attestation), asDetached(layer)]);
    expect(listing).toMatchObject({ ok: true, value: { others: 2, candidates: [{ kind: 'layer' }] } });
  });

  it('is nothing for another image, under another prefix or where nothing was copied', async () => {
    const nothing = { ok: true, value: { others: 0, candidates: [] } };
    expect((await listed([asDetached(layer)], digestOf(Buffer.from('x')))).listing).toMatchObject(nothing);
    expect((await listed([asDetached(layer)], image.digest, 'release-')).listing).toMatchObject(nothing);
    expect((await listed([])).listing).toMatchObject(nothing);
  });

  it.each([
    ['a page of HTML', Buffer.from('<html>')],
    ['an empty file', new Uint8Array()],
    ['an unknown format', Buffer.from('\0unknown-format\n{}')],
    ['a broken signature', Buffer.from('\0sigstore-json\n{"mimeType":"x"}')],
  ])('fails as a whole where one of it is %s', async (_, bytes) => {
    expect((await listed([asDetached(layer), bytes])).listing).toMatchObject({
      ok: false,
      failure: { code: 'LAYOUT_UNUSABLE', message: expect.stringContaining('signature-2') },
    });
  });

  it('is asked for by no other tag', async () => {
    const { registry } = await listed([asDetached(layer)]);
    for (const tag of [
      'v1',
      'sha256-.sig',
      `${signatureTag(image.digest, '')}.sig`,
      signatureTag(image.digest, '').toUpperCase(),
    ])
      expect(await registry.manifest(ANYWHERE, { tag }, AT_LEISURE)).toEqual({ kind: 'absent' });
  });
});
