import { parseArgs } from 'node:util';
import { loadPolicies } from '../policy/sources/load.ts';
import { type Command, type Terminal, USAGE_ERROR, usageError } from './command.ts';
import { problemLines } from './policy-problems.ts';

/** `countersign policy check [--root DIR] PATH...`: says what is wrong with policies, and what is odd about them. */
export const policy: Command = async (args, terminal) => {
  const [action, ...rest] = args;
  if (action !== 'check') return usageError(terminal, 'policy knows one action: policy check PATH...');
  let parsed: ReturnType<typeof parseCheck>;
  try {
    parsed = parseCheck(rest);
  } catch (error) {
    return usageError(terminal, error instanceof Error ? error.message : 'the options cannot be read.');
  }
  const { positionals: paths, values } = parsed;
  if (paths.length === 0) return usageError(terminal, 'policy check needs at least one file or directory.');
  return check(paths, values.root, terminal);
};

function parseCheck(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: { root: { type: 'string' } } });
}

/** @param root where absolute paths in the policies are looked up */
async function check(paths: readonly string[], root: string | undefined, terminal: Terminal): Promise<number> {
  const loaded = await loadPolicies(paths.map((path) => ({ path, root })));
  if (!loaded.ok) {
    terminal.error(`${loaded.failure.message}\n`);
    return USAGE_ERROR;
  }
  const { sets, problems, warnings } = loaded.value;
  for (const { origin, message } of warnings) {
    terminal.out(`${origin.source}: ${origin.kind} "${origin.name}": warning: ${message}\n`);
  }
  if (problems.length > 0) {
    terminal.error(`${problemLines(problems, root)}\n`);
    return USAGE_ERROR;
  }
  const policies = sets.flatMap((set) => set.policies);
  terminal.out(
    `${policies.length} ${policies.length === 1 ? 'policy' : 'policies'} in ${paths.join(', ')}: no mistakes found.\n`,
  );
  return 0;
}
