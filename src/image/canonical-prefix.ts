/** Docker Hub's name, and the one that old references carry. They are one registry in every dialect (MODEL.md M7). */
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_LEGACY = 'index.docker.io';

/**
 * The canonical form of a text that starts with a registry host: a scope, a repository or a prefix of either.
 *
 * Hosts do not tell case apart, and `index.docker.io` means `docker.io`; without this a policy would be shed by writing
 * its image's host another way. What follows the host is kept as it is.
 * @see reference/openshift-containers.md §2.2
 */
export function canonicalPrefix(text: string): string {
  const slash = text.indexOf('/');
  const host = (slash < 0 ? text : text.slice(0, slash)).toLowerCase();
  const rest = slash < 0 ? '' : text.slice(slash);
  return `${host === DOCKER_HUB_LEGACY ? DOCKER_HUB : host}${rest}`;
}
