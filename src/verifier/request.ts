import type { LayoutReference } from '../image/layout-reference.ts';
import type { ImageReference } from '../image/reference.ts';
import type { Decision } from '../model/decision.ts';
import type { Mode } from '../model/mode.ts';
import type { Asker } from '../model/subject.ts';
import type { AskForCredentials } from './access.ts';

/** One image of a request, as written, and where it stands in the object. */
export type RequestedImage = {
  readonly path: string;
  /** Attacker-controlled; may be empty or no reference at all. */
  readonly image: string;
};

/**
 * An image in a folder. It never comes out of an object: whoever asks has opened the folder as the registry that the
 * verifier reads.
 */
export type RequestedLayout = RequestedImage & {
  /** With an absolute path. */
  readonly layout: LayoutReference;
  /**
   * The name as which it is decided on: policies and signed names are compared with it as though it meant this folder.
   * `none` decides on the folder itself.
   */
  readonly as: ImageReference | 'none';
};

/** What is to be decided. */
export type DecisionRequest = {
  readonly images: readonly (RequestedImage | RequestedLayout)[];
  readonly asker: Asker;
  readonly mode: { readonly server: Mode; readonly namespace: Mode | undefined };
  /** When the answer must be there, in milliseconds since the epoch. */
  readonly deadline: number;
  /** What whoever asks has beside the credentials that everybody has; asked for only if an image is looked at. */
  readonly credentials?: AskForCredentials | undefined;
};

/** Decides. Never throws: an exception inside is a refusal with INTERNAL_ERROR. */
export type Verifier = {
  readonly decide: (request: DecisionRequest) => Promise<Decision>;
  readonly close: () => Promise<void>;
};
