/**
 * Every reason that countersign gives, declared once.
 *
 * A code is surface: users script against it and docs/reasons.md explains each. Adding one is a minor change,
 * changing what one means is a breaking one.
 */

/**
 * Why something could not be known. `onError` can loosen `unavailable` alone: every other class can be brought about
 * by whoever pushes to the registry or writes a policy, so loosening it would be admission on request (MODEL.md M6).
 */
export type ErrorClass = 'unavailable' | 'unauthorised' | 'content' | 'configuration' | 'internal';

/** How a definite refusal is headed (DESIGN.md §3, Outcome). */
export type RefusalWord = 'unsigned' | 'untrusted' | 'invalid' | 'rejected';

type Reason =
  | { readonly word: 'error'; readonly class: ErrorClass; readonly advice: string }
  | { readonly word: RefusalWord; readonly advice: string };

const error = <C extends ErrorClass>(errorClass: C, advice: string) =>
  ({ word: 'error', class: errorClass, advice }) as const;
const refusal = <W extends RefusalWord>(word: W, advice: string) => ({ word, advice }) as const;

/** Each code with the class or word it belongs to and one sentence on what the person who meets it can do. */
export const REASONS = {
  // References
  REFERENCE_INVALID: error('content', 'Write the image as [host[:port]/]path[:tag][@sha256:digest], in lower case.'),
  REFERENCE_EMPTY: error('content', 'Give the container an image.'),
  DIGEST_ALGORITHM_UNSUPPORTED: error('content', 'Refer to the image by a sha256 digest.'),

  // Reaching a registry
  REGISTRY_UNREACHABLE: error('unavailable', 'Check the registry and the network between it and countersign.'),
  REGISTRY_RATE_LIMITED: error(
    'unavailable',
    'The registry limits requests: wait, or give countersign credentials or a mirror.',
  ),
  REGISTRY_UNAVAILABLE: error('unavailable', 'The registry answers with a server error: try again later.'),
  REGISTRY_DEADLINE: error('unavailable', 'The registry answers too slowly: try again, or raise the webhook timeout.'),
  REGISTRY_UNAUTHORISED: error('unauthorised', 'Check the credentials that countersign has for this registry.'),
  REGISTRY_CREDENTIAL_UNUSABLE: error(
    'configuration',
    'Mend the pull secret, or replace the credential helper by a credential in the configuration.',
  ),
  REGISTRY_TLS_UNTRUSTED: error('configuration', 'Name the CA of this registry under registries.HOST.caFile.'),
  REGISTRY_BLOCKED: error(
    'configuration',
    'The configuration of registries forbids this place: name another image, or give it a mirror.',
  ),
  LOOKASIDE_UNUSABLE: error('configuration', 'Mend the lookaside URL in registries.d: it must be file, http or https.'),
  ADDRESS_FORBIDDEN: error(
    'content',
    'Registries at loopback, link-local or metadata addresses must be named in the configuration.',
  ),
  REDIRECT_REFUSED: error('content', 'The registry redirects to a place that countersign does not follow.'),

  // What a registry answered
  IMAGE_NOT_FOUND: error('content', 'Check the name and the tag: the registry has no such image.'),
  RESPONSE_MALFORMED: error('content', 'The registry answered with something that is not what was asked for.'),
  RESPONSE_TOO_LARGE: error('content', 'The registry answered with more than countersign reads.'),
  DIGEST_MISMATCH: error('content', 'The registry sent other bytes than the digest names.'),
  MEDIA_TYPE_UNSUPPORTED: error('content', 'countersign reads OCI and Docker schema 2 manifests.'),
  LIMIT_EXCEEDED: error('content', 'The image carries more than countersign looks at; remove what is not needed.'),
  INDEX_WITHOUT_INSTANCES: error('content', 'The image index names no image that could run.'),

  // What stands in a folder
  LAYOUT_UNUSABLE: error(
    'content',
    'Give a folder that is whole and readable: dir: as skopeo writes it, or oci: with one image or the name of one.',
  ),

  // Reaching the cluster
  CLUSTER_UNREACHABLE: error('unavailable', 'Check the API server and the network between it and countersign.'),
  CLUSTER_UNAVAILABLE: error('unavailable', 'The API server is busy or answers with an error: try again later.'),
  CLUSTER_FORBIDDEN: error('unauthorised', "Check the role of countersign's service account, or your kubeconfig."),
  CLUSTER_TLS_UNTRUSTED: error('configuration', "Give countersign the CA that signs the API server's certificate."),
  CLUSTER_REQUEST_REFUSED: error(
    'configuration',
    'The API server does not take what countersign asks of it: compare their versions and the installed CRDs.',
  ),
  CLUSTER_ANSWER_UNUSABLE: error('content', 'The API server, or something before it, answered what was not asked for.'),

  // What the API server sends
  OBJECT_MALFORMED: error(
    'content',
    'The object does not have the shape of its kind: mend it, or the configured path of the workload.',
  ),

  // Configuration and policies
  CONFIGURATION_INVALID: error('configuration', 'Mend the configuration file at the places named.'),
  CERTIFICATE_UNUSABLE: error(
    'configuration',
    'Give a certificate and the key that belongs to it, both readable and in date.',
  ),
  LISTEN_FAILED: error('configuration', 'Choose an address and a port that are free.'),
  POLICY_BROKEN: error('configuration', 'Ask your platform team to mend the policy.'),
  TRUST_MATERIAL_UNAVAILABLE: error(
    'configuration',
    'Ask your platform team to mend the key or certificate that the policy names.',
  ),
  FEATURE_NOT_SUPPORTED: error('configuration', 'The policy asks for something that this version does not do yet.'),
  CONDITION_UNDECIDABLE: error('content', 'A condition of the policy could not be evaluated.'),
  ASKER_UNKNOWN: error('unavailable', 'What the policy asks about the request is not known.'),

  REVOCATION_UNKNOWN: error(
    'content',
    'Check that countersign reaches the OCSP responders and CRLs that the certificates name, or let the policy only report revocation.',
  ),

  // Inside
  DEADLINE_EXCEEDED: error('unavailable', 'The decision took longer than the webhook may: try again.'),
  INTERNAL_ERROR: error('internal', 'This is a defect of countersign: please report it with its log.'),

  // Nothing there
  UNSIGNED: refusal('unsigned', 'Sign the image, or ask your platform team about the policy.'),

  // Signatures that are there and do not hold
  SIGNATURE_MALFORMED: refusal('invalid', 'Remove the broken signature and sign the image again.'),
  SIGNATURE_CORRUPT: refusal(
    'invalid',
    'The signature does not verify with the key that it names: sign the image again.',
  ),
  SIGNATURE_MISMATCH: refusal('untrusted', 'Sign the image with the key that the policy names.'),
  ALGORITHM_UNSUPPORTED: refusal(
    'invalid',
    'Sign with ECDSA, RSA (2048 to 4096 bits) or Ed25519 as the documentation lists.',
  ),
  PAYLOAD_MALFORMED: refusal('invalid', 'Sign the image again with a tool that writes well-formed payloads.'),
  PAYLOAD_TYPE_UNEXPECTED: refusal(
    'invalid',
    'Sign the image itself: what was found is a signature of something else.',
  ),
  PAYLOAD_DIGEST_MISMATCH: refusal('invalid', 'Sign this image: the signature found names another digest.'),
  PREDICATE_TYPE_UNEXPECTED: refusal(
    'unsigned',
    'Sign the image: an attestation of another kind does not count as a signature.',
  ),
  LOG_ENTRY_MISSING: refusal(
    'invalid',
    'Sign the image with its transparency log entry attached, as cosign does unless told otherwise.',
  ),
  LOG_ENTRY_INVALID: refusal('invalid', 'Sign the image again, with the transparency log whose key the policy names.'),
  LOG_ENTRY_MISMATCH: refusal(
    'invalid',
    'Sign the image again: the log entry beside this signature belongs to another one.',
  ),
  LOG_ENTRY_UNSUPPORTED: refusal(
    'invalid',
    'Sign the image again with a current cosign: the kind of its log entry is not read.',
  ),
  CERTIFICATE_MISSING: refusal('untrusted', 'Sign the image with a certificate and attach it to the signature.'),
  CERTIFICATE_MALFORMED: refusal('invalid', 'Sign the image again with one well-formed X.509 certificate.'),
  CERTIFICATE_UNTRUSTED: refusal(
    'untrusted',
    'Sign with a certificate of the authority that the policy names, and attach its intermediates.',
  ),
  CERTIFICATE_UNFIT: refusal('invalid', 'Sign with a certificate that was issued for signing code.'),
  CERTIFICATE_CHAIN_BROKEN: refusal(
    'invalid',
    "Sign the image again with the whole chain of certificates in order, from the signer's to the root that signed itself.",
  ),
  CERTIFICATE_EXPIRED: refusal('invalid', 'Sign the image again with a certificate that is in date.'),
  CERTIFICATE_NOT_YET_VALID: refusal('invalid', "Check the clocks, or wait until the signer's certificate is valid."),
  KEY_EXPIRED: refusal('invalid', 'Extend the OpenPGP key or sign with another, and give the policy the new keyring.'),
  KEY_NOT_YET_VALID: refusal('invalid', "Check the clocks, or wait until the signer's OpenPGP key is valid."),
  KEY_REVOKED: refusal('invalid', 'Sign the image with another OpenPGP key: this one was revoked.'),
  KEY_UNFIT: refusal('invalid', 'Sign with an OpenPGP key whose own signatures hold and let it sign.'),
  SIGNATURE_EXPIRED: refusal('invalid', 'Sign the image again: the signature itself has expired.'),
  SIGNATURE_NOT_YET_VALID: refusal(
    'invalid',
    'Check the clock of whoever signed: the signature is dated in the future.',
  ),
  ALGORITHM_WEAK: refusal(
    'invalid',
    'Sign with SHA-256 or better and a key that is not DSA nor RSA below 2048 bits, or accept weak algorithms in the configuration.',
  ),
  PLUGIN_REQUIRED: refusal('invalid', 'Sign the image without a verification plugin: countersign runs none.'),
  CRITICAL_ATTRIBUTE_UNKNOWN: refusal(
    'invalid',
    'Sign the image without the critical attribute: countersign does not know what it demands.',
  ),
  CERTIFICATE_REVOKED: refusal(
    'invalid',
    'Sign the image again with a certificate that its authority has not revoked.',
  ),
  CERTIFICATE_NOT_LOGGED: refusal(
    'invalid',
    'Sign with a certificate that a certificate transparency log of the trusted root has promised to include.',
  ),
  TIME_UNPROVEN: refusal(
    'invalid',
    'Sign the image again with a witness of the time whom the policy trusts: a transparency log or a timestamp authority.',
  ),
  TIMESTAMP_INVALID: refusal(
    'invalid',
    'Sign the image again with a timestamp authority that the policy trusts, or without a timestamp.',
  ),
  ARTIFACT_REQUIRED: refusal(
    'invalid',
    'Give the file itself: this signature is over its bytes and cannot be verified with its digest alone.',
  ),
  IDENTITY_MISMATCH: refusal('untrusted', 'Have the image signed by the identity that the policy names.'),
  NAME_ABSENT: refusal(
    'untrusted',
    'Sign with a tool that writes the image name, or let the policy accept unnamed signatures.',
  ),
  NAME_MISMATCH: refusal(
    'untrusted',
    "Sign the image under the name that it is run by, or change the policy's signedIdentity.",
  ),
  ANNOTATION_MISMATCH: refusal('rejected', 'Sign the image with the annotations that the policy asks for.'),
  QUORUM_NOT_REACHED: refusal(
    'untrusted',
    'Have the image signed by as many different signers as the policy asks for.',
  ),

  // The policy says no
  REJECTED_BY_POLICY: refusal('rejected', 'Use another image: this policy refuses it whoever signed it.'),
  DIGEST_REQUIRED: refusal('rejected', 'Write the image with its digest: name@sha256:….'),
  UNMATCHED: refusal('rejected', 'No policy names this image: ask your platform team to add one.'),
  CONDITION_FAILED: refusal('rejected', 'The signature holds, but what it says does not meet the policy.'),
} as const satisfies Record<string, Reason>;

/** A stable name for one reason. */
export type ReasonCode = keyof typeof REASONS;

/** A code that says that something could not be known. */
export type ErrorCode = { [C in ReasonCode]: (typeof REASONS)[C]['word'] extends 'error' ? C : never }[ReasonCode];

/** A code of a definite refusal. */
export type RefusalCode = Exclude<ReasonCode, ErrorCode>;

/** Whether a code says that something could not be known. */
export function isErrorCode(code: ReasonCode): code is ErrorCode {
  return REASONS[code].word === 'error';
}

/** Class of an error code. */
export function classOf(code: ErrorCode): ErrorClass {
  return REASONS[code].class;
}

/** Word that heads a refusal with this code. */
export function wordOf(code: RefusalCode): RefusalWord {
  return REASONS[code].word;
}

/** One sentence on what the person who meets this code can do. */
export function adviceFor(code: ReasonCode): string {
  return REASONS[code].advice;
}
