import type { Lookup } from '../codes/result.ts';
import type { CredentialSource } from '../config/credentials.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { Repository } from '../image/reference.ts';
import type { AskedForm, SignatureStorage } from '../image/signature-storage.ts';

/** Bytes that a registry holds under a digest, checked against it, with what it says they are. */
export type FetchedManifest = {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** Where it was found: the repository itself or one of its mirrors. */
  readonly location: Repository;
};

/**
 * A tag to read. One that says something about a digest, as cosign's `.sig` tags do, is read at every place that holds
 * what digests name; what any other tag means is never asked of a place that is there for digests alone.
 */
export type NamedTag = { readonly tag: string; readonly about?: Digest };

/** Who refers to a digest, and how that became known. */
export type ReferrersList = {
  readonly descriptors: readonly Descriptor[];
  /** `fallback` descriptors were written by clients: their artifact types prove nothing. */
  readonly source: 'api' | 'fallback';
  readonly location: Repository;
};

/** What one call may take: time, and a place where its requests are counted. */
export type RequestContext = {
  readonly signal: AbortSignal;
  /** Bytes of a manifest, where fewer than the client's own bound are wanted. */
  readonly maxManifestBytes?: number;
  /** Only places of which this is true are asked; where none is left, the answer is `absent`. */
  readonly isWanted?: (location: Repository) => boolean;
  /** Of detached signatures, the first of which this is false is the last that is read: a server that answers anything answers it for ever. */
  readonly isSignature?: (bytes: Uint8Array) => boolean;
  /** Called once for each request sent, token requests and retries included. */
  readonly onRequest?: (request: { readonly host: string; readonly purpose: RequestPurpose }) => void;
};

/** What a request was for, as metrics and tests name it. */
export type RequestPurpose =
  | 'token'
  | 'manifest-head'
  | 'manifest'
  | 'blob'
  | 'referrers'
  | 'ping'
  | 'lookaside'
  | 'extension'
  | 'ocsp'
  | 'crl';

/** What decides where the signatures of an image are looked for: `registries.d`, and how the image was asked for. */
export type SignatureSearch = { readonly storage: SignatureStorage; readonly asked: AskedForm };

/** What `registries.d` says of every place where a repository is read. */
export type StorageAtPlaces = {
  /** Tells plans apart, without revealing a secret; part of the key of whatever is kept of a search. */
  readonly id: string;
  /** Whether attachments are read at a place. */
  readonly hasAttachments: (location: Repository) => boolean;
  readonly attachments: 'somewhere' | 'nowhere';
};

/** Detached signatures of a digest, in the order in which they are numbered or listed. */
export type DetachedSignatures = {
  readonly location: Repository;
  /** What gave them; a registry that serves signatures itself hands them over without telling their format. */
  readonly source: 'lookaside' | 'extension';
  /** Where that is, without credentials. */
  readonly place: string;
  readonly signatures: readonly { readonly name: string; readonly bytes: Uint8Array }[];
};

/** How a repository is reached: each physical place in turn, and whose credential opens it. */
export type Access = {
  /** Tells apart what different credentials and places may have answered; part of every cache key (MODEL.md M2). */
  readonly id: string;
};

/**
 * An OCI distribution client: bounded, digest-checked reads. It interprets nothing beyond descriptors.
 * Every method answers; none throws. Mirrors are tried first, then the source; `absent` means that all said so. Where a
 * place may not be asked, what no other has is REGISTRY_BLOCKED; a signature that is at none of the others is `absent`.
 */
export type Registry = {
  /** How this repository is reached. Costs no request. */
  readonly access: (repository: Repository) => Access;
  /** Resolves a tag by HEAD, or by GET where HEAD gives no digest. */
  readonly resolveTag: (repository: Repository, tag: string, context: RequestContext) => Promise<Lookup<Descriptor>>;
  /** Reads a manifest by digest with one GET, or by tag with one GET; the bytes are checked against the digest. */
  readonly manifest: (
    repository: Repository,
    which: Digest | NamedTag,
    context: RequestContext,
  ) => Promise<Lookup<FetchedManifest>>;
  /** Reads a blob of at most `maxBytes`; refused before a request where the descriptor already says it is larger. */
  readonly blob: (
    repository: Repository,
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    maxBytes: number,
    context: RequestContext,
  ) => Promise<Lookup<Uint8Array>>;
  /** Lists referrers by the API, all pages, or by the fallback tag where there is no such API. An empty list is `found`. */
  readonly referrers: (
    repository: Repository,
    digest: Digest,
    context: RequestContext,
  ) => Promise<Lookup<ReferrersList>>;
  /** What `registries.d` says of the places where a repository is read. Costs no request. */
  readonly storage: (repository: Repository, search: SignatureSearch) => StorageAtPlaces;
  /**
   * Reads detached signatures: of the registry itself where it says that it serves them, or of the lookaside that
   * `registries.d` names. Places are tried in turn until one has any; none at all is `found` and empty.
   * @param maximum how many are read; LIMIT_EXCEEDED where there are more
   * @see reference/openshift-containers.md §3.4, §3.5
   */
  readonly detached: (
    repository: Repository,
    digest: Digest,
    search: SignatureSearch,
    maximum: number,
    context: RequestContext,
  ) => Promise<Lookup<DetachedSignatures>>;
  /**
   * The same client for somebody who has further credentials, which are tried before its own. Connections, bounds and
   * whatever is known of registries are shared; tokens and `access().id` are of the credential, so that nothing read with
   * one is handed out for another. Cheap; closing a view closes nothing.
   */
  readonly with: (credentials: CredentialSource) => Registry;
  /** Closes connections. */
  readonly close: () => Promise<void>;
};
