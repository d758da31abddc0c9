import { type Artifact, type ArtifactLayer, imageArtifact } from '../../src/cli/demo/artifacts.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { ProofRule } from '../../src/model/requirement.ts';
import type { ProvableCandidate } from '../../src/signatures/prove-candidate.ts';
import { authority, email, issue, issueRoot, leafExtensions, usage } from '../../test/fixtures/certificates.ts';
import {
  around,
  createSigstore,
  issueLeaf,
  type Sigstore,
  trustedRootJson,
  YEAR,
} from '../../test/fixtures/sigstore/instance.ts';
import { keysOf } from '../../test/fixtures/sigstore/keys.ts';
import { type Form, signImage } from '../../test/fixtures/sigstore/signatures.ts';

/** The forms of keyless signatures: bundle v0.3 with an entry of Rekor v1, of Rekor v2 with a timestamp, and a legacy layer. */
export const KEYLESS_FORMS = ['bundle', 'tiles', 'layer'] as const satisfies readonly Form[];

/** One keyless signature, ready to be verified. */
export type Signed = {
  readonly candidate: ProvableCandidate;
  readonly bytes: Uint8Array;
  readonly image: Artifact;
};

/** An instance whose authorities have P-384 keys, as the public-good instance's have. */
export function publicGoodLike(at: number): Sigstore {
  const root = issueRoot('fulcio root', { keys: keysOf('P-384') });
  const intermediate = issue(root, {
    ...around(at, YEAR),
    subject: 'fulcio',
    keys: keysOf('P-384'),
    extensions: [authority(0), usage(5, 6)],
  });
  return { ...createSigstore(at), root, intermediate };
}

/** The rule of a keyless policy with the instance's root. */
export function keylessRule(sigstore: Sigstore): ProofRule {
  return {
    kind: 'sigstore',
    root: {
      kind: 'trustedRoot',
      document: { kind: 'inline', text: JSON.stringify(trustedRootJson(sigstore)) },
    },
    signer: 'certificate',
    transparency: { threshold: 1 },
    time: { threshold: 1, by: 'anyone' },
    certificateTransparency: { threshold: 1 },
  };
}

/** Signs another image by another certificate. */
export function signedAnew(sigstore: Sigstore, form: Form, name: string): Signed {
  const image = imageArtifact(name);
  const made = signImage(
    sigstore,
    form,
    { digest: image.digest, repository: `registry.example/${name}` },
    { leaf: issueLeaf(sigstore) },
  );
  const bytes = isLayer(made) ? made.bytes : Buffer.from(JSON.stringify(made));
  const digest = digestOf(bytes);
  const common = {
    id: digest,
    location: { store: 'sigstore-bundle', repository: name, reference: 'v1' },
    artifact: { digest, mediaType: '' },
    blob: { digest, size: bytes.length },
  } as const;
  const candidate: ProvableCandidate = isLayer(made)
    ? { kind: 'layer', ...common, annotations: made.annotations ?? {} }
    : { kind: 'bundle', ...common };
  return { candidate, bytes, image };
}

/** A bundle about an image by somebody with this address. */
export function bundleBy(sigstore: Sigstore, address: string, image: Artifact): Uint8Array {
  const leaf = issueLeaf(sigstore, { extensions: leafExtensions([email(address)]) });
  const made = signImage(
    sigstore,
    'bundle',
    { digest: image.digest, repository: 'registry.example/bundles' },
    { leaf },
  );
  return Buffer.from(JSON.stringify(made));
}

function isLayer(made: ReturnType<typeof signImage>): made is ArtifactLayer {
  return 'bytes' in made;
}
