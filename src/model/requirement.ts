import type { Repository } from '../image/reference.ts';

/** A list that cannot be empty: an empty one would pass by having nothing to check (MODEL.md M3). */
export type NonEmpty<T> = readonly [T, ...T[]];

/** What must hold of a subject. Node values are pass, fail and error; see verifier/evaluate.ts for the table. */
export type Requirement =
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject'; readonly says: string }
  | { readonly kind: 'allOf'; readonly of: NonEmpty<Requirement> }
  | { readonly kind: 'anyOf'; readonly of: NonEmpty<Requirement> }
  /** At least `k` of the sub-requirements; one signer may meet several. */
  | { readonly kind: 'kOf'; readonly k: number; readonly of: NonEmpty<Requirement> }
  /** At least `k` leaves, each met by a different signer (MODEL.md M11). */
  | { readonly kind: 'quorum'; readonly k: number; readonly of: NonEmpty<Leaf> }
  /** One accepted finding. */
  | { readonly kind: 'some'; readonly leaf: Leaf }
  /** Every artifact found, by type (Ratify's config policy, MODEL.md §2.4). */
  | {
      readonly kind: 'each';
      readonly verifiers: NonEmpty<{ readonly types: NonEmpty<string>; readonly leaf: Leaf }>;
      readonly rules: Readonly<Record<string, EachRule>>;
      readonly otherwise: EachRule;
    }
  /** A body over all accepted findings, evaluated once the child passes and the evidence is complete. */
  | { readonly kind: 'when'; readonly child: Requirement; readonly body: Condition };

/** How the reports of one artifact type count: one success, or no failure. */
export type EachRule = 'any' | 'all';

/** One thing to look for. One finding must meet the whole leaf; every part is written out, none is optional. */
export type Leaf = {
  readonly name: string;
  readonly where: Where;
  readonly proof: ProofRule;
  readonly signer: SignerRule;
  readonly names: NamesRule;
  readonly conditions: readonly Condition[];
  /** A requirement on the artifact's own referrers. */
  readonly about: Requirement | 'none';
};

/** A place in which signatures of a format are stored. */
export type Store =
  /** The `.sig` tag with simple-signing layers. */
  | 'cosign-tag'
  /** Sigstore bundles that refer to the digest. */
  | 'sigstore-bundle'
  /** cosign's experimental OCI 1.1 form: simple-signing layers in a manifest that refers to the digest. */
  | 'cosign-referrer'
  /** notation's signatures: envelopes in manifests that refer to the digest (notation-ratify.md §1.1). */
  | 'notation'
  /** Detached signatures: of a lookaside server, or of a registry that serves them itself (openshift-containers.md §3.4, §3.5). */
  | 'lookaside';

/** Where to look. */
export type Where = {
  readonly stores: NonEmpty<Store>;
  /** Whether attachments in every registry are read, or what `registries.d` says of each place. */
  readonly storage: 'registry' | 'registriesD';
  /** Another repository than the image's own, or the image's own. */
  readonly repository: Repository | 'own';
  readonly tagPrefix: string;
  /** How many artifacts are tried at most; hitting it is an error of class `content`. */
  readonly attempts: number;
};

/** Trust material by reference; `trust/` looks it up (MODEL.md M16e). */
export type TrustRef =
  /** PEM, or a `trusted_root.json`. */
  | { readonly kind: 'inline'; readonly text: string }
  /** Bytes that are no text, such as an OpenPGP keyring without armor. */
  | { readonly kind: 'binary'; readonly base64: string }
  /** What the policy points at could not be read; the policy keeps its place and refuses (MODEL.md M8). */
  | { readonly kind: 'unavailable'; readonly why: string }
  | { readonly kind: 'secret'; readonly namespace: string; readonly name: string; readonly key: string };

/** A sigstore instance by reference: whom its certificates, logs and timestamps are trusted from. */
export type SigstoreRef =
  /** The public-good instance, as countersign ships it. */
  | { readonly kind: 'publicGood' }
  /** A `trusted_root.json`. */
  | { readonly kind: 'trustedRoot'; readonly document: TrustRef }
  | {
      readonly kind: 'pem';
      /** Each one chain of Fulcio's, intermediates first. */
      readonly certificateAuthorities: readonly TrustRef[];
      readonly transparencyLogs: readonly { readonly key: TrustRef; readonly url: string }[];
      readonly certificateLogs: readonly TrustRef[];
      /** Each one chain, the certificate that signs timestamps first. */
      readonly timestampAuthorities: readonly TrustRef[];
    };

/**
 * Which hash a key's holder signed with. `by-curve` is sha256, sha384 or sha512 as the curve suggests; `usual` is sha256, or
 * else that, or sha512 by an RSA key: tools and their versions differ (tekton-sigstorejs.md §B.3).
 */
export type HashRule = 'sha256' | 'sha384' | 'sha512' | 'by-curve' | 'usual';

/** At least so many, each by another log or authority. Zero would pass by having nothing to check: it is refused. */
export type Threshold = { readonly threshold: number };

/** How many must have witnessed a signature's time, and whose word counts. */
export type WitnessRule = Threshold & { readonly by: 'anyone' | 'logs' | 'authorities' };

/** One of these logs must have promised to take the signature in. */
export type LoggedRule = { readonly kind: 'rekor'; readonly logs: NonEmpty<TrustRef> };

/**
 * What each check of a notation signature does that fails: refuses, or is reported while the signature passes. Integrity is
 * always enforced; a check that is skipped does not run, which is for revocation alone (notation-ratify.md §1.8).
 */
