import { parseDigest } from '../../../image/digest.ts';
import { isHost, isRepositoryPath, isTag } from '../../../image/reference.ts';
import { canonicalScope } from '../../scope.ts';

/**
 * Why no image can ever be found by a scope of the `docker` transport; undefined where one can. containers/image reads
 * any text there, so that a slip of the pen protects nothing and is not noticed.
 * @see reference/openshift-containers.md §2.2
 */
export function neverMatches(written: string): string | undefined {
  const scope = canonicalScope(written);
  if (scope === '') return undefined;
  if (scope.startsWith('*.')) {
    return isHost(scope.slice(2)) && !scope.includes(':') ? undefined : 'a wildcard stands for a part of a host alone';
  }
  const at = scope.indexOf('@');
  const tagged = at < 0 ? scope : scope.slice(0, at);
  const slash = tagged.indexOf('/');
  const host = slash < 0 ? tagged : tagged.slice(0, slash);
  const colon = slash < 0 ? -1 : tagged.indexOf(':', slash);
  const path = tagged.slice(slash + 1, colon < 0 ? undefined : colon);

  if (at >= 0 && colon >= 0) return 'images are looked up by tag or by digest, never by both';
  if (at >= 0 && !parseDigest(scope.slice(at + 1)).ok) return 'what follows the @ is no sha256 digest';
  if (colon >= 0 && !isTag(tagged.slice(colon + 1))) return 'what follows the colon is no tag';
  if (!isHost(host)) return 'it does not begin with a registry';
  if (!isFullHost(host)) return 'it must begin with the full name of a registry, such as docker.io/library';
  if (slash < 0) return at < 0 ? undefined : 'a registry has no digest';
  if (!isRepositoryPath(path)) return 'what follows the registry is no path of a repository';
  const isImage = at >= 0 || colon >= 0;
  if (isImage && host === 'docker.io' && !path.includes('/'))
    return 'the full name of such an image has library/ in it';
  return undefined;
}

/** A first component that is none of these is taken for a part of a name on Docker Hub. */
function isFullHost(host: string): boolean {
  return host.includes('.') || host.includes(':') || host === 'localhost';
}
