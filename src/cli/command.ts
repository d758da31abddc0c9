/** What a command may touch of the process it runs in; tests hand in their own. */
export type Terminal = {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether colours and progress make sense on standard output. */
  readonly interactive: boolean;
  readonly readStandardInput: () => Promise<string>;
};

/** Runs one command with the arguments behind its name; the number is the exit status (DESIGN.md §5). */
export type Command = (args: readonly string[], terminal: Terminal) => Promise<number>;

/** Exit status for wrong usage, and for policies or configuration that cannot be used. */
export const USAGE_ERROR = 2;

/** Says what is wrong with the call, and where help is. */
export function usageError(terminal: Terminal, message: string): number {
  terminal.error(`countersign: ${message}\nRun "countersign help" for the commands and their options.\n`);
  return USAGE_ERROR;
}
