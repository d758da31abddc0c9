import { failure, type Lookup } from '../../codes/result.ts';
import { MANIFEST_TYPES } from '../../image/descriptor.ts';
import { type Digest, digestOf, isDigest } from '../../image/digest.ts';
import type { Repository } from '../../image/reference.ts';
import { NO_STORAGE } from '../../image/signature-storage.ts';
import type { FetchedManifest, Registry, RequestContext } from '../../registry/registry.ts';
import { MAXIMUM_LAYERS } from '../cosign/formats.ts';
import { readDetachedBlob } from '../detached/blob.ts';

/** What stands for an OpenPGP signature in the list of layers; nobody takes it for one of cosign's. */
const OPENPGP_LAYER = 'application/pgp-encrypted';

/**
 * Gives back what skopeo took from the `.sig` tag when it copied an image to a folder: there each layer became one of the
 * image's detached signatures. Policies that know nothing of detached signatures find them where they look, in the form
 * in which cosign wrote them, and nothing about their verification is different.
 *
 * A signature that cannot be read or told what it is fails the whole list, as it does for containers/image.
 */
export function withAttachments(registry: Registry): Registry {
  const payloads = new Map<Digest, Uint8Array>();
  return {
    ...registry,
    manifest: async (repository, which, context) => {
      const found = await registry.manifest(repository, which, context);
      const image = typeof which === 'string' || found.kind !== 'absent' ? undefined : imageOf(which.tag);
      return image === undefined ? found : attachedTo(image, repository, registry, payloads, context);
    },
    blob: async (repository, descriptor, maxBytes, context) => {
      const payload = payloads.get(descriptor.digest);
      return payload !== undefined && payload.length === descriptor.size && payload.length <= maxBytes
        ? { kind: 'found', value: payload }
        : registry.blob(repository, descriptor, maxBytes, context);
    },
  };
}

/** The digest whose signatures a tag stands for. */
function imageOf(tag: string): Digest | undefined {
  if (!tag.startsWith('sha256-') || !tag.endsWith('.sig')) return undefined;
  const digest = `sha256:${tag.slice('sha256-'.length, -'.sig'.length)}`;
  return isDigest(digest) ? digest : undefined;
}

async function attachedTo(
  image: Digest,
  repository: Repository,
  registry: Registry,
  payloads: Map<Digest, Uint8Array>,
  context: RequestContext,
): Promise<Lookup<FetchedManifest>> {
  const search = { storage: NO_STORAGE, asked: { digest: image } };
  const found = await registry.detached(repository, image, search, MAXIMUM_LAYERS, context);
  if (found.kind !== 'found') return found;
  const { signatures, location } = found.value;
  if (signatures.length === 0) return { kind: 'absent' };

  const layers: object[] = [];
  for (const { name, bytes } of signatures) {
    const blob = readDetachedBlob(bytes);
    if (!blob.ok) {
      const { code, message } = blob.failure;
      const broken = code === 'RESPONSE_MALFORMED' ? 'LAYOUT_UNUSABLE' : code;
      return { kind: 'failed', failure: failure(broken, `${name}: ${message}`) };
    }
    const signature =
      blob.value.kind === 'openpgp'
        ? { mediaType: OPENPGP_LAYER, payload: blob.value.bytes, annotations: {} }
        : blob.value;
    const digest = digestOf(signature.payload);
    payloads.set(digest, signature.payload);
    layers.push({
      mediaType: signature.mediaType,
      digest,
      size: signature.payload.length,
      annotations: signature.annotations,
    });
  }
  const mediaType = MANIFEST_TYPES.ociManifest;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, layers }));
  return {
    kind: 'found',
    value: { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length, annotations: {} }, bytes, location },
  };
}
