import type { Lookup, Result } from '../../codes/result.ts';
import type { Digest } from '../../image/digest.ts';
import type { DetachedSignatures, FetchedManifest, ReferrersList } from '../registry.ts';

/** What tells one kind of layout from the other: where its files lie. */
export type Layout = {
  /** The image that the layout was opened for. Never `absent`: what is missing is a failure that says what. */
  readonly image: () => Promise<Result<FetchedManifest>>;
  readonly manifest: (which: Digest | { readonly tag: string }, maxBytes: number) => Promise<Lookup<FetchedManifest>>;
  /** The name of a blob's file below the folder. */
  readonly blobFile: (digest: Digest) => string;
  readonly referrers: (digest: Digest) => Promise<Lookup<ReferrersList>>;
  readonly detached: (digest: Digest, maximum: number) => Promise<Lookup<DetachedSignatures>>;
  /** Whether signatures lie beside the image as they do in a registry. */
  readonly attachments: 'somewhere' | 'nowhere';
};

/** Reads something once, however often it is asked for: a decision sees one state of the folder. */
export function once<T>(read: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => {
    started ??= read();
    return started;
  };
}
