import type { NamedRule, NonEmpty } from '../../../model/requirement.ts';

/** A `policy.json` after reading: only what containers/image would have read in the same way. */
export type ContainersDocument = {
  /** For images that no scope names. */
  readonly default: NonEmpty<PolicyRequirement>;
  /** By transport, then by scope as it is written. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, NonEmpty<PolicyRequirement>>>;
};

/** One requirement; all of a scope's must hold (openshift-containers.md §2.3). */
export type PolicyRequirement =
  | { readonly type: 'insecureAcceptAnything' }
  | { readonly type: 'reject' }
  | {
      readonly type: 'signedBy';
      readonly keyType: 'GPGKeys' | 'signedByGPGKeys' | 'X509Certificates' | 'signedByX509CAs';
      readonly keys: readonly Material[];
      readonly signedIdentity: SignedIdentity;
    }
  | { readonly type: 'signedBaseLayer'; readonly baseLayerIdentity: SignedIdentity }
  | {
      readonly type: 'sigstoreSigned';
      readonly root: SigstoreRoot;
      readonly signedIdentity: SignedIdentity;
    };

/** Whose sigstore signatures count. `rekorKeys` are keys of Rekor, of which one must have taken the signature in. */
export type SigstoreRoot =
  | { readonly kind: 'keys'; readonly keys: NonEmpty<Material>; readonly rekorKeys: NonEmpty<Material> | undefined }
  | {
      readonly kind: 'fulcio';
      readonly ca: Material;
      readonly oidcIssuer: string;
      readonly subjectEmail: string;
      /** Never none: such certificates live for minutes, and the log alone says when. */
      readonly rekorKeys: NonEmpty<Material>;
    }
  | {
      readonly kind: 'pki';
      readonly roots: Material;
      readonly intermediates: Material | undefined;
      readonly subjectEmail: string | undefined;
      readonly subjectHostname: string | undefined;
    };

/** A key, keyring or certificates: a path, read when the policy is asked, or the bytes themselves. */
export type Material =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'data'; readonly bytes: Uint8Array };

/** How the signed name must compare with the asked one; the six of openshift-containers.md §2.4. */
export type SignedIdentity = Exclude<NamedRule, { kind: 'remapRepository' }>;
