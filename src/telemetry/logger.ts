import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino';

/** Levels of the operational log. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** The operational log. The audit log is another stream and none of its business. */
export type OperationalLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** Keys whose values never reach a log line, wherever somebody puts them (DESIGN.md §4.13). */
const SECRET_KEYS = [
  'password',
  'token',
  'identitytoken',
  'authorization',
  'auth',
  'privateKeyPem',
  'keyPem',
  'secret',
  'cookie',
];

/**
 * Makes the operational log: JSON lines on standard error, so that standard output stays the audit log's.
 * Errors are written with type, message and stack alone: what else hangs on them may hold headers of a request.
 * Lines are written synchronously: the last line before an exit is the one that is needed, and there are few.
 * @param stream where lines go instead; for tests
 */
export function createLogger(
  level: LogLevel = 'info',
  stream: DestinationStream = destination({ fd: 2, sync: true }),
): OperationalLogger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
      serializers: { err: plainError, error: plainError },
    },
    stream,
  );
}

/** A log that says nothing; for commands whose output is for people, and for tests. */
export const silentLogger: OperationalLogger = pino({ level: 'silent' });

function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return stdSerializers.err(new Error(String(error)));
  return { type: error.name, message: error.message, stack: error.stack };
}
