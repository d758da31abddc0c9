import { printable } from '../../../encoding/escape.ts';

/**
 * What keeps a text from being a scope of a transport; undefined where it is one. Every transport has the scope that is
 * empty, the `docker` transport any, and those that nobody knows as well.
 * @see reference/openshift-containers.md §2.1
 */
export function scopeProblem(transport: string, scope: string): string | undefined {
  const rule = RULES.get(transport);
  return scope === '' || rule === undefined ? undefined : rule(scope);
}

/** Whether containers/image knows the transport; the scopes of any other are never asked. */
export function isTransport(name: string): boolean {
  return name === 'docker' || RULES.has(name);
}

type Rule = (scope: string) => string | undefined;

const RULES: ReadonlyMap<string, Rule> = new Map([
  ['dir', isPathScope],
  ['oci', isPathScope],
  ['oci-archive', isPathScope],
  ['sif', isPathScope],
  ['docker-archive', onlyEmpty],
  ['tarball', onlyEmpty],
  ['docker-daemon', (scope) => (isAnyDigest(scope) ? 'a digest cannot be a scope' : undefined)],
  ['atomic', (scope) => (isAtomicScope(scope) ? undefined : 'it is not HOST[/NAMESPACE[/STREAM[:TAG]]]')],
  ['containers-storage', storageProblem],
]);

function onlyEmpty(): string {
  return 'the transport has no scope but ""';
}

function isPathScope(scope: string): string | undefined {
  if (!scope.startsWith('/')) return 'it must be an absolute path';
  // It would say the same as "", and take precedence over it.
  if (scope === '/') return 'use the scope "" in its place';
  const unclean = scope
    .slice(1)
    .split('/')
    .some((part) => part === '' || part === '.' || part === '..');
  return unclean ? 'the path must have no empty component, no . and no ..' : undefined;
}

/** `[^/]*(/[^:/]*(/[^:/]*(:[^:/]*)?)?)?`, by hand. */
function isAtomicScope(scope: string): boolean {
  const [, namespace = '', stream = '', ...more] = scope.split('/');
  return more.length === 0 && !namespace.includes(':') && stream.split(':').length <= 2;
}

/** `[DRIVER@ROOT]` or `[ROOT]`, then a name and, behind each `@`, a digest or an image's identifier. */
function storageProblem(scope: string): string | undefined {
  const end = scope.indexOf(']');
  if (!scope.startsWith('[') || end < 0) return 'it must begin with a store, [DRIVER@ROOT] or [ROOT]';
  const store = scope.slice(1, end);
  const at = store.indexOf('@');
  const root = store.slice(at + 1);
  if (at === 0 || root === '') return 'the store must be [DRIVER@ROOT] or [ROOT]';
  if (!root.startsWith('/')) return `the root ${printable(JSON.stringify(root))} of the store must be an absolute path`;
  const [, second, third, ...more] = scope.slice(end + 1).split('@');
  if (more.length > 0) return 'it has too many parts';
  if (third === undefined) {
    const fits = second === undefined || isImageId(second) || isAnyDigest(second);
    return fits ? undefined : 'what follows the @ is neither a digest nor an identifier';
  }
  return second !== undefined && isAnyDigest(second) && isImageId(third)
    ? undefined
    : 'a digest and an identifier must follow the name';
}

const DIGESTS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

function isAnyDigest(text: string): boolean {
  const colon = text.indexOf(':');
  const hex = text.slice(colon + 1);
  return DIGESTS.get(text.slice(0, Math.max(colon, 0))) === hex.length && /^[0-9a-f]*$/.test(hex);
}

function isImageId(text: string): boolean {
  return isAnyDigest(`sha256:${text}`);
}
