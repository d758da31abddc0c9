import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Result } from '../codes/result.ts';
import { configurationSchema } from './schema.ts';

type Read = z.output<typeof configurationSchema>;

/** How registries are reached through proxies. */
export type ProxyConfiguration = {
  /** For https registries. */
  readonly https: string | undefined;
  /** For registries with `plainHttp`. */
  readonly http: string | undefined;
  /** Hosts that are reached directly. */
  readonly noProxy: readonly string[];
};

/** A checked configuration with every default filled in; durations in milliseconds, except `drainSeconds`. */
export type Configuration = Readonly<Omit<Read, 'proxy'>> & { readonly proxy: ProxyConfiguration };

/** One thing that is wrong with a configuration file. */
export type ConfigurationProblem = {
  /** The key, such as `listen.port`; empty for the file as a whole. */
  readonly path: string;
  readonly reason: string;
};

/** Why a configuration file cannot be used. `message` is for people and names every problem, one a line. */
export type ConfigurationFailure = {
  readonly code: 'CONFIGURATION_INVALID';
  readonly message: string;
  readonly problems: readonly ConfigurationProblem[];
};

/** The variables that proxies are taken from. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a configuration file: YAML, unknown keys refused, every problem named at once.
 * Paths inside are left as written and mean what they mean to the process: relative ones start at its working directory.
 * Values are never repeated in a message, as some are secrets.
 */
export async function loadConfiguration(
  file: string,
  environment: Environment = process.env,
): Promise<Result<Configuration, ConfigurationFailure>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    return invalid(file, [
      { path: '', reason: `cannot be read: ${cause instanceof Error ? cause.message : 'unknown reason'}` },
    ]);
  }
  return parseConfiguration(text, file, environment);
}

/**
 * Checks a configuration text.
 * @param file the name that messages show
 */
export function parseConfiguration(
  text: string,
  file: string,
  environment: Environment = {},
): Result<Configuration, ConfigurationFailure> {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    return invalid(
      file,
      document.errors.map((error) => ({ path: '', reason: firstLine(error.message) })),
    );
  }
  let content: unknown;
  try {
    content = document.toJS() ?? {};
  } catch (cause) {
    return invalid(file, [{ path: '', reason: cause instanceof Error ? cause.message : 'is no usable YAML' }]);
  }
  const read = configurationSchema.safeParse(content);
  if (!read.success) return invalid(file, read.error.issues.flatMap(problemsOf));
  const { kubernetes, tls, callers } = read.data;
  if (kubernetes.pullSecrets.fromPods && tls?.managed === undefined && callers === undefined) {
    const reason = 'needs tls.managed or callers: else nobody could tell the API server from whoever forges a review';
    return invalid(file, [{ path: 'kubernetes.pullSecrets.fromPods', reason }]);
  }
  return { ok: true, value: { ...read.data, proxy: proxyOf(read.data.proxy, environment) } };
}

/** The configuration that an empty file means; the environment's proxies included. */
export function defaultConfiguration(environment: Environment = process.env): Configuration {
  const read = configurationSchema.parse({});
  return { ...read, proxy: proxyOf(read.proxy, environment) };
}

function proxyOf(written: Read['proxy'], environment: Environment): ProxyConfiguration {
  const direct =
    written.noProxy ?? (environment['no_proxy'] ?? environment['NO_PROXY'] ?? '').split(',').map((host) => host.trim());
  return {
    https: nonEmpty(written.https ?? environment['https_proxy'] ?? environment['HTTPS_PROXY']),
    // The upper-case HTTP_PROXY is ignored by tools that may run as CGI; a webhook is none, and Go reads both.
    http: nonEmpty(written.http ?? environment['http_proxy'] ?? environment['HTTP_PROXY']),
    noProxy: direct.filter((host) => host !== ''),
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function problemsOf(issue: z.core.$ZodIssue): readonly ConfigurationProblem[] {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: path === '' ? key : `${path}.${key}`, reason: 'unknown key' }));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ path, reason: `is no usable name: ${message}` }));
  }
  return [{ path, reason: lowerFirst(issue.message.replace('Invalid input: ', '')) }];
}

function invalid(
  file: string,
  problems: readonly ConfigurationProblem[],
): { readonly ok: false; readonly failure: ConfigurationFailure } {
  const lines = problems.map(({ path, reason }) =>
    path === '' ? `${file}: ${reason}` : `${file}: ${path}: ${reason}`,
  );
  return { ok: false, failure: { code: 'CONFIGURATION_INVALID', message: lines.join('\n'), problems } };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
