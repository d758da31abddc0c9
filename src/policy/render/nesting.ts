/**
 * Whether machine-config-operator takes a scope to lie in another: equal, below it by a slash, or below its wildcard.
 *
 * What is rendered has to be what the operator writes, so this is its rule and not ours: a tag or a digest of a repository
 * is not within the repository here, and is where images are admitted (policy/scope.ts).
 * @see reference/openshift-containers.md §1.4
 */
export function operatorNests(inner: string, outer: string): boolean {
  if (inner === outer || inner.startsWith(`${outer}/`)) return true;
  if (!outer.startsWith('*.')) return false;
  const domain = outer.slice(1);
  const colon = inner.indexOf(':');
  if (colon >= 0) {
    const host = inner.slice(0, colon);
    return host.endsWith(domain) && !host.includes('/');
  }
  const slash = inner.indexOf('/');
  return (slash < 0 ? inner : inner.slice(0, slash)).endsWith(domain);
}
