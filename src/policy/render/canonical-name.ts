import { parseReference, parseRepository, repositoryName } from '../../image/reference.ts';

/** The repository's name in a reference, as it is written: what stands before the tag and the digest. */
export function writtenName(reference: string): string {
  const at = reference.indexOf('@');
  const tagged = at < 0 ? reference : reference.slice(0, at);
  const colon = tagged.indexOf(':', tagged.lastIndexOf('/') + 1);
  return colon < 0 ? tagged : tagged.slice(0, colon);
}

/**
 * The repository's name in a reference that is written in full, as containers/image asks it of names that it puts
 * together: with its registry, and Docker Hub's in the one form that they have. A host may be in capitals.
 * @returns undefined where it is no reference, or another spelling of one
 */
export function canonicalName(reference: string): string | undefined {
  const name = writtenName(reference);
  const slash = name.indexOf('/');
  const host = name.slice(0, Math.max(slash, 0));
  if (!host.includes('.') && !host.includes(':') && host !== 'localhost') return undefined;
  const repository = parseReference(reference).ok ? parseRepository(name) : undefined;
  if (repository?.ok !== true) return undefined;
  return repositoryName(repository.value) === host.toLowerCase() + name.slice(slash) ? name : undefined;
}
