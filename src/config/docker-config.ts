import { execFile } from 'node:child_process';
import { hash as digest } from 'node:crypto';
import { failed, ok, type Result } from '../codes/result.ts';
import { decodeBase64 } from '../encoding/base64.ts';
import { printable } from '../encoding/escape.ts';
import { asObject, type JsonObject, parseStrictJson, stringAt } from '../encoding/strict-json.ts';
import { type Repository, repositoryName } from '../image/reference.ts';
import { ANONYMOUS, type Credential, type CredentialSource, credentialId } from './credentials.ts';

/** A Docker configuration (`config.json`, `.dockerconfigjson`), as far as it concerns credentials. */
export type DockerConfig = {
  readonly entries: readonly Entry[];
  /** Helper by host. */
  readonly helpers: ReadonlyMap<string, string>;
  /** Helper for every host without an entry that carries a credential. */
  readonly store: string | undefined;
};

type Entry = {
  readonly key: string;
  /** `host` or `host/path`, which matches itself and everything below it. */
  readonly prefix: string;
  readonly credential: Result<Credential | undefined>;
};

type Choice =
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'helper'; readonly name: string }
  | undefined;

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const DOCKER_HUB_HOSTS: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io', DOCKER_HUB]);
const HELPER_TIMEOUT_MS = 10_000;
const HELPER_MAX_BYTES = 65_536;
const MAX_ENTRIES = 1_000;

/**
 * Reads a Docker configuration. An entry that cannot be read fails only for the images that it is for.
 * @returns REGISTRY_CREDENTIAL_UNUSABLE, with nothing of the content in its message
 */
export function parseDockerConfig(bytes: string | Uint8Array): Result<DockerConfig> {
  const json = parseStrictJson(bytes);
  const config = json.ok ? asObject(json.value) : undefined;
  if (config === undefined) return unusable('the Docker configuration is not a JSON object without duplicate keys');

  const auths = config['auths'] === undefined ? {} : asObject(config['auths']);
  const credHelpers = config['credHelpers'] === undefined ? {} : asObject(config['credHelpers']);
  if (auths === undefined || credHelpers === undefined) {
    return unusable('auths and credHelpers of a Docker configuration are objects');
  }
  const keys = Object.keys(auths);
  if (keys.length > MAX_ENTRIES) return unusable(`the Docker configuration has more than ${MAX_ENTRIES} entries`);

  const helpers = new Map<string, string>();
  for (const key of Object.keys(credHelpers)) helpers.set(prefixOf(key), stringAt(credHelpers, key) ?? '');
  const store = config['credsStore'] === undefined ? undefined : (stringAt(config, 'credsStore') ?? '');
  return ok({
    entries: keys.map((key) => ({ key, prefix: prefixOf(key), credential: credentialOf(key, asObject(auths[key])) })),
    helpers,
    store: store === '' ? undefined : store,
  });
}

/**
 * Credentials of a Docker configuration: the entry with the longest prefix of `host/path` wins.
 * @param options `allowHelpers`: whether `docker-credential-NAME` may be run, which only a command line tool may; where
 *   not, a repository that a helper would answer for is refused with REGISTRY_CREDENTIAL_UNUSABLE
 */
export function dockerCredentials(config: DockerConfig, options: { readonly allowHelpers: boolean }): CredentialSource {
  return {
    id(repository) {
      const choice = choose(config, repository);
      if (choice === undefined) return ANONYMOUS;
      if (choice.kind === 'helper') return hash(`helper ${choice.name} ${repository.host}`);
      return idOf(choice.entry);
    },
    async candidates(repository) {
      const choice = choose(config, repository);
      if (choice === undefined) return ok([]);
      if (choice.kind === 'entry') return listed(choice.entry.credential);
      const shown = `the credential helper ${printable(choice.name, 60)} for ${repository.host}`;
      if (!options.allowHelpers) return unusable(`${shown} is not run by the server`);
      if (!/^[A-Za-z0-9._-]{1,64}$/.test(choice.name)) return unusable(`${shown} has a name that no helper has`);
      const server = repository.host === DOCKER_HUB ? DOCKER_HUB_KEY : repository.host;
      return listed(await askHelper(choice.name, server, shown));
    },
  };
}

const idOf = ({ credential, key }: Entry): string =>
  credential.ok ? credentialId(credential.value) : hash(`broken ${key}`);

