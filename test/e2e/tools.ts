import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'vitest';

/** Tools that come from Debian or the like, and are on the path. */
const ON_PATH = ['docker-registry', 'etcd', 'gpg', 'haproxy', 'openssl', 'skopeo'] as const;
/** Tools that tools.sh builds, kubectl only where there is none. */
const BUILT = [
  ...['registry', 'cosign2', 'cosign3', 'containers-image', 'notation-go'],
  ...['kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm'],
] as const;
/** Without these CI fails; what else is missing is named with the number of its cases. */
const REQUIRED: ReadonlySet<Tool> = new Set<Tool>([
  ...ON_PATH,
  ...(['registry', 'notation-go', 'cosign3', 'helm', 'kubectl', 'kube-apiserver', 'kube-controller-manager'] as const),
]);

/** A real tool that judges countersign. */
export type Tool = (typeof ON_PATH)[number] | (typeof BUILT)[number];

const paths: ReadonlyMap<Tool, string> = findTools();

/** Path of a tool that is there; cases ask for it inside {@link describeWith}. */
export function toolPath(tool: Tool): string {
  const path = paths.get(tool);
  if (path === undefined) throw new Error(`${tool} is not on this machine`);
  return path;
}

/**
 * Cases that need tools. Where one is missing they are skipped and the title says which, so that the summary can count
 * them; in CI a missing required tool fails.
 */
export function describeWith(tools: readonly Tool[], title: string, cases: () => void): void {
  const missing = tools.filter((tool) => !paths.has(tool));
  if (missing.length === 0) {
    describe(title, cases);
    return;
  }
  describe.skip(`${title} [not here: ${missing.join(', ')}]`, cases);
  const required = missing.filter((tool) => REQUIRED.has(tool));
  if (process.env['CI'] !== undefined && required.length > 0) {
    it(`${title}: CI has ${required.join(', ')}`, () => {
      throw new Error(`required in CI and not there: ${required.join(', ')}`);
    });
  }
}

function findTools(): ReadonlyMap<Tool, string> {
  const printed = execFileSync('bash', [join(import.meta.dirname, 'tools.sh'), '--print'], { encoding: 'utf8' });
  const built = new Map(
    printed
      .split('\n')
      .map((line) => line.split('=', 2))
      .map(([name, path]) => [name, path]),
  );
  const found = new Map<Tool, string>();
  for (const tool of [...ON_PATH, ...BUILT]) {
    const path = built.get(tool) ?? onPath(tool);
    if (path !== undefined) found.set(tool, path);
  }
  return found;
}

function onPath(name: string): string | undefined {
  // Debian puts servers into /usr/sbin, which the path of a user need not name.
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
