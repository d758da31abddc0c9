import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { loadConfiguration } from '../config/configuration.ts';
import { stopOnSignals } from '../server/drain.ts';
import { createLogger } from '../telemetry/logger.ts';
import { type Command, USAGE_ERROR, usageError } from './command.ts';
import { startWebhook } from './webhook.ts';

/** `countersign serve --config FILE`: the admission webhook, until it is told to stop. */
export const serve: Command = async (args, terminal) => {
  let file: string | undefined;
  try {
    file = parseArgs({ args: [...args], options: { config: { type: 'string', short: 'c' } } }).values.config;
  } catch (error) {
    return usageError(terminal, error instanceof Error ? error.message : 'the options cannot be read.');
  }
  if (file === undefined) return usageError(terminal, 'serve needs --config FILE.');
  const refuse = (message: string): number => {
    terminal.error(`countersign: ${message}\n`);
    return USAGE_ERROR;
  };

  const configuration = await loadConfiguration(file, terminal.environment);
  if (!configuration.ok) return refuse(configuration.failure.message);
  const logger = createLogger(configuration.value.logLevel);
  const webhook = await startWebhook(configuration.value, {
    environment: terminal.environment,
    logger,
    instance: hostname(),
    onAuditLost: () => process.exit(1),
  });
  if (!webhook.ok) return refuse(webhook.failure.message);

  // Whoever rotates the audit log moves the file away and says so.
  process.on('SIGHUP', webhook.value.reopenAudit);
  const { promise: stopped, resolve } = Promise.withResolvers<number>();
  stopOnSignals({
    stop: webhook.value.drain,
    logger,
    exit: (status) => {
      resolve(status);
      process.exit(status);
    },
    process,
  });
  return stopped;
};
