import { failed, ok, type Result } from '../codes/result.ts';
import type { CredentialSource } from '../config/credentials.ts';
import type { Registry } from '../registry/registry.ts';
import type { Deadline } from './deadline.ts';

/**
 * Finds out which further credentials whoever asks has. A failure is the failure of every look-up that they might have
 * opened: it is never taken for having none.
 */
export type AskForCredentials = (signal: AbortSignal) => Promise<Result<CredentialSource>>;

/**
 * The registry as one decision reads it: as it is, or with the further credentials of whoever asks. Those are asked for
 * once, and only when the first image has to be looked at (DESIGN.md §4.4).
 */
export function accessFor(
  registry: Registry,
  ask: AskForCredentials | undefined,
  deadline: Deadline,
): () => Promise<Result<Registry>> {
  if (ask === undefined) return () => Promise.resolve(ok(registry));
  let asked: Promise<Result<Registry>> | undefined;
  return () => {
    asked ??= inTime(ask, deadline.signal()).then((credentials) =>
      credentials.ok ? ok(registry.with(credentials.value)) : credentials,
    );
    return asked;
  };
}

function inTime(ask: AskForCredentials, signal: AbortSignal): Promise<Result<CredentialSource>> {
  const late = () => failed('DEADLINE_EXCEEDED', 'the pull secrets could not be read in time');
  if (signal.aborted) return Promise.resolve(late());
  return new Promise((resolve, reject) => {
    const leave = () => resolve(late());
    signal.addEventListener('abort', leave, { once: true });
    ask(signal)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', leave));
  });
}
