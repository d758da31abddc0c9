import { failed, failure, type Lookup, ok, type Result } from '../../codes/result.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { digestOf } from '../../image/digest.ts';
import { formatLayout, type LayoutReference, layoutPlace } from '../../image/layout-reference.ts';
import type { Registry } from '../registry.ts';
import { dirLayout } from './dir.ts';
import { type Folder, openFolder } from './folder.ts';
import type { Layout } from './layout.ts';
import { MAXIMUM_MANIFEST_BYTES } from './manifest-file.ts';
import { ociLayout } from './oci.ts';

/** An image in a folder, ready to be read. */
export type OpenedLayout = {
  /** With an absolute path, without symbolic links. */
  readonly reference: LayoutReference;
  readonly registry: Registry;
};

/**
 * Opens a layout as a registry that holds this one image under every name: whatever tag is asked for, it is this image.
 * All of it is files: nothing here knows a network.
 * @returns LAYOUT_UNUSABLE where there is no such folder
 */
export async function openLayout(written: LayoutReference): Promise<Result<OpenedLayout>> {
  const folder = await openFolder(written.path);
  if (!folder.ok) return folder;
  const { root } = folder.value;
  // In a policy the first colon would end the path (containers/image refuses such paths too).
  if (written.transport === 'oci' && root.includes(':'))
    return failed('LAYOUT_UNUSABLE', 'the path of an OCI layout cannot have a colon in it');
  const reference: LayoutReference = { ...written, path: root };
  const layout =
    reference.transport === 'dir'
      ? dirLayout(folder.value, layoutPlace(reference))
      : ociLayout(folder.value, layoutPlace(reference), reference.image);
  return ok({ reference, registry: registryOf(reference, folder.value, layout) });
}

function registryOf(reference: LayoutReference, folder: Folder, layout: Layout): Registry {
  const id = `layout ${formatLayout(reference)}`;
  const registry: Registry = {
    access: () => ({ id }),
    resolveTag: async () => {
      const image = await layout.image();
      return image.ok ? { kind: 'found', value: image.value.descriptor } : { kind: 'failed', failure: image.failure };
    },
    manifest: async (_, which, { maxManifestBytes }) => {
      const bound = Math.min(MAXIMUM_MANIFEST_BYTES, maxManifestBytes ?? MAXIMUM_MANIFEST_BYTES);
      return layout.manifest(which, bound);
    },
    blob: (_, descriptor, maxBytes) => readBlob(folder, layout.blobFile(descriptor.digest), descriptor, maxBytes),
    referrers: (_, digest) => layout.referrers(digest),
    storage: () => ({ id, hasAttachments: () => true, attachments: layout.attachments }),
    detached: (_, digest, __, maximum) => layout.detached(digest, maximum),
    with: () => registry,
    close: () => Promise.resolve(),
  };
  return registry;
}

async function readBlob(
  folder: Folder,
  name: string,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  maxBytes: number,
): Promise<Lookup<Uint8Array>> {
  if (size > maxBytes) {
    const message = `the blob ${digest} is ${size} bytes long, of which ${maxBytes} are read`;
    return { kind: 'failed', failure: failure('LIMIT_EXCEEDED', message) };
  }
  const read = await folder.read(name, maxBytes);
  if (read.kind !== 'found') return read;
  const actual = digestOf(read.value);
  if (actual !== digest)
    return { kind: 'failed', failure: failure('DIGEST_MISMATCH', `the file ${name} has the digest ${actual}`) };
  if (read.value.length === size) return read;
  const message = `the blob ${digest} is ${read.value.length} bytes long, not ${size} as its descriptor says`;
  return { kind: 'failed', failure: failure('LAYOUT_UNUSABLE', message) };
}
