import { hash } from 'node:crypto';
import { ok, type Result } from '../codes/result.ts';
import type { Repository } from '../image/reference.ts';

/** What opens a registry. It is secret: it stands in no message, no log line and no cache key. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** A refresh token that the token realm turns into access tokens (`identitytoken` of a Docker configuration). */
  | { readonly kind: 'identity-token'; readonly token: string };

/** Where credentials for physical repositories come from. */
export type CredentialSource = {
  /** Tells apart which credentials a repository gets, without asking for them and without revealing them. */
  readonly id: (repository: Repository) => string;
  /**
   * The credentials for a repository in the order in which they are tried, each only where the registry refused the one
   * before it.
   * @returns none for none; REGISTRY_CREDENTIAL_UNUSABLE naming the entry, never the secret
   */
  readonly candidates: (repository: Repository) => Promise<Result<readonly Credential[]>>;
};

/** The id of having no credential. */
export const ANONYMOUS = 'anonymous';

/** A source that has none. */
export const NO_CREDENTIALS: CredentialSource = {
  id: () => ANONYMOUS,
  candidates: () => Promise.resolve(ok([])),
};

/**
 * Several sources as one: what the first has for a repository, then what the second has, and so on. A source that cannot
 * say what it has fails the look-up, unless one before it has something to try.
 */
export function inTurn(sources: readonly CredentialSource[]): CredentialSource {
  const [only, ...others] = sources;
  if (only === undefined) return NO_CREDENTIALS;
  if (others.length === 0) return only;
  return {
    id: (repository) => {
      const ids = [...new Set(sources.map((source) => source.id(repository)).filter((id) => id !== ANONYMOUS))];
      // One alone keeps its name, so that whoever has only that one shares what was read with it.
      if (ids.length < 2) return ids[0] ?? ANONYMOUS;
      return hash('sha256', JSON.stringify(['in turn', ...ids]));
    },
    candidates: async (repository) => {
      const found: Credential[] = [];
      for (const source of sources) {
        const some = await source.candidates(repository);
        if (!some.ok) return found.length === 0 ? some : ok(found);
        found.push(...some.value);
      }
      return ok(found);
    },
  };
}

/** A name for a credential that tells it from others and does not reveal it: its SHA-256. */
export function credentialId(credential: Credential | undefined): string {
  if (credential === undefined) return ANONYMOUS;
  const parts =
    credential.kind === 'basic'
      ? ['basic', credential.username, credential.password]
      : ['identity-token', credential.token];
  return hash('sha256', JSON.stringify(parts));
}
