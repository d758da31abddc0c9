import { ok, type Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import type { Proof } from '../../model/finding.ts';
import type { ProofMaterial } from '../../trust/proof-material.ts';
import type { BundleRule } from '../../trust/sigstore/bundle-rule.ts';
import type { Candidate } from '../evidence.ts';
import { proveBundle, proveLayer } from './prove.ts';
import { proveCertifiedLayer } from './prove-certified.ts';
import { proveCurrentBundle } from './prove-current-bundle.ts';
import { proveSigstoreBundle, proveSigstoreLayer } from './prove-sigstore.ts';

/** What cosign writes. */
type CosignCandidate = Extract<Candidate, { kind: 'layer' | 'bundle' }>;

/** What a rule about such signatures rests on. */
type CosignMaterial = Exclude<ProofMaterial, { kind: 'openpgp' | 'notation' }>;

/**
 * What a candidate proves under a rule: every form of cosign's signatures under every kind of trust.
 * @param bytes the candidate's blob, its digest already checked
 * @param now milliseconds since the epoch
 * @returns a failure only where nothing can be known: a bound was hit, or the material cannot be used for this form
 */
export async function proveCosign(
  candidate: CosignCandidate,
  bytes: Uint8Array,
  material: CosignMaterial,
  image: Digest,
  now: number,
): Promise<Result<Proof>> {
  return candidate.kind === 'layer'
    ? proveAnyLayer(bytes, candidate.annotations, material, image, now)
    : proveAnyBundle(bytes, material, image, now);
}

async function proveAnyLayer(
  payload: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  material: CosignMaterial,
  image: Digest,
  now: number,
): Promise<Result<Proof>> {
  switch (material.kind) {
    case 'keys':
      return ok(await proveLayer(payload, annotations, material.signing, 'none', image));
    case 'logged-keys':
      return ok(await proveLayer(payload, annotations, material.signing, material.logs, image));
    case 'logged-certificates':
    case 'current-certificates':
      return ok(await proveCertifiedLayer(payload, annotations, material, image, now));
    case 'sigstore':
      return proveSigstoreLayer(payload, annotations, material, image, now);
  }
}

async function proveAnyBundle(
  bytes: Uint8Array,
  material: CosignMaterial,
  image: Digest,
  now: number,
): Promise<Result<Proof>> {
  switch (material.kind) {
    case 'keys':
      return proveBundle(bytes, material.signing, image);
    case 'current-certificates':
      return proveCurrentBundle(bytes, material, image, now);
    case 'logged-keys':
    case 'logged-certificates': {
      const { root } = material.logs;
      if (!root.ok) return root;
      const rule: BundleRule =
        material.kind === 'logged-keys' ? { ...LOGGED_KEY, signer: material.signing } : LOGGED_CERTIFICATE;
      return proveSigstoreBundle(bytes, { root: root.value, rule }, image, now);
    }
    case 'sigstore':
      return proveSigstoreBundle(bytes, material, image, now);
  }
}

/** What OpenShift's rules say of layers, said of bundles (openshift-containers.md §4): one log, its time, no SCT. */
const LOGGED_CERTIFICATE: BundleRule = {
  signer: 'certificate',
  transparency: { threshold: 1 },
  time: { threshold: 1, by: 'logs' },
  certificateTransparency: 'none',
};
const LOGGED_KEY: Omit<BundleRule, 'signer'> = {
  transparency: { threshold: 1 },
  time: 'none',
  certificateTransparency: 'none',
};
