import type { HashRule, Threshold, WitnessRule } from '../../model/requirement.ts';
import type { KeySet } from '../trust-store.ts';

/** What proves a signature under a sigstore instance's root. Whose signature counts is judged per policy (MODEL.md M1). */
export type BundleRule = {
  /** A certificate of the root's authorities, or the holder of one of these keys. */
  readonly signer: 'certificate' | SigningKeys;
  /** Transparency logs that have the signature. Entries of known logs must hold even where none is asked for. */
  readonly transparency: 'none' | Threshold;
  /** Witnessed times. Certificates live minutes, so for them it cannot be `none`. */
  readonly time: 'none' | WitnessRule;
  /** Certificate transparency logs that promised to have the certificate; every promise in it must then hold. */
  readonly certificateTransparency: 'none' | Threshold;
};

/** Keys, any one of which may have signed, and the hash that an envelope's signature was made with. */
export type SigningKeys = { readonly keys: KeySet; readonly hash: HashRule };
