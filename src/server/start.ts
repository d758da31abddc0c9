import type { Server as PlainServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Failure, Result } from '../codes/result.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type CallerCertificates, type Callers, certificateRequest } from './callers.ts';
import type { PairFailure } from './certificate-pair.ts';
import { type CertificateSource, openCertificate, type ServingCertificate } from './certificates.ts';
import { type Answer, createServer, type ServerTimeouts, TLS_SETTINGS, type WebhookServer } from './create-server.ts';
import { createDrain } from './drain.ts';
import { createHealthServer } from './health.ts';
import { createLoad, type LoadLimits, type Unanswerable } from './load.ts';

/** An address to listen on; port 0 takes any that is free. */
export type Listen = { readonly host: string; readonly port: number };

/** What a server is started with; the configuration's parts under their own names. */
export type StartOptions = {
  readonly listen: Listen;
  readonly tls: CertificateSource;
  /** Where health and metrics are served; undefined for nowhere. */
  readonly metricsListen: Listen | undefined;
  readonly limits: LoadLimits;
  /** Milliseconds for a review that names no timeout. */
  readonly deadline: number;
  readonly drainSeconds: number;
  /** What answers each path; see `createValidate`. */
  readonly routes: Readonly<Record<string, Answer>>;
  /** Who is taken for the API server; nobody where it is left out. */
  readonly callers?: Callers;
  /** Why the policies are not ready, or undefined. Asked at each `/readyz`. */
  readonly policiesProblem: () => string | undefined;
  /** Why nothing can be answered now; requests are shed while there is a reason. */
  readonly unanswerable?: () => Unanswerable | undefined;
  /** What is worth telling of a server that is ready all the same. Asked at each `/readyz`. */
  readonly notes?: () => readonly string[];
  readonly metrics: Metrics;
  readonly logger: OperationalLogger;
  /** For tests. */
  readonly timeouts?: ServerTimeouts;
  readonly certificatePollEvery?: number;
  readonly graceSeconds?: number;
};

/** A server that listens. */
export type RunningServer = {
  /** `https://host:port`, with a host that can be connected to. */
  readonly url: string;
  /** The CA to trust, in self-signed mode. */
  readonly caPem: string | undefined;
  /** `http://host:port` of health and metrics. */
  readonly metricsUrl: string | undefined;
  /** Stops in order: not ready, accepting for `drainSeconds`, answering what is under way, gone. */
  readonly drain: () => Promise<void>;
  /** Stops without waiting for anybody to notice: answers what is under way, and is gone. */
  readonly close: () => Promise<void>;
  /** Looks at the certificate files now. */
  readonly refreshCertificate: () => Promise<void>;
};

/** Why a server did not start. */
export type StartFailure = PairFailure | { readonly code: 'LISTEN_FAILED'; readonly message: string } | Failure;

/** How long answers that are under way may take once nothing new is accepted, in seconds; in all less than Kubernetes' 30. */
const GRACE_SECONDS = 10;

/** Starts the webhook: HTTPS, and health and metrics on their own port. Used by `serve`, the demo and tests alike. */
export async function startServer(options: StartOptions): Promise<Result<RunningServer, StartFailure>> {
  const { logger, metrics } = options;
  const opened = await openCertificate(options.tls, {
    logger,
    ...(options.certificatePollEvery === undefined ? {} : { pollEvery: options.certificatePollEvery }),
  });
  if (!opened.ok) return opened;
  const certificate = opened.value;

  const load = createLoad(options.limits, options.unanswerable);
  metrics.observeInFlight(load.inFlight);
  const drain = createDrain({
    seconds: options.drainSeconds,
    graceSeconds: options.graceSeconds ?? GRACE_SECONDS,
    close: () => app.close(),
    destroy: () => app.server.closeAllConnections(),
  });
  const app = createServer({
    pair: certificate.current(),
    routes: options.routes,
    ...(options.callers === undefined ? {} : { callers: options.callers }),
    limits: options.limits,
    load,
    deadline: options.deadline,
    draining: drain.draining,
    logger,
    metrics,
    ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
  });
  followCertificate(app, certificate, metrics, options.callers?.certificates);

  const health =
    options.metricsListen === undefined
      ? undefined
      : createHealthServer({
          metrics,
          notes: options.notes ?? (() => []),
          problems: () => problemsOf(drain.draining(), certificate.problem(), options.policiesProblem()),
        });

  let stopped: Promise<void> | undefined;
  const stop = (how?: 'at-once'): Promise<void> => {
    const drained = drain.run(how);
    stopped ??= drained.then(async () => {
      certificate.close();
      await closeHealth(health);
    });
    return stopped;
  };

  try {
    // Fastify would open a second server for `localhost`, of which certificate reload and draining knew nothing.
    const { host, port } = options.listen;
    await app.listen({ port, host: host === 'localhost' ? '127.0.0.1' : host });
    if (health !== undefined && options.metricsListen !== undefined) await listen(health, options.metricsListen);
  } catch (cause) {
    await stop('at-once');
    return {
      ok: false,
      failure: { code: 'LISTEN_FAILED', message: cause instanceof Error ? cause.message : 'cannot listen' },
    };
  }

  return {
    ok: true,
    value: {
      url: `https://${reachable(app.server.address())}`,
      caPem: certificate.caPem,
      metricsUrl: health === undefined ? undefined : `http://${reachable(health.address())}`,
      drain: () => stop(),
      close: () => stop('at-once'),
      refreshCertificate: certificate.refresh,
    },
  };
}

function followCertificate(
  app: WebhookServer,
  certificate: ServingCertificate,
  metrics: Metrics,
  callers: CallerCertificates | undefined,
): void {
  metrics.certificateExpiry(certificate.current().notAfter);
  certificate.onChange((pair) => {
    // New handshakes use the new pair; open connections keep theirs.
    const own = { cert: pair.certificatePem, key: pair.privateKeyPem };
    app.server.setSecureContext({ ...own, ...TLS_SETTINGS, ...certificateRequest(callers) });
    metrics.certificateExpiry(pair.notAfter);
  });
}

function problemsOf(draining: boolean, ...problems: readonly (string | undefined)[]): readonly string[] {
  return [draining ? 'shutting down' : undefined, ...problems].filter((problem) => problem !== undefined);
}

function listen(server: PlainServer, { host, port }: Listen): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Health is told to the very last, so its connections are cut and not waited for. */
function closeHealth(server: PlainServer | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (server === undefined || !server.listening) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Host and port to connect to: an address that stands for all of the machine's is answered by its own. */
function reachable(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return 'localhost';
  if (address.address === '0.0.0.0') return `127.0.0.1:${address.port}`;
  if (address.address === '::') return `[::1]:${address.port}`;
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
