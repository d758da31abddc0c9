import { asObject, parseStrictJson } from '../../encoding/strict-json.ts';
import { signatureTag } from '../../signatures/cosign/tag.ts';
import { type Artifact, type ArtifactLayer, imageArtifact } from './artifacts.ts';
import type { RegistryServer } from './registry-server.ts';
import {
  bundleBytes,
  bundleReferrer,
  type Signer,
  signatureManifest,
  signedLayer,
  signStatement,
  simpleSigningPayload,
} from './signer.ts';

/** Pushes an artifact with its blobs, under a tag if one is given. */
export function publish(server: RegistryServer, repository: string, artifact: Artifact, tag?: string): Artifact {
  for (const blob of artifact.blobs) server.pushBlob(repository, blob);
  server.pushManifest(repository, artifact.manifest, artifact.mediaType, tag);
  return artifact;
}

/** Pushes an image whose content is the text, so that another text is another digest. */
export function publishImage(server: RegistryServer, repository: string, text: string, tag = 'v1'): Artifact {
  return publish(server, repository, imageArtifact(text), tag);
}

/** Stores layers under the image's `.sig` tag. */
export function publishLayers(
  server: RegistryServer,
  repository: string,
  image: Artifact,
  layers: readonly ArtifactLayer[],
): Artifact {
  return publish(server, repository, signatureManifest(layers), signatureTag(image.digest, ''));
}

/** Signs an image as cosign v2 does: a layer under the `.sig` tag, with the repository or another name inside. */
export function signImage(
  server: RegistryServer,
  repository: string,
  image: Artifact,
  signer: Signer,
  name = `${server.host}/${repository}`,
): void {
  publishLayers(server, repository, image, [signedLayer(signer, simpleSigningPayload(image.digest, name))]);
}

/** Attaches an artifact to its subject; `artifactType` is what the fallback index then says of it. */
export function attach(server: RegistryServer, repository: string, artifact: Artifact, artifactType?: string): void {
  for (const blob of artifact.blobs) server.pushBlob(repository, blob);
  const manifest = parseStrictJson(artifact.manifest);
  const object = manifest.ok ? asObject(manifest.value) : undefined;
  if (object === undefined) throw new TypeError('an artifact of our own making is a JSON object');
  server.attachReferrer(repository, object, artifactType === undefined ? {} : { artifactType });
}

/** Signs an image as cosign v3 does: a bundle that refers to it. */
export function signImageWithBundle(server: RegistryServer, repository: string, image: Artifact, signer: Signer): void {
  attach(server, repository, bundleReferrer(image, bundleBytes(signer, signStatement(image.digest))));
}
