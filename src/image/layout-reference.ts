import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { type Digest, parseDigest } from './digest.ts';
import type { Repository } from './reference.ts';

/** An image in a folder: as skopeo copies images to `dir:`, or in an OCI image layout. */
export type LayoutReference =
  | { readonly transport: 'dir'; readonly path: string }
  | { readonly transport: 'oci'; readonly path: string; readonly image: LayoutImage };

/** Which image of an OCI layout: its only one, or the one that `index.json` gives this name or digest. */
export type LayoutImage =
  | { readonly kind: 'only' }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'digest'; readonly digest: Digest };

/**
 * Reads `dir:PATH`, `oci:PATH`, `oci:PATH:NAME` and `oci:PATH@sha256:…`. As for skopeo, the first colon of an OCI layout
 * ends its path.
 * @returns undefined for what begins otherwise and is no layout; REFERENCE_INVALID
 */
export function parseLayout(text: string): Result<LayoutReference> | undefined {
  if (text.startsWith('dir:')) {
    const path = text.slice('dir:'.length);
    return path === '' ? pathless(text) : ok({ transport: 'dir', path });
  }
  if (!text.startsWith('oci:')) return undefined;
  const rest = text.slice('oci:'.length);
  const at = rest.indexOf('@sha256:');
  const colon = rest.indexOf(':');
  if (at >= 0 && colon > at) {
    const digest = parseDigest(rest.slice(at + 1));
    if (at === 0) return pathless(text);
    return digest.ok
      ? ok({ transport: 'oci', path: rest.slice(0, at), image: { kind: 'digest', digest: digest.value } })
      : digest;
  }
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const name = colon < 0 ? '' : rest.slice(colon + 1);
  if (path === '') return pathless(text);
  if (name.startsWith('@')) {
    const message = `${printable(text)}: an image of a layout is named by its name, or by @sha256:… right behind the path`;
    return failed('REFERENCE_INVALID', message);
  }
  return ok({ transport: 'oci', path, image: name === '' ? { kind: 'only' } : { kind: 'named', name } });
}

/** The text that {@link parseLayout} reads back. */
export function formatLayout(layout: LayoutReference): string {
  if (layout.transport === 'dir') return `dir:${layout.path}`;
  const { path, image } = layout;
  switch (image.kind) {
    case 'only':
      return `oci:${path}`;
    case 'named':
      return `oci:${path}:${image.name}`;
    case 'digest':
      return `oci:${path}@${image.digest}`;
  }
}

/**
 * The place of a layout, in the form in which places of images are named: `dir:/absolute/path`. No registry is called so,
 * since nothing follows the colon that would be a port.
 * @param layout its path is absolute
 */
export function layoutPlace({ transport, path }: LayoutReference): Repository {
  return { host: `${transport}:`, path: path.slice(1) };
}

function pathless(text: string): Result<never> {
  return failed('REFERENCE_INVALID', `${printable(text)} names no folder`);
}
