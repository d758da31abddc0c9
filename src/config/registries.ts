import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { readPem } from '../encoding/pem.ts';
import { isHost, parseRepository, type Repository } from '../image/reference.ts';
import { type Credential, type CredentialSource, credentialId, NO_CREDENTIALS } from './credentials.ts';
import { dockerCredentials, parseDockerConfig } from './docker-config.ts';
import type { RegistryRule } from './registry-rules.ts';

const path = z.string().min(1);
const host = z
  .string()
  .refine((text) => isHost(text) && text.toLowerCase() === text, 'write HOST or HOST:PORT in lower case')
  .refine((text) => text !== 'index.docker.io' && text !== 'registry-1.docker.io', 'Docker Hub is docker.io');
const mirror = z.string().refine((text) => parseMirror(text) !== undefined, 'write HOST[:PORT][/PATH] in lower case');

/** Files with credentials are read again after this long. */
const REREAD_MS = 30_000;

/** Configuration of one registry host. */
const registrySchema = z.strictObject({
  /** Speak plain HTTP to this host and believe its network. */
  plainHttp: z.boolean().optional(),
  /** PEM file of the CA that signs this host's certificate, instead of the public ones. */
  caFile: path.optional(),
  /** Places tried before this host, in order; a path is put before the repository's own. */
  mirrors: z.array(mirror).max(16).optional(),
  credentials: z
    .union([
      z.strictObject({ username: z.string().min(1), password: z.string() }),
      z.strictObject({ usernameFile: path, passwordFile: path }),
      z.strictObject({ dockerConfig: path }),
    ])
    .optional(),
});

/** `registries {HOST: …}` of the configuration (DESIGN.md §5). */
export const registriesSchema = z.record(host, registrySchema);

/** The configuration of registries as it is written. */
export type RegistriesConfig = z.infer<typeof registriesSchema>;

/** A place that holds copies of another host's repositories. */
export type Mirror = {
  readonly host: string;
  /** Put before the repository's path; empty for none. */
  readonly pathPrefix: string;
};

/** How one host is reached. */
export type RegistryHost = {
  readonly plainHttp: boolean;
  /** PEM of the CA for this host. */
  readonly ca: string | undefined;
  readonly mirrors: readonly Mirror[];
};

/** The configuration with every file that it names read. */
export type LoadedRegistries = {
  readonly hosts: ReadonlyMap<string, RegistryHost>;
  readonly credentials: CredentialSource;
};

/**
 * Reads the files that the configuration names.
 * @param options `dockerConfig`: a Docker configuration for every host without credentials of its own;
 *   `allowHelpers`: see `dockerCredentials`
 * @returns TRUST_MATERIAL_UNAVAILABLE for a CA, REGISTRY_CREDENTIAL_UNUSABLE for a credential
 */
export async function loadRegistries(
  config: RegistriesConfig,
  options: {
    readonly dockerConfig?: string | undefined;
    readonly allowHelpers: boolean;
    readonly now?: () => number;
  },
): Promise<Result<LoadedRegistries>> {
  const reading = { allowHelpers: options.allowHelpers, now: options.now ?? Date.now };
  const hosts = new Map<string, RegistryHost>();
  const own = new Map<string, CredentialSource>();
  for (const [name, registry] of Object.entries(config)) {
    const ca = registry.caFile === undefined ? ok(undefined) : await readCa(registry.caFile);
    if (!ca.ok) return ca;
    const credentials = await readCredentials(registry.credentials, reading);
    if (!credentials.ok) return credentials;
    if (credentials.value !== undefined) own.set(name, credentials.value);
    const mirrors = (registry.mirrors ?? []).map(parseMirror).filter((place) => place !== undefined);
    hosts.set(name, { plainHttp: registry.plainHttp ?? false, ca: ca.value, mirrors });
  }

  const { dockerConfig } = options;
  const general =
    dockerConfig === undefined
      ? ok(NO_CREDENTIALS)
      : await rereading(() => readDocker(dockerConfig, options.allowHelpers), reading.now);
  if (!general.ok) return general;
  const sourceOf = (repository: Repository) => own.get(repository.host) ?? general.value;
  return ok({
    hosts,
    credentials: {
      id: (repository) => sourceOf(repository).id(repository),
      candidates: (repository) => sourceOf(repository).candidates(repository),
    },
  });
}

