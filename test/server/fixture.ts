import { Agent, type ClientRequest, type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { request, Agent as TlsAgent } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { defaultConfiguration } from '../../src/config/configuration.ts';
import { type Answer, SERVER_TIMEOUTS } from '../../src/server/create-server.ts';
import { type RunningServer, type StartOptions, startServer } from '../../src/server/start.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';

/** An answer that says which deadline and mode it was given. */
export const echo: Answer = async (review, options) => ({ status: 200, body: JSON.stringify({ review, ...options }) });

export type Fixture = RunningServer & {
  readonly caPem: string;
  readonly metricsUrl: string;
  readonly metrics: Metrics;
  readonly agent: TlsAgent;
};

/** Starts a webhook on free ports with a certificate of its own, and stops it after the test. */
export async function started(overrides: Partial<StartOptions> = {}): Promise<Fixture> {
  const { limits, deadline } = defaultConfiguration({});
  const metrics = createMetrics();
  const local = { host: '127.0.0.1', port: 0 };
  const server = await startServer({
    listen: local,
    tls: { selfSigned: true },
    metricsListen: local,
    limits,
    deadline,
    drainSeconds: 0,
    routes: { '/validate': echo },
    policiesProblem: () => undefined,
    metrics,
    logger: silentLogger,
    timeouts: { ...SERVER_TIMEOUTS, check: 50, rest: 200 },
    graceSeconds: 2,
    ...overrides,
  });
  if (!server.ok) throw new Error(server.failure.message);
  const agent = new TlsAgent({ keepAlive: true });
  onTestFinished(async () => {
    agent.destroy();
    await server.value.close();
  });
  return {
    ...server.value,
    caPem: server.value.caPem ?? '',
    metricsUrl: server.value.metricsUrl ?? '',
    metrics,
    agent,
  };
}

export type Got = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string };

export type Sent = {
  readonly method?: string;
  readonly headers?: Record<string, string | number>;
  readonly body?: string | Buffer;
  readonly agent?: TlsAgent;
  readonly ca?: string;
};

/** Sends one request and reads the whole answer. */
export function send(server: Pick<Fixture, 'url' | 'caPem' | 'agent'>, path: string, sent: Sent = {}): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const client = request(`${server.url}${path}`, {
    method: sent.method ?? 'POST',
    ca: sent.ca ?? server.caPem,
    agent: sent.agent ?? server.agent,
    headers: { 'content-type': 'application/json', ...sent.headers },
  });
  collect(client, resolve, reject);
  client.end(sent.body ?? (sent.method === 'GET' ? undefined : '{}'));
  return promise;
}

/** Asks the metrics port. */
export function ask(server: Pick<Fixture, 'metricsUrl'>, path: string, method = 'GET'): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const client = plainRequest(`${server.metricsUrl}${path}`, { method, agent: new Agent() });
  collect(client, resolve, reject);
  client.end();
  return promise;
}

function collect(client: ClientRequest, resolve: (got: Got) => void, reject: (error: Error) => void): void {
  client.on('error', reject);
  client.on('response', (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.on('error', reject);
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(pieces).toString() }),
    );
  });
}

/** A connection on which a test writes bytes of its own choice; `closed` gives all that came back. */
export async function rawConnection(server: Pick<Fixture, 'url' | 'caPem'>): Promise<{
  readonly socket: TLSSocket;
  readonly closed: Promise<string>;
  readonly until: (text: string) => Promise<string>;
}> {
  const { hostname: host, port } = new URL(server.url);
  const socket = connect({ host, port: Number(port), ca: server.caPem });
  onTestFinished(() => {
    socket.destroy();
  });
  let got = '';
  socket.on('data', (piece: Buffer) => {
    got += piece.toString();
  });
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(got)));
  const until = (text: string) =>
    new Promise<string>((resolve) => {
      const look = () => (got.includes(text) ? resolve(got) : undefined);
      socket.on('data', look);
      look();
    });
  await new Promise<void>((resolve) => socket.once('secureConnect', resolve));
  return { socket, closed, until };
}
