import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { Result } from '../codes/result.ts';
import { createCertificateAuthority, issueServerCertificate } from '../encoding/certificate-writer.ts';
import type { OperationalLogger } from '../telemetry/logger.ts';
import { checkPair, type PairFailure, type ServingPair } from './certificate-pair.ts';

/** A pair that somebody else keeps and replaces; `undefined` until there is one. */
export type ManagedSource = {
  readonly current: () => { readonly certificatePem: string; readonly privateKeyPem: string } | undefined;
  /** Why no requests should come yet, or undefined. */
  readonly unready: () => string | undefined;
  readonly onChange: (listener: () => void) => void;
};

/** Where the serving pair comes from. */
export type CertificateSource =
  | { readonly certFile: string; readonly keyFile: string }
  | { readonly selfSigned: true; readonly dnsNames?: readonly string[] }
  | { readonly managed: ManagedSource };

/** The pair that is being served, kept up to date. */
export type ServingCertificate = {
  readonly current: () => ServingPair;
  /** The CA to trust, in self-signed mode: one per start, kept in memory. */
  readonly caPem: string | undefined;
  /** Why nobody could trust what is served now, or undefined where all is well. For readiness. */
  readonly problem: () => string | undefined;
  /** Calls the listener with each pair that replaces the one before; it was checked. */
  readonly onChange: (listener: (pair: ServingPair) => void) => void;
  /** Looks at the source now; done by itself on changes and every few seconds. */
  readonly refresh: () => Promise<void>;
  readonly close: () => void;
};

/** How a pair is watched. */
export type CertificateOptions = {
  readonly logger: OperationalLogger;
  /** Milliseconds between looks, beside those that file events cause. Events can be lost, and some mounts have none. */
  readonly pollEvery?: number;
  readonly now?: () => number;
};

const POLL_EVERY_MS = 5000;
/** How long a burst of file events is let settle, in milliseconds. */
const SETTLE_MS = 50;
const SELF_SIGNED_MS = 365 * 86_400_000;

/**
 * Reads the serving pair and follows it. A managed pair may come later than the server: until then what is served is
 * trusted by nobody and has expired, and {@link ServingCertificate.problem} says what is missing. Files are those of a Kubernetes Secret mount or any others: both are read
 * again until they fit together, and a pair that does not pass {@link checkPair} never replaces one that does.
 */
export async function openCertificate(
  source: CertificateSource,
  options: CertificateOptions,
): Promise<Result<ServingCertificate, PairFailure>> {
  const now = options.now ?? Date.now;
  const ca = 'selfSigned' in source ? createCertificateAuthority() : undefined;
  const managed = 'managed' in source ? source.managed : undefined;
  const load = async (): Promise<Result<ServingPair, PairFailure>> => {
    if (ca !== undefined && 'selfSigned' in source) return issue(ca, source.dnsNames ?? [], now());
    if (managed !== undefined) return loadManaged(managed, now());
    return 'certFile' in source
      ? readPair(source, now())
      : { ok: false, failure: { code: 'CERTIFICATE_UNUSABLE', message: 'no certificate is configured' } };
  };

  const loaded = await load();
  // Who keeps the pair mends it, too: the process waits, and says that it is not ready.
  const first = loaded.ok || managed === undefined ? loaded : placeholder(now());
  if (!first.ok) return first;
  let pair = first.value;
  let complaint: string | undefined;
  let running: Promise<void> | undefined;
  const listeners: ((pair: ServingPair) => void)[] = [];

  const look = async (): Promise<void> => {
    // What we issued ourselves changes only when two thirds of its time are over.
    if (ca !== undefined && now() < pair.notBefore + ((pair.notAfter - pair.notBefore) * 2) / 3) return;
    if (managed !== undefined && managed.current() === undefined) return;
    const next = await load();
    if (!next.ok) {
      if (next.failure.message !== complaint)
        options.logger.warn(
          { reason: next.failure.message },
          'the new serving certificate is not taken; the old one is kept',
        );
      complaint = next.failure.message;
      return;
    }
    complaint = undefined;
    if (next.value.certificatePem === pair.certificatePem && next.value.privateKeyPem === pair.privateKeyPem) return;
    pair = next.value;
    options.logger.info({ notAfter: new Date(pair.notAfter).toISOString() }, 'a new serving certificate is in use');
    for (const listener of listeners) listener(pair);
  };
  /** One look at a time; one that is asked for during another begins after it, so that no change is missed. */
  const refresh = (): Promise<void> => {
    const turn = (running ?? Promise.resolve()).then(look);
    running = turn;
    return turn;
  };

  let settle: NodeJS.Timeout | undefined;
  const soon = () => {
    settle ??= setTimeout(() => {
      settle = undefined;
      void refresh();
    }, SETTLE_MS).unref();
  };
  const poll = setInterval(() => void refresh(), options.pollEvery ?? POLL_EVERY_MS).unref();
  managed?.onChange(() => void refresh());
  const watchers = 'certFile' in source ? watchFolders([dirname(source.certFile), dirname(source.keyFile)], soon) : [];

  return {
    ok: true,
    value: {
      current: () => pair,
      caPem: ca?.certificatePem,
      problem: () => managed?.unready() ?? lifeProblem(pair, now()),
      onChange: (listener) => {
        listeners.push(listener);
      },
      refresh,
      close: () => {
        clearInterval(poll);
        clearTimeout(settle);
        for (const watcher of watchers) watcher.close();
      },
    },
  };
}

