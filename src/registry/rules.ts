import { failed, ok, type Result } from '../codes/result.ts';
import type { MirrorPlace, RegistryRule } from '../config/registry-rules.ts';
import { printable } from '../encoding/escape.ts';
import { canonicalPrefix } from '../image/canonical-prefix.ts';
import { isHost, isRepositoryPath, parseRepository, type Repository, repositoryName } from '../image/reference.ts';
import { repositoryChain } from '../image/scope-chain.ts';

/** A physical place where a repository may be read. */
export type Place = {
  readonly location: Repository;
  readonly insecure: boolean;
  readonly serves: MirrorPlace['serves'];
};

/** Every place where one repository may be read, in the order in which they are asked. */
export type Route = {
  readonly places: readonly Place[];
  /** The prefix of the rule for whose sake a place was left out. */
  readonly blockedBy: string | undefined;
};

/** Finds the route of a repository. @returns REFERENCE_INVALID where a rule makes a name of it that is none */
export type Routes = (repository: Repository) => Result<Route>;

/** A rule that changes nothing about the repositories under it. */
const unchanged = (repository: Repository): RegistryRule => {
  const name = repositoryName(repository);
  return { prefix: name, location: name, insecure: false, blocked: false, mirrors: [] };
};

/**
 * Makes the routes of rules. The longest prefix holds alone; of equal ones the first.
 *
 * Which places are blocked is asked by their physical names too, as containers/image does: a place that is never to be
 * contacted is not contacted as somebody's mirror either. Mirrors of mirrors are not followed, so that nothing goes in circles.
 */
export function createRoutes(rules: readonly RegistryRule[]): Routes {
  const byPrefix = new Map<string, RegistryRule>();
  for (const rule of rules) if (!byPrefix.has(rule.prefix)) byPrefix.set(rule.prefix, rule);

  const ruleFor = (repository: Repository): RegistryRule | undefined => {
    if (byPrefix.size === 0) return undefined;
    for (const name of repositoryChain(repository)) {
      const rule = byPrefix.get(name);
      if (rule !== undefined) return rule;
    }
    return undefined;
  };

  return (repository) => {
    const rule = ruleFor(repository) ?? unchanged(repository);
    const source: MirrorPlace = { location: rule.location, insecure: rule.insecure, serves: 'everything' };
    let blockedBy = rule.blocked ? rule.prefix : undefined;
    const places: Place[] = [];
    for (const { location, insecure, serves } of rule.blocked ? rule.mirrors : [...rule.mirrors, source]) {
      const moved = relocate(repository, rule.prefix, location);
      if (!moved.ok) return moved;
      const there = ruleFor(moved.value);
      if (there?.blocked === true) blockedBy ??= there.prefix;
      else places.push({ location: moved.value, insecure, serves });
    }
    return ok({ places, blockedBy });
  };
}

/** The repository with a location in its prefix's place; under a wildcard the host's name is what is replaced. */
function relocate(repository: Repository, prefix: string, location: string): Result<Repository> {
  if (location === prefix) return checked(repository);
  const { host } = repository;
  const end = prefix.startsWith('*.') ? host.split(':', 1).join('').length : prefix.length;
  return named(canonicalPrefix(`${location}${repositoryName(repository).slice(end)}`));
}

function named(name: string): Result<Repository> {
  const slash = name.indexOf('/');
  const [host, path] = slash < 0 ? [name, ''] : [name.slice(0, slash), name.slice(slash + 1)];
  // Docker Hub's own short names are completed; any other host is one although it has neither dot nor port.
  return host === 'docker.io' && path !== '' ? parseRepository(name) : checked({ host, path });
}

function checked(repository: Repository): Result<Repository> {
  const { host, path } = repository;
  if (!isHost(host)) return failed('REFERENCE_INVALID', `${printable(host)} is not the name of a host`);
  if (!isRepositoryPath(path)) {
    return failed('REFERENCE_INVALID', `${printable(path)} is not the path of a repository`);
  }
  return ok(repository);
}
