import { createHash } from 'node:crypto';
import type { Result } from '../codes/result.ts';
import type { Repository } from '../image/reference.ts';

/** What opens a registry. It is secret: it stands in no message, no log line and no cache key. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** A refresh token that the token realm turns into access tokens (`identitytoken` of a Docker configuration). */
  | { readonly kind: 'identity-token'; readonly token: string };

/** Where credentials for physical repositories come from. */
export type CredentialSource = {
  /** Tells apart which credential a repository gets, without asking for it and without revealing it. */
  readonly id: (repository: Repository) => string;
  /** @returns undefined for none; REGISTRY_CREDENTIAL_UNUSABLE naming the entry, never the secret */
  readonly find: (repository: Repository) => Promise<Result<Credential | undefined>>;
};

/** The id of having no credential. */
export const ANONYMOUS = 'anonymous';

/** A source that has none. */
export const NO_CREDENTIALS: CredentialSource = {
  id: () => ANONYMOUS,
  find: () => Promise.resolve({ ok: true, value: undefined }),
};

/** A name for a credential that tells it from others and does not reveal it: its SHA-256. */
export function credentialId(credential: Credential | undefined): string {
  if (credential === undefined) return ANONYMOUS;
  const parts =
    credential.kind === 'basic'
      ? ['basic', credential.username, credential.password]
      : ['identity-token', credential.token];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
