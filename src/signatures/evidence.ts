import type { Failure } from '../codes/result.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Artifact, Location, Proof } from '../model/finding.ts';

/** Something that a look-up found and that may be a signature; its bytes are read later, once somebody needs them. */
export type Candidate =
  /** A simple-signing layer: the blob is the payload, the signature is in the manifest's annotations. */
  | {
      readonly kind: 'layer';
      readonly id: string;
      readonly location: Location;
      readonly artifact: Artifact;
      readonly blob: BlobReference | InlineBlob;
      readonly annotations: Readonly<Record<string, string>>;
    }
  /** A sigstore bundle: the blob is the bundle. */
  | {
      readonly kind: 'bundle';
      readonly id: string;
      readonly location: Location;
      readonly artifact: Artifact;
      readonly blob: BlobReference;
    }
  /** A notation signature: the blob is the envelope. */
  | {
      readonly kind: 'notation';
      readonly id: string;
      readonly location: Location;
      readonly artifact: Artifact;
      readonly blob: BlobReference;
      readonly envelope: 'jws' | 'cose';
    }
  /** An OpenPGP message, read where detached signatures lie. */
  | {
      readonly kind: 'openpgp';
      readonly id: string;
      readonly location: Location;
      readonly artifact: Artifact;
      readonly blob: InlineBlob;
    }
  /** It arrived whole and is no well-formed signature. */
  | {
      readonly kind: 'malformed';
      readonly id: string;
      readonly location: Location;
      readonly artifact: Artifact;
      readonly proof: Proof & { readonly kind: 'disproved' };
    }
  /** It is there and could not be read. */
  | {
      readonly kind: 'unread';
      readonly location: Location;
      readonly artifact: Artifact | undefined;
      readonly failure: Failure;
    };

/** What it takes to read a blob. */
export type BlobReference = Pick<Descriptor, 'digest' | 'size'>;

/** Bytes that came with the look-up, since nothing but their place names them. */
export type InlineBlob = { readonly bytes: Uint8Array; readonly size: number };

/** What one look-up for one digest came to. */
export type Listing = {
  /** Where was looked, for the person who is told that nothing was found. */
  readonly place: Location;
  readonly candidates: readonly Candidate[];
  /** Attachments that are no signatures, such as attestations. */
  readonly others: number;
};

/** A listing without candidates. */
export function emptyListing(place: Location): Listing {
  return { place, candidates: [], others: 0 };
}

/** A proof that a check failed. */
export function disproved(
  failed: Extract<Proof, { kind: 'disproved' }>['failed'],
  code: Extract<Proof, { kind: 'disproved' }>['code'],
  message: string,
  claimedSigner?: string,
): Extract<Proof, { kind: 'disproved' }> {
  return { kind: 'disproved', failed, code, message, claimedSigner };
}
