import { printable } from '../../../encoding/escape.ts';
import { isMode, type Mode } from '../../../model/mode.ts';
import type { ObjectProblem } from '../../compiled.ts';
import type { PolicyDefaults } from '../../defaults.ts';
import type { SubjectRule } from '../../policy.ts';

/** What countersign lets an OpenShift policy say beyond its schema. */
export type OpenShiftSettings = {
  readonly mode: Mode | undefined;
  readonly subjectRule: SubjectRule;
  /** Whether signatures of formats that carry no image name count (MODEL.md M10). */
  readonly unnamedSignatures: 'refuse' | 'accept';
};

const PREFIX = 'countersign.dev/';
const MODE = `${PREFIX}mode`;
const UNNAMED = `${PREFIX}unnamed-signatures`;
const INSTANCES = `${PREFIX}instances`;

/**
 * Reads the annotations `countersign.dev/mode`, `/unnamed-signatures` (`accept`) and `/instances` (`every`).
 *
 * A value that is none of theirs is a problem, since dropping it would let through what its author meant to refuse; an
 * annotation of that prefix which means nothing is a warning.
 * @see MODEL.md M9, M10, M15
 */
export function readSettings(
  annotations: ReadonlyMap<string, string>,
  defaults: PolicyDefaults,
): {
  readonly settings: OpenShiftSettings;
  readonly problems: readonly ObjectProblem[];
  readonly warnings: readonly string[];
} {
  const problems: ObjectProblem[] = [];
  const warnings: string[] = [];
  const refuse = (name: string, value: string, allowed: string): void => {
    const path = `metadata.annotations[${name}]`;
    problems.push({
      path,
      text: `${path}: Unsupported value: ${JSON.stringify(printable(value))}: supported values: ${allowed}`,
    });
  };

  const mode = annotations.get(MODE);
  if (mode !== undefined && !isMode(mode)) refuse(MODE, mode, '"audit", "warn", "deny"');
  const unnamed = annotations.get(UNNAMED);
  if (unnamed !== undefined && unnamed !== 'accept') refuse(UNNAMED, unnamed, '"accept"');
  const instances = annotations.get(INSTANCES);
  if (instances !== undefined && instances !== 'every') refuse(INSTANCES, instances, '"every"');

  for (const name of annotations.keys()) {
    if (name.startsWith(PREFIX) && name !== MODE && name !== UNNAMED && name !== INSTANCES) {
      warnings.push(`the annotation ${printable(name)} means nothing here`);
    }
  }
  const settings: OpenShiftSettings = {
    mode: mode !== undefined && isMode(mode) ? mode : undefined,
    subjectRule: (instances ?? defaults.instances) === 'every' ? 'everyInstance' : 'indexOrEveryInstance',
    unnamedSignatures: unnamed === 'accept' ? 'accept' : defaults.unnamedSignatures,
  };
  return { settings, problems, warnings };
}
