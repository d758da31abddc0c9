import type { Command } from './command.ts';
import { usageError } from './command.ts';

/**
 * `countersign trust update|show`: refreshes a trusted root by TUF, and says what a trusted root holds. Each is loaded when it
 * is asked for: the TUF library is of no use to any other command, and must not be in a process that serves.
 */
export const trust: Command = async (args, terminal) => {
  const [action, ...rest] = args;
  if (action === 'update') return (await import('./trust/update.ts')).update(rest, terminal);
  if (action === 'show') return (await import('./trust/show.ts')).show(rest, terminal);
  return usageError(terminal, 'trust knows two actions: trust update --output FILE, and trust show [FILE].');
};
