import { parseArgs } from 'node:util';
import { type Configuration, defaultConfiguration, loadConfiguration } from '../config/configuration.ts';
import { loadPolicies } from '../policy/sources/load.ts';
import { describeProblem } from '../policy/sources/problem.ts';
import type { Verifier } from '../verifier/request.ts';
import { type Terminal, USAGE_ERROR, usageError } from './command.ts';
import { dockerConfigPath } from './docker-config-path.ts';
import { createEngine } from './engine.ts';

/** What `verify` and `review` were called with. */
export type OfflineArguments = {
  readonly operands: readonly string[];
  readonly policies: readonly string[];
  readonly namespace: string | undefined;
  readonly output: 'text' | 'json';
  readonly config: string | undefined;
};

/** Everything that deciding on a laptop or in CI needs. */
export type Offline = { readonly configuration: Configuration; readonly verifier: Verifier };

/** Reads the options that `verify` and `review` share; a number is the exit status of a wrong call. */
export function readOfflineArguments(args: readonly string[], terminal: Terminal): OfflineArguments | number {
  let parsed: ReturnType<typeof parseOffline>;
  try {
    parsed = parseOffline(args);
  } catch (error) {
    return usageError(terminal, error instanceof Error ? error.message : 'the options cannot be read.');
  }
  const { values, positionals } = parsed;
  const { output } = values;
  if (output !== 'text' && output !== 'json') return usageError(terminal, '--output is text or json.');
  return { operands: positionals, policies: values.policy, namespace: values.namespace, output, config: values.config };
}

function parseOffline(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      policy: { type: 'string', multiple: true, short: 'p', default: [] },
      namespace: { type: 'string', short: 'n' },
      output: { type: 'string', short: 'o', default: 'text' },
      config: { type: 'string', short: 'c' },
    },
  });
}

/**
 * Loads configuration and policies and puts the engine together. A policy that does not parse or compile is an error
 * here, where somebody is there to mend it (DESIGN.md §5).
 * @returns the exit status where something cannot be used; the terminal has been told why
 */
export async function startOffline(given: OfflineArguments, terminal: Terminal): Promise<Offline | number> {
  const refuse = (message: string): number => {
    terminal.error(`countersign: ${message}\n`);
    return USAGE_ERROR;
  };
  let configuration = defaultConfiguration(terminal.environment);
  if (given.config !== undefined) {
    const loaded = await loadConfiguration(given.config, terminal.environment);
    if (!loaded.ok) return refuse(loaded.failure.message);
    configuration = loaded.value;
  }
  const entries = [...configuration.policies, ...given.policies];
  if (entries.length === 0) return refuse('no policy is given: name one with --policy PATH, or in the configuration.');
  const policies = await loadPolicies(entries, configuration);
  if (!policies.ok) return refuse(policies.failure.message);
  for (const { origin, message } of policies.value.warnings) {
    terminal.error(`countersign: ${origin.source}: ${origin.kind} "${origin.name}": ${message}\n`);
  }
  if (policies.value.problems.length > 0) return refuse(policies.value.problems.map(describeProblem).join('\n'));

  const engine = await createEngine({
    configuration,
    policies: () => ({ sets: policies.value.sets, exemptions: [], storage: policies.value.storage }),
    mirrors: () => policies.value,
    allowHelpers: true,
    dockerConfig: dockerConfigPath(terminal.environment, true),
    onDefect: (error) =>
      terminal.error(`countersign: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown defect'}\n`),
  });
  if (!engine.ok) return refuse(engine.failure.message);
  for (const warning of engine.value.warnings) terminal.error(`countersign: ${warning}\n`);
  return { configuration, verifier: engine.value.verifier };
}
