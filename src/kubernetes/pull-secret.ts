import { hash } from 'node:crypto';
import { failed, ok, type Result } from '../codes/result.ts';
import { ANONYMOUS, type Credential, type CredentialSource, credentialId } from '../config/credentials.ts';
import { type DockerConfig, parseDockerConfig } from '../config/docker-config.ts';
import { decodeBase64 } from '../encoding/base64.ts';
import { printable } from '../encoding/escape.ts';
import { asObject, type JsonObject, stringAt } from '../encoding/strict-json.ts';
import type { Repository } from '../image/reference.ts';

/** One entry of a pull secret, and the secret that it stands in. */
export type PullSecretEntry = DockerConfig['entries'][number] & { readonly secret: string };

/** The two types of Secrets that kubelet takes for pulling, with the key of their data. */
const DATA_KEYS: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/dockerconfigjson', '.dockerconfigjson'],
  ['kubernetes.io/dockercfg', '.dockercfg'],
]);

/**
 * Reads the entries of a pull secret. A Secret of another type, or without its data, has none: kubelet passes over it.
 * Credential helpers in it are passed over too, as by kubelet: whoever writes a Secret runs no program.
 * @param shown the secret's name, for messages
 * @returns REGISTRY_CREDENTIAL_UNUSABLE, with nothing of the content in its message
 */
export function readPullSecret(secret: JsonObject, shown: string): Result<readonly PullSecretEntry[]> {
  const type = stringAt(secret, 'type') ?? '';
  const key = DATA_KEYS.get(type);
  const data = key === undefined ? undefined : asObject(secret['data'])?.[key];
  if (data === undefined || data === '') return ok([]);

  const bytes = typeof data === 'string' ? decodeBase64(data) : undefined;
  if (bytes?.ok !== true) return unusable(`the pull secret ${shown} does not hold base64`);
  const text = Buffer.from(bytes.value).toString('utf8');
  // The older type is what stands under `auths` in the newer one.
  const config = parseDockerConfig(type.endsWith('dockercfg') ? `{"auths":${text}}` : text);
  if (!config.ok) return unusable(`the pull secret ${shown} does not hold a Docker configuration`);
  return ok(config.value.entries.map((entry) => ({ ...entry, secret: shown })));
}

/** Each is a request to the registry that it may refuse. */
const MAX_CANDIDATES = 16;

/**
 * Credentials of pull secrets, tried as kubelet tries them: hosts may have `*` and `?` in each label, paths match by
 * their beginning, the most specific entry comes first, and of equal ones the first secret's. An entry that cannot be
 * read fails the images that no other is for.
 */
export function pullCredentials(entries: readonly PullSecretEntry[]): CredentialSource {
  // Kubelet's order: sorted backwards, so that a longer path comes before a shorter one, and a name before a pattern.
  const ordered = entries
    .filter(({ credential }) => !credential.ok || credential.value !== undefined)
    .toSorted((a, b) => (a.prefix < b.prefix ? 1 : a.prefix > b.prefix ? -1 : 0));

  function chosen(repository: Repository): { readonly good: readonly Credential[]; readonly bad?: PullSecretEntry } {
    const matching = ordered.filter(({ prefix }) => matches(prefix, repository));
    const good = matching.flatMap(({ credential }) => (credential.ok && credential.value ? [credential.value] : []));
    const bad = matching.find(({ credential }) => !credential.ok);
    return { good: good.slice(0, MAX_CANDIDATES), ...(bad && { bad }) };
  }

  return {
    id(repository) {
      const { good, bad } = chosen(repository);
      const ids = [...new Set(good.map(credentialId))];
      if (ids.length === 0) return bad === undefined ? ANONYMOUS : hash('sha256', `broken ${bad.secret} ${bad.prefix}`);
      // One alone keeps its name, so that whoever has only that one shares what was read with it.
      return ids.length === 1 ? (ids[0] ?? ANONYMOUS) : hash('sha256', JSON.stringify(['pull secrets', ...ids]));
    },
    candidates(repository) {
      const { good, bad } = chosen(repository);
      if (good.length > 0 || bad === undefined) return Promise.resolve(ok(good));
      const host = printable(repository.host, 300);
      return Promise.resolve(unusable(`the pull secret ${bad.secret} has an entry for ${host} that cannot be read`));
    },
  };
}

function matches(prefix: string, repository: Repository): boolean {
  const slash = prefix.indexOf('/');
  const host = slash < 0 ? prefix : prefix.slice(0, slash);
  const path = slash < 0 ? '' : prefix.slice(slash + 1);
  if (!repository.path.startsWith(path)) return false;
  if (host === repository.host) return true;

  const [pattern, patternPort] = split(host);
  const [name, port] = split(repository.host);
  const patterns = pattern.split('.');
  const labels = name.split('.');
  if (patternPort !== port || patterns.length !== labels.length) return false;
  return labels.every((label, index) => fits(patterns[index] ?? '', label));
}

function split(host: string): readonly [string, string] {
  const colon = host.lastIndexOf(':');
  // What is in brackets is an address and no pattern.
  if (colon < 0 || host.startsWith('[')) return [host, ''];
  return [host.slice(0, colon), host.slice(colon + 1)];
}

/** Whether a label fits a pattern of `*` and `?`. It goes back to the last star alone, so it costs their product at most. */
function fits(pattern: string, label: string): boolean {
  let p = 0;
  let star = -1;
  let from = 0;
  for (let at = 0; at < label.length; ) {
    const c = pattern[p];
    if (c === '*') {
      star = p++;
      from = at;
    } else if (c === '?' || c === label[at]) {
      p++;
      at++;
    } else if (star >= 0) {
      p = star + 1;
      at = ++from;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function unusable(message: string): Result<never> {
  return failed('REGISTRY_CREDENTIAL_UNUSABLE', message);
}
