import { canonicalPrefix } from '../../../image/canonical-prefix.ts';
import { isHost, isRepositoryPath, parseRepository, repositoryName } from '../../../image/reference.ts';

/** The scope of a statement for whatever no other statement names. */
export const ANY_REPOSITORY = '*';

/**
 * Why a text is no repository in full, `domain[:port]/path`, in one pass: notation's own pattern is exponential in V8.
 * @param scope anything but {@link ANY_REPOSITORY}
 * @returns undefined where it is one
 * @see reference/notation-ratify.md §1.8, §0.10
 */
export function scopeProblem(scope: string): string | undefined {
  if (scope.includes('*')) return 'it has a wildcard inside; "*" stands alone, and for every repository';
  if (scope.includes('://')) return 'it has a scheme; write the repository without it';
  const slash = scope.indexOf('/');
  const host = slash < 0 ? scope : scope.slice(0, slash);
  const path = slash < 0 ? '' : scope.slice(slash + 1);
  if (path.includes('@')) return 'it has a digest; write the repository without it';
  if (path.includes(':')) return 'it has a tag; write the repository without it';
  // notation reads no address of IPv6 here.
  const isWhole = slash >= 0 && !host.startsWith('[') && isHost(host) && isRepositoryPath(path);
  return isWhole ? undefined : 'it is no repository in full, such as example.com/team/app';
}

/** The form in which scopes are compared and looked up: hosts do not tell case apart, and Docker Hub has one name. */
export function scopeKey(scope: string): string {
  return canonicalPrefix(scope);
}

/**
 * Why no image can ever have the name of a scope, although notation reads it: runtimes read its text as another
 * repository, as they do with short names and with `local/name`, which notation has for images in folders; or they refuse it.
 * @param scope a repository in full
 * @returns undefined where one can
 */
export function neverMatches(scope: string): string | undefined {
  const meant = parseRepository(scope);
  if (!meant.ok) return meant.failure.message;
  const name = repositoryName(meant.value);
  return name === scopeKey(scope) ? undefined : `images of that name are those of ${name}; write it so`;
}
