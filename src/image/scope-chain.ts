import { type Repository, repositoryName } from './reference.ts';

/**
 * Everything that names a repository in the files of containers/image, most specific first: its name, each parent
 * namespace, the registry with its port, then `*.` wildcards over the registry's name without its port.
 * @see reference/openshift-containers.md §2.2
 */
export function repositoryChain(repository: Repository): readonly string[] {
  const name = repositoryName(repository);
  return [name, ...namesAbove(name)];
}

/** Parents of a repository name, its registry, and the wildcards over that. */
export function namesAbove(name: string): readonly string[] {
  const above: string[] = [];
  let rest = name;
  for (let slash = rest.lastIndexOf('/'); slash >= 0; slash = rest.lastIndexOf('/')) {
    rest = rest.slice(0, slash);
    above.push(rest);
  }
  const colon = rest.indexOf(':');
  return [...above, ...wildcardsAbove(colon < 0 ? rest : rest.slice(0, colon))];
}

/** `a.b.c` gives `*.b.c` and `*.c`. */
export function wildcardsAbove(host: string): readonly string[] {
  const above: string[] = [];
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) above.push(`*.${host.slice(dot + 1)}`);
  return above;
}
