import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { adviceFor } from '../codes/codes.ts';
import { isMode, type Mode } from '../model/mode.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Callers, certificateRequest, isSegment, NO_CALLERS, presentsCertificate } from './callers.ts';
import type { ServingPair } from './certificate-pair.ts';
import { deadlineOf } from './deadline.ts';
import type { Load, LoadLimits, Overload } from './load.ts';
import { parseBody } from './parse-body.ts';
import { readBody } from './read-body.ts';
import { type Reply, refusalReply, shedReply, statusReply } from './replies.ts';

/** What the caller's URL and connection say about one review. */
export type AnswerOptions = {
  /** When the request arrived and when it must be answered, in milliseconds since the epoch. */
  readonly arrivedAt: number;
  readonly deadline: number;
  /** `?mode=`; whoever applies it lets it only tighten. */
  readonly tighten: Mode | undefined;
  /** Whether the caller is known to be the API server. Whoever is not, gets the same answers, but nobody's credentials. */
  readonly authenticated: boolean;
};

/** Answers one parsed body. Should never throw; if it does, the review is refused. */
export type Answer = (review: unknown, options: AnswerOptions) => Promise<Reply>;

/** How long clients may take, in milliseconds. */
export type ServerTimeouts = {
  /** For the headers, and for the whole request. Node answers 408 after them. */
  readonly headers: number;
  readonly request: number;
  /** Between requests of a connection; above the 90 s after which Go's clients give one up (ecosystem.md §1.1). */
  readonly keepAlive: number;
  readonly handshake: number;
  /** How often the first two are looked at. */
  readonly check: number;
  /** For the rest of a body whose request was already refused. */
  readonly rest: number;
};

/** Timeouts of a server in a cluster. */
export const SERVER_TIMEOUTS: ServerTimeouts = {
  headers: 5000,
  request: 10_000,
  keepAlive: 100_000,
  handshake: 5000,
  check: 1000,
  rest: 1000,
};

/** What the HTTPS server is made of. */
export type ServerOptions = {
  readonly pair: Pick<ServingPair, 'certificatePem' | 'privateKeyPem'>;
  /** What answers each path, such as `/validate`; whoever knows a caller segment calls `/validate/SEGMENT`. */
  readonly routes: Readonly<Record<string, Answer>>;
  readonly callers?: Callers;
  readonly limits: LoadLimits;
  readonly load: Load;
  /** Milliseconds for a review that names no timeout. */
  readonly deadline: number;
  /** While true, every response closes its connection. */
  readonly draining: () => boolean;
  readonly logger: OperationalLogger;
  readonly metrics: Pick<Metrics, 'shed'>;
  readonly timeouts?: ServerTimeouts;
};

/** The server before it listens. */
export type WebhookServer = FastifyInstance<Server>;

/** TLS settings that hold for the first pair and for each one swapped in. */
export const TLS_SETTINGS = { minVersion: 'TLSv1.2', honorCipherOrder: true } as const;

/**
 * Makes the HTTPS server: HTTP/1.1 only (the API server pins it), TLS 1.2 or newer, nothing logged per request, every
 * body bounded before and while it is read. It knows routes and bounds; what a review means is the answer's business.
 */
