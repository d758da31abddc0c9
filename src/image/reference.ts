import type { Digest } from './digest.ts';

/** A repository by its full name: host with optional port, and path. Docker Hub is `docker.io`, whatever was written. */
export type Repository = {
  readonly host: string;
  readonly path: string;
};

/** An image reference, normalised (distribution reference grammar). */
export type ImageReference = {
  readonly repository: Repository;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
};
