import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { failed, ok, type Result } from '../codes/result.ts';
import { readCa } from '../config/registries.ts';
import { printable } from '../encoding/escape.ts';

/** What a request needs now: who asks, and whom to believe. Secret: it stands in no message and no log line. */
export type ClusterAccess = {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: {
    /** PEM; undefined for the public authorities. */
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** Name in the server's certificate, where it is not the URL's. */
    readonly servername?: string;
  };
  /** URL of an HTTP proxy before the API server. */
  readonly proxy?: string;
};

/** Where the API server is, and how to speak to it. Its address stands in the configuration, so it may be any. */
export type Cluster = {
  readonly server: URL;
  /** The namespace that this process runs in, or that the kubeconfig's context names. */
  readonly namespace: string | undefined;
  /** Asked before every request, since tokens and authorities are replaced while the process runs. */
  readonly access: () => Promise<Result<ClusterAccess>>;
};

/** Where kubelet puts what a pod needs to speak to its API server. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The cluster that this process runs in. Token and CA are read for every request: kubelet replaces a bound token at four
 * fifths of its hour, and a request made a moment later with the old one would be refused.
 * @param folder,env for tests
 * @returns CONFIGURATION_INVALID outside of a cluster
 */
export async function inCluster(
  folder = SERVICE_ACCOUNT,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Result<Cluster>> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  const authority = host !== undefined && isIPv6(host) ? `[${host}]` : host;
  const url = `https://${authority}:${port}`;
  if (!host || !port || !URL.canParse(url)) {
    return failed(
      'CONFIGURATION_INVALID',
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not name an API server: this is not a pod',
    );
  }
  const namespace = await readText(join(folder, 'namespace'));
  return ok({
    server: new URL(url),
    namespace: namespace === undefined || namespace === '' ? undefined : namespace,
    access: async () => {
      const [ca, headers] = await Promise.all([readCa(join(folder, 'ca.crt')), bearer(join(folder, 'token'))]);
      if (!ca.ok) return ca;
      return headers.ok ? ok({ headers: headers.value, tls: { ca: ca.value } }) : headers;
    },
  });
}

/**
 * Reads a file with a token into the header that carries it.
 * @returns CLUSTER_FORBIDDEN, with nothing of the content in its message
 */
export async function bearer(file: string): Promise<Result<Readonly<Record<string, string>>>> {
  const token = await readText(file);
  // What is not visible ASCII is no token, and a line end in it would be the end of the header.
  if (token === undefined || !/^[!-~]+$/.test(token)) {
    return failed('CLUSTER_FORBIDDEN', `the token file ${printable(file)} cannot be read or holds no token`);
  }
  return ok({ authorization: `Bearer ${token}` });
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
