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

/** What is to be decided. */
export type DecisionRequest = {
  readonly images: readonly RequestedImage[];
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
