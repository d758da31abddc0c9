/** What countersign is measured against: Fastify over TLS that parses the same review, writes a line and says yes. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { destination, pino } from 'pino';
import { answerParent } from './worker.ts';

/** What can be asked of the bare server. */
export type BareAsk = {
  readonly certFile: string;
  readonly keyFile: string;
  /** Where lines go, and how long each is, line end included. */
  readonly output: string;
  readonly lineBytes: number;
};

/** Where the bare server listens. It answers at `/line` and, writing nothing, at `/no-line`. */
export type BareStarted = { readonly port: number };

type ReviewBody = {
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly namespace: string;
    readonly name: string;
    readonly userInfo: { readonly username: string };
  };
};

const ANSWER =
  '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"00000000-0000-4000-8000-000000000000","allowed":true}}';

answerParent(async ({ certFile, keyFile, output, lineBytes }: BareAsk) => {
  const app = Fastify({
    https: { cert: readFileSync(certFile), key: readFileSync(keyFile), ALPNProtocols: ['http/1.1'] },
    logger: false,
    keepAliveTimeout: 100_000,
  });
  const facts = ({ request }: ReviewBody, rest: string) => ({
    uid: request.uid,
    operation: request.operation,
    namespace: request.namespace,
    name: request.name,
    user: request.userInfo.username,
    rest,
  });
  const logger = pino({}, destination({ dest: output, sync: true }));

  let rest: string | undefined;
  const restFor = (review: ReviewBody): string => {
    let length = 0;
    pino({}, { write: (line: string) => (length = Buffer.byteLength(line)) }).info(facts(review, ''));
    return 'x'.repeat(Math.max(0, lineBytes - length));
  };
  app.post<{ Body: ReviewBody }>('/line', (request, reply) => {
    rest ??= restFor(request.body);
    logger.info(facts(request.body, rest));
    return reply.header('content-type', 'application/json').send(ANSWER);
  });
  app.post('/no-line', (_request, reply) => reply.header('content-type', 'application/json').send(ANSWER));
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { port: (app.server.address() as AddressInfo).port } satisfies BareStarted;
});
