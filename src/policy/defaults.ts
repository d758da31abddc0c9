/** What the configuration says for policies whose dialect cannot say it, or that do not say it themselves. */
export type PolicyDefaults = {
  /** Whether signatures of formats that carry no image name count (MODEL.md M10). */
  readonly unnamedSignatures: 'refuse' | 'accept';
  /** Which manifests of a multi-platform image are looked at (MODEL.md M9). */
  readonly instances: 'indexOrEvery' | 'every';
  /** Whether SHA-1, DSA and short RSA keys count in OpenPGP signatures. */
  readonly weakOpenPgp: 'refuse' | 'accept';
};

/** What holds where nobody says anything. */
export const POLICY_DEFAULTS: PolicyDefaults = {
  unnamedSignatures: 'refuse',
  instances: 'indexOrEvery',
  weakOpenPgp: 'refuse',
};
