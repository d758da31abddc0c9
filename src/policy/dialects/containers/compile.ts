import type { Mode } from '../../../model/mode.ts';
import type { TrustRef } from '../../../model/requirement.ts';
import type { CompiledPolicy } from '../../compiled.ts';
import type { PolicyDefaults } from '../../defaults.ts';
import type { ContainersDocument } from './document.ts';

/** What compiling needs to know beside the document. */
export type ContainersContext = {
  /** The file's base name, which stands for the kind of its policies: `policy.json`, `team-a.json`. */
  readonly file: string;
  /** File and document. */
  readonly source: string;
  readonly defaults: PolicyDefaults;
  readonly mode: Mode | undefined;
  /** The text or bytes of a file that the document names. */
  readonly material: (path: string) => TrustRef;
  /** The namespace that a namespaced file is for (CRI-O's `signature_policy_dir`). */
  readonly namespace: string | undefined;
};

/** The files that a document names. */
export function namedFiles(_document: ContainersDocument): readonly string[] {
  return [];
}

/** One policy for each scope of the `docker` transport, and one for `default`, whose reach is `everything`. */
export function compileDocument(_document: ContainersDocument, _context: ContainersContext): readonly CompiledPolicy[] {
  return [];
}
