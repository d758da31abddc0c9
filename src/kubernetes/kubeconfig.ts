import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { KubeConfig, User } from '@kubernetes/client-node';
import { parse as parseYaml } from 'yaml';
import * as z from 'zod';
import { failed, ok, type Result } from '../codes/result.ts';
import { printable } from '../encoding/escape.ts';
import { bearer, type Cluster, type ClusterAccess } from './cluster.ts';

/** How a kubeconfig is read. */
export type KubeconfigOptions = {
  /** Files in the order of `KUBECONFIG`; see {@link kubeconfigFiles}. */
  readonly files: readonly string[];
  /** Another context than the current one. */
  readonly context?: string;
  /**
   * Whether credential plugins may be run and identity providers asked, which only a command line tool may: a file that
   * somebody hands to the server must not name programs.
   */
  readonly allowPlugins: boolean;
  readonly now?: () => number;
};

/** Files are read again after this long, as client-go does with those of tokens. */
const REREAD_MS = 60_000;

/** The fields of users that KubeConfig does not read, without which one would be somebody else. */
const Unread = z.object({
  users: z
    .array(
      z.object({
        name: z.string(),
        user: z
          .object({
            tokenFile: z.string().optional(),
            'as-groups': z.unknown().optional(),
            'as-uid': z.unknown().optional(),
            'as-user-extra': z.unknown().optional(),
          })
          .nullish(),
      }),
    )
    .nullish(),
});

type Loaded = { readonly config: KubeConfig; readonly tokenFiles: ReadonlyMap<string, string> };

/** The files that kubectl would read: those of `KUBECONFIG`, else `~/.kube/config`. */
export function kubeconfigFiles(env: Readonly<Record<string, string | undefined>> = process.env): readonly string[] {
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (named.length > 0) return named;
  return env['HOME'] === undefined ? [] : [join(env['HOME'], '.kube', 'config')];
}

/**
 * The cluster of a kubeconfig, by the Kubernetes project's own reader, which is loaded here and not before.
 *
 * Narrower than kubectl in three ways: `insecure-skip-tls-verify` is refused, plain HTTP goes to this machine only and
 * carries no credential (`kubectl proxy`), and impersonation with groups is refused because the reader would drop them.
 * @returns CONFIGURATION_INVALID; of `access` also CLUSTER_FORBIDDEN where a plugin gives no credential
 */
export async function fromKubeconfig(options: KubeconfigOptions): Promise<Result<Cluster>> {
  const now = options.now ?? Date.now;
  if (options.files.length === 0) return invalid('there is no kubeconfig: neither KUBECONFIG nor HOME is set');
  const first = await load(options);
  if (!first.ok) return first;
  const shown = printable(options.files.join(delimiter));
  const cluster = first.value.config.getCurrentCluster();
  const server = cluster === null || !URL.canParse(cluster.server) ? undefined : new URL(cluster.server);
  if (cluster === null || server === undefined) return invalid(`${shown} does not say where the API server is`);

  const { proxyUrl } = cluster;
  if (cluster.skipTLSVerify) return invalid(`${shown} asks to skip the check of the API server's certificate`);
  if (server.protocol !== 'https:' && !isThisMachine(server)) return invalid(`${shown} names a server without https`);
  if (server.search !== '' || server.hash !== '' || server.username !== '') return invalid(`${shown} names no server`);
  if (proxyUrl && !proxyUrl.startsWith('http')) return invalid(`${shown} names a proxy that does not speak HTTP`);

  let current = first.value;
  let readAt = now();
  return ok({
    server,
    namespace: current.config.getContextObject(current.config.getCurrentContext())?.namespace,
    access: async () => {
      // A plugin keeps its credential in the reader, so there the reader stays.
      if (now() - readAt >= REREAD_MS && !usesPlugin(current.config.getCurrentUser())) {
        readAt = now();
        const next = await load(options);
        // Half a file, as an editor leaves it for a moment, must not make somebody else of us.
        if (next.ok && next.value.config.getCurrentCluster()?.server === cluster.server) current = next.value;
      }
      const access = server.protocol === 'https:' ? await accessOf(current) : ok({ headers: {}, tls: {} });
      return access.ok && proxyUrl ? ok({ ...access.value, proxy: proxyUrl }) : access;
    },
  });
}

