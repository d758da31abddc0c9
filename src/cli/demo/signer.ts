import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { dsse } from '@sigstore/core';
import { type Digest, hexOf } from '../../image/digest.ts';
import {
  ANNOTATIONS,
  BUNDLE_PREDICATE_ANNOTATION,
  COSIGN_REFERRER_TYPE,
  COSIGN_SIGN_PREDICATE,
  COSIGN_SIGNATURE_TYPE,
  IN_TOTO_PAYLOAD,
  SIMPLE_SIGNING_TYPE,
} from '../../signatures/cosign/formats.ts';
import { type Artifact, type ArtifactLayer, emptyConfigArtifact } from './artifacts.ts';

/** Somebody who signs: a key pair made on the spot, in memory only. */
export type Signer = {
  readonly publicKeyPem: string;
  /** Signs with SHA-256, or with Ed25519 itself. */
  readonly sign: (data: Uint8Array) => Uint8Array;
  /** How bundles point at the key: base64 of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyHint: string;
};

/** Kinds of key that cosign makes or imports. */
export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'RSA-2048' | 'RSA-4096' | 'Ed25519';

/** Makes a signer with a fresh key. */
export function createSigner(kind: KeyKind = 'P-256'): Signer {
  const { publicKey, privateKey } = keyPair(kind);
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return {
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }),
    sign: (data) => sign(kind === 'Ed25519' ? null : 'sha256', data, privateKey),
    keyHint: createHash('sha256').update(spki).digest('base64'),
  };
}

function keyPair(kind: KeyKind): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  switch (kind) {
    case 'P-256':
    case 'P-384':
    case 'P-521':
      return generateKeyPairSync('ec', { namedCurve: kind });
    case 'RSA-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'RSA-4096':
      return generateKeyPairSync('rsa', { modulusLength: 4096 });
    case 'Ed25519':
      return generateKeyPairSync('ed25519');
  }
}

/** The simple-signing payload that cosign writes; with another type, the one that podman and skopeo do. */
export function simpleSigningPayload(
  digest: Digest,
  reference: string,
  optional: Readonly<Record<string, unknown>> | null = null,
  type: string = COSIGN_SIGNATURE_TYPE,
): Uint8Array {
  const critical = { identity: { 'docker-reference': reference }, image: { 'docker-manifest-digest': digest }, type };
  return Buffer.from(JSON.stringify({ critical, optional }));
}

/** A signed layer, with the empty annotations that some tools write. */
export function signedLayer(signer: Signer, payload: Uint8Array): ArtifactLayer {
  const signature = Buffer.from(signer.sign(payload)).toString('base64');
  return {
    bytes: payload,
    mediaType: SIMPLE_SIGNING_TYPE,
    annotations: { [ANNOTATIONS.signature]: signature, [ANNOTATIONS.certificate]: '', [ANNOTATIONS.chain]: '' },
  };
}

/** The manifest of the `.sig` tag. */
export function signatureManifest(layers: readonly ArtifactLayer[]): Artifact {
  return emptyConfigArtifact(layers, {});
}

/** cosign's experimental OCI 1.1 form: the same layers in a manifest that refers to the image. */
export function signatureReferrer(image: Artifact, layers: readonly ArtifactLayer[]): Artifact {
  return emptyConfigArtifact(layers, { artifactType: COSIGN_REFERRER_TYPE, subject: subjectOf(image) });
}

/** An in-toto statement about a digest; by default the one with which cosign v3 signs an image. */
export function signStatement(
  digest: Digest,
  predicateType = COSIGN_SIGN_PREDICATE,
  predicate: unknown = {},
): Uint8Array {
  const subject = [{ digest: { sha256: hexOf(digest) } }];
  return Buffer.from(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }));
}

/** A sigstore bundle v0.3 around a statement. */
export function bundleBytes(signer: Signer, statement: Uint8Array): Uint8Array {
  const signature = signer.sign(dsse.preAuthEncoding(IN_TOTO_PAYLOAD, Buffer.from(statement)));
  const dsseEnvelope = {
    payload: Buffer.from(statement).toString('base64'),
    payloadType: IN_TOTO_PAYLOAD,
    signatures: [{ sig: Buffer.from(signature).toString('base64'), keyid: '' }],
  };
  const verificationMaterial = { publicKey: { hint: signer.keyHint }, tlogEntries: [] };
  return Buffer.from(JSON.stringify({ mediaType: BUNDLE_TYPE, verificationMaterial, dsseEnvelope }));
}

/** The manifest that attaches a bundle to an image; `predicateType` is the annotation's word, null for no annotation. */
export function bundleReferrer(
  image: Artifact,
  bundle: Uint8Array,
  predicateType: string | null = COSIGN_SIGN_PREDICATE,
): Artifact {
  const annotations = { 'dev.sigstore.bundle.content': 'dsse-envelope' };
  return emptyConfigArtifact([{ bytes: bundle, mediaType: BUNDLE_TYPE }], {
    artifactType: BUNDLE_TYPE,
    subject: subjectOf(image),
    annotations:
      predicateType === null ? annotations : { ...annotations, [BUNDLE_PREDICATE_ANNOTATION]: predicateType },
  });
}

/** Media type of the bundles that cosign v3 writes. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

function subjectOf(image: Artifact) {
  return { mediaType: image.mediaType, digest: image.digest, size: image.manifest.length };
}
