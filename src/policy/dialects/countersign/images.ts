import { parseDigest } from '../../../image/digest.ts';
import { isHost, isRepositoryPath, isTag } from '../../../image/reference.ts';
import type { Scope } from '../../compiled.ts';
import { canonicalScope } from '../../scope.ts';
import { splitVersion } from './globs.ts';

/** Whether an item of `images` is a glob: it holds an asterisk, and is no `*.` in front of a domain. */
export function isGlob(item: string): boolean {
  return item.includes('*') && !isWildcardScope(item);
}

/**
 * What is against an item of `images`, as the rest of a sentence; undefined where it can name an image. One that never
 * could is refused, since it would be a policy that nobody applies.
 */
export function imageProblem(item: string): string | undefined {
  if (isGlob(item)) return globProblem(item);
  if (item.startsWith('*.')) return isHost(item.slice(2)) ? undefined : 'is no domain behind the *.';
  return scopeProblem(item);
}

/** The items as they are looked up, none twice. Globs stand as they were written: their tags tell case apart. */
export function ownScopes(items: readonly string[]): readonly Scope[] {
  const byCanonical = new Map(items.map((item) => [isGlob(item) ? item : canonicalScope(item), item]));
  return [...byCanonical].map(([canonical, written]) => ({ written, canonical }));
}

/**
 * Whether a name begins with a registry, as references are read: the first component holds a dot or a colon, or is
 * `localhost`. Without one it would silently be a name on Docker Hub.
 */
export function namesRegistry(name: string): boolean {
  const [first = ''] = name.split('/', 1);
  return first.includes('.') || first.includes(':') || first === 'localhost';
}

/** Whether the text is a registry, or one with the beginning of a repository's path behind it; no tag, no digest. */
export function isNamePrefix(name: string): boolean {
  const slash = name.indexOf('/');
  if (!namesRegistry(name) || !isHost(slash < 0 ? name : name.slice(0, slash))) return false;
  return slash < 0 || isRepositoryPath(name.slice(slash + 1));
}

function isWildcardScope(item: string): boolean {
  return item.startsWith('*.') && !item.includes('*', 2) && !item.includes('/') && !item.includes(':');
}

function scopeProblem(item: string): string | undefined {
  const slash = item.indexOf('/');
  if (slash < 0) {
    if (!namesRegistry(item)) return noRegistry(`library/${item}`);
    return isHost(item) ? undefined : 'is no registry, which is a host name with or without a port';
  }
  if (!namesRegistry(item)) return noRegistry(item);
  const host = item.slice(0, slash);
  if (!isHost(host)) return NO_HOST;

  const { name, separator, version } = splitVersion(item);
  const path = name.slice(slash + 1);
  if (separator === '@') {
    if (splitVersion(name).separator !== '') return BOTH;
    if (!parseDigest(version).ok) return 'ends in no digest, which is sha256: and 64 hexadecimal digits';
  }
  if (separator === ':' && !isTag(version)) return 'ends in no tag, which is 1 to 128 letters, digits, _, . or -';
  if (!isRepositoryPath(path))
    return 'has a repository path that no image can have; it is in lower case, without empty parts';
  if (separator !== '' && !path.includes('/') && canonicalScope(host) === 'docker.io') {
    return `is the name of no image, since Docker Hub calls its own images docker.io/library/${path}`;
  }
  return undefined;
}

function globProblem(item: string): string | undefined {
  if (item.includes('***'))
    return 'holds three asterisks in a row, which mean nothing: * stays within a part of the path, ** does not';
  const strange = Array.from(item).find((character) => !isNameCharacter(character));
  if (strange !== undefined)
    return `holds ${JSON.stringify(strange)}, which no image name holds: the wildcards are * and **`;

  const { name, separator, version } = splitVersion(item);
  if (separator === '@' && splitVersion(name).separator !== '') return BOTH;
  if (!name.includes('/') && !name.includes('**')) {
    return 'matches no image, whose name has at least one slash: write ** for every image, or ** behind a registry’s slash';
  }
  if (name.startsWith('/') || name.endsWith('/') || name.includes('//')) {
    return 'has an empty part in its path, which no image has';
  }
  const slash = name.indexOf('/');
  const path = slash < 0 ? '' : name.slice(slash);
  if (path !== path.toLowerCase()) return 'has capital letters in its path, which no image has';
  if (path.includes(':')) return 'has a colon inside of its path, which no image has';
  const host = slash < 0 ? name : name.slice(0, slash);
  if (!host.includes('*') && !namesRegistry(name)) return noRegistry(item);
  if (!host.includes('*') && !isHost(host)) return NO_HOST;
  if (separator === '@' && !version.startsWith('sha256:') && !version.startsWith('*')) {
    return 'ends in no digest, which begins with sha256:';
  }
  return separator !== '' && version === '' ? 'ends in an empty tag or digest' : undefined;
}

const NO_HOST = 'begins with no registry, which is a host name with or without a port';
const BOTH = 'has both a tag and a digest, and images are looked up by one of them: write the one that counts';

function noRegistry(item: string): string {
  return `names no registry: write docker.io/${item} if that is meant`;
}

function isNameCharacter(character: string): boolean {
  return /^[A-Za-z0-9._\-/:@*]$/.test(character);
}
