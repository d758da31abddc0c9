import { printable } from '../../../encoding/escape.ts';
import { isMode, type Mode } from '../../../model/mode.ts';
import type { ObjectProblem } from '../../compiled.ts';
import { type Fields, fieldOf, isFields } from '../../structural.ts';
import { problemAt } from './problems.ts';

const PREFIX = 'countersign.dev/';
const MODE = `${PREFIX}mode`;

/** What OpenShift's policies say by annotation, and these by a field: overlooking it would loosen what was meant. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  [`${PREFIX}instances`, 'spec.instances'],
  [`${PREFIX}unnamed-signatures`, 'names.unnamed of the signature'],
]);

/** The mode that a policy gives itself: by its field, by its annotation, or by both, where they agree. */
export type OwnMode = {
  /** `unclear` where it says something that cannot be told: then it is enforced. */
  readonly mode: Mode | 'unclear' | undefined;
  /** What is against the annotations; what is against the field is the schema's to say. */
  readonly problems: readonly ObjectProblem[];
  readonly warnings: readonly string[];
};

/** Reads the mode from an object that may be invalid. */
export function readMode(object: Fields, annotations: ReadonlyMap<string, string>): OwnMode {
  const spec = fieldOf(object, 'spec');
  const field = isFields(spec) ? fieldOf(spec, 'mode') : undefined;
  const annotated = annotations.get(MODE);
  const problems: ObjectProblem[] = [];
  const warnings: string[] = [];
  const path = `metadata.annotations[${MODE}]`;

  if (annotated !== undefined && !isMode(annotated)) {
    problems.push(problemAt(path, `must be audit or warn or deny, not ${JSON.stringify(annotated)}`));
  } else if (annotated !== undefined && field !== undefined && annotated !== field) {
    problems.push(problemAt(path, 'says another mode than spec.mode: keep one of them'));
  }
  for (const name of annotations.keys()) {
    const elsewhere = ELSEWHERE.get(name);
    if (elsewhere !== undefined) {
      problems.push(problemAt(`metadata.annotations[${name}]`, `is for OpenShift’s policies: write ${elsewhere}`));
    } else if (name.startsWith(PREFIX) && name !== MODE) {
      warnings.push(`the annotation ${printable(name)} means nothing here`);
    }
  }
  return { mode: told(field, annotated), problems, warnings };
}

function told(field: unknown, annotated: string | undefined): OwnMode['mode'] {
  const mode = field ?? annotated;
  if (mode === undefined) return undefined;
  if (typeof mode !== 'string' || !isMode(mode)) return 'unclear';
  return annotated === undefined || annotated === mode ? mode : 'unclear';
}