function lifeProblem({ notBefore, notAfter }: ServingPair, now: number): string | undefined {
  if (now >= notAfter) return 'the serving certificate has expired';
  return now < notBefore ? 'the serving certificate does not hold yet' : undefined;
}

function loadManaged(managed: ManagedSource, now: number): Result<ServingPair, PairFailure> {
  const pair = managed.current();
  if (pair !== undefined) return checkPair(pair.certificatePem, pair.privateKeyPem, now);
  return { ok: false, failure: { code: 'CERTIFICATE_UNUSABLE', message: 'there is no serving certificate yet' } };
}

/** Something to listen with, which no client takes: nobody knows its authority, and it is over as it begins. */
function placeholder(now: number): Result<ServingPair, PairFailure> {
  const pair = issueServerCertificate(createCertificateAuthority(), {
    dnsNames: ['not-ready.invalid'],
    notBefore: new Date(now - 1000),
    notAfter: new Date(now),
  });
  return { ok: true, value: { ...pair, notBefore: now - 1000, notAfter: now } };
}

/** A Secret mount swaps a symbolic link beside the files, so it is the folder that is watched, never the file. */
function watchFolders(folders: readonly string[], changed: () => void): readonly FSWatcher[] {
  return [...new Set(folders)].flatMap((folder) => {
    try {
      const watcher = watch(folder, { persistent: false }, changed);
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      // No events to be had here: the poll finds changes.
      return [];
    }
  });
}

async function readPair(
  source: { readonly certFile: string; readonly keyFile: string },
  now: number,
): Promise<Result<ServingPair, PairFailure>> {
  try {
    const [certificatePem, privateKeyPem] = await Promise.all([
      readFile(source.certFile, 'utf8'),
      readFile(source.keyFile, 'utf8'),
    ]);
    return checkPair(certificatePem, privateKeyPem, now);
  } catch (cause) {
    return {
      ok: false,
      failure: {
        code: 'CERTIFICATE_UNUSABLE',
        message: cause instanceof Error ? cause.message : 'the files cannot be read',
      },
    };
  }
}

function issue(
  ca: ReturnType<typeof createCertificateAuthority>,
  dnsNames: readonly string[],
  now: number,
): Result<ServingPair, PairFailure> {
  const own = hostname();
  const { certificatePem, privateKeyPem } = issueServerCertificate(ca, {
    dnsNames: ['localhost', ...(isHostName(own) && own !== 'localhost' ? [own] : []), ...dnsNames],
    ipAddresses: ['127.0.0.1', '::1'],
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + SELF_SIGNED_MS),
  });
  return checkPair(certificatePem, privateKeyPem, now);
}

function isHostName(text: string): boolean {
  return /^[A-Za-z0-9.-]{1,253}$/.test(text);
}