const isWithin = (name: string, { prefix }: Entry): boolean => name === prefix || name.startsWith(`${prefix}/`);

const carries = ({ credential }: Entry): boolean => !credential.ok || credential.value !== undefined;

function listed(found: Result<Credential | undefined>): Result<readonly Credential[]> {
  return found.ok ? ok(found.value === undefined ? [] : [found.value]) : found;
}

function choose(config: DockerConfig, repository: Repository): Choice {
  const name = repositoryName(repository);
  const helper = config.helpers.get(repository.host);
  if (helper !== undefined) return { kind: 'helper', name: helper };
  let best: Entry | undefined;
  for (const entry of config.entries) {
    if (isWithin(name, entry) && (best === undefined || entry.prefix.length > best.prefix.length)) best = entry;
  }
  if (best !== undefined && carries(best)) return { kind: 'entry', entry: best };
  return config.store === undefined ? undefined : { kind: 'helper', name: config.store };
}

/** `https://index.docker.io/v1/` and its kin are docker.io; scheme, version path and trailing slashes do not count. */
function prefixOf(key: string): string {
  const scheme = key.indexOf('://');
  let rest = scheme < 0 ? key : key.slice(scheme + 3);
  while (rest.endsWith('/')) rest = rest.slice(0, -1);
  if (rest.endsWith('/v1') || rest.endsWith('/v2')) rest = rest.slice(0, -3);
  const slash = rest.indexOf('/');
  const host = (slash < 0 ? rest : rest.slice(0, slash)).toLowerCase();
  const path = slash < 0 ? '' : rest.slice(slash);
  return (DOCKER_HUB_HOSTS.has(host) ? DOCKER_HUB : host) + path;
}

function credentialOf(key: string, entry: JsonObject | undefined): Result<Credential | undefined> {
  const shown = `the entry ${printable(key, 200)} of the Docker configuration`;
  if (entry === undefined) return unusable(`${shown} is no object`);
  const token = stringAt(entry, 'identitytoken');
  if (token !== undefined && token !== '') return ok({ kind: 'identity-token', token });

  const auth = stringAt(entry, 'auth');
  if (auth !== undefined && auth !== '') {
    const decoded = decodeBase64(auth, { newlines: 'ignored' });
    if (!decoded.ok) return unusable(`${shown} has an auth that is not base64`);
    const text = Buffer.from(decoded.value).toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 1) return unusable(`${shown} has an auth that is not USER:PASSWORD`);
    // Docker pads old entries with NUL characters.
    let end = text.length;
    while (end > colon + 1 && text.charCodeAt(end - 1) === 0) end--;
    return ok({ kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1, end) });
  }
  const username = stringAt(entry, 'username');
  const password = stringAt(entry, 'password');
  if (username === undefined || username === '') return ok(undefined);
  return password === undefined ? unusable(`${shown} has no password`) : ok({ kind: 'basic', username, password });
}

function askHelper(name: string, server: string, shown: string): Promise<Result<Credential | undefined>> {
  return new Promise((resolve) => {
    const limits = { timeout: HELPER_TIMEOUT_MS, maxBuffer: HELPER_MAX_BYTES, encoding: 'utf8' } as const;
    const child = execFile(`docker-credential-${name}`, ['get'], limits, (error, stdout) => {
      if (error !== null) {
        // The protocol's one way to say that there is none (docker-credential-helpers, credentials/error.go).
        const none = stdout.trim() === 'credentials not found in native keychain';
        resolve(none ? ok(undefined) : unusable(`${shown} failed`));
        return;
      }
      const json = parseStrictJson(stdout.trim());
      const answer = json.ok ? asObject(json.value) : undefined;
      const username = answer && stringAt(answer, 'Username');
      const secret = answer && stringAt(answer, 'Secret');
      if (username === undefined || secret === undefined) resolve(unusable(`${shown} answered something else`));
      else if (username === '<token>') resolve(ok({ kind: 'identity-token', token: secret }));
      else resolve(ok({ kind: 'basic', username, password: secret }));
    });
    // A helper that ends without reading closes the pipe; what it came to is in the callback above.
    child.stdin?.on('error', (error) => error);
    child.stdin?.end(server);
  });
}

const hash = (text: string): string => digest('sha256', text);

function unusable(message: string): Result<never> {
  return failed('REGISTRY_CREDENTIAL_UNUSABLE', message);
}
