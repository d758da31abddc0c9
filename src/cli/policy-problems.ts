import { describeProblem, type PolicyProblem } from '../policy/sources/problem.ts';

/** How the sentence of a file begins that a policy names by an absolute path, and that is not there. */
const ABSOLUTE = 'the file "/';

/**
 * Everything that is wrong with policies, a line each, for whoever tries them at a terminal. Who tries a node's policy
 * elsewhere has its keys elsewhere too, and is told of the option for that.
 * @param root what `--root` says, if it was given
 */
export function problemLines(problems: readonly PolicyProblem[], root: string | undefined): string {
  const isKeyAway = problems.some(
    ({ code, reason }) => code === 'TRUST_MATERIAL_UNAVAILABLE' && reason.includes(ABSOLUTE),
  );
  const hint = 'Absolute paths in policies are paths of this machine; --root DIR has them looked up below DIR.';
  return [...problems.map(describeProblem), ...(isKeyAway && root === undefined ? [hint] : [])].join('\n');
}