export function createServer(options: ServerOptions): WebhookServer {
  const timeouts = options.timeouts ?? SERVER_TIMEOUTS;
  const callers = options.callers ?? NO_CALLERS;
  const app = Fastify({
    https: {
      cert: options.pair.certificatePem,
      key: options.pair.privateKeyPem,
      ...TLS_SETTINGS,
      ...certificateRequest(callers.certificates),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: timeouts.handshake,
      headersTimeout: timeouts.headers,
      connectionsCheckingInterval: timeouts.check,
    },
    logger: false,
    bodyLimit: options.limits.bodyBytes,
    keepAliveTimeout: timeouts.keepAlive,
    requestTimeout: timeouts.request,
    // A request on an open connection during close() is answered, not refused: a 503 would reject somebody's pod (ecosystem.md §4.4).
    return503OnClosing: false,
    exposeHeadRoutes: false,
    // What Fastify would say of a URL by itself quotes it, and a caller segment may be in it.
    frameworkErrors: (error, request, reply) =>
      refuse(request, reply, error.code === 'FST_ERR_MAX_PARAM_LENGTH' ? NOTHING_THERE : NOT_UNDERSTOOD),
  });

  // Bodies are read by the handler, which can refuse without ending the connection; Fastify only sees to the media type.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', (_request, _payload, done) => done(null, undefined));

  const send = (reply: FastifyReply, answer: Reply): void => {
    if (options.draining()) reply.header('connection', 'close');
    if (answer.retryAfter !== undefined) reply.header('retry-after', answer.retryAfter);
    reply.code(answer.status).header('content-type', 'application/json').send(answer.body);
  };

  /** Refuses a request whose body may still be coming: the rest is thrown away for a moment, then the connection is. */
  const refuse = (request: FastifyRequest, reply: FastifyReply, answer: Reply): void => {
    send(reply, answer);
    discardRest(request.raw, timeouts.rest);
  };

  const shed = (request: FastifyRequest, reply: FastifyReply, by: Overload): void => {
    options.metrics.shed(by);
    refuse(request, reply, shedReply(options.draining()));
  };

  app.addHook('onRequest', (request, reply, next) => {
    // A wrong segment is no path at all: an answer with fewer rights would look like a right one to whoever set it up.
    if (request.is404 || saysWrongSegment(request, callers)) return refuse(request, reply, NOTHING_THERE);
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > options.limits.bodyBytes) return refuse(request, reply, tooLarge(options.limits));
    const overload = options.load.admit(declared);
    if (overload !== undefined) return shed(request, reply, overload);
    next();
  });

  // What Fastify refuses by itself: other media types.
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status < 500) return refuse(request, reply, status === 415 ? WRONG_TYPE : NOT_UNDERSTOOD);
    options.logger.error({ err: error }, 'a request failed');
    refuse(request, reply, statusReply(500, 'InternalError', 'countersign failed: see its log'));
  });

  for (const [path, answer] of Object.entries(options.routes)) {
    const handler = async (request: FastifyRequest, reply: FastifyReply) => {
      const arrivedAt = Date.now();
      if (request.headers['content-type'] === undefined) return refuse(request, reply, WRONG_TYPE);
      const ticket = options.load.open();
      try {
        const body = await readBody(request.raw, options.limits.bodyBytes, options.load, ticket);
        if (body.kind === 'cut-short') return reply.hijack();
        if (body.kind === 'too-large') return refuse(request, reply, tooLarge(options.limits));
        const overload = body.kind === 'shed' ? body.by : options.load.decide(ticket);
        if (body.kind === 'shed' || overload !== undefined) return shed(request, reply, overload ?? 'bytes');

        const parsed = parseBody(body.bytes);
        if (parsed === undefined) return send(reply, statusReply(400, 'BadRequest', 'the body is no well-formed JSON'));
        const authenticated =
          segmentOf(request) !== undefined || presentsCertificate(request.raw.socket, callers.certificates);
        const asked = { ...optionsOf(request.query, arrivedAt, options.deadline), authenticated };
        send(reply, await answered(answer, parsed.value, asked));
      } finally {
        options.load.close(ticket);
      }
    };
    app.post(path, handler);
    app.post(`${path}/:segment`, handler);
  }
  return app;

  async function answered(answer: Answer, review: unknown, answerOptions: AnswerOptions): Promise<Reply> {
    try {
      return await answer(review, answerOptions);
    } catch (error) {
      options.logger.error({ err: error }, 'a review failed and is refused');
      return refusalReply(review, `${adviceFor('INTERNAL_ERROR')} [INTERNAL_ERROR]`);
    }
  }
}

const NOTHING_THERE = statusReply(404, 'NotFound', 'there is nothing at this path');
const WRONG_TYPE = statusReply(415, 'UnsupportedMediaType', 'the content type must be application/json');
const NOT_UNDERSTOOD = statusReply(400, 'BadRequest', 'the request is not understood');

function tooLarge(limits: LoadLimits): Reply {
  return statusReply(413, 'RequestEntityTooLarge', `the body is larger than ${limits.bodyBytes} bytes`);
}

/** Lets the client finish sending, so that it reads our answer and not a reset, but neither long nor into memory. */
function discardRest(request: IncomingMessage, milliseconds: number): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.complete || request.socket.destroy(), milliseconds);
  request.once('close', () => clearTimeout(timer));
}

/** The caller segment of a request's path; undefined where it has none. */
function segmentOf({ params }: FastifyRequest): string | undefined {
  if (typeof params !== 'object' || params === null || !('segment' in params)) return undefined;
  return typeof params.segment === 'string' ? params.segment : '';
}

function saysWrongSegment(request: FastifyRequest, callers: Callers): boolean {
  const segment = segmentOf(request);
  return segment !== undefined && !isSegment(segment, callers.segments());
}

function optionsOf(query: unknown, arrivedAt: number, configured: number): Omit<AnswerOptions, 'authenticated'> {
  const deadline = deadlineOf(valueOf(query, 'timeout'), arrivedAt, configured);
  const mode = valueOf(query, 'mode');
  return { arrivedAt, deadline, tighten: typeof mode === 'string' && isMode(mode) ? mode : undefined };
}

/** A parameter of the URL. Where it is given several times the last one counts, as it would have been added last. */
function valueOf(query: unknown, name: 'timeout' | 'mode'): unknown {
  if (typeof query !== 'object' || query === null) return undefined;
  const value: unknown = Reflect.get(query, name);
  return Array.isArray(value) ? value.at(-1) : value;
}

function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return 500;
  return typeof error.statusCode === 'number' ? error.statusCode : 500;
}
