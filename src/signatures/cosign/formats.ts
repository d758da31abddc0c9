/** Media types and annotation keys of cosign's formats (sigstore-policy-controller.md §2.1, §2.3). */

/** Layer of a signature manifest: one simple-signing payload. */
export const SIMPLE_SIGNING_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** Artifact type of cosign's experimental OCI 1.1 signature manifests. */
export const COSIGN_REFERRER_TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json';

/** Artifact and layer types of sigstore bundles start so, whatever their version. */
export const BUNDLE_TYPE_PREFIX = 'application/vnd.dev.sigstore.bundle';

/** What clients and registries write as artifact type where they know none (peers.md §3 item 14). */
export const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

/** Annotation keys on a layer. The code's spelling, which the specification's prose gets wrong for certificates. */
export const ANNOTATIONS = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  rekorBundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

/** Annotation on a bundle's manifest that says what it attests; a hint that can only make the bundle count less. */
export const BUNDLE_PREDICATE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

/** `critical.type` of cosign's simple-signing payloads. */
export const COSIGN_SIGNATURE_TYPE = 'cosign container image signature';

/** `critical.type` of the payloads that podman and skopeo sign with OpenPGP. */
export const ATOMIC_SIGNATURE_TYPE = 'atomic container signature';

/** Predicate type of a statement that signs an image and attests nothing else (cosign v3). */
export const COSIGN_SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/** Payload type of DSSE envelopes that hold an in-toto statement. */
export const IN_TOTO_PAYLOAD = 'application/vnd.in-toto+json';

/** A simple-signing payload is a few hundred bytes; bytes. */
export const MAXIMUM_PAYLOAD_BYTES = 1024 * 1024;

/** A signature bundle is some ten kilobytes; bytes. */
export const MAXIMUM_BUNDLE_BYTES = 2 * 1024 * 1024;

/** A manifest that carries a signature is some two kilobytes; larger ones are refused before they cost anything; bytes. */
export const MAXIMUM_REFERRER_BYTES = 256 * 1024;

/** Layers read of one signature manifest; containers/image reads 128 lookaside signatures. */
export const MAXIMUM_LAYERS = 256;
