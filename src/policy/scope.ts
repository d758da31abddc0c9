import { canonicalPrefix } from '../image/canonical-prefix.ts';
import { effectiveTag, type ImageReference, repositoryName } from '../image/reference.ts';
import { namesAbove, repositoryChain, wildcardsAbove } from '../image/scope-chain.ts';

/**
 * The scopes under which an image is looked up, most specific first: the exact reference, its repository, each parent
 * namespace, the registry with its port, then `*.` wildcards over the registry's name without its port.
 *
 * A reference with tag and digest has two chains, for both forms: whatever either finds must pass, or pinning would shed
 * a policy on the tag (MODEL.md M7). A name alone is asked for as `:latest`.
 * @see reference/openshift-containers.md §2.2
 */
export function scopeChains(reference: ImageReference): readonly (readonly string[])[] {
  const name = repositoryName(reference.repository);
  const general = repositoryChain(reference.repository);
  const tag = effectiveTag(reference);
  const chains: (readonly string[])[] = [];
  if (reference.digest !== undefined) chains.push([`${name}@${reference.digest}`, ...general]);
  if (tag !== undefined) chains.push([`${name}:${tag}`, ...general]);
  return chains;
}

/**
 * A scope in the form in which {@link scopeChains} writes it: host in lower case, Docker Hub under its one name, digest
 * in lower case. Compare scopes in this form only; show them as they were written.
 */
export function canonicalScope(scope: string): string {
  const canonical = canonicalPrefix(scope);
  const at = canonical.indexOf('@');
  return at < 0 ? canonical : canonical.slice(0, at) + canonical.slice(at).toLowerCase();
}

/**
 * Whether every image in scope `inner` is in scope `outer`: equal, or below it. A tag or digest of a repository is below
 * the repository, and `*.x` covers every subdomain with its ports, paths, tags and digests, as the documentation says and
 * machine-config-operator's code does not (the code would let a namespace replace the cluster's policy for one tag).
 * Both scopes must be canonical.
 * @see reference/openshift-containers.md §1.4
 */
export function isWithin(inner: string, outer: string): boolean {
  return scopesAbove(inner).includes(outer);
}

/** A canonical scope, followed by every scope that it lies in, most specific first. */
export function scopesAbove(scope: string): readonly string[] {
  if (scope.startsWith('*.')) return [scope, ...wildcardsAbove(scope.slice(2))];
  const at = scope.indexOf('@');
  const tagged = at < 0 ? scope : scope.slice(0, at);
  const slash = tagged.lastIndexOf('/');
  // Without a path, what follows a colon is a port: such a scope names a registry.
  const colon = slash < 0 ? -1 : tagged.indexOf(':', slash);
  const name = colon < 0 ? tagged : tagged.slice(0, colon);

  const above = [scope];
  if (at >= 0 && colon >= 0) above.push(`${name}${scope.slice(at)}`, tagged);
  if (name !== scope) above.push(name);
  return [...above, ...namesAbove(name)];
}
