import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Der } from '../../../src/encoding/der-writer.ts';
import type { HttpClient } from '../../../src/http/client.ts';
import { createRevocation, type Revocation } from '../../../src/trust/revocation/revocation.ts';
import type { RevocationLimits } from '../../../src/trust/revocation/status.ts';
import { NOON, usage } from '../../fixtures/certificates.ts';
import { certify, certifyAuthority, type Party } from '../../fixtures/revocation.ts';
import { type AuthorityServer, clientFor, startAuthorityServer } from '../../fixtures/revocation-server.ts';

/** An authority with its web server, and what asks it, on a clock that tests move. */
export type World = {
  readonly server: AuthorityServer;
  readonly root: Party;
  readonly http: HttpClient;
  /** A certificate of the root's that names its sources. */
  readonly leaf: (...sources: readonly Der[]) => Party;
  /** Asks once, with nothing kept. */
  readonly once: (leaf: Party, options?: AskOptions) => Promise<string>;
  readonly start: (options?: AskOptions) => Revocation;
};

type AskOptions = {
  readonly signedAt?: number;
  readonly limits?: Partial<RevocationLimits>;
  readonly clock?: () => number;
  readonly signal?: AbortSignal;
};

/** Sets a world up for the tests of a file; its server forgets between tests. */
export function setUp(): World {
  let server: AuthorityServer | undefined;
  let http: HttpClient | undefined;
  const root = certifyAuthority('self', 'root');
  const running = (): AuthorityServer => {
    if (server === undefined) throw new Error('the server is not running yet');
    return server;
  };
  const client = (): HttpClient => (http ??= clientFor(running()));
  beforeAll(async () => {
    server = await startAuthorityServer();
  });
  afterEach(() => {
    server?.answers.clear();
    server?.requests.splice(0);
  });
  afterAll(async () => {
    await http?.close();
    await server?.close();
  });

  const start = ({ limits, clock }: AskOptions = {}): Revocation =>
    createRevocation(client(), { clock: clock ?? (() => NOON), ...(limits === undefined ? {} : { limits }) });
  return {
    get server() {
      return running();
    },
    root,
    get http() {
      return client();
    },
    leaf: (...sources) => certify(root, 'leaf', [usage(0), ...sources]),
    once: (leaf, options = {}) => said(start(options), [leaf, root], options),
    start,
  };
}

/** What a chain comes to: its kind, and the message behind it. */
export async function said(
  revocation: Revocation,
  chain: readonly Party[],
  { signedAt, signal }: AskOptions = {},
): Promise<string> {
  const certificates = chain.map(({ certificate }) => certificate);
  const status = await revocation.check(certificates, signedAt, signal ?? AbortSignal.timeout(10_000));
  return status.kind === 'good' ? 'good' : `${status.kind}: ${status.message}`;
}
