import { createServer, type Server } from 'node:http';
import type { Metrics } from '../telemetry/metrics.ts';

/** What the metrics port tells. */
export type HealthOptions = {
  /** Why the server should get no traffic, one sentence each; empty where it is ready. Never the registry's state. */
  readonly problems: () => readonly string[];
  /** What is worth telling although it is ready, one sentence each. */
  readonly notes: () => readonly string[];
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
};

/**
 * Makes the plain HTTP server of the metrics port: `/healthz` (an answer is proof that the event loop turns), `/readyz`
 * and `/metrics`. It has a port of its own so that a full or draining webhook still tells how it is.
 */
export function createHealthServer(options: HealthOptions): Server {
  const server = createServer(
    { headersTimeout: 5000, requestTimeout: 5000, connectionsCheckingInterval: 5000 },
    (request, response) => {
      const end = (status: number, body: string, contentType = 'text/plain; charset=utf-8') => {
        response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
        response.end(request.method === 'HEAD' ? undefined : body);
      };
      request.resume();
      if (request.method !== 'GET' && request.method !== 'HEAD') return end(405, 'only GET and HEAD are answered\n');
      const url = request.url ?? '';
      switch (url.split('?', 1)[0] ?? '') {
        case '/healthz':
          return end(200, 'ok\n');
        case '/readyz': {
          const problems = options.problems();
          return problems.length === 0
            ? end(200, `ready\n${listed(options.notes())}`)
            : end(503, `not ready\n${listed(problems)}`);
        }
        case '/metrics':
          options.metrics.render().then(
            (text) => end(200, text, options.metrics.contentType),
            () => end(500, 'the metrics cannot be read\n'),
          );
          return;
        default:
          return end(404, 'there are /healthz, /readyz and /metrics\n');
      }
    },
  );
  server.maxConnections = 256;
  return server;
}

function listed(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}\n`).join('');
}