export type NotationLevels = {
  /** Trust in the chain, and the identity of the signer. */
  readonly authenticity: 'enforce' | 'log';
  readonly authenticTimestamp: 'enforce' | 'log';
  readonly expiry: 'enforce' | 'log';
  readonly revocation: 'enforce' | 'log' | 'skip';
};

/** What proves that somebody signed these bytes. Everything here is part of the proof cache's key. */
export type ProofRule =
  | {
      readonly kind: 'keys';
      /** Any one of them; every one must load. */
      readonly keys: NonEmpty<TrustRef>;
      readonly hash: HashRule;
      readonly transparency: 'none' | LoggedRule;
    }
  /** As containers/image verifies certificates (openshift-containers.md §4). */
  | {
      readonly kind: 'certificates';
      readonly roots: NonEmpty<TrustRef>;
      readonly intermediates: readonly TrustRef[];
      /** At which time the certificates must be valid: at every judgement, or when a log took the signature in. */
      readonly validAt: 'now' | LoggedRule;
    }
  /** OpenPGP, as containers/image verifies simple signing (openshift-containers.md §3). */
  | {
      readonly kind: 'openpgp';
      /** Any key of any of them; every one must hold a key. */
      readonly keyrings: NonEmpty<TrustRef>;
      /** Whether SHA-1, RSA keys below 2048 bits and DSA count, as they do for gpg. */
      readonly weakAlgorithms: 'refuse' | 'accept';
    }
  /** As notation verifies: by membership in trust stores (notation-ratify.md §0, §1.8). */
  | {
      readonly kind: 'notation';
      /** Files of the `ca` stores, for the scheme `notary.x509` alone; none trusts nobody under it. */
      readonly authorities: readonly TrustRef[];
      /** Those of the `signingAuthority` stores, for the scheme `notary.x509.signingAuthority` alone. */
      readonly signingAuthorities: readonly TrustRef[];
      /** Those of the `tsa` stores; none where no such store is named, and then no timestamp is looked at. */
      readonly timestampAuthorities: readonly TrustRef[];
      readonly levels: NotationLevels;
      /** When a countersigned time is asked for: always, or once a certificate of the chain has expired. */
      readonly verifyTimestamp: 'always' | 'afterCertExpiry';
    }
  /** As sigstore's clients verify, against one instance's root: by its certificates, or by keys that its logs know. */
  | {
      readonly kind: 'sigstore';
      readonly root: SigstoreRef;
      readonly signer: 'certificate' | { readonly keys: NonEmpty<TrustRef>; readonly hash: HashRule };
      readonly transparency: 'none' | Threshold;
      /** Certificates live minutes, so for them it cannot be `none`. */
      readonly time: 'none' | WitnessRule;
      /** Promises of certificate transparency logs inside the signer's certificate. */
      readonly certificateTransparency: 'none' | Threshold;
    };

/** A text matched exactly or by a linear-time pattern. */
export type TextRule =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'pattern'; readonly pattern: string; readonly anchored: boolean };

/**
 * A subject alternative name by its kind and text. `anyName` is for dialects that do not tell kinds apart; the others
 * match names of their own kind alone, since an address written as a URI was never checked as an address.
 */
export type SubjectRule = {
  readonly of: 'email' | 'uri' | 'dns' | 'otherName' | 'anyName';
  readonly text: TextRule;
};

/** The OIDC issuer and a name that it vouched for; at least one of them is not `any`. */
export type IdentityRule = { readonly issuer: TextRule | 'any'; readonly subject: SubjectRule | 'any' };

/** One part of a certificate's subject: its type by the usual short name or as an object identifier, and its text. */
export type NameAttribute = { readonly type: string; readonly value: string };

/** The parts of a subject that an identity asks for. */
export type DistinguishedName = NonEmpty<NameAttribute>;

/** Whose signature counts. `any` is written where the proof alone names the signer, as a key does. */
export type SignerRule =
  | 'any'
  | { readonly kind: 'identities'; readonly anyOf: NonEmpty<IdentityRule> }
  /** Parts of the certificate's subject, all of one of these (notation-ratify.md §1.8). */
  | { readonly kind: 'distinguishedNames'; readonly anyOf: NonEmpty<DistinguishedName> }
  /** An e-mail address and a host name as Go compares it, both where both are given (openshift-containers.md §4). */
  | { readonly kind: 'subject'; readonly email: TextRule | 'any'; readonly hostname: TextRule | 'any' };

/** How the name inside the signature must compare with the name that was asked for (openshift-containers.md §2.4). */
export type NamesRule =
  | { readonly kind: 'unchecked' }
  | NamedRule
  /** As the rule inside where a name is signed; formats that carry no name are let through, and it is reported (MODEL.md M10). */
  | { readonly kind: 'ifNamed'; readonly rule: NamedRule };

/** A rule that compares names. */
export type NamedRule =
  | { readonly kind: 'matchExact' }
  | { readonly kind: 'matchRepoDigestOrExact' }
  | { readonly kind: 'matchRepository' }
  | { readonly kind: 'exactReference'; readonly reference: string }
  | { readonly kind: 'exactRepository'; readonly repository: string }
  | { readonly kind: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string }
  /** As `remapIdentity`, comparing repositories alone; no drop-in syntax has it (openshift-containers.md §2.4). */
  | { readonly kind: 'remapRepository'; readonly prefix: string; readonly signedPrefix: string };

/** What a condition reads; conditions that read more than the statement are never cached. */
export type ConditionInput = 'statement' | 'signer' | 'object' | 'namespace' | 'config' | 'now';

/** Something that a signed statement must also say. */
export type Condition =
  | { readonly kind: 'annotation'; readonly name: string; readonly value: string }
  | { readonly kind: 'cel'; readonly expression: string; readonly reads: NonEmpty<ConditionInput> };