async function load(options: KubeconfigOptions): Promise<Result<Loaded>> {
  const client = await import('@kubernetes/client-node').catch(() => undefined);
  if (client === undefined)
    return invalid(
      'this build cannot read kubeconfig files: leave kubernetes.kubeconfig out to use the service account',
    );
  const { KubeConfig } = client;
  const config = new KubeConfig();
  const tokenFiles = new Map<string, string>();
  for (const file of options.files) {
    const shown = `the kubeconfig ${printable(file)}`;
    try {
      const text = await readFile(file, 'utf8');
      const unread = Unread.safeParse(parseYaml(text));
      if (!unread.success) return invalid(`${shown} does not have the shape of one`);
      for (const { name, user } of unread.data.users ?? []) {
        if (
          user?.['as-groups'] !== undefined ||
          user?.['as-uid'] !== undefined ||
          user?.['as-user-extra'] !== undefined
        )
          return invalid(`${shown} asks to impersonate with groups, which countersign cannot`);
        if (user?.tokenFile !== undefined) tokenFiles.set(name, resolve(dirname(file), user.tokenFile));
      }
      const one = new KubeConfig();
      one.loadFromString(text);
      one.makePathsAbsolute(dirname(resolve(file)));
      // The first file that names a current context decides, as with kubectl.
      config.mergeConfig(one, Boolean(config.getCurrentContext()));
    } catch (error) {
      // The text of an error may quote the file, and with it a token.
      return invalid(`${shown} cannot be read${codeOf(error)}`);
    }
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  if (usesPlugin(config.getCurrentUser()) && !options.allowPlugins) {
    return invalid('the kubeconfig names a credential plugin, which is run by the command line alone');
  }
  return ok({ config, tokenFiles });
}

async function accessOf({ config, tokenFiles }: Loaded): Promise<Result<ClusterAccess>> {
  const wanted: RequestOptions & { headers: Record<string, string>; servername?: string } = { headers: {} };
  try {
    await config.applyToHTTPSOptions(wanted);
  } catch (error) {
    // What a plugin wrote may hold half a token, so not even the cause is kept.
    return failed('CLUSTER_FORBIDDEN', `the kubeconfig gives no credential${codeOf(error)}`);
  }
  const user = config.getCurrentUser();
  const tokenFile = user?.token ? undefined : tokenFiles.get(user?.name ?? '');
  const token = tokenFile === undefined ? ok({}) : await bearer(tokenFile);
  if (!token.ok) return token;
  const basic =
    typeof wanted.auth === 'string' ? { authorization: `Basic ${Buffer.from(wanted.auth).toString('base64')}` } : {};
  const headers = Object.entries(wanted.headers).map(([name, value]) => [name.toLowerCase(), value]);
  const { servername } = wanted;
  return ok({
    headers: { ...basic, ...Object.fromEntries(headers), ...token.value },
    tls: {
      ...pem('ca', wanted.ca),
      ...pem('cert', wanted.cert),
      ...pem('key', wanted.key),
      ...(servername === undefined ? {} : { servername }),
    },
  });
}

function pem(name: 'ca' | 'cert' | 'key', value: unknown): Partial<Record<'ca' | 'cert' | 'key', string>> {
  if (typeof value === 'string') return { [name]: value };
  return Buffer.isBuffer(value) ? { [name]: value.toString('utf8') } : {};
}

const usesPlugin = (user: User | null): boolean => Boolean(user?.exec) || Boolean(user?.authProvider);

function isThisMachine(server: URL): boolean {
  return server.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(server.hostname);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
}

function invalid(message: string): Result<never> {
  return failed('CONFIGURATION_INVALID', message);
}
