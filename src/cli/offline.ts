import { parseArgs } from 'node:util';
import { type Configuration, defaultConfiguration, loadConfiguration } from '../config/configuration.ts';
import { type LoadedPolicies, loadPolicies } from '../policy/sources/load.ts';
import type { Verifier } from '../verifier/request.ts';
import type { Policies } from '../verifier/select.ts';
import { type Terminal, USAGE_ERROR, usageError } from './command.ts';
import { dockerConfigPath } from './docker-config-path.ts';
import { createEngine } from './engine.ts';
import { problemLines } from './policy-problems.ts';

/** What `verify` and `review` were called with. */
export type OfflineArguments = {
  readonly operands: readonly string[];
  readonly policies: readonly string[];
  /** Where absolute paths in those policies are looked up. */
  readonly root: string | undefined;
  readonly namespace: string | undefined;
  readonly output: 'text' | 'json';
  readonly config: string | undefined;
  /** The name as which a folder is decided on. */
  readonly as: string | undefined;
};

/** What decides, before anything is there to be read through. */
export type Rules = { readonly configuration: Configuration; readonly policies: LoadedPolicies };

/** Everything that deciding on a laptop or in CI needs. */
export type Offline = Rules & { readonly verifier: Verifier };

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
  const { policy, root, namespace, config, as } = values;
  return { operands: positionals, policies: policy, root, namespace, output, config, as };
}

function parseOffline(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      policy: { type: 'string', multiple: true, short: 'p', default: [] },
      root: { type: 'string' },
      namespace: { type: 'string', short: 'n' },
      output: { type: 'string', short: 'o', default: 'text' },
      config: { type: 'string', short: 'c' },
      as: { type: 'string' },
    },
  });
}

/**
 * Loads configuration and policies. A policy that does not parse or compile is an error here, where somebody is there to
 * mend it (DESIGN.md §5).
 * @returns the exit status where something cannot be used; the terminal has been told why
 */
export async function loadRules(given: OfflineArguments, terminal: Terminal): Promise<Rules | number> {
  const refuse = (message: string): number => refused(message, terminal);
  let configuration = defaultConfiguration(terminal.environment);
  if (given.config !== undefined) {
    const loaded = await loadConfiguration(given.config, terminal.environment);
    if (!loaded.ok) return refuse(loaded.failure.message);
    configuration = loaded.value;
  }
  const entries = [...configuration.policies, ...given.policies.map((path) => ({ path, root: given.root }))];
  if (entries.length === 0) return refuse('no policy is given: name one with --policy PATH, or in the configuration.');
  const policies = await loadPolicies(entries, configuration);
  if (!policies.ok) return refuse(policies.failure.message);
  for (const { origin, message } of policies.value.warnings) {
    terminal.error(`countersign: ${origin.source}: ${origin.kind} "${origin.name}": ${message}\n`);
  }
  if (policies.value.problems.length > 0) return refuse(problemLines(policies.value.problems, given.root));
  return { configuration, policies: policies.value };
}

/**
 * Loads configuration and policies and puts the engine together.
 * @returns the exit status where something cannot be used; the terminal has been told why
 */
export async function startOffline(given: OfflineArguments, terminal: Terminal): Promise<Offline | number> {
  const rules = await loadRules(given, terminal);
  return typeof rules === 'number' ? rules : startEngine(rules, terminal);
}

/** Puts the engine together that asks registries. @returns as {@link startOffline} */
export async function startEngine(rules: Rules, terminal: Terminal): Promise<Offline | number> {
  const { configuration, policies } = rules;
  const engine = await createEngine({
    configuration,
    policies: () => inForce(rules),
    mirrors: () => policies,
    allowHelpers: true,
    dockerConfig: dockerConfigPath(terminal.environment, true),
    onDefect: (error) => tellDefect(error, terminal),
  });
  if (!engine.ok) return refused(engine.failure.message, terminal);
  for (const warning of engine.value.warnings) terminal.error(`countersign: ${warning}\n`);
  return { ...rules, verifier: engine.value.verifier };
}

/** The policies as the verifier takes them. */
export function inForce({ policies }: Rules): Policies {
  return { sets: policies.sets, exemptions: [], storage: policies.storage };
}

/** Tells of an exception inside the verifier, which is a refusal in the output. */
export function tellDefect(error: unknown, terminal: Terminal): void {
  const shown = error instanceof Error ? (error.stack ?? error.message) : 'unknown defect';
  terminal.error(`countersign: ${shown}\n`);
}

function refused(message: string, terminal: Terminal): number {
  terminal.error(`countersign: ${message}\n`);
  return USAGE_ERROR;
}
