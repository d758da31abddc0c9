import type { Pair } from './certificates.ts';
import type { Folder } from './folder.ts';
import { answersHttp, freePort, type Service, startService } from './process.ts';
import { type Tool, toolPath } from './tools.ts';

/** A real registry on loopback. */
export type RealRegistry = Service & {
  /** Host and port, as an image reference names them. */
  readonly host: string;
};

/** A kind of registry: the tool it takes, and how one is started. */
export type RegistryKind = {
  readonly title: string;
  readonly tool: Tool;
  readonly start: (folder: Folder) => Promise<RealRegistry>;
};

/** Both kinds: Debian's, which has no referrers API (the fallback tag), and one that has it. */
export const REGISTRY_KINDS: readonly RegistryKind[] = [
  { title: 'docker-registry', tool: 'docker-registry', start: (folder) => startDockerRegistry(folder) },
  { title: 'a registry with the referrers API', tool: 'registry', start: startReferrersRegistry },
];

/** Whoever may read from and write to a docker-registry with `login`. */
export const LOGIN = { username: 'sentry', password: 'open-sesame' } as const;
/** LOGIN for htpasswd: bcrypt of the password, at its cheapest. */
const HTPASSWD = `${LOGIN.username}:$2a$04$dNkg8cyd26ydDbHG3oWXJeI.Cu182RjcAyI1yA.2KcB0lXkK49y0q\n`;

/** Debian's docker-registry, with basic authentication and TLS where asked for. */
export async function startDockerRegistry(
  folder: Folder,
  options: { readonly login?: boolean; readonly tls?: Pair } = {},
): Promise<RealRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const name = `docker-registry-${host.split(':')[1]}`;
  const configuration = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: folder.file(name) } },
    http: { addr: host, tls: options.tls && { certificate: options.tls.certFile, key: options.tls.keyFile } },
    auth: options.login ? { htpasswd: { realm: 'e2e', path: folder.write(`${name}.htpasswd`, HTPASSWD) } } : undefined,
  };
  const service = await startService({
    command: toolPath('docker-registry'),
    args: ['serve', folder.write(`${name}.json`, JSON.stringify(configuration))],
    log: folder.file(`${name}.log`),
    // A server that speaks TLS answers plain HTTP with 400, which is an answer.
    ready: () => answersHttp(`http://${host}/v2/`),
  });
  return { ...service, host };
}

/** go-containerregistry's registry with the referrers API on; it keeps everything in memory. */
export async function startReferrersRegistry(folder: Folder): Promise<RealRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const service = await startService({
    command: toolPath('registry'),
    args: [host],
    log: folder.file(`registry-${host.split(':')[1]}.log`),
    ready: () => answersHttp(`http://${host}/v2/`),
  });
  return { ...service, host };
}
