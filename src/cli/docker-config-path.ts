import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where Docker's own configuration is: below DOCKER_CONFIG where that is set, else below the home directory if `home`
 * says that somebody's own credentials may be used. Undefined where there is no such file.
 */
export function dockerConfigPath(
  environment: Readonly<Record<string, string | undefined>>,
  home: boolean,
): string | undefined {
  const folder = environment['DOCKER_CONFIG'] ?? (home ? join(homedir(), '.docker') : undefined);
  if (folder === undefined || folder === '') return undefined;
  const path = join(folder, 'config.json');
  return isThere(path) ? path : undefined;
}

/** A place that the permission model keeps from us is as good as none: nobody put a configuration there for us. */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}