/** The mirrors of configured hosts as rules, like everything else that says where repositories are read. */
export function mirrorRules(hosts: ReadonlyMap<string, RegistryHost>): readonly RegistryRule[] {
  return [...hosts].flatMap(([host, { mirrors }]) => {
    if (mirrors.length === 0) return [];
    const places = mirrors.map((place) => ({
      location: place.pathPrefix === '' ? place.host : `${place.host}/${place.pathPrefix}`,
      insecure: false,
      serves: 'everything' as const,
    }));
    return [{ prefix: host, location: host, insecure: false, blocked: false, mirrors: places }];
  });
}

/** Reads a CA file and checks that it holds certificates and nothing else. */
export async function readCa(file: string): Promise<Result<string>> {
  const text = await read(file);
  if (text === undefined) return failed('TRUST_MATERIAL_UNAVAILABLE', `the CA file ${printable(file)} cannot be read`);
  const blocks = readPem(text, { junk: 'ignored', maxBlocks: 1_000 });
  return blocks.ok && blocks.value.every((block) => block.label === 'CERTIFICATE')
    ? ok(text)
    : failed('TRUST_MATERIAL_UNAVAILABLE', `the CA file ${printable(file)} does not hold certificates in PEM form`);
}

function parseMirror(text: string): Mirror | undefined {
  const slash = text.indexOf('/');
  const hostPart = slash < 0 ? text : text.slice(0, slash);
  if (!isHost(hostPart) || hostPart.toLowerCase() !== hostPart) return undefined;
  if (slash < 0) return { host: hostPart, pathPrefix: '' };
  const pathPrefix = text.slice(slash + 1);
  return parseRepository(`example.com/${pathPrefix}`).ok ? { host: hostPart, pathPrefix } : undefined;
}

type Reading = { readonly allowHelpers: boolean; readonly now: () => number };

async function readCredentials(
  credentials: RegistriesConfig[string]['credentials'],
  { allowHelpers, now }: Reading,
): Promise<Result<CredentialSource | undefined>> {
  if (credentials === undefined) return ok(undefined);
  if ('username' in credentials) return ok(fixed({ kind: 'basic', ...credentials }));
  return 'dockerConfig' in credentials
    ? rereading(() => readDocker(credentials.dockerConfig, allowHelpers), now)
    : rereading(() => readPair(credentials.usernameFile, credentials.passwordFile), now);
}

/**
 * Credentials of files that change while the server runs, as short-lived registry tokens do. What can no longer be read
 * keeps its last state: a registry that no longer takes it says so itself.
 */
async function rereading(
  load: () => Promise<Result<CredentialSource>>,
  now: () => number,
): Promise<Result<CredentialSource>> {
  const first = await load();
  if (!first.ok) return first;
  let current = first.value;
  let readAt = now();
  return ok({
    id: (repository) => current.id(repository),
    candidates: async (repository) => {
      if (now() - readAt >= REREAD_MS) {
        readAt = now();
        const next = await load();
        if (next.ok) current = next.value;
      }
      return current.candidates(repository);
    },
  });
}

async function readPair(usernameFile: string, passwordFile: string): Promise<Result<CredentialSource>> {
  const username = await read(usernameFile);
  const password = await read(passwordFile);
  if (username === undefined || password === undefined) {
    const file = username === undefined ? usernameFile : passwordFile;
    return failed('REGISTRY_CREDENTIAL_UNUSABLE', `the credential file ${printable(file)} cannot be read`);
  }
  // Editors and `kubectl create secret --from-file` leave a line end that is no part of the secret.
  return ok(fixed({ kind: 'basic', username: withoutLineEnd(username), password: withoutLineEnd(password) }));
}

async function readDocker(file: string, allowHelpers: boolean): Promise<Result<CredentialSource>> {
  const text = await read(file);
  if (text === undefined) {
    return failed('REGISTRY_CREDENTIAL_UNUSABLE', `the Docker configuration ${printable(file)} cannot be read`);
  }
  const config = parseDockerConfig(text);
  return config.ok ? ok(dockerCredentials(config.value, { allowHelpers })) : config;
}

function fixed(credential: Credential): CredentialSource {
  const id = credentialId(credential);
  return { id: () => id, candidates: () => Promise.resolve(ok([credential])) };
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    // Whatever the reason, the caller names the file; a programming error is not to be hidden.
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

function withoutLineEnd(text: string): string {
  if (text.endsWith('\r\n')) return text.slice(0, -2);
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}
